// What a lifecycle condition says below its head: the habit, when, since when, or over which periods.
import { useBuilder, useWords } from "./builder_context";
import { eventLabel, eventOf, offeredEvents, takesWholeDays } from "./catalogue";
import { Checkbox, NumberInput, Select, useOptions } from "./controls";
import { lastDays, withPattern } from "./defaults";
import { withWhere } from "./event_card";
import { WhereLine } from "./filters";
import type { Lifecycle } from "./rule";
import { withEvent } from "./sequence";
import { LastEditor, UnitSelect, WindowEditor } from "./window_editor";

interface LifecycleProps {
  condition: Lifecycle;
  onChange: (condition: Lifecycle) => void;
}

/** "Purchase · restarted": the part that stands in the head of the card. */
export function LifecycleHead({ condition, onChange }: LifecycleProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const options = useOptions();
  return (
    <>
      <Select
        className="qa-field"
        label={t("event")}
        value={condition.event}
        options={offeredEvents(catalogue, condition.event).map((e) => ({ key: e.name, label: t(eventLabel(e)) }))}
        onChange={(name) => {
          const event = eventOf(catalogue, name);
          if (event) onChange(withEvent(condition, event));
        }}
      />
      <Select
        label={t("pattern")}
        value={condition.pattern}
        options={options(catalogue.patterns)}
        onChange={(key) => onChange(withPattern(catalogue, condition, key))}
      />
    </>
  );
}

export function LifecycleCard({ condition, onChange }: LifecycleProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const pattern = catalogue.patterns.find((p) => p.key === condition.pattern);
  return (
    <div className="qa-event">
      {pattern && <p className="qa-note">{t(pattern.description)}</p>}
      {pattern?.periods && (
        <div className="qa-line">
          <span className="qa-line-label">{t("periods")}</span>
          <Periods condition={condition} onChange={onChange} />
        </div>
      )}
      {!!pattern?.windows.length && (
        <div className="qa-line">
          <span className="qa-line-label">{t("time")}</span>
          <WindowEditor
            value={condition.window ?? { kind: "ever" }}
            kinds={pattern.windows}
            onChange={(window) => onChange({ ...condition, window })}
          />
        </div>
      )}
      {pattern && pattern.before !== "none" && (
        <div className="qa-line">
          <span className="qa-line-label">{t(pattern.before === "required" ? "beforeWithout" : "beforeWith")}</span>
          <Before condition={condition} optional={pattern.before === "optional"} onChange={onChange} />
        </div>
      )}
      <WhereLine
        event={eventOf(catalogue, condition.event)}
        where={condition.where}
        onChange={(where) => onChange(withWhere(condition, where))}
      />
    </div>
  );
}

/** The time right before the window, or all of it. */
function Before({ condition, optional, onChange }: LifecycleProps & { optional: boolean }) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const { before: _old, ...rest } = condition;
  return (
    <span className="qa-window">
      {optional && (
        <Select
          label={t("before")}
          value={condition.before ? "last" : "ever"}
          options={[
            { key: "ever", label: t("anyTimeBefore") },
            { key: "last", label: t("inTheTimeBefore") },
          ]}
          onChange={(key) => onChange(key === "last" ? { ...rest, before: { ...lastDays(catalogue), n: 90 } } : rest)}
        />
      )}
      {condition.before && <LastEditor label={t("before")} value={condition.before} onChange={(before) => onChange({ ...rest, before })} />}
    </span>
  );
}

/** "In at least k of the last m weeks". */
function Periods({ condition, onChange }: LifecycleProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const { k, m, unit } = condition;
  const most = catalogue.limits.periods;
  return (
    <span className="qa-window-part">
      <span className="qa-between">{t("atLeast")}</span>
      <NumberInput label={t("activePeriods")} value={k ?? undefined} min={1} max={m ?? most} whole onChange={(next) => next !== undefined && onChange({ ...condition, k: next })} />
      <span className="qa-between">{t("ofTheLast")}</span>
      <NumberInput label={t("allPeriods")} value={m ?? undefined} min={k ?? 1} max={most} whole onChange={(next) => next !== undefined && onChange({ ...condition, m: next })} />
      <UnitSelect
        value={unit ?? "week"}
        onChange={(next) => onChange({ ...condition, unit: next, calendar: takesWholeDays(catalogue, next) && (condition.calendar ?? false) })}
      />
      {takesWholeDays(catalogue, unit ?? "week") && (
        <Checkbox
          label={t("calendarPeriods")}
          title={t("calendarPeriodsHint")}
          checked={condition.calendar ?? false}
          onChange={(calendar) => onChange({ ...condition, calendar })}
        />
      )}
    </span>
  );
}
