// The traits that a widget shares with Python, typed once, and the hook that reads one of them.
import { useCallback, useSyncExternalStore } from "react";
import type { Catalogue, Label, SavedAudience, Suggestion } from "./catalogue";
import type { Rule } from "./rule";

export type Language = "zh" | "en";

/** A finding of Python about one node; `path` is child numbers joined with dots, the root is "". */
export interface Problem extends Label {
  path: string;
}

/** The answer of Python to the rule that was sent with `seq`. */
export interface Result {
  seq: number;
  count: number | null;
  universe: number;
  nodes: Record<string, number>;
  sentence: Label;
  problems: Problem[];
  ms: number;
  as_of: string;
}

/** What can be asked of Python besides counts. */
export type Topic = "values" | "sql" | "read" | "audiences";

/** The last answer to each question, under the number that it was asked with. */
export interface Answers {
  values?: { seq: number; field: string; event: string; search: string; values: Suggestion[]; error?: Label };
  sql?: { seq: number; text?: string; error?: Label };
  read?: { seq: number; rule?: Rule; problems: Problem[]; line?: number; column?: number };
}

export interface RuleBuilderTraits {
  value: Rule;
  seq: number;
  catalogue: Catalogue;
  result: Partial<Result>;
  audiences: SavedAudience[];
  answers: Answers;
  language: Language;
  read_only: boolean;
}

/** The part of the anywidget model that is used here. */
export interface Model<T> {
  get<K extends keyof T & string>(key: K): T[K];
  set<K extends keyof T & string>(key: K, value: T[K]): void;
  on(event: string, callback: () => void): void;
  off(event: string, callback: () => void): void;
  save_changes(): void;
  /** A message of its own to Python, beside the traits. */
  send(content: unknown): void;
}

/** The present value of one trait; the component renders again when it changes. */
export function useModel<T, K extends keyof T & string>(model: Model<T>, key: K): T[K] {
  const subscribe = useCallback(
    (changed: () => void) => {
      model.on(`change:${key}`, changed);
      return () => model.off(`change:${key}`, changed);
    },
    [model, key],
  );
  return useSyncExternalStore(subscribe, () => model.get(key));
}
