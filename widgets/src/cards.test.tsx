// The cards of sequences, lifecycles, saved audiences and random splits.
import { act, fireEvent, screen, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { catalogue, rule, rules } from "./fake_model";
import type { Condition, Group, Rule, Sequence } from "./rule";
import { all, choose, countConditions, first, node, of, offered, onAFreshPage, pause, SAVED, show, step } from "./show_builder";

onAFreshPage();

const TWO: Sequence = { kind: "sequence", steps: [{ event: "browse" }, { event: "purchase" }], window: { kind: "ever" } };

describe("the contract's examples", () => {
  it.each(rules)("%s: an edit that is undone leaves it as Python wrote it", (_name, value) => {
    const model = show({ value, audiences: SAVED });
    fireEvent.click(within(node("")).getAllByTestId("qa-not")[0]!);
    pause();
    expect((model.state.value as Group).negated).toBe(!(value as Group).negated);
    fireEvent.click(screen.getByTestId("qa-undo"));
    expect(model.state.value).toEqual(value);
    expect(document.querySelectorAll(".qa-condition")).toHaveLength(countConditions(value));
  });

  it("every kind of condition can be begun from the palette, and is written as Python reads it", () => {
    const model = show({ value: all(), audiences: SAVED });
    for (const key of ["event:purchase", "sequence:", "lifecycle:", "audience:", "split:", "tag:recency_days"]) {
      fireEvent.click(document.querySelector(`[data-testid=qa-palette-item][data-field="${key}"]`)!);
    }
    pause();
    expect(of(model).map((c) => c.kind)).toEqual(["event", "sequence", "lifecycle", "audience", "split", "tag"]);
    expect(of(model)[1]).toEqual({ kind: "sequence", steps: [{ event: "purchase" }, { event: "visit" }], window: { kind: "last", n: 30, unit: "day", calendar: false } });
    expect(of(model)[3]).toEqual({ kind: "audience", audience: "VIP", member: true });
  });

  it("what is chosen in place of an event takes over its event, filters and window", () => {
    const model = show();
    const event = of(model)[0] as Condition & { kind: "event" };
    fireEvent.change(within(node("0")).getByLabelText("Field"), { target: { value: "sequence:" } });
    pause();
    expect(of(model)[0]).toMatchObject({ kind: "sequence", steps: [{ event: "browse", where: event.where }, {}], window: event.window });
    fireEvent.change(within(node("0")).getByLabelText("Field"), { target: { value: "lifecycle:" } });
    pause();
    expect(of(model)[0]).toMatchObject({ kind: "lifecycle", event: "browse", where: event.where, window: event.window });
  });
});

describe("sequence", () => {
  it("steps are added, changed, linked and removed", () => {
    const model = show({ value: all(TWO) });
    fireEvent.click(screen.getByTestId("qa-add-step"));
    expect(document.activeElement).toBe(node("0").querySelector('.qa-step[data-step="2"] .qa-handle'));
    choose(step(2), "Behaviour", "visit");
    choose(step(1), "How it follows", "immediately");
    choose(step(2), "How it follows", "absent");
    choose(step(2), "Gap from the step before", "within");
    fireEvent.change(step(2).getByRole("spinbutton"), { target: { value: "36" } });
    choose(step(2), "Unit", "hour");
    pause();
    expect((first(model) as Sequence).steps).toEqual([
      { event: "browse" },
      { event: "purchase", immediately: true },
      { event: "visit", absent: true, within: { n: 36, unit: "hour" } },
    ]);
    fireEvent.click(step(1).getByTestId("qa-remove-step"));
    pause();
    expect((first(model) as Sequence).steps.map((s) => s.event)).toEqual(["browse", "visit"]);
    expect(step(0).getByTestId<HTMLButtonElement>("qa-remove-step").disabled).toBe(true); // two steps at least
  });

  it("a gap is measured in units of one length only", () => {
    show({ value: all({ ...TWO, steps: [{ event: "browse" }, { event: "purchase", within: { n: 1, unit: "day" } }] }) });
    expect(offered(step(1), "Unit")).toEqual(catalogue.units.filter((u) => u.length).map((u) => u.key));
  });

  it("the first step follows nothing: no link, no gap, and no absence is moved there", () => {
    const steps = [{ event: "browse" }, { event: "visit", absent: true }, { event: "purchase", immediately: true, within: { n: 1, unit: "day" as const } }];
    const model = show({ value: all({ ...TWO, steps }) });
    expect(step(0).queryByLabelText("How it follows")).toBeNull();
    const up = (index: number) => fireEvent.keyDown(node("0").querySelector(`.qa-step[data-step="${index}"] .qa-handle`)!, { key: "ArrowUp", altKey: true });
    up(1);
    pause();
    expect(model.saves).toEqual([]);
    up(2); // before the absence
    pause();
    expect((first(model) as Sequence).steps.map((s) => s.event)).toEqual(["browse", "purchase", "visit"]);
    up(1); // to the front: it follows nothing now
    pause();
    expect((first(model) as Sequence).steps).toEqual([{ event: "purchase" }, { event: "browse" }, { event: "visit", absent: true }]);
    expect(document.activeElement).toBe(node("0").querySelector('.qa-step[data-step="0"] .qa-handle'));
  });

  it("ten steps are the most", () => {
    const steps = Array.from({ length: catalogue.limits.steps }, () => ({ event: "visit" }));
    show({ value: all({ ...TWO, steps }) });
    expect(screen.getByTestId<HTMLButtonElement>("qa-add-step").disabled).toBe(true);
  });

  it("the same property can be asked where every step has it; one that no longer fits stays visible", () => {
    const model = show({ value: all(TWO) });
    const same = () => within(screen.getByTestId("qa-same"));
    expect(same().getAllByRole("button").map((b) => b.textContent)).toEqual(["item"]);
    fireEvent.click(same().getByText("item"));
    choose(within(node("0")), "Overall", "within");
    choose(step(1), "Behaviour", "visit");
    pause();
    expect(first(model)).toMatchObject({ same: ["item_id"], within: { n: 7, unit: "day" } });
    expect(same().getByRole("button").dataset.unknown).toBe("true");
    fireEvent.click(same().getByRole("button"));
    pause();
    expect(first(model)).not.toHaveProperty("same");
  });

  it("a step has filters of its own, which stay with an event that has the same properties", () => {
    const model = show({ value: all(TWO) });
    fireEvent.click(step(0).getByTestId("qa-add-filter"));
    pause();
    const where = (first(model) as Sequence).steps[0]!.where!;
    expect(where.of).toHaveLength(1);
    choose(step(0), "Behaviour", "purchase");
    pause();
    expect((first(model) as Sequence).steps[0]).toEqual({ event: "purchase", where });
    choose(step(0), "Behaviour", "visit"); // it has no items
    pause();
    expect((first(model) as Sequence).steps[0]).toEqual({ event: "visit" });
  });

  it("events and filters that the catalogue lacks are shown by their names", () => {
    show({ value: rule("journeys_and_lifecycles") });
    expect(step(1).getByLabelText<HTMLSelectElement>("Behaviour").selectedOptions[0]!.text).toBe("cart (not in the catalogue)");
    expect(step(1).getByLabelText<HTMLSelectElement>("Property").selectedOptions[0]!.text).toContain("department");
  });
});

describe("lifecycle", () => {
  it.each(catalogue.patterns)("$key offers what it takes, and nothing else", (pattern) => {
    const value: Rule = { kind: "lifecycle", event: "visit", pattern: "first_time", window: { kind: "ever" } };
    const model = show({ value: all(value) });
    const card = within(node("0"));
    choose(card, "Pattern", pattern.key);
    pause();
    if (pattern.key !== "first_time") expect(first(model)).toMatchObject({ pattern: pattern.key });
    if (pattern.windows.length) expect(offered(card, "Time window")).toEqual(pattern.windows);
    else expect(card.queryByLabelText("Time window")).toBeNull();
    expect(card.queryAllByLabelText("Time before")).toHaveLength(pattern.before === "none" ? 0 : 1);
    expect(!!card.queryByLabelText("Periods looked at")).toBe(pattern.periods);
    expect("k" in first(model)).toBe(pattern.periods);
    expect("window" in first(model)).toBe(!pattern.periods);
    expect("before" in first(model)).toBe(pattern.before === "required");
  });

  it("periods, the time before and the way back", () => {
    const model = show({ value: rule("journeys_and_lifecycles") });
    const card = within(node("3"));
    fireEvent.change(card.getByLabelText("Periods looked at"), { target: { value: "12" } });
    choose(card, "Unit", "hour");
    pause();
    expect(of(model)[3]).toMatchObject({ k: 3, m: 12, unit: "hour", calendar: false });
    fireEvent.change(card.getByLabelText("Periods with it"), { target: { value: "13" } });
    expect(card.getByLabelText("Periods with it").getAttribute("aria-invalid")).toBe("true");
    choose(card, "Pattern", "stopped");
    choose(card, "Time before", "last");
    fireEvent.change(card.getAllByLabelText("Time before")[1]!, { target: { value: "45" } });
    pause();
    expect(of(model)[3]).toEqual({
      kind: "lifecycle",
      event: "visit",
      pattern: "stopped",
      window: { kind: "last", n: 30, unit: "day", calendar: false },
      before: { kind: "last", n: 45, unit: "day", calendar: false },
    });
  });
});

describe("saved audience and random split", () => {
  it("name, version and membership are chosen from the library's list", () => {
    const model = show({ value: all({ kind: "audience", audience: "VIP", version: 3, member: true }), audiences: SAVED });
    expect(model.sends.map((s) => s.ask)).toEqual(["audiences"]); // somebody may have saved one meanwhile
    const card = within(node("0"));
    expect(offered(card, "Version")).toEqual(["", "3", "2", "1"]);
    choose(card, "Version", "1");
    fireEvent.click(card.getByText("Not a member"));
    pause();
    expect(first(model)).toEqual({ kind: "audience", audience: "VIP", version: 1, member: false });
    choose(card, "Saved audience", "高潜");
    pause();
    expect(first(model)).toEqual({ kind: "audience", audience: "高潜", member: false });
  });

  it("an audience that is gone stays visible, and a new one is offered as soon as Python tells of it", () => {
    const model = show({ value: all({ kind: "audience", audience: "gone" }), audiences: [] });
    expect(within(node("0")).getByLabelText<HTMLSelectElement>("Saved audience").value).toBe("gone");
    expect(document.querySelector('[data-field="audience:"][data-testid=qa-palette-item]')).toBeNull();
    act(() => model.set("audiences", SAVED));
    expect(document.querySelector('[data-field="audience:"][data-testid=qa-palette-item]')).not.toBeNull();
    pause();
    expect(model.saves).toEqual([]);
  });

  it("a share is typed in percent and kept without rounding errors", () => {
    const model = show({ value: all({ kind: "split", salt: "spring", low: 0, high: 0.5 }) });
    const card = within(node("0"));
    fireEvent.change(card.getByLabelText(/^From/), { target: { value: "7" } });
    fireEvent.change(card.getByLabelText(/^To/), { target: { value: "57" } });
    fireEvent.change(card.getByLabelText("Name of the split"), { target: { value: "" } });
    expect(card.getByLabelText("Name of the split").getAttribute("aria-invalid")).toBe("true");
    pause();
    expect(first(model)).toEqual({ kind: "split", salt: "", low: 0.07, high: 0.57 });
    expect(card.getByRole("img").getAttribute("aria-label")).toBe("about 50% of people");
  });
});

describe("events that the data have none of", () => {
  const few = { ...catalogue, events: catalogue.events.map((e) => ({ ...e, has_rows: e.name === "purchase" })) };
  const palette = () => screen.getAllByTestId("qa-palette-item").map((item) => [item.dataset.field, item.textContent]);
  const behaviours = () => palette().filter(([key]) => key!.startsWith("event:"));

  it("are not offered, but found by whoever looks for them", () => {
    const model = show({ value: all(), catalogue: few });
    expect(behaviours()).toEqual([["event:purchase", "purchase"]]);
    fireEvent.change(screen.getByRole("searchbox"), { target: { value: "brow" } });
    expect(palette()).toEqual([["event:browse", "browse (no data)"]]);
    fireEvent.change(screen.getByRole("searchbox"), { target: { value: "" } });
    fireEvent.click(document.querySelector('[data-field="sequence:"]')!);
    pause();
    expect((first(model) as Sequence).steps).toEqual([{ event: "purchase" }, { event: "purchase" }]);
    expect(offered(step(1), "Behaviour")).toEqual(["purchase"]);
  });

  it("stay in a rule that speaks of them, which says so in both languages", () => {
    const lost: Rule[] = [
      { kind: "event", event: "browse" },
      TWO,
      { kind: "lifecycle", event: "visit", pattern: "first_time", window: { kind: "ever" } },
    ];
    const model = show({ value: all(...lost), catalogue: few });
    const chosen = (card: ReturnType<typeof step>, label: string) => card.getAllByLabelText<HTMLSelectElement>(label)[0]!.selectedOptions[0]!.text;
    const card = (path: string) => within(node(path));
    expect([chosen(card("0"), "Field"), chosen(step(0, "1"), "Behaviour"), chosen(card("2"), "Behaviour")]).toEqual(["browse (no data)", "browse (no data)", "visit (no data)"]);
    expect(offered(card("2"), "Behaviour")).toEqual(["purchase", "visit"]);
    fireEvent.click(screen.getByText("中文"));
    expect(chosen(card("0"), "字段")).toBe("浏览（无数据）");
    expect(of(model)).toEqual(lost);
  });

  it("are all offered where there are no data at all", () => {
    show({ value: all(), catalogue: { ...catalogue, events: catalogue.events.map((e) => ({ ...e, has_rows: false })) } });
    expect(behaviours().map(([key]) => key)).toEqual(catalogue.events.map((e) => `event:${e.name}`));
  });
});
