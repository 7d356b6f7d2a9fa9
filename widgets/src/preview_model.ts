// What the live preview shares with Python: the traits that Python sets, and the messages that it listens to.
import { createContext, useContext } from "react";
import type { Label } from "./catalogue";
import type { Language, Model, Problem } from "./model";
import { sayPreview, type PreviewWord } from "./preview_words";

export const TABS = ["cuts", "reach", "breakdown", "differing", "over_time", "people"] as const;
export type Tab = (typeof TABS)[number];
export type Part = Exclude<Tab, "people"> | "sample" | "why";
export interface Head {
  turn: number;
  count: number | null;
  universe: number;
  share: number | null;
  problems: Problem[];
  as_of: string;
  snapshot: string;
}

/** An answer of Python to the rule of that turn, or why there is none. */
export interface Answered {
  turn: number;
  error?: Label;
}
interface Said {
  sentence_zh: string;
  sentence_en: string;
}
interface Named {
  label_zh: string;
  label_en: string;
}
export interface Cut extends Said {
  step: number | null;
  path: string;
  joined: "all" | "any";
  count: number;
  remaining_count: number | null;
  change_count: number | null;
  change_rate: number | null;
  only_out_count: number | null;
  only_in_count: number | null;
}
export interface Reached extends Named {
  channel: string;
  audience_count: number;
  address_count: number;
  suppressed_count: number | null;
  no_consent_count: number | null;
  reachable_count: number;
  message_count: number | null;
}
export interface Compared extends Named {
  value: string;
  audience_count: number;
  base_count: number;
  audience_size: number;
  base_size: number;
  audience_rate: number;
  base_rate: number;
  tgi: number | null;
  tgi_low: number | null;
  tgi_high: number | null;
  q_value: number | null;
  is_different: boolean;
}
export interface Differing extends Named {
  field: string;
  value: string | null;
  audience_count: number;
  base_count: number;
  audience_mean: number | null;
  base_mean: number | null;
  effect_size: number;
  tgi: number | null;
  q_value: number | null;
  is_different: boolean;
}
export interface Moment {
  as_of: string;
  count: number;
  universe: number;
  share: number;
  source: "snapshot" | "events";
}
export interface SamplePerson {
  person: string;
  cells: Label[];
}
export interface SeenEvent {
  event: string;
  label: Label;
  occurred_at: string;
  is_counted: boolean;
  reason: Label;
  step: number | null;
  properties: { name: string; label: Label; words: Label }[];
}
export interface NodeTruth {
  path: string;
  kind: string;
  is_true: boolean;
  sentence: Label;
  words: Label;
  counted: number;
  events: SeenEvent[];
}
export interface Why extends Answered {
  person_id: string;
  row: number | null;
  is_in: boolean;
  nodes: NodeTruth[];
  reasons: string[][];
  changes: string[][];
  is_exact: boolean;
  zone: string;
}

export interface PreviewTraits {
  language: Language;
  head: Partial<Head>;
  tab: Tab;
  fields: (Label & { name: string })[];
  by: string;
  work: Partial<Record<Part, "working" | "cancelled">>;
  cuts: Partial<Answered & { rows: Cut[] }>;
  reach: Partial<Answered & { rows: Reached[]; has_addresses: boolean }>;
  breakdown: Partial<Answered & { by: string; rows: Compared[] }>;
  differing: Partial<Answered & { rows: Differing[] }>;
  over_time: Partial<Answered & { rows: Moment[]; is_dated: boolean }>;
  sample: Partial<Answered & { columns: (Label & { name: string })[]; rows: SamplePerson[] }>;
  why: Partial<Why>;
}

export interface Preview {
  model: Model<PreviewTraits>;
  language: Language;
  head: Partial<Head>;
  send: (ask: string, more?: Record<string, string | number>) => void;
}

export const PreviewContext = createContext<Preview | undefined>(undefined);

export function usePreview(): Preview {
  const preview = useContext(PreviewContext);
  if (!preview) throw new Error("There is no live preview around this part.");
  return preview;
}

/** Words of this widget, labels of the data, and either of the two names that a row carries. */
export function usePreviewWords() {
  const { language } = usePreview();
  return {
    t: (word: PreviewWord, values: Record<string, string | number> = {}) => sayPreview(language, word, values),
    of: (label: Label) => label[language],
    named: (row: Named) => (language === "zh" ? row.label_zh : row.label_en),
    said: (row: Said) => (language === "zh" ? row.sentence_zh : row.sentence_en),
  };
}
