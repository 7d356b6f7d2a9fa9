// The words of the live preview in both languages. Sentences, labels and errors come from Python.
import type { Label } from "./catalogue";
import type { Language } from "./model";

const WORDS = {
  title: { zh: "人群预览", en: "Preview" },
  people: { zh: "人", en: "people" },
  ofUniverse: { zh: "占 {n} 人的", en: "of {n}:" },
  sinceEdit: { zh: "与上次相比 {n}", en: "{n} since the last edit" },
  fault: { zh: "规则还不完整，修正后继续：", en: "The rule is not complete yet. To be corrected:" },
  tabs: { zh: "预览内容", en: "What to preview" },
  cuts: { zh: "条件影响", en: "What cuts" },
  reach: { zh: "可触达", en: "Reach" },
  breakdown: { zh: "对比", en: "Compare" },
  differing: { zh: "差异标签", en: "What differs" },
  over_time: { zh: "走势", en: "Over time" },
  people_tab: { zh: "样例与原因", en: "People and why" },
  waiting: { zh: "计算中…", en: "Computing…" },
  working: { zh: "已计算 {n} 秒", en: "Computing for {n} s" },
  cancel: { zh: "取消", en: "Cancel" },
  cancelled: { zh: "已取消。", en: "Cancelled." },
  again: { zh: "重新计算", en: "Compute again" },
  asOf: { zh: "数据截至", en: "Data as of" },
} satisfies Record<string, Label>;

export type PreviewWord = keyof typeof WORDS;

/** Text by key in one language; `{name}` is filled from `values`. */
export function sayPreview(language: Language, word: PreviewWord, values: Record<string, string | number> = {}): string {
  const text: string = WORDS[word][language];
  return text.replace(/\{(\w+)\}/g, (_all, name: string) => String(values[name] ?? ""));
}
