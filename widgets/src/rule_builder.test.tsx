import { act, fireEvent, screen, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { catalogue, rule, rules } from "./fake_model";
import type { Result } from "./model";
import type { Comparison, EventCondition, Group, Rule } from "./rule";
import { countConditions, node, of, onAFreshPage, pause, show, unmounts } from "./show_builder";

const answer = (more: Partial<Result> = {}): Result => ({
  seq: 0,
  count: 12345,
  universe: 50000,
  nodes: { "": 12345, "0": 20000, "1": 3, "2": 40000 },
  sentence: { zh: "浏览过而没有买", en: "browsed, not bought" },
  problems: [],
  ms: 7,
  as_of: "2018-01-01T05:00:00Z",
  ...more,
});

onAFreshPage();

describe("value and seq", () => {
  it.each(rules)("%s: nothing is sent for showing it", (_name, value) => {
    const model = show({ value });
    pause();
    expect(model.saves).toEqual([]);
    expect(document.querySelectorAll(".qa-condition")).toHaveLength(countConditions(value));
  });

  it("one burst of edits is sent once, with the next seq", () => {
    const model = show({ seq: 4 });
    const input = within(node("2")).getByRole("spinbutton");
    for (const text of ["6", "60", "600"]) fireEvent.change(input, { target: { value: text } });
    expect(model.saves).toEqual([]);
    pause();
    expect(model.saves).toHaveLength(1);
    expect(model.saves[0]!.seq).toBe(5);
    expect((model.saves[0]!.value as Group).of[2]).toEqual({ kind: "tag", field: "average_order_value", operator: ">", value: 600 });
  });

  it("Python is told while a burst goes on, and the burst is one step of undo", () => {
    const model = show();
    const input = within(node("2")).getByRole("spinbutton");
    for (const text of ["6", "60", "600"]) {
      fireEvent.change(input, { target: { value: text } });
      act(() => vi.advanceTimersByTime(100));
    }
    pause();
    expect(model.saves.map((save) => ((save.value as Group).of[2] as Comparison).value)).toEqual([6, 60, 600]);
    fireEvent.click(screen.getByTestId("qa-undo"));
    expect(((model.saves.at(-1)!.value as Group).of[2] as Comparison).value).toBe(500);
  });

  it("an edit that is taken back is not sent", () => {
    const model = show();
    const input = within(node("2")).getByRole("spinbutton");
    fireEvent.change(input, { target: { value: "6" } });
    fireEvent.change(input, { target: { value: "500" } });
    pause();
    expect(model.saves).toEqual([]);
  });

  it("the last edit is sent when the widget goes away", () => {
    const model = show();
    fireEvent.change(within(node("2")).getByRole("spinbutton"), { target: { value: "7" } });
    act(() => unmounts.pop()!());
    expect(model.saves).toHaveLength(1);
  });

  it("a rule pushed by Python replaces the view and is not sent back", () => {
    const model = show();
    fireEvent.change(within(node("2")).getByRole("spinbutton"), { target: { value: "7" } });
    act(() => model.set("value", rule("text_and_booleans")));
    pause();
    expect(node("1").dataset.field).toBe("tag:is_fuel_buyer");
    expect(model.saves).toEqual([]);
  });

  it("a bare condition is shown in a group, with Python's counts, and sent only when edited", () => {
    const value: Rule = { kind: "tag", field: "recency_days", operator: "<", value: 7 };
    const model = show({ value, result: answer({ nodes: { "": 99 }, problems: [{ path: "", zh: "错", en: "wrong" }] }) });
    pause();
    expect(model.saves).toEqual([]);
    expect(within(node("0")).getByTestId("qa-node-count").textContent).toContain("99");
    expect(within(node("0")).getByTestId("qa-node-problems").textContent).toBe("wrong");
    fireEvent.change(within(node("0")).getByRole("spinbutton"), { target: { value: "8" } });
    pause();
    expect(model.state.value).toEqual({ kind: "all", negated: false, of: [{ ...value, value: 8 }] });
  });

  it("every kind of condition is shown, counted and removed without touching the others", () => {
    for (const name of ["journeys_and_lifecycles", "audiences_and_splits"]) {
      const value = rule(name) as Group;
      const model = show({ value, result: answer({ nodes: { "0": 12 } }) });
      expect(within(node("0")).getByTestId("qa-node-count").textContent).toContain("12");
      fireEvent.click(within(node("1")).getByTestId("qa-remove"));
      pause();
      expect(of(model)).toEqual(value.of.toSpliced(1, 1));
      act(() => unmounts.pop()!());
    }
  });

  it("an anniversary takes a number of days", () => {
    const value: Rule = { kind: "tag", field: "last_order_on", operator: "anniversary within", value: 7 };
    const model = show({ value: { kind: "all", negated: false, of: [value] } });
    fireEvent.change(within(node("0")).getByRole("spinbutton"), { target: { value: "30" } });
    pause();
    expect(of(model)[0]).toEqual({ ...value, value: 30 });
    fireEvent.change(within(node("0")).getByLabelText("Comparison"), { target: { value: "before" } });
    pause();
    expect((of(model)[0] as Comparison).value).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  });

  it("unsubscribes from every trait", () => {
    const model = show();
    act(() => unmounts.pop()!());
    expect([...model.listeners.values()].every((set) => set.size === 0)).toBe(true);
  });

  it("undo and redo go through the steps, and each is sent", () => {
    const model = show();
    fireEvent.click(within(node("2")).getByTestId("qa-remove"));
    pause();
    fireEvent.click(screen.getByTestId("qa-undo"));
    expect(of(model)).toHaveLength(3);
    fireEvent.keyDown(node("0"), { key: "z", ctrlKey: true, shiftKey: true });
    expect(of(model)).toHaveLength(2);
    expect(model.saves.map((s) => s.seq)).toEqual([1, 2, 3]);
  });
});

describe("editing", () => {
  it("another field brings an operator and a value of its own", () => {
    const model = show();
    fireEvent.change(within(node("2")).getByLabelText("Field"), { target: { value: "attribute:age_band" } });
    pause();
    expect(of(model)[2]).toEqual({ kind: "attribute", field: "age_band", operator: "in", value: ["45-54"] });
    fireEvent.change(within(node("2")).getByLabelText("Field"), { target: { value: "event:visit" } });
    pause();
    expect(of(model)[2]).toMatchObject({ kind: "event", event: "visit", operator: ">=", value: 1 });
  });

  it("offers exactly the operators of the field's type", () => {
    show({ value: rule("text_and_booleans") });
    const offered = (path: string) =>
      [...within(node(path)).getByLabelText<HTMLSelectElement>("Comparison").options].map((o) => o.value);
    const declared = (type: string) => catalogue.operators.filter((o) => o.types.includes(type as never)).map((o) => o.key);
    expect(offered("0")).toEqual(declared("text"));
    expect(offered("1")).toEqual(declared("boolean"));
    expect(offered("3")).toEqual(declared("date"));
  });

  it("chips are added by Enter, by pasting a list and from the suggestions", () => {
    const model = show({ value: rule("nested_negated") });
    const input = within(node("0.0")).getByRole("combobox", { name: /Add a value/ });
    fireEvent.change(input, { target: { value: "free text" } });
    fireEvent.keyDown(input, { key: "Enter" });
    fireEvent.paste(input, { clipboardData: { getData: () => "a, b\nb" } });
    fireEvent.focus(input);
    fireEvent.click(within(node("0.0")).getByText("45-54"));
    pause();
    const group = of(model)[0] as Group;
    expect(group.of[0]).toMatchObject({ value: ["25-34", "35-44", "free text", "a", "b", "45-54"] });
    expect(model.saves).toHaveLength(1);
  });

  it("an event's window, measure and filters can all be changed", () => {
    const model = show();
    const card = within(node("1"));
    fireEvent.change(card.getByLabelText("Time window"), { target: { value: "ago" } });
    fireEvent.change(card.getByLabelText("Measure"), { target: { value: "sum" } });
    fireEvent.click(card.getByTestId("qa-add-filter"));
    pause();
    expect(of(model)[1]).toMatchObject({ window: { kind: "ago", near: 30, far: 60, unit: "day" }, measure: { kind: "sum", property: "paid_amount" } });
    expect((of(model)[1] as EventCondition).where!.of).toHaveLength(2);
  });

  it("a filter group starts with a filter and goes with its last", () => {
    const model = show();
    fireEvent.click(within(node("1")).getByTestId("qa-add-filter-group"));
    pause();
    const where = () => (of(model)[1] as EventCondition).where;
    expect(where()!.of[1]).toMatchObject({ kind: "any", of: [{ field: "item_id" }] });
    const inner = node("1").querySelector<HTMLElement>('.qa-filters[data-depth="1"] .qa-filter')!;
    fireEvent.click(within(inner).getByLabelText("Remove filter"));
    pause();
    expect(where()!.of).toHaveLength(1);
    fireEvent.click(within(node("1").querySelector<HTMLElement>(".qa-filter")!).getByLabelText("Remove filter"));
    pause();
    expect(where()).toBeUndefined();
  });

  it("a day is compared in days, weeks and months, and starts at the data's last day", () => {
    const model = show({ value: rule("text_and_booleans"), result: answer() });
    const card = within(node("3"));
    fireEvent.change(card.getByLabelText("Comparison"), { target: { value: "in last" } });
    expect([...card.getByLabelText<HTMLSelectElement>("Unit").options].map((o) => o.value)).toEqual(["day", "week", "month"]);
    fireEvent.change(card.getByLabelText("Comparison"), { target: { value: "between" } });
    pause();
    expect(of(model)[3]).toMatchObject({ operator: "between", value: ["2018-01-01", "2018-01-01"] });
  });

  it("a far end before the near end is shown as wrong and not sent", () => {
    const model = show({ value: rule("every_window_and_measure") });
    const far = within(node("1")).getByLabelText("Far end");
    fireEvent.change(far, { target: { value: "12" } });
    expect(far.getAttribute("aria-invalid")).toBe("true");
    pause();
    expect(model.saves).toEqual([]);
    fireEvent.change(far, { target: { value: "120" } });
    pause();
    expect((of(model)[1] as EventCondition).window).toEqual({ kind: "ago", near: 30, far: 120, unit: "day" });
  });

  it("a stretch some time ago is counted in whole days, and says so only then", () => {
    const model = show({ value: rule("every_window_and_measure") });
    const wholeDays = () => within(node("1")).queryByLabelText("Whole days");
    fireEvent.click(wholeDays()!);
    pause();
    expect((of(model)[1] as EventCondition).window).toEqual({ kind: "ago", near: 30, far: 90, unit: "day", calendar: true });
    fireEvent.change(within(node("1")).getByLabelText("Unit"), { target: { value: "hour" } });
    pause();
    expect((of(model)[1] as EventCondition).window).toEqual({ kind: "ago", near: 30, far: 90, unit: "hour" });
    expect(wholeDays()).toBeNull();
  });

  it("groups are negated, switched, copied, added and removed", () => {
    const model = show();
    fireEvent.click(within(node("")).getAllByTestId("qa-not")[0]!);
    fireEvent.click(within(node("")).getByTestId("qa-add-group"));
    fireEvent.click(within(node("3")).getByTestId("qa-add-condition"));
    fireEvent.click(within(node("3")).getAllByTestId("qa-copy")[0]!);
    fireEvent.click(within(within(node("3")).getByTestId("qa-combinator")).getByText("Match all"));
    pause();
    expect(model.state.value).toMatchObject({ kind: "all", negated: true, of: [{}, {}, {}, { kind: "all", of: [{}] }, { kind: "any", of: [{}] }] });
    expect(model.saves).toHaveLength(1);
  });

  it("the palette is searched in both languages and adds to the group last used", () => {
    const model = show({ value: rule("nested_negated") });
    fireEvent.change(screen.getByRole("searchbox"), { target: { value: "客单" } });
    expect(screen.getAllByTestId("qa-palette-item")).toHaveLength(1);
    fireEvent.pointerDown(node("0.2"));
    fireEvent.click(screen.getByTestId("qa-palette-item"));
    pause();
    const inner = (of(model)[0] as Group).of[2] as Group;
    expect(inner.of.at(-1)).toMatchObject({ kind: "tag", field: "average_order_value" });
  });

  it("the missing choice is set and taken back", () => {
    const model = show();
    fireEvent.click(within(node("2")).getByTestId("qa-more"));
    fireEvent.click(within(node("2")).getByText("Include"));
    pause();
    expect(of(model)[2]).toMatchObject({ missing: "include" });
    fireEvent.click(within(node("2")).getByText("Default"));
    pause();
    expect(of(model)[2]).not.toHaveProperty("missing");
  });

  it("Alt and an arrow move a condition into the group next to it, and the focus goes with it", () => {
    const model = show({ value: rule("nested_negated") });
    const handle = node("1").querySelector<HTMLElement>(".queryBuilder-dragHandle")!;
    fireEvent.keyDown(handle, { key: "ArrowUp", altKey: true });
    pause();
    expect(of(model)).toHaveLength(1);
    expect((of(model)[0] as Group).of[3]).toMatchObject({ field: "departments_90d", missing: "exclude" });
    expect(document.activeElement).toBe(node("0.3").querySelector(".queryBuilder-dragHandle"));
  });

  it("what the catalogue lacks stays visible and unchanged", () => {
    const value: Rule = { kind: "all", negated: false, of: [{ kind: "tag", field: "gone", operator: "like", value: "x" }] };
    const model = show({ value });
    expect(within(node("0")).getByLabelText<HTMLSelectElement>("Field").selectedOptions[0]!.text).toContain("not in the catalogue");
    pause();
    expect(model.saves).toEqual([]);
  });
});

describe("answers", () => {
  it("shows the count of the whole and of every node, and the sentence", () => {
    show({ result: answer() });
    const count = screen.getByTestId("qa-count");
    expect(count.querySelector("b")!.textContent).toBe("12,345");
    expect(count.dataset.seq).toBe("0");
    expect(screen.getAllByTestId("qa-node-count").map((e) => `${e.dataset.path}=${e.querySelector("b")!.textContent}`)).toEqual([
      "=12,345", "0=20,000", "1=3", "2=40,000",
    ]);
    expect(screen.getByTestId("qa-sentence").textContent).toBe("browsed, not bought");
  });

  it("an answer to an older rule is marked until the new one comes", () => {
    const model = show({ result: answer() });
    expect(screen.getByTestId("qa-count").dataset.stale).toBeUndefined();
    fireEvent.click(within(node("2")).getByTestId("qa-remove"));
    expect(screen.getByTestId("qa-count").dataset.stale).toBe("true");
    pause();
    expect(screen.getByText("counting")).toBeTruthy();
    act(() => model.set("result", answer({ seq: 1, count: 5 })));
    expect(screen.getByTestId("qa-count").dataset.stale).toBeUndefined();
    expect(screen.getByTestId("qa-count").querySelector("b")!.textContent).toBe("5");
  });

  it("a problem stands at its node and in the summary, and there is no count", () => {
    show({ result: answer({ count: null, problems: [{ path: "1", zh: "没有这个商品", en: "no such item" }] }) });
    expect(within(node("1")).getByTestId("qa-node-problems").textContent).toBe("no such item");
    expect(within(node("0")).queryByTestId("qa-node-problems")).toBeNull();
    expect(screen.getByTestId("qa-problems").textContent).toContain("no such item");
    expect(screen.getByTestId("qa-count").querySelector("b")!.textContent).toBe("—");
  });

  it("speaks both languages, and tells Python which", () => {
    const model = show({ result: answer() });
    fireEvent.click(within(screen.getByTestId("qa-language")).getByText("中文"));
    expect(model.state.language).toBe("zh");
    expect(screen.getByTestId("qa-sentence").textContent).toBe("浏览过而没有买");
    expect(screen.getAllByText("满足全部").length).toBeGreaterThan(0);
    expect(model.state.seq).toBe(0);
  });
});

describe("safety", () => {
  it("read only: everything is shown and nothing can be changed", () => {
    const model = show({ read_only: true, value: rule("every_window_and_measure") });
    const main = document.querySelector(".qa-main")!;
    expect([...main.querySelectorAll<HTMLInputElement>("input, select, button")].filter((e) => !e.disabled)).toEqual([]);
    expect(document.querySelector(".queryBuilder-dragHandle")).toBeNull();
    fireEvent.keyDown(node("0"), { key: "z", ctrlKey: true });
    pause();
    expect(model.saves).toEqual([]);
  });

  it("text from the data stays text", () => {
    const hostile = '<img src=x onerror="alert(1)">';
    const label = { zh: hostile, en: hostile };
    const field = { ...catalogue.fields[0]!, label, values: [{ value: hostile, count: 1 }] };
    show({
      catalogue: { ...catalogue, fields: [field, ...catalogue.fields.slice(1)] },
      value: { kind: "all", negated: false, of: [{ kind: "attribute", field: field.name, operator: "in", value: [hostile] }] },
      result: answer({ sentence: label, problems: [{ path: "0", ...label }] }),
    });
    fireEvent.focus(screen.getByRole("combobox", { name: /Add a value/ }));
    expect(document.querySelector("img")).toBeNull();
    expect(document.querySelector(".qa-chip-text")!.textContent).toBe(hostile);
    expect(screen.getByTestId("qa-sentence").textContent).toBe(hostile);
  });

  it.each<[string, unknown]>([
    ["a node of no known kind", { kind: "all", negated: false, of: [{ kind: "sql", text: "1=1" }] }],
    ["children that are no list", { kind: "any", of: "everybody" }],
    ["a field that is no text", { kind: "all", of: [{ kind: "tag", field: { a: 1 }, operator: "=", value: 1 }] }],
    ["a window without a length", { kind: "event", event: "purchase", window: { kind: "last" } }],
    ["a kind that is no text", { kind: ["all"], of: [] }],
  ])("%s: nothing to show, the reason, and a new start", (_name, value) => {
    const model = show();
    const before = structuredClone(model.state.value);
    act(() => {
      model.set("value", value as Rule);
      model.set("result", answer({ count: null, problems: [{ path: "", zh: "读不懂", en: "Cannot be read" }] }));
    });
    expect(document.querySelector(".qa-node")).toBeNull();
    expect(document.querySelector(".qa-empty")!.textContent).toMatch(/cannot be shown/);
    expect(screen.getByTestId("qa-problems").textContent).toMatch(/Cannot be read/);
    pause();
    expect(model.saves).toEqual([]);
    fireEvent.click(document.querySelector('[data-field="tag:recency_days"]')!);
    pause();
    expect(of(model)).toHaveLength(1);
    fireEvent.click(screen.getByTestId("qa-undo"));
    fireEvent.click(screen.getByTestId("qa-undo"));
    expect(model.state.value).toEqual(before);
  });

  it("two builders on a page share no id and no edit", () => {
    const a = show({ value: rule("nested_negated") });
    const b = show({ value: rule("nested_negated") });
    const [first, second] = document.querySelectorAll<HTMLElement>(".qa-rule-builder");
    const ids = [...document.querySelectorAll("[id], [data-rule-id], [data-rule-group-id]")].map(
      (e) => e.id || (e as HTMLElement).dataset.ruleId || (e as HTMLElement).dataset.ruleGroupId,
    );
    expect(new Set(ids).size).toBe(ids.length);
    const described = (root: HTMLElement) => root.querySelector(".qa-handle")!.getAttribute("aria-describedby");
    expect(described(first!)).not.toBe(described(second!));
    fireEvent.click(within(node("0", second!)).getAllByTestId("qa-not")[0]!);
    pause();
    expect(a.saves).toEqual([]);
    expect((of(b)[0] as Group).negated).toBe(false);
  });
});
