// The cards of sequences, lifecycles, saved audiences and random splits, and what is asked of Python.
import { act, cleanup, fireEvent, screen, within } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { SavedAudience } from "./catalogue";
import { catalogue, fakeModel, rule, rules, type FakeModel } from "./fake_model";
import type { RuleBuilderTraits } from "./model";
import type { Condition, Group, Rule, Sequence } from "./rule";
import widget from "./rule_builder";

const PAUSE = 200;
let unmounts: (() => void)[] = [];

function show(traits: Partial<RuleBuilderTraits> = {}): FakeModel {
  const model = fakeModel(traits);
  const el = document.body.appendChild(document.createElement("div"));
  act(() => void unmounts.push(widget.render({ model, el })));
  return model;
}
const all = (...of: Rule[]): Group => ({ kind: "all", negated: false, of });
const pause = () => act(() => vi.advanceTimersByTime(PAUSE));
const node = (path: string) => document.querySelector<HTMLElement>(`.qa-node[data-path="${path}"]`)!;
const of = (model: FakeModel): Rule[] => (model.state.value as Group).of;
const first = (model: FakeModel): Rule => of(model)[0]!;
const step = (index: number, path = "0") => within(node(path).querySelector<HTMLElement>(`.qa-step[data-step="${index}"]`)!);
const choose = (within: ReturnType<typeof step>, label: string, value: string) =>
  fireEvent.change(within.getAllByLabelText(label, { selector: "select" })[0]!, { target: { value } });
const offered = (within: ReturnType<typeof step>, label: string) => [...within.getByLabelText<HTMLSelectElement>(label).options].map((o) => o.value);
const answer = (model: FakeModel, topic: "values" | "sql" | "read", more: object) =>
  act(() => model.set("answers", { ...model.state.answers, [topic]: { seq: model.sends.at(-1)!.seq, ...more } } as never));

const TWO: Sequence = { kind: "sequence", steps: [{ event: "browse" }, { event: "purchase" }], window: { kind: "ever" } };
const SAVED: SavedAudience[] = [
  { name: "VIP", folder: "", newest: 3, active: 2, note: "the best", count: 12 },
  { name: "高潜", folder: "营销", newest: 1, active: 1, note: "", count: null },
];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  act(() => unmounts.forEach((unmount) => unmount()));
  unmounts = [];
  cleanup();
  document.body.replaceChildren();
  vi.useRealTimers();
});

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

describe("locks", () => {
  it("what is locked is not changed, moved or removed, alone or with its group", () => {
    const model = show({ value: rule("nested_negated") });
    fireEvent.click(within(node("0.1")).getByTestId("qa-lock"));
    expect(within(node("0.1")).getByLabelText<HTMLSelectElement>("Field").disabled).toBe(true);
    expect(node("0.1").querySelector(".qa-handle")).toBeNull();
    const remove = (path: string) => within(node(path)).getAllByTestId<HTMLButtonElement>("qa-remove").at(path === "0" ? -0 : 0)!;
    expect(node("0").querySelector<HTMLButtonElement>(":scope > .qa-head [data-testid=qa-remove]")!.disabled).toBe(true);
    expect(remove("1").disabled).toBe(false);
    pause();
    expect(model.saves).toEqual([]);
    fireEvent.click(within(node("0.1")).getByTestId("qa-copy")); // a copy is not locked
    fireEvent.click(within(node("0.2")).getByTestId("qa-remove"));
    fireEvent.click(within(node("0.1")).getByTestId("qa-lock"));
    expect(within(node("0.1")).getByLabelText<HTMLSelectElement>("Field").disabled).toBe(false);
    pause();
    expect(model.state.value).toEqual(rule("nested_negated"));
  });

  it("a locked group takes nothing in: what is added goes to the outermost group", () => {
    const model = show({ value: rule("nested_negated") });
    const lock = () => node("0").querySelector(":scope > .qa-head [data-testid=qa-lock]")!;
    fireEvent.pointerDown(node("0"));
    fireEvent.click(lock());
    expect(node("0.2").querySelector("select")!.disabled).toBe(true);
    fireEvent.click(document.querySelector('[data-field="tag:recency_days"][data-testid=qa-palette-item]')!);
    fireEvent.keyDown(node("1").querySelector(".qa-handle")!, { key: "ArrowUp", altKey: true }); // past it, not into it
    pause();
    expect(of(model).map((c) => c.kind)).toEqual(["tag", "all", "tag"]);
    expect(of(model)[1]).toEqual((rule("nested_negated") as Group).of[0]);
  });
});

describe("questions", () => {
  it("values that contain what is typed are asked of Python, and late answers are dropped", () => {
    const model = show({ value: all({ kind: "attribute", field: "age_band", operator: "=", value: "" }) });
    const input = screen.getByRole("combobox", { name: /Value/ });
    fireEvent.focus(input);
    for (const text of ["4", "44"]) fireEvent.change(input, { target: { value: text } });
    pause();
    expect(model.sends).toHaveLength(1);
    expect(model.sends[0]).toMatchObject({ ask: "values", field: "age_band", event: "", search: "44" });
    const late = model.sends[0]!.seq as number;
    fireEvent.change(input, { target: { value: "445" } });
    pause();
    act(() => model.set("answers", { values: { seq: late, field: "age_band", event: "", search: "44", values: [{ value: "44x", count: 1 }] } }));
    const listed = () => [...document.querySelectorAll<HTMLElement>(".qa-list [role=option]")];
    expect(listed()).toEqual([]);
    answer(model, "values", { field: "age_band", event: "", search: "445", values: [{ value: "445<b>", count: 1234 }] });
    expect(listed().map((e) => e.textContent)).toEqual(["445<b>1,234"]);
    fireEvent.click(listed()[0]!);
    pause();
    expect(first(model)).toMatchObject({ value: "445<b>" });
  });

  it("the values of an event's property are asked for that event", () => {
    const model = show();
    const input = within(node("0")).getByRole("combobox", { name: /Value/ });
    fireEvent.focus(input);
    fireEvent.change(input, { target: { value: "77" } });
    pause();
    expect(model.sends.at(-1)).toMatchObject({ ask: "values", field: "item_id", event: "browse", search: "77" });
  });

  it("pasted JSON is used once Python has read it; until then, and if it is wrong, nothing is lost", () => {
    const model = show();
    fireEvent.click(screen.getByTestId("qa-source"));
    const text = () => screen.getByLabelText<HTMLTextAreaElement>("Rule as JSON");
    expect(JSON.parse(text().value)).toEqual(model.state.value);
    expect(screen.queryByTestId("qa-apply-json")).toBeNull();
    fireEvent.change(text(), { target: { value: '{\n "kind": }' } });
    fireEvent.click(screen.getByTestId("qa-apply-json"));
    expect(model.sends.at(-1)).toMatchObject({ ask: "read", text: '{\n "kind": }' });
    answer(model, "read", { problems: [{ path: "0.2", zh: "错", en: "is wrong" }], line: 2, column: 10 });
    expect(screen.getByRole("alert").textContent).toContain("is wrong");
    expect(text().getAttribute("aria-invalid")).toBe("true");
    expect(text().selectionStart).toBe(11);
    expect(text().value).toBe('{\n "kind": }');
    fireEvent.change(text(), { target: { value: '{"kind": "any"}' } });
    expect(screen.queryByRole("alert")).toBeNull();
    fireEvent.click(screen.getByTestId("qa-apply-json"));
    answer(model, "read", { rule: { kind: "any", negated: false, of: [] }, problems: [] });
    pause();
    expect(model.state.value).toEqual({ kind: "any", negated: false, of: [] });
    expect(JSON.parse(text().value)).toEqual(model.state.value);
    fireEvent.click(screen.getByTestId("qa-undo"));
    expect(model.state.value).toEqual(rule("seed_rule"));
  });

  it("SQL is asked when it is looked at, and again after the rule changed", () => {
    const model = show({ result: { seq: 0 } });
    fireEvent.click(screen.getByTestId("qa-source"));
    expect(model.sends).toEqual([]);
    fireEvent.click(screen.getByText("SQL (to read)"));
    expect(model.sends.map((s) => s.ask)).toEqual(["sql"]);
    answer(model, "sql", { text: "SELECT '<img src=x>'" });
    expect(screen.getByTestId("qa-sql").textContent).toBe("SELECT '<img src=x>'");
    fireEvent.click(within(node("2")).getByTestId("qa-remove"));
    pause();
    expect(model.sends).toHaveLength(1); // the count comes first
    act(() => model.set("result", { seq: 1 }));
    expect(model.sends).toHaveLength(2);
  });
});

describe("safety", () => {
  it("names, notes, folders and values from the data stay text", () => {
    const hostile = '<img src=x onerror="alert(1)">';
    const label = { zh: hostile, en: hostile };
    const saved = [{ ...SAVED[0]!, name: hostile, folder: hostile, note: hostile }, SAVED[1]!];
    const events = catalogue.events.map((e) => ({ ...e, name: e.name === "visit" ? hostile : e.name, label, grain: label }));
    const value = all(
      { kind: "audience", audience: hostile },
      { kind: "split", salt: hostile, low: 0, high: 1 },
      { kind: "sequence", steps: [{ event: hostile }, { event: hostile }], same: [hostile] },
      { kind: "lifecycle", event: hostile, pattern: hostile, unit: hostile as never },
    );
    const model = show({ value, audiences: saved, catalogue: { ...catalogue, events } });
    fireEvent.click(screen.getByTestId("qa-source"));
    fireEvent.change(screen.getByLabelText("Rule as JSON"), { target: { value: hostile } });
    fireEvent.click(screen.getByTestId("qa-apply-json"));
    answer(model, "read", { problems: [{ path: hostile, ...label }] });
    expect(document.querySelector("img")).toBeNull();
    expect(screen.getByRole("alert").textContent).toContain(hostile);
    expect(document.body.textContent).toContain(hostile);
  });

  it.each<[string, unknown]>([
    ["steps that are no list", { kind: "sequence", steps: "all" }],
    ["a step that is none", { kind: "sequence", steps: [null, { event: "visit" }] }],
    ["a gap without a length", { kind: "sequence", steps: [{ event: "visit" }, { event: "visit", within: 3 }] }],
    ["properties that are no list", { kind: "sequence", steps: [], same: { length: 3 } }],
    ["a pattern that is no text", { kind: "lifecycle", event: "visit", pattern: 3 }],
    ["a time before that is no window", { kind: "lifecycle", event: "visit", pattern: "stopped", before: { kind: "ever" } }],
    ["an audience without a name", { kind: "audience" }],
    ["a share that is no number", { kind: "split", salt: "s", high: "1" }],
  ])("%s: the form says that it cannot show it, and does not fall over", (_name, value) => {
    show({ value: { kind: "all", negated: false, of: [value as Rule] } });
    expect(document.querySelector(".qa-node")).toBeNull();
    expect(document.querySelector(".qa-empty")!.textContent).toMatch(/cannot be shown/);
  });
});

describe("labels and roles", () => {
  it.each(["zh", "en"] as const)("every control of every card has a name of its own language (%s)", (language) => {
    for (const [, value] of rules) show({ value, language, audiences: SAVED });
    const controls = [...document.querySelectorAll<HTMLElement>("button, input, select, textarea, [role=button]")];
    expect(controls.length).toBeGreaterThan(200);
    const nameless = controls.filter((e) => !(e.getAttribute("aria-label") || e.textContent?.trim() || e.closest("label")?.textContent?.trim()));
    expect(nameless.map((e) => e.outerHTML)).toEqual([]);
    const undefinedWords = controls.filter((e) => /undefined|\{\w+\}/.test(`${e.getAttribute("aria-label")}${e.title}`));
    expect(undefinedWords.map((e) => e.outerHTML)).toEqual([]);
    expect(document.querySelectorAll("[tabindex]:not([tabindex='0'])")).toHaveLength(0);
  });

  it("what only the pointer can do, the keyboard can do: every handle has a role and keys", () => {
    show({ value: rule("journeys_and_lifecycles") });
    const handles = [...document.querySelectorAll<HTMLElement>(".qa-handle")];
    expect(handles).toHaveLength(4 + 3);
    for (const handle of handles) {
      expect(handle.getAttribute("role")).toBe("button");
      expect(handle.tabIndex).toBe(0);
      expect(handle.title).toContain("Alt+↑↓");
    }
  });

  it("read only: every card is shown and none can be changed", () => {
    for (const name of ["journeys_and_lifecycles", "audiences_and_splits"]) {
      const model = show({ read_only: true, value: rule(name), audiences: SAVED });
      const open = [...document.querySelectorAll<HTMLInputElement>(".qa-main :is(input, select, button)")].filter((e) => !e.disabled);
      expect(open.map((e) => e.outerHTML)).toEqual([]);
      expect(document.querySelector(".qa-handle")).toBeNull();
      pause();
      expect(model.saves).toEqual([]);
      act(() => unmounts.pop()!());
    }
  });

  it("people without a value are decided about where they are selected", () => {
    const value: Rule[] = [
      { kind: "attribute", field: "age_band", operator: "!=", value: "65+" },
      { kind: "attribute", field: "age_band", operator: "=", value: "65+" },
    ];
    show({ value: all(...value) });
    expect(within(node("0")).getByTestId("qa-missing")).toBeTruthy();
    expect(within(node("1")).queryByTestId("qa-missing")).toBeNull();
    fireEvent.click(within(node("1")).getByTestId("qa-more"));
    expect(within(node("1")).getByTestId("qa-missing")).toBeTruthy();
  });
});

function countConditions(value: Rule): number {
  return "of" in value ? value.of.reduce((n, child) => n + countConditions(child), 0) : 1;
}
