// What an event condition says below its head: when, how much, and filtered by what.
import { useBuilder, useWords } from "./builder_context";
import { eventOf, MEASURED, measureOperators, measuresFor, operatorOf, propertiesFor } from "./catalogue";
import { withValue } from "./comparison";
import { Select, useOptions } from "./controls";
import { measureOf, withOperator } from "./defaults";
import { WhereLine } from "./filters";
import type { EventCondition, Group } from "./rule";
import { ValueEditor } from "./value_editor";
import { WindowEditor } from "./window_editor";

interface EventCardProps {
  condition: EventCondition;
  onChange: (condition: EventCondition) => void;
}

export function EventCard({ condition, onChange }: EventCardProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const event = eventOf(catalogue, condition.event);
  return (
    <div className="qa-event">
      <div className="qa-line">
        <span className="qa-line-label">{t("time")}</span>
        <WindowEditor value={condition.window ?? { kind: "ever" }} onChange={(window) => onChange({ ...condition, window })} />
      </div>
      <div className="qa-line">
        <span className="qa-line-label">{t("measure")}</span>
        <MeasureEditor condition={condition} onChange={onChange} />
      </div>
      <WhereLine event={event} where={condition.where} onChange={(where) => onChange(withWhere(condition, where))} />
    </div>
  );
}

/** The same condition or step with these filters, or with none. */
export function withWhere<T extends { where?: Group | null }>(one: T, where: Group | undefined): T {
  const { where: _old, ...rest } = one;
  return (where ? { ...rest, where } : rest) as T;
}

/** Measure, its property if it needs one, the comparison, and the value in the measure's unit. */
function MeasureEditor({ condition, onChange }: EventCardProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const options = useOptions();
  const event = eventOf(catalogue, condition.event);
  const measure = condition.measure ?? { kind: "count" };
  const type = catalogue.measures.find((m) => m.key === measure.kind);
  const properties = propertiesFor(type, event);
  const operator = condition.operator ?? ">=";
  const of = type?.needs === "number" ? event?.properties.find((p) => p.name === measure.property)?.unit : undefined;
  const measured = { ...MEASURED, unit: of ?? unitOf(measure.kind, t) };
  return (
    <span className="qa-controls">
      <Select
        className="qa-measure"
        label={t("measure")}
        value={measure.kind}
        options={options(measuresFor(catalogue, event))}
        onChange={(key) => {
          const next = catalogue.measures.find((m) => m.key === key);
          onChange({ ...condition, measure: measureOf(next, event, measure.property) });
        }}
      />
      {(properties.length > 0 || measure.property) && (
        <Select
          label={t("property")}
          value={measure.property ?? ""}
          options={properties.map((p) => ({ key: p.name, label: t(p.label) }))}
          onChange={(property) => onChange({ ...condition, measure: { ...measure, property } })}
        />
      )}
      <Select
        className="qa-operator"
        label={t("operator")}
        value={operator}
        options={options(measureOperators(catalogue))}
        onChange={(key) => onChange(withOperator(catalogue, condition, key, measured))}
      />
      <ValueEditor
        field={measured}
        operator={operatorOf(catalogue, operator)}
        value={"value" in condition ? condition.value : condition.operator === undefined ? 1 : undefined}
        onChange={(value) => onChange(withValue(condition, value))}
      />
    </span>
  );
}

function unitOf(measure: string, t: (word: "times" | "days") => string): string {
  if (measure === "count") return t("times");
  return measure === "active_days" || measure.startsWith("days_since") ? t("days") : "";
}
