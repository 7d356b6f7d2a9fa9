// Small controls that every card is made of: selects, inputs, buttons, icons.
import { useEffect, useState, type ReactNode } from "react";
import { useBuilder, useWords } from "./builder_context";
import type { Label } from "./catalogue";
import type { Word } from "./words";

const ICONS = {
  drag: "M6 4h.01M10 4h.01M6 8h.01M10 8h.01M6 12h.01M10 12h.01",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  remove: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3.5v9M3.5 8h9",
  more: "M4 8h.01M8 8h.01M12 8h.01",
  locked: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 015 0v2.5",
  unlocked: "M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 014.8-1",
  source: "M5.5 4.5L2 8l3.5 3.5M10.5 4.5L14 8l-3.5 3.5",
  undo: "M6 3.5L3 6.5l3 3M3.5 6.5H10a3.5 3.5 0 010 7H7",
  redo: "M10 3.5l3 3-3 3M12.5 6.5H6a3.5 3.5 0 000 7h3",
  search: "M7 11.5a4.5 4.5 0 100-9 4.5 4.5 0 000 9zM10.5 10.5l3 3",
  down: "M4 6.5l4 4 4-4",
  warning: "M8 2.5l6 11H2zM8 6.5v3.5M8 12h.01",
  people: "M6 8a2.5 2.5 0 100-5 2.5 2.5 0 000 5zM1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M11 8a2 2 0 10-1-3.7M12 9.7c1.5.4 2.5 1.7 2.5 3.3",
} as const;
export type IconName = keyof typeof ICONS;

export function Icon({ name }: { name: IconName }) {
  const dots = name === "drag" || name === "more";
  return (
    <svg className="qa-icon" viewBox="0 0 16 16" aria-hidden="true" data-dots={dots || undefined}>
      <path d={ICONS[name]} />
    </svg>
  );
}

interface ButtonProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  testId?: string;
  disabled?: boolean;
  pressed?: boolean;
  /** Show the label beside the icon. */
  worded?: boolean;
  danger?: boolean;
}

export function Button({ icon, label, onClick, testId, disabled, pressed, worded, danger }: ButtonProps) {
  return (
    <button
      type="button"
      className={`qa-button${worded ? " qa-worded" : ""}${danger ? " qa-danger" : ""}`}
      data-testid={testId}
      title={worded ? undefined : label}
      aria-label={worded ? undefined : label}
      aria-pressed={pressed}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
      {worded && <span>{label}</span>}
    </button>
  );
}

export interface Option {
  key: string;
  label: string;
}
export interface OptionGroup {
  label: string;
  options: Option[];
}

interface SelectProps {
  label: string;
  value: string;
  options: (Option | OptionGroup)[];
  onChange: (key: string) => void;
  className?: string;
}

/** A native select. A value that is not offered stays visible as such, instead of turning into another. */
export function Select({ label, value, options, onChange, className }: SelectProps) {
  const { readOnly } = useBuilder();
  const t = useWords();
  const offered = options.some((o) => ("options" in o ? o.options.some((p) => p.key === value) : o.key === value));
  const option = (o: Option) => (
    <option key={o.key} value={o.key}>
      {o.label}
    </option>
  );
  return (
    <span className={`qa-select ${className ?? ""}`} data-unknown={!offered || undefined}>
      <select aria-label={label} value={value} disabled={readOnly} onChange={(e) => onChange(e.target.value)}>
        {!offered && <option value={value}>{`${value}${t("unknown")}`}</option>}
        {options.map((o) =>
          "options" in o ? (
            <optgroup key={o.label} label={o.label}>
              {o.options.map(option)}
            </optgroup>
          ) : (
            option(o)
          ),
        )}
      </select>
    </span>
  );
}

/** Options from rows of the catalogue. */
export function useOptions(): (rows: { key: string; label: Label }[]) => Option[] {
  const t = useWords();
  return (rows) => rows.map((row) => ({ key: row.key, label: t(row.label) }));
}

interface NumberProps {
  label: string;
  value: number | undefined;
  /** `undefined` when the text is no number (yet). */
  onChange: (value: number | undefined) => void;
  unit?: string;
  min?: number;
  max?: number;
  whole?: boolean;
}

export function NumberInput({ label, value, onChange, unit, min, max, whole }: NumberProps) {
  const { readOnly } = useBuilder();
  const [draft, setDraft] = useState(value === undefined ? "" : String(value));
  // Half-typed numbers ("-", "1e") live here only; a new value from outside replaces them.
  useEffect(() => setDraft((old) => (readNumber(old) === value ? old : value === undefined ? "" : String(value))), [value]);
  const allowed = (n: number | undefined) =>
    n !== undefined && n >= (min ?? -Infinity) && n <= (max ?? Infinity) && (!whole || Number.isInteger(n));
  return (
    <span className="qa-number">
      <input
        type="number"
        className="qa-input"
        aria-label={unit ? `${label} (${unit})` : label}
        aria-invalid={draft !== "" && !allowed(readNumber(draft)) ? true : undefined}
        step={whole ? 1 : "any"}
        min={min}
        max={max}
        value={draft}
        disabled={readOnly}
        onChange={(e) => {
          setDraft(e.target.value);
          const n = readNumber(e.target.value);
          if (n === undefined ? min === undefined : allowed(n)) onChange(n);
        }}
        onBlur={() => setDraft(value === undefined ? "" : String(value))}
      />
      {unit && <span className="qa-unit">{unit}</span>}
    </span>
  );
}

export function readNumber(text: string): number | undefined {
  const n = Number(text);
  return text.trim() === "" || !Number.isFinite(n) ? undefined : n;
}

interface TextProps {
  label: string;
  value: string;
  onChange: (text: string) => void;
  title?: string;
  required?: boolean;
}

export function TextInput({ label, value, onChange, title, required }: TextProps) {
  const { readOnly } = useBuilder();
  return (
    <input
      type="text"
      className="qa-input qa-text"
      aria-label={label}
      title={title}
      aria-invalid={required && value === "" ? true : undefined}
      value={value}
      disabled={readOnly}
      onChange={(e) => onChange(e.target.value)}
    />
  );
}

interface DateProps {
  label: string;
  value: string;
  onChange: (day: string) => void;
  min?: string;
  max?: string;
}

/** A day. While a year is typed it passes through 0002 and 0020: such days are not passed on. */
export function DateInput({ label, value, onChange, min = "1000-01-01", max = "9999-12-30" }: DateProps) {
  const { readOnly } = useBuilder();
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const allowed = (day: string) => day >= min && day <= max;
  return (
    <input
      type="date"
      className="qa-input qa-date"
      aria-label={label}
      aria-invalid={draft !== "" && !allowed(draft) ? true : undefined}
      min={min}
      max={max}
      value={draft}
      disabled={readOnly}
      onChange={(e) => {
        setDraft(e.target.value);
        if (allowed(e.target.value)) onChange(e.target.value);
      }}
      onBlur={() => setDraft(value)}
    />
  );
}

interface SegmentsProps<K extends string> {
  label: string;
  value: K;
  segments: { key: K; label: Word; title?: string }[];
  onChange: (key: K) => void;
  testId?: string;
  /** Can be changed where the rule cannot. */
  always?: boolean;
}

/** A few choices side by side, of which one holds. */
export function Segments<K extends string>({ label, value, segments, onChange, testId, always }: SegmentsProps<K>) {
  const { readOnly } = useBuilder();
  const t = useWords();
  return (
    <span className="qa-segments" role="group" aria-label={label} data-testid={testId}>
      {segments.map((s) => (
        <button
          key={s.key}
          type="button"
          data-key={s.key}
          aria-pressed={s.key === value}
          title={s.title}
          disabled={readOnly && !always}
          onClick={() => s.key !== value && onChange(s.key)}
        >
          {t(s.label)}
        </button>
      ))}
    </span>
  );
}

export function Checkbox({ label, title, checked, onChange }: { label: ReactNode; title?: string; checked: boolean; onChange: (on: boolean) => void }) {
  const { readOnly } = useBuilder();
  return (
    <label className="qa-checkbox" title={title}>
      <input type="checkbox" checked={checked} disabled={readOnly} onChange={(e) => onChange(e.target.checked)} />
      <span>{label}</span>
    </label>
  );
}
