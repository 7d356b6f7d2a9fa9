// Conditions on the person alone: membership of a saved audience, and a random part of everybody.
import { useEffect, useRef } from "react";
import { useBuilder, useWords } from "./builder_context";
import { NumberInput, Segments, Select, TextInput } from "./controls";
import type { InAudience, RandomSplit } from "./rule";
import { digits } from "./words";

interface AudienceProps {
  condition: InAudience;
  onChange: (condition: InAudience) => void;
}

/** The name of a saved audience, its version, and whether its members are meant or everybody else. */
export function AudienceHead({ condition, onChange }: AudienceProps) {
  const { catalogue, ask } = useBuilder();
  const t = useWords();
  const saved = catalogue.audiences ?? [];
  const chosen = saved.find((a) => a.name === condition.audience);
  // Somebody may have saved one since the page was opened.
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => void latest.current("audiences"), []);
  const folders = [...new Set(saved.map((a) => a.folder))];
  const inFolder = (folder: string) =>
    saved.filter((a) => a.folder === folder).map((a) => ({ key: a.name, label: a.count === null ? a.name : `${a.name} · ${digits(a.count)}` }));
  const { version: _old, ...rest } = condition;
  return (
    <>
      <Segments
        label={t("membership")}
        testId="qa-member"
        value={condition.member === false ? "out" : "in"}
        segments={[
          { key: "in", label: "memberIn" },
          { key: "out", label: "memberOut" },
        ]}
        onChange={(key) => onChange({ ...condition, member: key === "in" })}
      />
      <Select
        className="qa-field"
        label={t("audience")}
        value={condition.audience}
        options={folders.length > 1 ? folders.map((f) => ({ label: f || t("noFolder"), options: inFolder(f) })) : inFolder(folders[0] ?? "")}
        onChange={(audience) => onChange({ ...rest, audience })}
      />
      <Select
        label={t("version")}
        value={condition.version == null ? "" : String(condition.version)}
        options={[
          { key: "", label: chosen ? t("activeVersion", { n: chosen.active }) : t("activeVersionOnly") },
          ...Array.from({ length: chosen?.newest ?? 0 }, (_one, i) => (chosen?.newest ?? 0) - i).map((n) => ({ key: String(n), label: t("versionNumber", { n }) })),
        ]}
        onChange={(key) => onChange(key === "" ? rest : { ...rest, version: Number(key) })}
      />
      {chosen?.note && <span className="qa-note">{chosen.note}</span>}
    </>
  );
}

interface SplitProps {
  condition: RandomSplit;
  onChange: (condition: RandomSplit) => void;
}

// A share is kept as the number that is typed, not as one that is off by the last bit.
const toShare = (percent: number): number => Number((percent / 100).toPrecision(12));
const toPercent = (share: number): number => Number((share * 100).toPrecision(12));

export function SplitHead({ condition, onChange }: SplitProps) {
  const t = useWords();
  return (
    <TextInput label={t("salt")} title={t("saltHint")} value={condition.salt} required onChange={(salt) => onChange({ ...condition, salt })} />
  );
}

/** From which to which percent of the split; the bar shows the part. */
export function SplitCard({ condition, onChange }: SplitProps) {
  const t = useWords();
  const [low, high] = [condition.low ?? 0, condition.high];
  return (
    <div className="qa-event">
      <div className="qa-line">
        <span className="qa-line-label">{t("part")}</span>
        <span className="qa-window-part">
          <NumberInput label={t("fromShare")} unit="%" value={toPercent(low)} min={0} max={100} onChange={(p) => p !== undefined && onChange({ ...condition, low: toShare(p) })} />
          <span className="qa-between">{t("between")}</span>
          <NumberInput label={t("toShare")} unit="%" value={toPercent(high)} min={0} max={100} onChange={(p) => p !== undefined && onChange({ ...condition, high: toShare(p) })} />
          <span className="qa-share" role="img" aria-label={t("shareOfAll", { n: toPercent(Math.max(0, high - low)) })}>
            <span style={{ left: `${100 * Math.min(1, low)}%`, width: `${100 * Math.max(0, Math.min(1, high) - low)}%` }} />
          </span>
          <span className="qa-note">{t("shareOfAll", { n: Number(toPercent(Math.max(0, high - low)).toPrecision(6)) })}</span>
        </span>
      </div>
      <p className="qa-note">{t("saltHint")}</p>
    </div>
  );
}
