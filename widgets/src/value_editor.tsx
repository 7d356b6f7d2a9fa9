// The editor of a value, chosen by how many values the operator takes and by the type of the field.
import { useState } from "react";
import { useBuilder, useWords } from "./builder_context";
import { MEASURED, type Field, type Operator } from "./catalogue";
import { DateInput, NumberInput, readNumber, Select } from "./controls";
import { lastDays, valueFor } from "./defaults";
import type { Scalar, Value } from "./rule";
import { Suggest } from "./suggest";
import { LastEditor } from "./window_editor";

interface ValueEditorProps {
  field: Field;
  operator: Operator | undefined;
  value: Value | undefined;
  /** `undefined` takes the value away: the form is not filled in yet. */
  onChange: (value: Value | undefined) => void;
}

export function ValueEditor({ field, operator, value, onChange }: ValueEditorProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const label = field.name ? `${t(field.label)} · ${t("value")}` : t("value");
  switch (operator?.arity) {
    case "none":
      return null;
    case "two": {
      const [low, high] = Array.isArray(value) ? value : [undefined, undefined];
      const set = (pair: (Scalar | undefined)[]) =>
        onChange(pair.some((v) => v === undefined) ? valueFor(catalogue, operator, field) : (pair as Scalar[]));
      return (
        <span className="qa-pair">
          <OneValue field={{ ...field, unit: "" }} label={t("low")} value={low} onChange={(v) => v !== undefined && set([v, high])} />
          <span className="qa-between">{t("between")}</span>
          <OneValue field={field} label={t("high")} value={high} onChange={(v) => v !== undefined && set([low, v])} />
        </span>
      );
    }
    case "days": {
      const days = { ...MEASURED, unit: t("days") };
      return <OneValue field={days} label={label} value={typeof value === "number" ? value : undefined} onChange={onChange} />;
    }
    case "many":
      return <ManyValues field={field} label={label} values={Array.isArray(value) ? value : []} onChange={onChange} />;
    case "window": {
      const last = value && typeof value === "object" && !Array.isArray(value) ? value : lastDays(catalogue);
      return <LastEditor value={last} onChange={onChange} wholeDays />;
    }
    default: {
      const one = value === null || typeof value === "object" ? undefined : value;
      return <OneValue field={field} label={label} value={one} onChange={onChange} />;
    }
  }
}

interface OneValueProps {
  field: Field;
  label: string;
  value: Scalar | undefined;
  onChange: (value: Scalar | undefined) => void;
}

function OneValue({ field, label, value, onChange }: OneValueProps) {
  const t = useWords();
  switch (field.type) {
    case "number":
      return (
        <NumberInput label={label} unit={typeof field.unit === "string" ? field.unit : t(field.unit)} value={typeof value === "number" ? value : undefined} onChange={onChange} />
      );
    case "date":
      return <DateInput label={label} value={typeof value === "string" ? value : ""} onChange={onChange} />;
    case "boolean":
      return (
        <Select
          label={label}
          value={String(value)}
          options={[
            { key: "true", label: t("yes") },
            { key: "false", label: t("no") },
          ]}
          onChange={(key) => onChange(key === "true")}
        />
      );
    default:
      return (
        <Suggest
          label={label}
          text={value === undefined ? "" : String(value)}
          placeholder={t("typeValue")}
          field={field}
          onText={onChange}
          onPick={(s) => onChange(s.value)}
        />
      );
  }
}

interface ManyValuesProps {
  field: Field;
  label: string;
  values: Scalar[];
  onChange: (values: Scalar[]) => void;
}

/** A list of values as chips; more are typed, pasted or taken from the suggestions. */
function ManyValues({ field, label, values, onChange }: ManyValuesProps) {
  const { readOnly } = useBuilder();
  const t = useWords();
  const [draft, setDraft] = useState("");

  const add = (texts: Scalar[]) => {
    const read = texts.flatMap((text) => readScalar(field, text) ?? []);
    const fresh = read.filter((v, i) => !values.includes(v) && read.indexOf(v) === i);
    if (fresh.length) onChange([...values, ...fresh]);
    return read.length > 0;
  };
  const addDraft = () => {
    if (draft.trim() === "") return;
    if (add([draft])) setDraft("");
  };
  return (
    <span className="qa-chips" role="group" aria-label={label}>
      {values.map((v, i) => (
        <span className="qa-chip" key={`${typeof v}:${String(v)}`}>
          <span className="qa-chip-text">{String(v)}</span>
          {!readOnly && (
            <button
              type="button"
              aria-label={`${t("removeValue")} ${String(v)}`}
              onClick={() => onChange(values.toSpliced(i, 1))}
            >
              ×
            </button>
          )}
        </span>
      ))}
      {!readOnly && (
        <Suggest
          label={`${label} · ${t("addValue")}`}
          type={field.type === "date" ? "date" : undefined}
          text={draft}
          placeholder={t("addValue")}
          field={field}
          except={values}
          onText={setDraft}
          onPick={(s) => {
            add([s.value]);
            setDraft("");
          }}
          onEnter={addDraft}
          onBlur={addDraft}
          onEmptyBackspace={() => values.length && onChange(values.slice(0, -1))}
          onPaste={(text) => {
            const parts = text.split(/[\n\r\t,，、;；]+/).filter((part) => part.trim() !== "");
            return parts.length > 1 && add(parts);
          }}
        />
      )}
    </span>
  );
}

/** A typed value in the type of the field; undefined if it is none. */
function readScalar(field: Field, value: Scalar): Scalar | undefined {
  if (field.type === "number") return typeof value === "number" ? value : readNumber(String(value));
  return typeof value === "string" ? value.trim() || undefined : value;
}
