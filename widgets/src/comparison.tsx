// "Field, operator, value" in a row: for a person's fields, and for the properties of an event.
import { useBuilder, useWords } from "./builder_context";
import { operatorOf, operatorsFor, type Catalogue, type Field } from "./catalogue";
import { Segments, Select, useOptions, type Option, type OptionGroup } from "./controls";
import { withOperator } from "./defaults";
import type { Compared, Comparison, Missing } from "./rule";
import { ValueEditor } from "./value_editor";

interface ComparisonRowProps {
  condition: Comparison;
  field: Field | undefined;
  fieldLabel: string;
  fieldKey: string;
  fieldOptions: (Option | OptionGroup)[];
  onField: (key: string) => void;
  onChange: (condition: Comparison) => void;
}

/** A field that the catalogue lacks is shown by its name and compared as text. */
export function unknownField(condition: Comparison): Field {
  const label = { zh: condition.field, en: condition.field };
  const nothing = { zh: "", en: "" };
  return { name: condition.field, kind: condition.kind, type: "text", label, unit: "", group: nothing, description: nothing, values: [] };
}

export function ComparisonRow(props: ComparisonRowProps) {
  const { condition, fieldLabel, fieldKey, fieldOptions, onField, onChange } = props;
  const { catalogue } = useBuilder();
  const t = useWords();
  const options = useOptions();
  const field = props.field ?? unknownField(condition);
  return (
    <>
      <Select className="qa-field" label={fieldLabel} value={fieldKey} options={fieldOptions} onChange={onField} />
      <Select
        className="qa-operator"
        label={t("operator")}
        value={condition.operator}
        options={options(operatorsFor(catalogue, field.type))}
        onChange={(key) => onChange(withOperator(catalogue, condition, key, field))}
      />
      <ValueEditor
        field={field}
        operator={operatorOf(catalogue, condition.operator)}
        value={condition.value}
        onChange={(value) => onChange(withValue(condition, value))}
      />
    </>
  );
}

/** The condition with this value, or without one. */
export function withValue<T extends Compared>(condition: T, value: T["value"] | undefined): T {
  const { value: _old, ...rest } = condition;
  return (value === undefined ? rest : { ...rest, value }) as T;
}

/** Where every person has an answer, there is nobody without a value to decide about. */
export function takesMissing(catalogue: Catalogue, condition: Compared): boolean {
  if (condition.missing !== undefined) return true;
  if (condition.kind !== "event") return operatorOf(catalogue, condition.operator)?.arity !== "none";
  return !catalogue.measures.find((m) => m.key === (condition.measure?.kind ?? "count"))?.zero;
}

/** Where the choice is seen without asking for it: it was made, or the people without a value are selected. */
export function showsMissing(catalogue: Catalogue, condition: Compared): boolean {
  if (condition.missing !== undefined) return true;
  return condition.kind !== "event" && !!operatorOf(catalogue, condition.operator)?.when_missing && takesMissing(catalogue, condition);
}

interface MissingChoiceProps {
  condition: Compared;
  onChange: (condition: Compared) => void;
}

/** What holds for people without a value: what the operator declares, or a choice of one's own. */
export function MissingChoice({ condition, onChange }: MissingChoiceProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const declared = operatorOf(catalogue, condition.operator)?.when_missing ? "counted" : "notCounted";
  return (
    <div className="qa-missing">
      <span className="qa-line-label">{t("missing")}</span>
      <Segments<Missing | "default">
        label={t("missing")}
        testId="qa-missing"
        value={condition.missing ?? "default"}
        segments={[
          { key: "default", label: "missingDefault", title: t(declared) },
          { key: "include", label: "missingInclude" },
          { key: "exclude", label: "missingExclude" },
        ]}
        onChange={(key) => {
          const { missing: _old, ...rest } = condition;
          onChange(key === "default" ? (rest as Compared) : ({ ...rest, missing: key } as Compared));
        }}
      />
      <span className="qa-note">
        {t("missingDefault")}: {t(declared)}
      </span>
    </div>
  );
}
