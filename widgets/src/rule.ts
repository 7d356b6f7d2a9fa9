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
  /** Only written where it holds. */
  calendar?: boolean;
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
/** A length of time; months have none. */
export interface Duration {
  n: number;
  unit: Unit;
}
export interface Step {
  event: string;
  where?: Group | null;
  absent?: boolean;
  within?: Duration | null;
  immediately?: boolean;
}
export interface Sequence {
  kind: "sequence";
  steps: Step[];
  window?: Window;
  within?: Duration | null;
  same?: string[];
}
export interface Lifecycle {
  kind: "lifecycle";
  event: string;
  pattern: string;
  where?: Group | null;
  window?: Window;
  before?: Last | null;
  k?: number | null;
  m?: number | null;
  unit?: Unit | null;
  calendar?: boolean;
}
export interface InAudience {
  kind: "audience";
  audience: string;
  version?: number | null;
  member?: boolean;
}
export interface RandomSplit {
  kind: "split";
  salt: string;
  low?: number;
  high: number;
}
/** Compares one field, or one measure of events, by an operator. */
export type Compared = Comparison | EventCondition;
/** Is about no single field: its card holds all that it says. */
export type Card = Sequence | Lifecycle | InAudience | RandomSplit;
export type Condition = Compared | Card;
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

const CARDS: string[] = ["sequence", "lifecycle", "audience", "split"] satisfies Card["kind"][];

export function isCard(condition: { kind: string }): condition is Card {
  return CARDS.includes(condition.kind);
}

export function isQueryGroup(node: QueryNode): node is Query {
  return "rules" in node;
}

/** `attribute:age_band`, `tag:recency_days`, `event:purchase`, `sequence:`. */
export function fieldKey(condition: Condition): string {
  if (isCard(condition)) return `${condition.kind}:`;
  return `${condition.kind}:${condition.kind === "event" ? condition.event : condition.field}`;
}

/** The condition as a row of the query; what an event carries beyond its operator is the row's value. */
export function toQueryRule(condition: Condition, id: string = newId()): QueryRule {
  const field = fieldKey(condition);
  if (isCard(condition)) {
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
  if (isCard({ kind })) return { kind, ...(row.value as object) } as Card;
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

/** JSON with sorted keys, to compare two rules by value. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    v !== null && typeof v === "object" && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}
