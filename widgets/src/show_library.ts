// For tests: a library on a page with a model in place of Python.
import { act } from "@testing-library/react";
import widget from "./audience_library";
import type { Compared, Draft, LibraryAnswers, LibraryTopic, LibraryTraits, Opened, ShelfRow } from "./library_model";
import type { Model } from "./model";
import { unmounts } from "./show_builder";

export interface FakeLibrary extends Model<LibraryTraits> {
  state: LibraryTraits;
  sends: ({ ask: LibraryTopic; seq: number } & Record<string, unknown>)[];
  listeners: Map<string, Set<() => void>>;
}

export const row = (name: string, more: Partial<ShelfRow> = {}): ShelfRow => ({
  name,
  folder: "",
  tags: [],
  newest: 1,
  active: 1,
  author: "Li",
  note: "",
  saved_at: "2026-06-01T08:30:00Z",
  count: 1234,
  share: 0.25,
  fresh: "now",
  counted_as_of: "2026-06-01T00:00:00Z",
  used_count: 0,
  ...more,
});
const words = (en: string) => ({ zh: `中 ${en}`, en });
const version = (number: number) => ({
  number,
  author: "Li",
  note: `note ${number}`,
  saved_at: "2026-06-01T08:30:00Z",
  restores: null,
  labels: [],
  sentence: words(`rule ${number}`),
});
export const OPENED: Opened = {
  name: "regulars",
  newest: 2,
  active: 1,
  description: "",
  versions: [version(2), version(1)],
  more_versions: 0,
  used_by: [
    { kind: "audience", name: "dear", number: 4, refers_to: null },
    { kind: "campaign", name: "spring", number: null, refers_to: null },
  ],
};
export const DRAFT: Draft = {
  name: "regulars",
  version: 2,
  changed: true,
  count: 987,
  universe: 5000,
  sentence: words("rule mine"),
  rule_hash: "aaa",
  has_fault: false,
};
const nobody = { heads: [words("Person")], rows: [] };
export const COMPARED: Compared = {
  name: "regulars",
  old: 2,
  new: "draft",
  rule_hash: "aaa",
  old_count: 1234,
  new_count: 987,
  entering_count: 12,
  leaving_count: 259,
  changes: [{ kind: "changed", ...words("window 30 → 60 days"), entering_count: 12, leaving_count: 259 }],
  priority: null,
  entering: { heads: [words("Person")], rows: [[words("p0•••12")]] },
  leaving: nobody,
};

/** A new library at the end of the page. */
export function showLibrary(traits: Partial<LibraryTraits> = {}): FakeLibrary {
  const state: LibraryTraits = {
    shelf: [row("regulars", { newest: 2, used_count: 2 }), row("VIP", { folder: "care/core", tags: ["q3"], author: "Wang", count: null, share: null, fresh: "" })],
    opened: {},
    draft: DRAFT,
    about: { author: "Li", snapshot: "s", as_of: "2026-06-01T00:00:00Z", people_count: 5000 },
    answers: {},
    read_only: false,
    language: "en",
    ...traits,
  };
  const listeners = new Map<string, Set<() => void>>();
  const model: FakeLibrary = {
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
    send: (content) => void model.sends.push(content as FakeLibrary["sends"][number]),
    save_changes: () => undefined,
  };
  const el = document.body.appendChild(document.createElement("div"));
  act(() => void unmounts.push(widget.render({ model, el })));
  return model;
}

/** Python answers what was asked last. */
export function told<T extends LibraryTopic>(model: FakeLibrary, more: Partial<NonNullable<LibraryAnswers[T]>> = {}): void {
  const { ask, seq } = model.sends.at(-1)!;
  act(() => model.set("answers", { ...model.state.answers, [ask]: { seq, ok: true, ...more } }));
}
