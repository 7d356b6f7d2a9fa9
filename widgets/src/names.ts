// Short names of nodes, for the ghost under the pointer and for what is read aloud.
import type { Builder } from "./builder_context";
import { fromQueryRule, isCard, isQueryGroup, type Condition, type QueryNode } from "./rule";
import { countConditions } from "./tree";
import { say } from "./words";

type Speaks = Pick<Builder, "language" | "catalogue">;

export function conditionName(condition: Condition, { language, catalogue }: Speaks): string {
  if (condition.kind === "event") {
    return catalogue.events.find((e) => e.name === condition.event)?.label[language] ?? condition.event;
  }
  if (isCard(condition)) {
    const kind = catalogue.conditions.find((c) => c.key === condition.kind)?.label[language] ?? condition.kind;
    return condition.kind === "audience" ? `${kind} ${condition.audience}` : kind;
  }
  const field = catalogue.fields.find((f) => f.kind === condition.kind && f.name === condition.field);
  return field?.label[language] ?? condition.field;
}

export function nodeName(node: QueryNode, speaks: Speaks): string {
  if (!isQueryGroup(node)) return conditionName(fromQueryRule(node), speaks);
  return `${say(speaks.language, "group")} (${countConditions(node)})`;
}
