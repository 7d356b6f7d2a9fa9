// One condition as a card: an attribute, a tag or a behaviour. react-querybuilder's "rule".
import { useState } from "react";
import type { RuleProps } from "react-querybuilder";
import { problemsAt, useBuilder, useWords } from "./builder_context";
import { byGroup, newCondition, operatorOf, type Catalogue } from "./catalogue";
import { ComparisonRow, MissingChoice } from "./comparison";
import { Button, Select, type OptionGroup } from "./controls";
import { EventCard } from "./event_card";
import { Handle } from "./handle";
import { conditionName } from "./names";
import { NodeCount, NodeProblems } from "./node_count";
import { fieldKey, fromQueryRule, isKept, toQueryRule, type Condition as RuleCondition, type QueryRule } from "./rule";
import { copyOf, insertAt, pathKey, removeAt, replaceAt } from "./tree";

export function Condition(props: RuleProps) {
  const { path, dndRef, dragRef, isDragging } = props;
  const row = props.rule as QueryRule;
  const builder = useBuilder();
  const { catalogue, edit, readOnly } = builder;
  const t = useWords();
  const [open, setOpen] = useState(false);

  const condition = fromQueryRule(row);
  const key = fieldKey(condition);
  const name = conditionName(condition, builder);
  const set = (next: RuleCondition) => edit((query) => replaceAt(query, path, toQueryRule(next, row.id)));
  const setField = (next: string) => {
    const window = condition.kind === "event" ? condition.window : undefined;
    const fresh = newCondition(catalogue, next, window);
    if (fresh) set(fresh);
  };
  const fields = useFieldOptions(catalogue);
  const showMissing = !isKept(condition) && (condition.missing !== undefined || open);
  return (
    <div
      ref={dndRef as React.Ref<HTMLDivElement>}
      className="rule qa-node qa-condition"
      role="group"
      aria-label={`${t("condition")} ${path.map((n) => n + 1).join(".")}: ${t(condition.kind)} ${name}`}
      data-kind={condition.kind}
      data-rule-id={row.id}
      data-path={pathKey(path)}
      data-testid="qa-condition"
      data-field={key}
      data-dragging={isDragging || undefined}
      data-problem={problemsAt(builder, path).length > 0 || undefined}
    >
      <div className="qa-head">
        <Handle
          path={path}
          id={row.id}
          name={name}
          dragRef={dragRef as React.Ref<HTMLSpanElement>}
          attributes={props.dragHandleAttributes as Record<string, unknown> | undefined}
        />
        <span className="qa-kind">{t(condition.kind)}</span>
        <span className="qa-controls">
          {isKept(condition) ? (
            <span className="qa-quiet" data-testid="qa-kept">
              {t("kept")}
            </span>
          ) : condition.kind === "event" ? (
            <Select className="qa-field" label={t("field")} value={key} options={fields} onChange={setField} />
          ) : (
            <ComparisonRow
              condition={condition}
              field={catalogue.fields.find((f) => f.kind === condition.kind && f.name === condition.field)}
              fieldKey={key}
              fieldLabel={t("field")}
              fieldOptions={fields}
              onField={setField}
              onChange={set}
            />
          )}
        </span>
        <span className="qa-side">
          <NodeCount path={path} />
          {!readOnly && (
            <span className="qa-actions">
              {canChooseMissing(catalogue, condition) && (
                <Button icon="more" label={t("more")} testId="qa-more" pressed={showMissing} onClick={() => setOpen(!open)} />
              )}
              <Button
                icon="copy"
                label={`${t("copy")} ${name}`}
                testId="qa-copy"
                onClick={() =>
                  edit((query) => insertAt(query, { group: path.slice(0, -1), index: path.at(-1)! + 1 }, copyOf(row)))
                }
              />
              <Button
                icon="remove"
                danger
                label={`${t("remove")} ${name}`}
                testId="qa-remove"
                onClick={() => edit((query) => removeAt(query, path))}
              />
            </span>
          )}
        </span>
      </div>
      {condition.kind === "event" && <EventCard condition={condition} onChange={set} />}
      {showMissing && !isKept(condition) && <MissingChoice condition={condition} onChange={set} />}
      <NodeProblems path={path} />
    </div>
  );
}

/** Everything that a condition can be about, in the groups of the catalogue, behaviours last. */
function useFieldOptions(catalogue: Catalogue): OptionGroup[] {
  const t = useWords();
  const groups = byGroup(catalogue.fields).map(({ label, fields }) => ({
    label: t(label),
    options: fields.map((f) => ({ key: `${f.kind}:${f.name}`, label: t(f.label) })),
  }));
  const events = catalogue.events.map((e) => ({ key: `event:${e.name}`, label: t(e.label) }));
  return events.length ? [...groups, { label: t("behaviours"), options: events }] : groups;
}

/** Where every person has an answer, there is nobody without a value to decide about. */
function canChooseMissing(catalogue: Catalogue, condition: RuleCondition): boolean {
  if (isKept(condition)) return false;
  if (condition.missing !== undefined) return true;
  if (condition.kind !== "event") return operatorOf(catalogue, condition.operator)?.arity !== "none";
  return !catalogue.measures.find((m) => m.key === (condition.measure?.kind ?? "count"))?.zero;
}
