// For tests: builders on a page with a model in place of Python, and hands to use them.
import { act, cleanup, fireEvent, within } from "@testing-library/react";
import { afterEach, beforeEach, vi } from "vitest";
import type { SavedAudience } from "./catalogue";
import { fakeModel, type FakeModel } from "./fake_model";
import type { RuleBuilderTraits } from "./model";
import type { Group, Rule } from "./rule";
import widget from "./rule_builder";

const PAUSE = 200;
export const unmounts: (() => void)[] = [];

/** A new builder at the end of the page. */
export function show(traits: Partial<RuleBuilderTraits> = {}): FakeModel {
  const model = fakeModel(traits);
  const el = document.body.appendChild(document.createElement("div"));
  act(() => void unmounts.push(widget.render({ model, el })));
  return model;
}

/** Call it once in a test file: time stands still, and every builder goes after its test. */
export function onAFreshPage(): void {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    act(() => unmounts.splice(0).forEach((unmount) => unmount()));
    cleanup();
    document.body.replaceChildren();
    vi.useRealTimers();
  });
}

/** Long enough for a burst of edits to be sent. */
export const pause = () => act(() => vi.advanceTimersByTime(PAUSE));
export const all = (...of: Rule[]): Group => ({ kind: "all", negated: false, of });
export const node = (path: string, within: ParentNode = document) => within.querySelector<HTMLElement>(`.qa-node[data-path="${path}"]`)!;
export const step = (index: number, path = "0") => within(node(path).querySelector<HTMLElement>(`.qa-step[data-step="${index}"]`)!);
export const of = (model: FakeModel): Rule[] => (model.state.value as Group).of;
export const first = (model: FakeModel): Rule => of(model)[0]!;

type Within = ReturnType<typeof step>;
export const choose = (within: Within, label: string, value: string) =>
  fireEvent.change(within.getAllByLabelText(label, { selector: "select" })[0]!, { target: { value } });
export const offered = (within: Within, label: string) => [...within.getByLabelText<HTMLSelectElement>(label).options].map((o) => o.value);

/** Python answers the question that was asked last. */
export const answer = (model: FakeModel, topic: "values" | "sql" | "read", more: object) =>
  act(() => model.set("answers", { ...model.state.answers, [topic]: { seq: model.sends.at(-1)!.seq, ...more } } as never));

export const SAVED: SavedAudience[] = [
  { name: "VIP", folder: "", newest: 3, active: 2, note: "the best", count: 12 },
  { name: "高潜", folder: "营销", newest: 1, active: 1, note: "", count: null },
];

export function countConditions(value: Rule): number {
  return "of" in value ? value.of.reduce((n, child) => n + countConditions(child), 0) : 1;
}
