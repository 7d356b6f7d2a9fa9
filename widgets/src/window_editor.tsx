// The editors of time: a window (the last n units, a stretch some time ago, two dates, ever), a length, periods.
import { useBuilder, useWords } from "./builder_context";
import { takesWholeDays } from "./catalogue";
import { Checkbox, DateInput, NumberInput, Select, useOptions } from "./controls";
import { lastDays, today } from "./defaults";
import type { Ago, Dates, Duration, Last, Unit, Window } from "./rule";

interface UnitProps {
  value: Unit;
  onChange: (unit: Unit) => void;
  wholeDays?: boolean;
  /** Only units that are always of the same length. */
  lengths?: boolean;
}

export function UnitSelect({ value, onChange, wholeDays, lengths }: UnitProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const options = useOptions();
  const units = catalogue.units.filter((u) => (!wholeDays || u.whole_days) && (!lengths || u.length));
  return <Select label={t("unit")} value={value} options={options(units)} onChange={(unit) => onChange(unit as Unit)} />;
}

interface LastProps {
  value: Last;
  label?: string;
  onChange: (value: Last) => void;
  /** For a field that holds days: minutes and hours are not offered. */
  wholeDays?: boolean;
}

/** "The last n units", with the choice of whole days where the unit has days. */
export function LastEditor({ value, label, onChange, wholeDays }: LastProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  return (
    <span className="qa-window-part">
      <NumberInput label={label ?? t("length")} value={value.n} min={1} max={catalogue.limits.units} whole onChange={(n) => n !== undefined && onChange({ ...value, n })} />
      <UnitSelect
        value={value.unit}
        wholeDays={wholeDays}
        onChange={(unit) => onChange({ ...value, unit, calendar: takesWholeDays(catalogue, unit) && (value.calendar ?? false) })}
      />
      {takesWholeDays(catalogue, value.unit) && (
        <Checkbox
          label={t("calendar")}
          title={t("calendarHint")}
          checked={value.calendar ?? false}
          onChange={(calendar) => onChange({ ...value, calendar })}
        />
      )}
    </span>
  );
}

function AgoEditor({ value, onChange }: { value: Ago; onChange: (value: Ago) => void }) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const written = ({ calendar, ...rest }: Ago): Ago => (calendar && takesWholeDays(catalogue, rest.unit) ? { ...rest, calendar } : rest);
  return (
    <span className="qa-window-part">
      <NumberInput
        label={t("far")}
        value={value.far}
        min={value.near + 1}
        whole
        onChange={(far) => far !== undefined && onChange({ ...value, far })}
      />
      <span className="qa-between">{t("between")}</span>
      <NumberInput
        label={t("near")}
        value={value.near}
        min={0}
        max={value.far - 1}
        whole
        onChange={(near) => near !== undefined && onChange({ ...value, near })}
      />
      <UnitSelect value={value.unit} onChange={(unit) => onChange(written({ ...value, unit }))} />
      <span className="qa-between">{t("ago")}</span>
      {takesWholeDays(catalogue, value.unit) && (
        <Checkbox
          label={t("calendar")}
          title={t("calendarHint")}
          checked={value.calendar ?? false}
          onChange={(calendar) => onChange(written({ ...value, calendar }))}
        />
      )}
    </span>
  );
}

function DatesEditor({ value, onChange }: { value: Dates; onChange: (value: Dates) => void }) {
  const t = useWords();
  return (
    <span className="qa-window-part">
      <DateInput
        label={t("first")}
        value={value.first}
        max={value.last}
        onChange={(first) => onChange({ ...value, first })}
      />
      <span className="qa-between">{t("between")}</span>
      <DateInput
        label={t("last")}
        value={value.last}
        min={value.first}
        onChange={(last) => onChange({ ...value, last })}
      />
    </span>
  );
}

interface DurationProps {
  label: string;
  /** What it says without a length, such as "any time later". */
  without: string;
  /** What stands before a length, such as "within". */
  within: string;
  value: Duration | null | undefined;
  onChange: (value: Duration | undefined) => void;
}

/** A length of time, or none. */
export function DurationEditor({ label, without, within, value, onChange }: DurationProps) {
  const { catalogue } = useBuilder();
  return (
    <span className="qa-window-part" role="group" aria-label={label}>
      <Select
        className="qa-duration"
        label={label}
        value={value ? "within" : "without"}
        options={[
          { key: "without", label: without },
          { key: "within", label: within },
        ]}
        onChange={(key) => onChange(key === "within" ? { n: 7, unit: "day" } : undefined)}
      />
      {value && (
        <>
          <NumberInput label={label} value={value.n} min={1} max={catalogue.limits.units} whole onChange={(n) => n !== undefined && onChange({ ...value, n })} />
          <UnitSelect value={value.unit} lengths onChange={(unit) => onChange({ ...value, unit })} />
        </>
      )}
    </span>
  );
}

interface WindowProps {
  value: Window;
  onChange: (value: Window) => void;
  /** The kinds that are offered; all without it. */
  kinds?: readonly string[];
}

export function WindowEditor({ value, onChange, kinds }: WindowProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const options = useOptions();
  const day = today(catalogue);
  const start = (kind: string): Window => {
    switch (kind) {
      case "ago":
        return value.kind === "last" ? { kind: "ago", near: value.n, far: 2 * value.n, unit: value.unit } : { kind: "ago", near: 30, far: 60, unit: "day" };
      case "dates":
        return { kind: "dates", first: `${day.slice(0, 8)}01`, last: day };
      case "ever":
        return { kind: "ever" };
      default:
        return value.kind === "ago" ? { kind: "last", n: value.far, unit: value.unit, calendar: false } : lastDays(catalogue);
    }
  };
  return (
    <span className="qa-window">
      <Select label={t("windowKind")} value={value.kind} options={options(catalogue.windows.filter((w) => !kinds || kinds.includes(w.key)))} onChange={(kind) => onChange(start(kind))} />
      {value.kind === "last" && <LastEditor value={value} onChange={onChange} />}
      {value.kind === "ago" && <AgoEditor value={value} onChange={onChange} />}
      {value.kind === "dates" && <DatesEditor value={value} onChange={onChange} />}
    </span>
  );
}
