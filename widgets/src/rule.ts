// The rule as JSON, and its conversion without loss to the query that react-querybuilder shows.
import type { RuleGroupType, RuleType } from "react-querybuilder";

export type Scalar = boolean | number | string;
export type Missing = "include" | "exclude";
export type Unit = "minute" | "hour" | "day" | "week" | "month";

export interface Last {
  kind: "last";
  n: number;
  unit: Unit;
  calendar?: boolean;
}
export interface Ago {
  kind: "ago";
  near: number;
  far: number;
  unit: Unit;
}
export interface Dates {
  kind: "dates";
  first: string;
  last: string;
}
export interface Ever {
  kind: "ever";
}
export type Window = Last | Ago | Dates | Ever;

export type Value = Scalar | Scalar[] | Last | null;

/** A field of the person, or inside `where` a property of the event, compared with a value. */
export interface Comparison {
  kind: "attribute" | "tag";
  field: string;
  operator: string;
  value?: Value;
  missing?: Missing;
}
export interface Measure {
  kind: string;
  property?: string;
}
export interface EventCondition {
  kind: "event";
  event: string;
  where?: Group | null;
  window?: Window;
  measure?: Measure;
  operator?: string;
  value?: Value;
  missing?: Missing;
}
/** A condition that the form shows and keeps as it is; it is edited in Python. */
export interface KeptCondition {
  kind: "sequence" | "lifecycle" | "audience" | "split";
}
/** A condition that the form edits. */
export type EditedCondition = Comparison | EventCondition;
export type Condition = EditedCondition | KeptCondition;
export interface Group {
  kind: "all" | "any";
  negated: boolean;
  of: Rule[];
}
export type Rule = Group | Condition;

/** What react-querybuilder holds: a group has `combinator` and `not`, a rule has a field key. */
export type QueryRule = RuleType & { missing?: Missing };
export type Query = Omit<RuleGroupType, "rules"> & { rules: QueryNode[] };
export type QueryNode = Query | QueryRule;

// Ids are only for the screen. The random part keeps two bundles on one page apart.
const idPrefix = `q${Math.random().toString(36).slice(2, 8)}`;
let idsGiven = 0;
export const newId = (): string => `${idPrefix}-${++idsGiven}`;

export function isGroup(rule: Rule | undefined | null): rule is Group {
  return rule?.kind === "all" || rule?.kind === "any";
}

const KEPT: string[] = ["sequence", "lifecycle", "audience", "split"] satisfies KeptCondition["kind"][];

export function isKept(condition: { kind: string }): condition is KeptCondition {
  return KEPT.includes(condition.kind);
}

export function isQueryGroup(node: QueryNode): node is Query {
  return "rules" in node;
}

/** `attribute:age_band`, `tag:recency_days`, `event:purchase`, `sequence:`. */
export function fieldKey(condition: Condition): string {
  if (isKept(condition)) return `${condition.kind}:`;
  return `${condition.kind}:${condition.kind === "event" ? condition.event : condition.field}`;
}

/** The condition as a row of the query; what an event carries beyond its operator is the row's value. */
export function toQueryRule(condition: Condition, id: string = newId()): QueryRule {
  const field = fieldKey(condition);
  if (isKept(condition)) {
    const { kind: _kind, ...rest } = condition;
    return { id, field, operator: "", value: rest };
  }
  if (condition.kind === "event") {
    const { kind: _kind, event: _event, operator, ...rest } = condition;
    return { id, field, operator: operator ?? "", value: rest };
  }
  const { operator, value, missing } = condition;
  return { id, field, operator, value, ...(missing === undefined ? {} : { missing }) };
}

export function fromQueryRule(row: QueryRule): Condition {
  const at = row.field.indexOf(":");
  const kind = row.field.slice(0, at) as Condition["kind"];
  const name = row.field.slice(at + 1);
  if (isKept({ kind })) return { ...(row.value as object), kind } as KeptCondition;
  if (kind === "event") {
    const operator = row.operator === "" ? {} : { operator: row.operator };
    return { kind, event: name, ...(row.value as object), ...operator };
  }
  const condition: Comparison = { kind: kind as Comparison["kind"], field: name, operator: row.operator };
  if (row.value !== undefined) condition.value = row.value as Value;
  if (row.missing !== undefined) condition.missing = row.missing;
  return condition;
}

export function toQueryNode(rule: Rule): QueryNode {
  if (!isGroup(rule)) return toQueryRule(rule);
  return {
    id: newId(),
    combinator: rule.kind === "any" ? "or" : "and",
    not: rule.negated ?? false,
    rules: (rule.of ?? []).map(toQueryNode),
  };
}

export function fromQueryNode(node: QueryNode): Rule {
  if (!isQueryGroup(node)) return fromQueryRule(node);
  return {
    kind: node.combinator === "or" ? "any" : "all",
    negated: node.not ?? false,
    of: node.rules.map(fromQueryNode),
  };
}

/** The query of a rule. Its root is always a group, so a bare condition is wrapped into one. */
export function toQuery(rule: Rule | undefined | null): Query {
  if (!rule?.kind) return toQueryNode({ kind: "all", negated: false, of: [] }) as Query;
  return toQueryNode(isGroup(rule) ? rule : { kind: "all", negated: false, of: [rule] }) as Query;
}

export function fromQuery(query: Query): Group {
  return fromQueryNode(query) as Group;
}

// Deeper than any rule that Python accepts, and shallow enough for a recursion.
const MAX_DEPTH = 60;

/** Whether the form can show it. Names that the catalogue lacks can be shown; a node of no known kind cannot. */
export function isReadable(rule: unknown, depth = 0): boolean {
  if (!isObject(rule) || depth > MAX_DEPTH) return false;
  const { kind, of, field, event, operator, value, missing, where, window, measure } = rule;
  if (isText(kind) && isKept({ kind })) return true;
  const below = (child: unknown) => isReadable(child, depth + 1);
  if (kind === "all" || kind === "any") return of === undefined || (Array.isArray(of) && of.every(below));
  if (!isValue(value) || !isOptional(missing, isText)) return false;
  if (kind === "attribute" || kind === "tag") return isText(field) && isText(operator);
  if (kind !== "event" || !isText(event) || !isOptional(operator, isText)) return false;
  const isFilter = (w: unknown) => isObject(w) && isGroup(w as unknown as Rule) && below(w);
  const isMeasure = (m: unknown) => isObject(m) && isText(m.kind) && isOptional(m.property, isText);
  return isOptional(where, isFilter) && isOptional(window, isWindow) && isOptional(measure, isMeasure);
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);
const isText = (v: unknown): v is string => typeof v === "string";
const isScalar = (v: unknown): v is Scalar => ["boolean", "number", "string"].includes(typeof v);
const isOptional = (v: unknown, test: (v: unknown) => boolean): boolean => v === undefined || v === null || test(v);
const isValue = (v: unknown): boolean => isOptional(v, (one) => isScalar(one) || (Array.isArray(one) ? one.every(isScalar) : isWindow(one)));

function isWindow(v: unknown): boolean {
  if (!isObject(v)) return false;
  const numbers: Record<string, string[]> = { last: ["n"], ago: ["near", "far"], dates: [], ever: [] };
  const wanted = isText(v.kind) ? numbers[v.kind] : undefined;
  const texts = v.kind === "dates" ? ["first", "last"] : v.kind === "ever" ? [] : ["unit"];
  return !!wanted && wanted.every((key) => typeof v[key] === "number") && texts.every((key) => isText(v[key]));
}

/** JSON with sorted keys, to compare two rules by value. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    v !== null && typeof v === "object" && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}
