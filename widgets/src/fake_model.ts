// For tests: the contract's files, and a model in place of the one that anywidget connects to Python.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Catalogue } from "./catalogue";
import type { Model, RuleBuilderTraits } from "./model";
import type { Rule } from "./rule";

const CONTRACT = join(import.meta.dirname, "../../tests/contract");
const read = (name: string): unknown => JSON.parse(readFileSync(join(CONTRACT, name), "utf8"));

export const catalogue = read("catalogue.json") as Catalogue;
export const rules: [string, Rule][] = readdirSync(CONTRACT)
  .filter((name) => name.endsWith(".rule.json"))
  .map((name) => [name, read(name) as Rule]);
export const rule = (name: string): Rule => rules.find(([n]) => n === `${name}.rule.json`)![1];

export interface Fake<T> extends Model<T> {
  state: T;
  sends: Record<string, unknown>[];
  listeners: Map<string, Set<() => void>>;
}

/** A model of any widget: what it holds, who listens, and what was sent. */
export function fakeModelOf<T extends object>(state: T): Fake<T> {
  const listeners = new Map<string, Set<() => void>>();
  const model: Fake<T> = {
    state,
    sends: [],
    listeners,
    get: (key) => state[key],
    set: (key, value) => {
      state[key] = value;
      for (const listener of [...(listeners.get(`change:${key}`) ?? [])]) listener();
    },
    on: (event, listener) => void listeners.set(event, (listeners.get(event) ?? new Set()).add(listener)),
    off: (event, listener) => void listeners.get(event)?.delete(listener),
    send: (content) => void model.sends.push(content as Record<string, unknown>),
    save_changes: () => undefined,
  };
  return model;
}

export interface FakeModel extends Fake<RuleBuilderTraits> {
  saves: { seq: number; value: Rule; language: string }[];
}

export function fakeModel(traits: Partial<RuleBuilderTraits> = {}): FakeModel {
  const state: RuleBuilderTraits = {
    value: rule("seed_rule"),
    seq: 0,
    catalogue,
    result: {},
    audiences: [],
    answers: {},
    language: "en",
    read_only: false,
    ...traits,
  };
  const saves: FakeModel["saves"] = [];
  const model: FakeModel = Object.assign(fakeModelOf(state), { saves });
  model.save_changes = () => saves.push(structuredClone({ seq: state.seq, value: state.value, language: state.language }));
  return model;
}
