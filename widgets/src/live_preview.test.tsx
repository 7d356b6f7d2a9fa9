// The live preview in a page: what Python is told, what is shown of its answers, what is said while it computes.
import { act, cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fakeModelOf, type Fake } from "./fake_model";
import widget, { App } from "./live_preview";
import type { Compared, Cut, PreviewTraits, Reached, Why } from "./preview_model";
import { clock } from "./preview_why";

const HEAD = { turn: 1, count: 120, universe: 500, share: 0.24, problems: [], as_of: "2018-01-01T05:00:00Z", snapshot: "s" };
const CUT: Cut = {
  ...{ step: 1, path: "0", joined: "all", sentence_zh: "客单价 大于 20", sentence_en: "order value over 20", count: 200 },
  ...{ remaining_count: 200, change_count: -300, change_rate: -0.6, only_out_count: 80, only_in_count: 120 },
};
const START: Cut = { ...CUT, step: 0, path: "", sentence_zh: "所有人", sentence_en: "everybody", remaining_count: 500, change_count: null, change_rate: null };
const INNER: Cut = { ...CUT, step: null, path: "0.1", sentence_en: "a node inside", remaining_count: null, change_count: null, change_rate: null };
const SMS: Reached = {
  ...{ channel: "sms", label_zh: "短信", label_en: "SMS", audience_count: 120, address_count: 110 },
  ...{ suppressed_count: 2, no_consent_count: 8, reachable_count: 100, message_count: 97 },
};
const YOUNG: Compared = {
  ...{ label_zh: "年龄段", label_en: "Age band", value: "19-24", audience_count: 60, base_count: 100, audience_size: 120, base_size: 500 },
  ...{ audience_rate: 0.5, base_rate: 0.2, tgi: 250, tgi_low: 221, tgi_high: 273, q_value: 0.0004, is_different: true },
};
const WHY: Why = {
  ...{ turn: 1, person_id: "1••4", row: 1, is_in: false, is_exact: true, zone: "America/New_York", reasons: [["1"]], changes: [["1"]] },
  nodes: [
    { path: "", kind: "all", is_true: false, sentence: { zh: "", en: "" }, words: { zh: "1/2", en: "1 of 2 hold" }, counted: 0, events: [] },
    { path: "0", kind: "tag", is_true: true, sentence: { zh: "", en: "orders over 5" }, words: { zh: "", en: "it is 9" }, counted: 0, events: [] },
    {
      ...{ path: "1", kind: "event", is_true: false, sentence: { zh: "", en: "visited" }, words: { zh: "", en: "it is 0" }, counted: 0 },
      events: [
        {
          ...{ event: "visit", label: { zh: "到店", en: "Visit" }, occurred_at: "2017-12-01T04:30:00Z", is_counted: false, step: null },
          reason: { zh: "早 1 天", en: "1 day before the window" },
          properties: [{ name: "amount", label: { zh: "金额", en: "Amount" }, words: { zh: "3 元", en: "3 USD" } }],
        },
      ],
    },
  ],
};

const traits = (more: Partial<PreviewTraits> = {}): PreviewTraits => ({
  ...{ language: "en", head: HEAD, tab: "cuts", by: "age_band", work: {} },
  fields: [
    { name: "age_band", zh: "年龄段", en: "Age band" },
    { name: "income", zh: "收入", en: "Income" },
  ],
  ...{ cuts: {}, reach: {}, breakdown: {}, differing: {}, over_time: {}, sample: {}, why: {} },
  ...more,
});

function show(more: Partial<PreviewTraits> = {}): Fake<PreviewTraits> {
  const model = fakeModelOf(traits(more));
  render(<App model={model} />);
  return model;
}
const set = <K extends keyof PreviewTraits>(model: Fake<PreviewTraits>, key: K, value: PreviewTraits[K]) => act(() => model.set(key, value));
const open = (name: string) => fireEvent.click(screen.getByRole("tab", { name }));
const cells = (testId: string) => within(screen.getByTestId(testId)).getAllByRole("row").map((row) => [...row.children].map((cell) => cell.textContent));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

test("Python is told which tab is on screen, and the keyboard reaches every one", () => {
  const model = show();
  expect(model.sends).toEqual([{ ask: "look", tab: "cuts" }]);
  const first = screen.getByRole("tab", { name: "What cuts" });
  first.focus();
  fireEvent.keyDown(first, { key: "ArrowRight" });
  expect(document.activeElement).toBe(screen.getByRole("tab", { name: "Reach" }));
  expect(model.sends.at(-1)).toEqual({ ask: "look", tab: "reach" });
  fireEvent.keyDown(document.activeElement!, { key: "End" });
  expect(model.sends.at(-1)).toEqual({ ask: "look", tab: "people" });
  fireEvent.keyDown(document.activeElement!, { key: "ArrowRight" });
  expect(document.activeElement).toBe(first);
  expect(screen.getAllByRole("tab").filter((tab) => tab.tabIndex === 0)).toEqual([first]);
  expect(screen.getByRole("tabpanel", { name: "What cuts" })).toBeTruthy();
});

test("the count follows each rule and says how the last edit moved it", () => {
  const model = show();
  expect(screen.getByTestId("qa-preview-count").textContent).toBe("120peopleof 500: 24.0%");
  set(model, "head", { ...HEAD, turn: 2, count: 95, share: 0.19 });
  expect(screen.getByTestId("qa-preview-count").textContent).toContain("−25 since the last edit");
  set(model, "head", { ...HEAD, turn: 3, count: null, problems: [{ path: "0", zh: "缺少值", en: "a value is missing" }] });
  expect(screen.getByRole("status").textContent).toContain("a value is missing");
  expect(screen.getByTestId("qa-preview-panel").textContent).toContain("once the rule is corrected");
  set(model, "head", { ...HEAD, turn: 4, count: 100 });
  expect(screen.getByTestId("qa-preview-count").textContent).toContain("+5 since the last edit");
});

test("the waterfall has a line for each step, and what is inside a part is left out", () => {
  show({ cuts: { turn: 1, rows: [START, CUT, INNER] } });
  expect(cells("qa-waterfall").slice(1)).toEqual([
    [" everybody", "500", "", ""],
    ["1 order value over 20", "200", "−300 −60%", "80"],
  ]);
});

test("reach shows every channel and says what to do where there is no address", () => {
  const model = show({ tab: "reach", reach: { turn: 1, has_addresses: true, rows: [SMS] } });
  expect(cells("qa-reach")[1]).toEqual(["SMS", "110", "8", "2", "100 83.3%", "97"]);
  set(model, "reach", { turn: 1, has_addresses: false, rows: [{ ...SMS, reachable_count: 0 }] });
  expect(screen.getByTestId("qa-preview-panel").textContent).toContain("No addresses were landed");
  set(model, "language", "zh");
  expect(cells("qa-reach")[1]![0]).toBe("短信");
});

test("the breakdown marks differences that stand, and another field is asked for", () => {
  const model = show({ tab: "breakdown", breakdown: { turn: 1, by: "age_band", rows: [YOUNG, { ...YOUNG, value: "65+", is_different: false }] } });
  expect(cells("qa-breakdown").slice(1)).toEqual([
    ["19-24", "50.0%", "20.0%", "◆ 250 221–273", "60"],
    ["65+", "50.0%", "20.0%", " 250 221–273", "60"],
  ]);
  expect(screen.getByRole("img", { name: /stands.*q < 0.001/ })).toBeTruthy();
  fireEvent.change(screen.getByLabelText("Compare by"), { target: { value: "income" } });
  expect(model.sends.at(-1)).toEqual({ ask: "by", by: "income" });
});

test("differing tags and sizes over time are shown with their figures", () => {
  const tag = { ...YOUNG, field: "orders", label_en: "Orders", value: null, audience_mean: 3.64, base_mean: 1.11, effect_size: -0.5 };
  const model = show({ tab: "differing", differing: { turn: 1, rows: [tag] } });
  expect(cells("qa-differing")[1]).toEqual(["Orders", "1.11 → 3.64", "◆ −0.50"]);
  open("Over time");
  const moment = (as_of: string, count: number) => ({ as_of, count, universe: 500, share: count / 500, source: "events" as const });
  set(model, "over_time", { turn: 1, is_dated: true, rows: [moment("2017-12-01T05:00:00Z", 90), moment("2018-01-01T05:00:00Z", 120)] });
  expect(screen.getByRole("img", { name: "Size at 2 moments, 120 people at the last" })).toBeTruthy();
  expect(cells("qa-over-time")[2]).toEqual(["2018-01-01", "120", "24.0%"]);
  set(model, "over_time", { turn: 1, is_dated: false, rows: [moment("2018-01-01T05:00:00Z", 120)] });
  expect(screen.getByTestId("qa-preview-panel").textContent).toContain("qa build --as-of");
});

test("a person of the sample, or one who is typed, is explained with the event rows", () => {
  const columns = [{ name: "age_band", zh: "年龄段", en: "Age band" }];
  const rows = ["1••1", "1••4"].map((person) => ({ person, cells: [{ zh: "是", en: "yes" }] }));
  const model = show({ tab: "people", sample: { turn: 1, columns, rows } });
  fireEvent.click(screen.getByRole("button", { name: "Why is 1••4 in" }));
  expect(model.sends.at(-1)).toEqual({ ask: "why", row: 1, turn: 1 });
  fireEvent.change(screen.getByLabelText("Person's id"), { target: { value: " 42 " } });
  fireEvent.click(screen.getByRole("button", { name: "Explain" }));
  expect(model.sends.at(-1)).toEqual({ ask: "why", person: "42" });
  set(model, "why", WHY);
  const why = within(screen.getByTestId("qa-why"));
  expect(why.getByRole("heading").textContent).toBe("1••4 is not in the audience");
  expect(why.getByText("not (visited)")).toBeTruthy(); // alone keeps the person out: it does not hold
  expect(why.getByText("visited", { selector: ".qa-lp-sets li" })).toBeTruthy(); // were it true, they would be in
  expect(cells("qa-why-events")[1]).toEqual(["2017-11-30 23:30:00", "Visit", "Amount: 3 USD", "1 day before the window"]);
  expect(clock("2017-12-01T04:30:00Z", "Asia/Shanghai")).toBe("2017-12-01 12:30:00");
});

test("what takes over a second shows progress and can be cancelled; the old answer is dimmed meanwhile", () => {
  const model = show({ cuts: { turn: 1, rows: [START] } });
  const part = () => screen.getByTestId("qa-part-cuts");
  set(model, "head", { ...HEAD, turn: 2 });
  set(model, "work", { cuts: "working" });
  expect(part().dataset.stale).toBe("true");
  expect(part().getAttribute("aria-busy")).toBe("true");
  expect(screen.queryByRole("button", { name: "Cancel" })).toBeNull();
  act(() => vi.advanceTimersByTime(2300));
  expect(part().textContent).toContain("Computing for 2 s");
  fireEvent.click(screen.getByRole("button", { name: "Cancel" }));
  expect(model.sends.at(-1)).toEqual({ ask: "cancel" });
  set(model, "work", { cuts: "cancelled" });
  fireEvent.click(screen.getByRole("button", { name: "Compute again" }));
  expect(model.sends.at(-1)).toEqual({ ask: "again" });
  set(model, "cuts", { turn: 2, rows: [START] });
  set(model, "work", {});
  expect(part().dataset.stale).toBeUndefined();
  expect(screen.queryByRole("button", { name: "Compute again" })).toBeNull();
});

test("an error is said in the language of the screen", () => {
  const model = show({ cuts: { turn: 1, error: { zh: "无法回答", en: "cannot be answered" } } });
  expect(screen.getByRole("alert").textContent).toBe("cannot be answered");
  set(model, "language", "zh");
  expect(screen.getByRole("alert").textContent).toBe("无法回答");
});

test("text of the data is text, and nothing listens after the widget is gone", () => {
  const model = fakeModelOf(traits({ cuts: { turn: 1, rows: [{ ...CUT, sentence_en: "<img src=x onerror=alert(1)>" }] } }));
  const el = document.body.appendChild(document.createElement("div"));
  let unmount = () => {};
  act(() => void (unmount = widget.render({ model, el })));
  expect(el.textContent).toContain("<img src=x");
  expect(el.querySelector("img")).toBeNull();
  act(() => unmount());
  expect([...model.listeners.values()].every((one) => one.size === 0)).toBe(true);
});

test("no sheet of the preview speaks of another widget on the page", () => {
  const sheets = ["preview.css", "preview_parts.css"].map((name) => readFileSync(join(import.meta.dirname, "styles", name), "utf8"));
  const selectors = sheets.flatMap((sheet) => [...sheet.replace(/\/\*.*?\*\//gs, "").matchAll(/([^{}]+)\{/g)].map((one) => one[1]!.trim()));
  const ofOurs = (one: string) => one.startsWith("@media") || /\.qa-(live-preview|lp-)/.test(one);
  expect(selectors.length).toBeGreaterThan(50);
  expect(selectors.flatMap((one) => (one.startsWith("@") ? [one] : one.split(/,(?![^(]*\))/))).filter((one) => !ofOurs(one))).toEqual([]);
});
