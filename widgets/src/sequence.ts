// Edits of the steps of a sequence: every function returns a new sequence, and never one that cannot be.
import type { EventType } from "./catalogue";
import { isGroup, type Group, type Rule, type Sequence, type Step } from "./rule";

/** How a step follows the one before it. */
export type Link = "then" | "immediately" | "absent";

export const linkOf = (step: Step): Link => (step.absent ? "absent" : step.immediately ? "immediately" : "then");

export function withLink(step: Step, link: Link): Step {
  const { absent: _absent, immediately: _immediately, ...rest } = step;
  return { ...rest, ...(link === "absent" && { absent: true }), ...(link === "immediately" && { immediately: true }) };
}

/** The first step follows nothing, so it has no link and no gap. */
function asFirst(step: Step): Step {
  const { within: _within, ...rest } = withLink(step, "then");
  return rest;
}

/** The sequence with these steps, or undefined where the first of them would not happen. */
function withSteps(sequence: Sequence, steps: Step[]): Sequence | undefined {
  const [first, ...rest] = steps;
  return first && !first.absent ? { ...sequence, steps: [asFirst(first), ...rest] } : undefined;
}

export function withStep(sequence: Sequence, index: number, step: Step): Sequence {
  return { ...sequence, steps: sequence.steps.with(index, step) };
}

export function addStep(sequence: Sequence, index: number, event: string, most: number): Sequence {
  return sequence.steps.length < most ? { ...sequence, steps: sequence.steps.toSpliced(index, 0, { event }) } : sequence;
}

/** Without this step, or undefined where what is left is no sequence. */
export function removeStep(sequence: Sequence, index: number, fewest: number): Sequence | undefined {
  return sequence.steps.length > fewest ? withSteps(sequence, sequence.steps.toSpliced(index, 1)) : undefined;
}

/** Move a step to a place that is counted before it moves; undefined where it cannot go there or is there already. */
export function moveStep(sequence: Sequence, from: number, to: number): Sequence | undefined {
  const step = sequence.steps[from];
  if (!step || to === from || to === from + 1 || to < 0 || to > sequence.steps.length) return undefined;
  const left = sequence.steps.toSpliced(from, 1);
  return withSteps(sequence, left.toSpliced(to > from ? to - 1 : to, 0, step));
}

/** Where a step would be after such a move. */
export const placeAfter = (from: number, to: number): number => (to > from ? to - 1 : to);

/** The nearest place up or down to which a step can go. */
export function nextPlace(sequence: Sequence, from: number, step: 1 | -1): number | undefined {
  for (let to = step > 0 ? from + 2 : from - 1; to >= 0 && to <= sequence.steps.length; to += step) {
    if (moveStep(sequence, from, to)) return to;
  }
  return undefined;
}

/** Another event in a step: filters stay if the new event has the same properties. */
export function withEvent<T extends { event: string; where?: Group | null }>(one: T, event: EventType): T {
  const { where, ...rest } = one;
  const known = (rule: Rule): boolean =>
    isGroup(rule) ? rule.of.every(known) : "field" in rule && event.properties.some((p) => p.name === rule.field);
  return { ...rest, event: event.name, ...(where && known(where) ? { where } : {}) } as T;
}
