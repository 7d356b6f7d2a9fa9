// What a rule may speak of, as Python sends it, and what of it can be chosen where.
import type { Scalar, Step, Unit } from "./rule";

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
  /** The event whose property it is; set by the form. */
  event?: string;
}
export interface EventType {
  name: string;
  label: Label;
  grain: Label;
  properties: Field[];
  /** Whether the snapshot has any event of this kind. */
  has_rows: boolean;
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
/** A kind of condition, and what it asks. */
export interface ConditionType extends Choice {
  description: Label;
}
export interface UnitType extends Choice {
  /** Windows and periods of it can be counted in whole days of the calendar. */
  whole_days: boolean;
  /** It is always of the same length, so it can bound a gap. */
  length: boolean;
}
/** A pattern of a lifecycle, and what it takes. */
export interface PatternType extends ConditionType {
  windows: string[];
  before: "none" | "optional" | "required";
  periods: boolean;
}
/** A saved audience that a condition can name. */
export interface SavedAudience {
  name: string;
  folder: string;
  newest: number;
  active: number;
  note: string;
  count: number | null;
}
export interface Limits {
  depth: number;
  conditions: number;
  min_steps: number;
  steps: number;
  same: number;
  periods: number;
  days_ahead: number;
  units: number;
}
export interface Catalogue {
  conditions: ConditionType[];
  fields: Field[];
  events: EventType[];
  operators: Operator[];
  measures: MeasureType[];
  measure_operators: string[];
  windows: Choice[];
  units: UnitType[];
  patterns: PatternType[];
  limits: Limits;
  /** What is saved at the moment; a trait of its own, added by the form. */
  audiences?: SavedAudience[];
  /** The last day of the data, which new dates start from; set by the form. */
  today?: string;
}

const EMPTY: Catalogue = {
  conditions: [],
  fields: [],
  events: [],
  operators: [],
  measures: [],
  measure_operators: [],
  windows: [],
  units: [],
  patterns: [],
  limits: { depth: 40, conditions: 1000, min_steps: 2, steps: 10, same: 5, periods: 100, days_ahead: 364, units: 1_000_000 },
};

/** The catalogue with every list present, also before Python has sent one. */
export function wholeCatalogue(catalogue: Partial<Catalogue> | null | undefined, asOf?: string, audiences: SavedAudience[] = []): Catalogue {
  const whole = { ...EMPTY, ...catalogue, today: asOf?.slice(0, 10), audiences };
  const events = whole.events.map((e) => ({ ...e, properties: e.properties.map((p) => ({ ...p, event: e.name })) }));
  return { ...whole, events };
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

export const eventOf = (catalogue: Catalogue, name: string): EventType | undefined => catalogue.events.find((e) => e.name === name);

/** The kinds of events to choose from: those that the snapshot has, and the one that is there already. */
export function offeredEvents(catalogue: Catalogue, used?: string): EventType[] {
  const found = catalogue.events.filter((e) => e.has_rows);
  return found.length ? catalogue.events.filter((e) => e.has_rows || e.name === used) : catalogue.events;
}

/** What a kind of event is called in a list; one without data says so. */
export const eventLabel = ({ label, has_rows }: EventType): Label =>
  has_rows ? label : { zh: `${label.zh}（无数据）`, en: `${label.en} (no data)` };

/** The properties that every step has and that can be compared: of one type, and no lists. */
export function sharedProperties(catalogue: Catalogue, steps: readonly Step[]): Field[] {
  const events = steps.map((s) => eventOf(catalogue, s.event));
  const first = events[0]?.properties ?? [];
  return first.filter((p) => p.type !== "list" && events.every((e) => e?.properties.some((q) => q.name === p.name && q.type === p.type)));
}

export const takesWholeDays = (catalogue: Catalogue, unit: Unit): boolean => !!catalogue.units.find((u) => u.key === unit)?.whole_days;

/** The kinds of condition that are about no single field, as far as there is something to say with them. */
export function cardTypes(catalogue: Catalogue): ConditionType[] {
  const needs: Record<string, boolean> = {
    sequence: catalogue.events.length > 0,
    lifecycle: catalogue.events.length > 0 && catalogue.patterns.length > 0,
    audience: (catalogue.audiences ?? []).length > 0,
    split: true,
  };
  return catalogue.conditions.filter((c) => needs[c.key]);
}

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
