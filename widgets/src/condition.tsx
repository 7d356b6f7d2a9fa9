// One condition as a card: an attribute, a tag, a behaviour, a sequence and so on. react-querybuilder's "rule".
import { useState } from "react";
import type { RuleProps } from "react-querybuilder";
import { problemsAt, useBuilder, useWords } from "./builder_context";
import { byGroup, cardTypes, eventLabel, offeredEvents, type Catalogue } from "./catalogue";
import { ComparisonRow, MissingChoice, showsMissing, takesMissing } from "./comparison";
import { Button, Select, type OptionGroup } from "./controls";
import { carriedFrom, newCondition } from "./defaults";
import { EventCard } from "./event_card";
import { Handle, useNodeStep } from "./handle";
import { LifecycleCard, LifecycleHead } from "./lifecycle_card";
import { conditionName } from "./names";
import { LockScope, NodeActions } from "./node_actions";
import { NodeCount, NodeProblems } from "./node_count";
import { AudienceHead, SplitCard, SplitHead } from "./person_cards";
import { fieldKey, fromQueryRule, isCard, toQueryRule, type Condition as RuleCondition, type QueryRule } from "./rule";
import { SequenceCard } from "./sequence_card";
import { pathKey, replaceAt, type Path } from "./tree";

export function Condition(props: RuleProps) {
  const { path, dndRef, dragRef, isDragging } = props;
  const row = props.rule as QueryRule;
  const builder = useBuilder();
  const { catalogue, edit, locks, readOnly } = builder;
  const t = useWords();
  const [open, setOpen] = useState(false);

  const condition = fromQueryRule(row);
  const key = fieldKey(condition);
  const name = conditionName(condition, builder);
  const set = (next: RuleCondition, step?: number) =>
    edit((query) => replaceAt(query, path, toQueryRule(next, row.id)), step === undefined ? undefined : { id: row.id, on: "handle", step });
  const setField = (next: string) => {
    const fresh = newCondition(catalogue, next, carriedFrom(condition));
    if (fresh) set(fresh);
  };
  const fields = useFieldOptions(catalogue, key);
  const onStep = useNodeStep(path, row.id);
  const takes = !isCard(condition) && takesMissing(catalogue, condition);
  const always = takes && showsMissing(catalogue, condition);
  return (
    <LockScope id={row.id}>
      <div
        ref={dndRef as React.Ref<HTMLDivElement>}
        className="rule qa-node qa-condition"
        role="group"
        aria-label={`${t("condition")} ${path.map((n) => n + 1).join(".")}: ${isCard(condition) ? "" : `${t(condition.kind)} `}${name}`}
        data-kind={condition.kind}
        data-rule-id={row.id}
        data-path={pathKey(path)}
        data-testid="qa-condition"
        data-field={key}
        data-dragging={isDragging || undefined}
        data-locked={(row.id && locks.has(row.id)) || undefined}
        data-problem={problemsAt(builder, path).length > 0 || undefined}
      >
        <div className="qa-head">
          <Handle
            name={name}
            onStep={onStep}
            dragRef={dragRef as React.Ref<HTMLSpanElement>}
            attributes={props.dragHandleAttributes as Record<string, unknown> | undefined}
          />
          {/* A card's first select names its kind already. */}
          {!isCard(condition) && <span className="qa-kind">{t(condition.kind)}</span>}
          <span className="qa-controls">
            <Head condition={condition} fieldKey={key} fields={fields} onField={setField} onChange={set} />
          </span>
          <span className="qa-side">
            <NodeCount path={path} />
            <NodeActions path={path} node={row} name={name} open={!readOnly}>
              {takes && !always && <Button icon="more" label={t("more")} testId="qa-more" pressed={open} onClick={() => setOpen(!open)} />}
            </NodeActions>
          </span>
        </div>
        <Body condition={condition} path={path} id={row.id} onChange={set} />
        {takes && (always || open) && <MissingChoice condition={condition} onChange={set} />}
        <NodeProblems path={path} />
      </div>
    </LockScope>
  );
}

interface HeadProps {
  condition: RuleCondition;
  fieldKey: string;
  fields: OptionGroup[];
  onField: (key: string) => void;
  onChange: (condition: RuleCondition) => void;
}

/** The first line of the card: what it is about, and what fits beside that. */
function Head({ condition, fieldKey: key, fields, onField, onChange }: HeadProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  if (condition.kind === "attribute" || condition.kind === "tag") {
    return (
      <ComparisonRow
        condition={condition}
        field={catalogue.fields.find((f) => f.kind === condition.kind && f.name === condition.field)}
        fieldKey={key}
        fieldLabel={t("field")}
        fieldOptions={fields}
        onField={onField}
        onChange={onChange}
      />
    );
  }
  return (
    <>
      <Select className={isCard(condition) ? "qa-kind-select" : "qa-field"} label={t("field")} value={key} options={fields} onChange={onField} />
      {condition.kind === "lifecycle" && <LifecycleHead condition={condition} onChange={onChange} />}
      {condition.kind === "audience" && <AudienceHead condition={condition} onChange={onChange} />}
      {condition.kind === "split" && <SplitHead condition={condition} onChange={onChange} />}
    </>
  );
}

interface BodyProps {
  condition: RuleCondition;
  path: Path;
  id: string | undefined;
  onChange: (condition: RuleCondition, step?: number) => void;
}

/** What the card says below its first line. */
function Body({ condition, path, id, onChange }: BodyProps) {
  switch (condition.kind) {
    case "event":
      return <EventCard condition={condition} onChange={onChange} />;
    case "sequence":
      return <SequenceCard path={path} id={id} condition={condition} onChange={onChange} />;
    case "lifecycle":
      return <LifecycleCard condition={condition} onChange={onChange} />;
    case "split":
      return <SplitCard condition={condition} onChange={onChange} />;
    default:
      return null;
  }
}

/** Everything that a condition can be about: behaviours, what is about no single field, the groups of the catalogue. */
function useFieldOptions(catalogue: Catalogue, used: string): OptionGroup[] {
  const t = useWords();
  const groups = byGroup(catalogue.fields).map(({ label, fields }) => ({
    label: t(label),
    options: fields.map((f) => ({ key: `${f.kind}:${f.name}`, label: t(f.label) })),
  }));
  const events = offeredEvents(catalogue, used.replace(/^event:/, "")).map((e) => ({ key: `event:${e.name}`, label: t(eventLabel(e)) }));
  const cards = cardTypes(catalogue).map((c) => ({ key: `${c.key}:`, label: t(c.label) }));
  return [{ label: t("behaviours"), options: events }, { label: t("others"), options: cards }, ...groups].filter((g) => g.options.length);
}
