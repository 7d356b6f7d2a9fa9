// The filters of an event condition: a small tree of its own over the event's properties.
import { useState } from "react";
import { useBuilder, useWords } from "./builder_context";
import type { EventType } from "./catalogue";
import { ComparisonRow, MissingChoice, showsMissing, takesMissing } from "./comparison";
import { Button, Segments } from "./controls";
import { emptyGroup, newComparison } from "./defaults";
import { isGroup, type Comparison, type Group, type Rule } from "./rule";

interface FiltersProps {
  event: EventType;
  group: Group;
  onChange: (group: Group | undefined) => void;
  depth?: number;
}

const DEEPEST = 6;

export function Filters({ event, group, onChange, depth = 0 }: FiltersProps) {
  const { readOnly } = useBuilder();
  const t = useWords();
  // An empty group inside another filters nothing: it goes with its last filter.
  const set = (of: Rule[]) => onChange(of.length || depth === 0 ? { ...group, of } : undefined);
  const first = event.properties[0];
  const several = group.of.length > 1 || depth > 0 || group.kind === "any" || group.negated;
  return (
    <div className="qa-filters" role="group" aria-label={t("filters")} data-negated={group.negated || undefined} data-depth={depth}>
      {several && (
        <div className="qa-filters-head">
          <Segments
            label={t("combine")}
            value={group.kind}
            segments={[
              { key: "all", label: "and", title: t("all") },
              { key: "any", label: "or", title: t("any") },
            ]}
            onChange={(kind) => onChange({ ...group, kind })}
          />
          <NegateButton negated={group.negated} onChange={(negated) => onChange({ ...group, negated })} />
          {depth > 0 && !readOnly && (
            <Button icon="remove" label={t("remove")} danger onClick={() => onChange(undefined)} />
          )}
        </div>
      )}
      {group.of.map((child, i) => {
        const replace = (next: Rule | undefined) => set(next ? group.of.with(i, next) : group.of.toSpliced(i, 1));
        return isGroup(child) ? (
          <Filters key={i} event={event} group={child} depth={depth + 1} onChange={replace} />
        ) : (
          (child.kind === "attribute" || child.kind === "tag") && <Filter key={i} event={event} filter={child} onChange={replace} />
        );
      })}
      {!readOnly && first && (
        <FilterButtons
          onFilter={(filter) => set([...group.of, filter])}
          onGroup={
            depth < DEEPEST
              ? (filter) => set([...group.of, { kind: group.kind === "all" ? "any" : "all", negated: false, of: [filter] }])
              : undefined
          }
          event={event}
        />
      )}
    </div>
  );
}

/** In place of an event that the catalogue lacks: its filters stay visible by their names. */
const UNKNOWN: EventType = { name: "", label: { zh: "", en: "" }, grain: { zh: "", en: "" }, properties: [], has_rows: true };

/** The way to the first filter of an event. */
export function FirstFilter({ event, onChange }: Pick<WhereProps, "event" | "onChange">) {
  const { readOnly } = useBuilder();
  if (!event || readOnly) return null;
  return <FilterButtons event={event} onFilter={(filter) => onChange({ ...emptyGroup(), of: [filter] })} />;
}

interface WhereProps {
  event: EventType | undefined;
  where: Group | null | undefined;
  onChange: (where: Group | undefined) => void;
}

/** "Where …" as a line of a card: the filters of an event, or the way to the first one. */
export function WhereLine({ event, where, onChange }: WhereProps) {
  const { readOnly } = useBuilder();
  const t = useWords();
  const set = (group: Group | undefined) => onChange(group?.of.length ? group : undefined);
  if (!where && (!event?.properties.length || readOnly)) return null;
  return (
    <div className="qa-line">
      <span className="qa-line-label">{t("where")}</span>
      {where ? (
        <Filters event={event ?? UNKNOWN} group={where} onChange={set} />
      ) : (
        <FirstFilter event={event} onChange={set} />
      )}
    </div>
  );
}

interface FilterButtonsProps {
  event: EventType;
  onFilter: (filter: Comparison) => void;
  onGroup?: (filter: Comparison) => void;
}

export function FilterButtons({ event, onFilter, onGroup }: FilterButtonsProps) {
  const { catalogue } = useBuilder();
  const t = useWords();
  const first = event.properties[0];
  if (!first) return null;
  const filter = () => newComparison(catalogue, first);
  return (
    <span className="qa-filter-buttons">
      <Button icon="plus" worded label={t("addFilter")} testId="qa-add-filter" onClick={() => onFilter(filter())} />
      {onGroup && (
        <Button icon="plus" worded label={t("addFilterGroup")} testId="qa-add-filter-group" onClick={() => onGroup(filter())} />
      )}
    </span>
  );
}

interface FilterProps {
  event: EventType;
  filter: Comparison;
  onChange: (filter: Comparison | undefined) => void;
}

function Filter({ event, filter, onChange }: FilterProps) {
  const { catalogue, readOnly } = useBuilder();
  const t = useWords();
  const [open, setOpen] = useState(false);
  const field = event.properties.find((p) => p.name === filter.field);
  const shown = takesMissing(catalogue, filter) && (open || showsMissing(catalogue, filter));
  return (
    <div className="qa-filter">
      <ComparisonRow
        condition={filter}
        field={field}
        fieldKey={filter.field}
        fieldLabel={t("property")}
        fieldOptions={event.properties.map((p) => ({ key: p.name, label: t(p.label) }))}
        onField={(name) => {
          const next = event.properties.find((p) => p.name === name);
          if (next) onChange(newComparison(catalogue, next));
        }}
        onChange={onChange}
      />
      {!readOnly && takesMissing(catalogue, filter) && !shown && (
        <Button icon="more" label={t("more")} testId="qa-more" pressed={false} onClick={() => setOpen(true)} />
      )}
      {!readOnly && <Button icon="remove" label={`${t("remove")} ${t("filter")}`} danger onClick={() => onChange(undefined)} />}
      {shown && <MissingChoice condition={filter} onChange={(next) => onChange(next as Comparison)} />}
    </div>
  );
}

interface NegateButtonProps {
  negated: boolean;
  onChange: (negated: boolean) => void;
  testId?: string;
}

export function NegateButton({ negated, onChange, testId }: NegateButtonProps) {
  const { readOnly } = useBuilder();
  const t = useWords();
  return (
    <button
      type="button"
      className="qa-not"
      data-testid={testId}
      aria-pressed={negated}
      title={t("negate")}
      disabled={readOnly}
      onClick={() => onChange(!negated)}
    >
      {t("not")}
    </button>
  );
}
