// The editor of a time window: the last n units, a stretch some time ago, two dates, or ever.
import { useBuilder, useWords } from "./builder_context";
import { lastDays, today } from "./catalogue";
import { Checkbox, DateInput, NumberInput, Select, useOptions } from "./controls";
import type { Ago, Dates, Last, Unit, Window } from "./rule";

const WITH_CALENDAR: readonly Unit[] = ["day", "week", "month"];

interface UnitProps {
  value: Unit;
  onChange: (unit: Unit) => void;
  wholeDays?: boolean;
}

function UnitSelect({ value, onChange, wholeDays }: UnitProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const options = useOptions();
  const units = catalogue.units.filter((u) => !wholeDays || WITH_CALENDAR.includes(u.key as Unit));
  return <Select label={t("unit")} value={value} options={options(units)} onChange={(unit) => onChange(unit as Unit)} />;
}

interface LastProps {
  value: Last;
  onChange: (value: Last) => void;
  /** For a field that holds days: minutes and hours are not offered. */
  wholeDays?: boolean;
}

/** "The last n units", with the choice of whole days where the unit has days. */
export function LastEditor({ value, onChange, wholeDays }: LastProps) {
  const t = useWords();
  return (
    <span className="qa-window-part">
      <NumberInput label={t("length")} value={value.n} min={1} whole onChange={(n) => n !== undefined && onChange({ ...value, n })} />
      <UnitSelect
        value={value.unit}
        wholeDays={wholeDays}
        onChange={(unit) => onChange({ ...value, unit, calendar: WITH_CALENDAR.includes(unit) && (value.calendar ?? false) })}
      />
      {WITH_CALENDAR.includes(value.unit) && (
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
  const t = useWords();
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
      <UnitSelect value={value.unit} onChange={(unit) => onChange({ ...value, unit })} />
      <span className="qa-between">{t("ago")}</span>
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

export function WindowEditor({ value, onChange }: { value: Window; onChange: (value: Window) => void }) {
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
      <Select label={t("windowKind")} value={value.kind} options={options(catalogue.windows)} onChange={(kind) => onChange(start(kind))} />
      {value.kind === "last" && <LastEditor value={value} onChange={onChange} />}
      {value.kind === "ago" && <AgoEditor value={value} onChange={onChange} />}
      {value.kind === "dates" && <DatesEditor value={value} onChange={onChange} />}
    </span>
  );
}
