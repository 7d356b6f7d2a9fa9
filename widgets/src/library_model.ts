// The traits that the audience library shares with Python, typed once, and how it asks.
import type { Label } from "./catalogue";
import type { Language, Model } from "./model";

export interface ShelfRow {
  name: string;
  folder: string;
  tags: string[];
  newest: number;
  active: number;
  author: string;
  note: string;
  saved_at: string;
  count: number | null;
  share: number | null;
  /** Counted at this snapshot, at an older one, or not at all. */
  fresh: "now" | "older" | "";
  counted_as_of: string | null;
  used_count: number;
}
export interface VersionRow {
  number: number;
  author: string;
  note: string;
  saved_at: string;
  restores: number | null;
  labels: string[];
  sentence: Label;
}
export interface UseRow {
  kind: "audience" | "campaign";
  name: string;
  number: number | null;
  refers_to: number | null;
}
export interface Opened {
  name: string;
  newest: number;
  active: number;
  description: string;
  versions: VersionRow[];
  more_versions: number;
  used_by: UseRow[];
}
/** What the builder holds; empty where there is none. */
export interface Draft {
  name: string;
  version: number | null;
  changed: boolean;
  count: number | null;
  universe: number;
  sentence: Label;
  /** Empty while the rule has a fault. */
  rule_hash: string;
  has_fault: boolean;
}
/** A number of a version, or `draft`: the rule in the builder. */
export type Side = number | "draft";
export interface People {
  heads: Label[];
  rows: Label[][];
}
export interface ChangeRow extends Label {
  kind: string;
  entering_count: number;
  leaving_count: number;
}
export interface Compared {
  name: string;
  old: Side;
  new: Side;
  /** Of the builder's rule, where it is one of the sides. */
  rule_hash: string;
  old_count: number;
  new_count: number;
  entering_count: number;
  leaving_count: number;
  changes: ChangeRow[];
  priority: Label | null;
  entering: People;
  leaving: People;
}
export interface Conflict {
  name: string;
  number: number;
  author: string;
  note: string;
  saved_at: string;
}
export interface Combination {
  audiences: string[];
  people_count: number;
}

type Told<T = object> = { seq: number; ok: boolean; zh?: string; en?: string } & Partial<T>;
export interface LibraryAnswers {
  open?: Told;
  load?: Told;
  save?: Told<{ conflict: Conflict }>;
  compare?: Told<Compared>;
  rollback?: Told;
  activate?: Told;
  file?: Told;
  overlap?: Told<{ names: string[]; rows: Combination[] }>;
  combine?: Told;
  draft?: Told<{ file: string; text: string }>;
  members?: Told<{ file: string; text: string }>;
  count?: Told;
  reload?: Told;
}
export type LibraryTopic = keyof LibraryAnswers;

export interface LibraryTraits {
  shelf: ShelfRow[];
  opened: Partial<Opened>;
  draft: Partial<Draft>;
  about: { author: string; snapshot: string; as_of: string; people_count: number };
  answers: LibraryAnswers;
  read_only: boolean;
  language: Language;
}

/** What may take over a second where there are many people, and can be cancelled. */
export const SLOW: ReadonlySet<LibraryTopic> = new Set(["compare", "overlap", "count"]);

export type Ask = (topic: LibraryTopic | "cancel", said?: Record<string, string | string[]>) => number;

// Several views of one widget share the answers: the numbers of one never meet those of another.
let asked = Date.now();

export function askOf(model: Pick<Model<LibraryTraits>, "send">): Ask {
  return (topic, said = {}) => {
    asked += 1;
    model.send({ ask: topic, seq: asked, ...said });
    return asked;
  };
}

/** Audiences whose name, folder, tags, author or note hold every word that is typed, in a folder or below it. */
export function found(shelf: ShelfRow[], search: string, folder: string): ShelfRow[] {
  const words = search.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return shelf.filter((row) => {
    if (folder && row.folder !== folder && !row.folder.startsWith(`${folder}/`)) return false;
    const text = [row.name, row.folder, row.author, row.note, ...row.tags].join("\n").toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** Every folder that something lies in, and every folder above one. */
export function foldersOf(shelf: ShelfRow[]): string[] {
  const all = new Set<string>();
  for (const { folder } of shelf) {
    const parts = folder.split("/");
    if (folder) parts.forEach((_, i) => all.add(parts.slice(0, i + 1).join("/")));
  }
  return [...all].sort();
}
