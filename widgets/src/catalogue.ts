// What a rule may speak of, as Python sends it, and the valid default for each choice in the form.
import type { Comparison, EditedCondition, EventCondition, Group, Last, Measure, Scalar, Unit, Value, Window } from "./rule";

export interface Label {
  zh: string;
  en: string;
}
export type FieldType = "number" | "text" | "date" | "boolean" | "list";
export type Arity = "none" | "one" | "two" | "many" | "window" | "days";

export interface Suggestion {
  value: Scalar;
  count: number;
}
export interface Field {
  name: string;
  kind: "attribute" | "tag";
  type: FieldType;
  label: Label;
  /** In both languages as Python sends it; a text of the form's own is in its language already. */
  unit: Label | string;
  group: Label;
  description: Label;
  values: Suggestion[];
}
export interface EventType {
  name: string;
  label: Label;
  grain: Label;
  properties: Field[];
}
export interface Operator {
  key: string;
  types: FieldType[];
  arity: Arity;
  when_missing: boolean;
  label: Label;
}
export interface MeasureType {
  key: string;
  needs: "nothing" | "number" | "any";
  zero: boolean;
  label: Label;
}
export interface Choice {
  key: string;
  label: Label;
}
export interface Catalogue {
  fields: Field[];
  events: EventType[];
  operators: Operator[];
  measures: MeasureType[];
  measure_operators: string[];
  windows: Choice[];
  units: Choice[];
  limits: { depth: number; conditions: number };
  /** The last day of the data, which new dates start from; set by the form. */
  today?: string;
}

const EMPTY: Catalogue = {
  fields: [],
  events: [],
  operators: [],
  measures: [],
  measure_operators: [],
  windows: [],
  units: [],
  limits: { depth: 40, conditions: 1000 },
};

/** The catalogue with every list present, also before Python has sent one. */
export function wholeCatalogue(catalogue: Partial<Catalogue> | null | undefined, asOf?: string): Catalogue {
  return { ...EMPTY, ...catalogue, today: asOf?.slice(0, 10) };
}

/** What a measure is compared as: a number, in the unit of its property or in days. */
export const MEASURED: Field = {
  name: "",
  kind: "attribute",
  type: "number",
  label: { zh: "数值", en: "value" },
  unit: "",
  group: { zh: "", en: "" },
  description: { zh: "", en: "" },
  values: [],
};

export function operatorsFor(catalogue: Catalogue, type: FieldType): Operator[] {
  return catalogue.operators.filter((o) => o.types.includes(type));
}

export function measureOperators(catalogue: Catalogue): Operator[] {
  return catalogue.operators.filter((o) => catalogue.measure_operators.includes(o.key));
}

/** The measures that this event's properties allow. */
export function measuresFor(catalogue: Catalogue, event: EventType | undefined): MeasureType[] {
  return catalogue.measures.filter((m) => m.needs === "nothing" || propertiesFor(m, event).length > 0);
}

export function propertiesFor(measure: MeasureType | undefined, event: EventType | undefined): Field[] {
  if (!measure || !event || measure.needs === "nothing") return [];
  return event.properties.filter((p) => measure.needs === "any" || p.type === "number");
}

export function operatorOf(catalogue: Catalogue, key: string | undefined): Operator | undefined {
  return catalogue.operators.find((o) => o.key === key);
}

// What people ask first of a field of this type; the first that the catalogue offers is taken.
const FIRST_ASKED: Record<FieldType, string[]> = {
  number: [">=", ">", "="],
  text: ["in", "="], // of a text without suggestions "=" is asked: a list would start empty
  date: ["in last", "after"],
  boolean: ["="],
  list: ["has any"],
};

function firstOperator(operators: Operator[], field: Field): Operator | undefined {
  const asked = field.type === "text" && !field.values.length ? ["="] : FIRST_ASKED[field.type];
  return asked.map((key) => operators.find((o) => o.key === key)).find(Boolean) ?? operators[0];
}

export function firstWindow(catalogue: Catalogue): Window {
  return catalogue.windows.some((w) => w.key === "last") || !catalogue.windows.length ? lastDays(catalogue) : { kind: "ever" };
}

export function lastDays(catalogue: Catalogue): Last {
  const unit = catalogue.units.some((u) => u.key === "day") ? "day" : (catalogue.units[0]?.key ?? "day");
  return { kind: "last", n: 30, unit: unit as Unit, calendar: false };
}

export const today = (catalogue: Catalogue): string => catalogue.today ?? new Date().toISOString().slice(0, 10);

function firstScalar(catalogue: Catalogue, field: Field): Scalar {
  if (field.type === "number") return typeof field.values[0]?.value === "number" ? field.values[0].value : 1;
  if (field.type === "boolean") return true;
  if (field.type === "date") return today(catalogue);
  return field.values[0]?.value ?? "";
}

/** A valid value for the operator, kept from the old one as far as it fits. */
export function valueFor(catalogue: Catalogue, operator: Operator, field: Field, old?: Value): Value | undefined {
  const scalars = (Array.isArray(old) ? old : [old]).filter((v): v is Scalar => v != null && typeof v !== "object");
  switch (operator.arity) {
    case "none":
      return undefined;
    case "one":
      // a number of days is no day
      if (field.type === "date" && typeof scalars[0] === "number") return firstScalar(catalogue, field);
      return scalars[0] ?? firstScalar(catalogue, field);
    case "two": {
      const low = scalars[0] ?? firstScalar(catalogue, field);
      return [low, scalars[1] ?? low];
    }
    case "days":
      return typeof scalars[0] === "number" ? scalars[0] : 7;
    case "many":
      return scalars.length ? scalars : field.values.length ? [firstScalar(catalogue, field)] : [];
    case "window":
      return old && typeof old === "object" && !Array.isArray(old) ? old : lastDays(catalogue);
  }
}

/** Condition on a field with the operator that is asked first and a value that fits. */
export function newComparison(catalogue: Catalogue, field: Field): Comparison {
  const operator = firstOperator(operatorsFor(catalogue, field.type), field);
  const condition: Comparison = { kind: field.kind, field: field.name, operator: operator?.key ?? "=" };
  const value = operator && valueFor(catalogue, operator, field);
  return value === undefined ? condition : { ...condition, value };
}

/** Condition "at least one such event in the last 30 days"; a window that was chosen before stays. */
export function newEvent(catalogue: Catalogue, event: EventType, window?: Window): EventCondition {
  const operator = firstOperator(measureOperators(catalogue), MEASURED);
  return {
    kind: "event",
    event: event.name,
    window: window ?? firstWindow(catalogue),
    measure: measureOf(measuresFor(catalogue, event)[0], event),
    operator: operator?.key ?? ">=",
    value: 1,
  };
}

/** The measure with a property that suits it, the old one if possible. */
export function measureOf(measure: MeasureType | undefined, event: EventType | undefined, old?: string): Measure {
  const properties = propertiesFor(measure, event);
  const kind = measure?.key ?? "count";
  if (!properties.length) return { kind };
  return { kind, property: (properties.find((p) => p.name === old) ?? properties[0])!.name };
}

/** A new condition for a field key such as `tag:recency_days` or `event:purchase`. */
export function newCondition(catalogue: Catalogue, key: string, window?: Window): EditedCondition | undefined {
  const at = key.indexOf(":");
  const [kind, name] = [key.slice(0, at), key.slice(at + 1)];
  if (kind === "event") {
    const event = catalogue.events.find((e) => e.name === name);
    return event && newEvent(catalogue, event, window);
  }
  const field = catalogue.fields.find((f) => f.kind === kind && f.name === name);
  return field && newComparison(catalogue, field);
}

/** The same comparison with another operator: the value is kept as far as it fits. */
export function withOperator<T extends EditedCondition>(catalogue: Catalogue, condition: T, key: string, field: Field): T {
  const operator = operatorOf(catalogue, key);
  const { value: old, ...rest } = condition;
  const value = operator ? valueFor(catalogue, operator, field, old) : old;
  return { ...rest, operator: key, ...(value === undefined ? {} : { value }) } as T;
}

export const emptyGroup = (): Group => ({ kind: "all", negated: false, of: [] });

/** Fields by their group, in the order in which the groups first occur. */
export function byGroup(fields: Field[]): { label: Label; fields: Field[] }[] {
  const groups = new Map<string, { label: Label; fields: Field[] }>();
  for (const field of fields) {
    const group = groups.get(field.group.en) ?? { label: field.group, fields: [] };
    group.fields.push(field);
    groups.set(field.group.en, group);
  }
  return [...groups.values()];
}
