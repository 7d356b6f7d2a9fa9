// The valid default for each choice in the form: what a new condition says, and what a changed one keeps.
import {
  eventOf,
  MEASURED,
  measureOperators,
  measuresFor,
  offeredEvents,
  operatorOf,
  operatorsFor,
  propertiesFor,
  type Catalogue,
  type EventType,
  type Field,
  type FieldType,
  type MeasureType,
  type Operator,
} from "./catalogue";
import type { Compared, Comparison, Condition, EventCondition, Group, Last, Lifecycle, Measure, Scalar, Unit, Value, Window } from "./rule";

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

/** What a condition that is chosen in place of another takes over from it. */
export type Carried = Pick<Partial<EventCondition>, "event" | "where" | "window">;

export function carriedFrom(condition: Condition): Carried {
  if (condition.kind === "event" || condition.kind === "lifecycle") return condition;
  if (condition.kind === "sequence") return { ...condition.steps[0], window: condition.window };
  return {};
}

/** A new condition for a field key such as `tag:recency_days`, `event:purchase`, `sequence:` or `audience:VIP`. */
export function newCondition(catalogue: Catalogue, key: string, carried: Carried = {}): Condition | undefined {
  const at = key.indexOf(":");
  const [kind, name] = [key.slice(0, at), key.slice(at + 1)];
  const told = eventOf(catalogue, carried.event ?? "") ?? offeredEvents(catalogue)[0];
  const where = told?.name === carried.event && carried.where ? { where: carried.where } : {};
  switch (kind) {
    case "event": {
      const event = eventOf(catalogue, name);
      return event && newEvent(catalogue, event, carried.window);
    }
    case "sequence": {
      if (!told) return undefined;
      const next = offeredEvents(catalogue).find((e) => e !== told) ?? told;
      return { kind, steps: [{ event: told.name, ...where }, { event: next.name }], window: carried.window ?? firstWindow(catalogue) };
    }
    case "lifecycle": {
      const pattern = catalogue.patterns[0]?.key;
      if (!told || !pattern) return undefined;
      return withPattern(catalogue, { kind, event: told.name, pattern, ...where, window: carried.window ?? firstWindow(catalogue) }, pattern);
    }
    case "audience": {
      const audience = name || catalogue.audiences?.[0]?.name;
      return audience ? { kind, audience, member: true } : undefined;
    }
    case "split":
      return { kind, salt: "split_1", low: 0, high: 0.5 };
    default: {
      const field = catalogue.fields.find((f) => f.kind === kind && f.name === name);
      return field && newComparison(catalogue, field);
    }
  }
}

/** The same lifecycle with another pattern: what it does not take goes, what it needs comes. */
export function withPattern(catalogue: Catalogue, lifecycle: Lifecycle, key: string): Lifecycle {
  const pattern = catalogue.patterns.find((p) => p.key === key);
  const { window, before, k, m, unit, calendar, ...rest } = lifecycle;
  const next: Lifecycle = { ...rest, pattern: key };
  if (!pattern) return { ...lifecycle, pattern: key };
  if (pattern.periods) {
    const counted = pattern.key === lifecycle.pattern; // only then is `calendar` one of periods
    return { ...next, k: k ?? 3, m: m ?? 4, unit: unit ?? "week", calendar: counted ? (calendar ?? false) : true };
  }
  if (pattern.windows.length) next.window = window && pattern.windows.includes(window.kind) ? window : lastDays(catalogue);
  if (pattern.before !== "none" && before) next.before = before;
  if (pattern.before === "required") next.before ??= { ...lastDays(catalogue), n: 90 };
  return next;
}

/** The same comparison with another operator: the value is kept as far as it fits. */
export function withOperator<T extends Compared>(catalogue: Catalogue, condition: T, key: string, field: Field): T {
  const operator = operatorOf(catalogue, key);
  const { value: old, ...rest } = condition;
  const value = operator ? valueFor(catalogue, operator, field, old) : old;
  return { ...rest, operator: key, ...(value === undefined ? {} : { value }) } as T;
}

export const emptyGroup = (): Group => ({ kind: "all", negated: false, of: [] });

