// What is asked of Python, what is locked, what comes from the data, and what every card is called.
import { act, fireEvent, screen, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { catalogue, rule, rules } from "./fake_model";
import type { Group, Rule } from "./rule";
import { all, answer, first, node, of, onAFreshPage, pause, SAVED, show, unmounts } from "./show_builder";

onAFreshPage();

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
