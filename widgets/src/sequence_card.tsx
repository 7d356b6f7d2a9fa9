// What a sequence says below its head: its steps in order, what must be the same in them, and when.
import { useBuilder, useWords } from "./builder_context";
import { eventLabel, eventOf, offeredEvents, sharedProperties } from "./catalogue";
import { Button, Select } from "./controls";
import { useDropIndex, useStepDrag, useStepPlace, useStepsPlace } from "./drag_and_drop";
import { withWhere } from "./event_card";
import { FirstFilter, WhereLine } from "./filters";
import { Handle } from "./handle";
import type { Sequence, Step } from "./rule";
import { addStep, linkOf, moveStep, nextPlace, placeAfter, removeStep, withEvent, withLink, withStep, type Link } from "./sequence";
import { pathKey, type Path } from "./tree";
import { DurationEditor, WindowEditor } from "./window_editor";

interface SequenceProps {
  /** Where the condition stands, and its id. */
  path: Path;
  id: string | undefined;
  condition: Sequence;
  /** Change it and then put the focus on the handle of a step. */
  onChange: (condition: Sequence, step?: number) => void;
}

export function SequenceCard({ path, id, condition, onChange }: SequenceProps) {
  const { catalogue, readOnly } = useBuilder();
  const t = useWords();
  const { steps } = condition;
  const place = useStepsPlace(path, readOnly);
  const dropIndex = useDropIndex(path);
  const full = steps.length >= catalogue.limits.steps;
  return (
    <div className="qa-event">
      <ol ref={place} className="qa-steps" aria-label={t("steps")} data-drop={dropIndex === undefined ? undefined : "inside"}>
        {steps.map((step, i) => (
          <li
            key={i}
            className="qa-slot"
            data-drop-before={dropIndex === i || undefined}
            data-drop-after={(i === steps.length - 1 && dropIndex === steps.length) || undefined}
          >
            <StepRow path={path} id={id} sequence={condition} index={i} step={step} onChange={onChange} />
          </li>
        ))}
      </ol>
      {!readOnly && (
        <div className="qa-line">
          <span />
          <span className="qa-controls">
            <Button
              icon="plus"
              worded
              label={t("addStep")}
              testId="qa-add-step"
              disabled={full || !catalogue.events.length}
              onClick={() => onChange(addStep(condition, steps.length, offeredEvents(catalogue)[0]!.name, catalogue.limits.steps), steps.length)}
            />
            <span className="qa-note">{full ? t("stepsFull", { n: catalogue.limits.steps }) : t("stepsHint")}</span>
          </span>
        </div>
      )}
      <SameLine condition={condition} onChange={onChange} />
      <div className="qa-line">
        <span className="qa-line-label">{t("wholeSpan")}</span>
        <DurationEditor
          label={t("wholeSpan")}
          without={t("anyLength")}
          within={t("allWithin")}
          value={condition.within}
          onChange={(within) => {
            const { within: _old, ...rest } = condition;
            onChange(within ? { ...rest, within } : rest);
          }}
        />
      </div>
      <div className="qa-line">
        <span className="qa-line-label">{t("time")}</span>
        <WindowEditor value={condition.window ?? { kind: "ever" }} onChange={(window) => onChange({ ...condition, window })} />
      </div>
    </div>
  );
}

interface StepProps extends Omit<SequenceProps, "condition"> {
  sequence: Sequence;
  index: number;
  step: Step;
}

function StepRow({ path, id, sequence, index, step, onChange }: StepProps) {
  const { catalogue, readOnly } = useBuilder();
  const t = useWords();
  const stepPath = [...path, index];
  const place = useStepPlace(stepPath, readOnly);
  const event = eventOf(catalogue, step.event);
  const name = `${t("step", { n: index + 1 })} ${event ? t(event.label) : step.event}`;
  const drag = useStepDrag(stepPath, `${id}-${index}`, readOnly);
  const set = (next: Step) => onChange(withStep(sequence, index, next));
  const left = removeStep(sequence, index, catalogue.limits.min_steps);
  const moveBy = (by: 1 | -1) => {
    const to = nextPlace(sequence, index, by);
    const moved = to === undefined ? undefined : moveStep(sequence, index, to);
    if (moved) onChange(moved, placeAfter(index, to!));
  };
  return (
    <div
      ref={place}
      className="qa-step"
      role="group"
      aria-label={name}
      data-testid="qa-step"
      data-step={index}
      data-step-path={pathKey(stepPath)}
      data-absent={step.absent || undefined}
      data-dragging={drag.isDragging || undefined}
    >
      <div className="qa-step-head">
        <Handle name={name} onStep={moveBy} dragRef={drag.ref} attributes={drag.attributes} />
        <b className="qa-step-number" aria-hidden="true">
          {index + 1}
        </b>
        <span className="qa-controls">
          {index > 0 && (
            <Select
              className="qa-link"
              label={t("link")}
              value={linkOf(step)}
              options={(["then", "immediately", "absent"] as const).map((key) => ({ key, label: t(`link_${key}`) }))}
              onChange={(key) => set(withLink(step, key as Link))}
            />
          )}
          <Select
            className="qa-field"
            label={t("event")}
            value={step.event}
            options={offeredEvents(catalogue, step.event).map((e) => ({ key: e.name, label: t(eventLabel(e)) }))}
            onChange={(key) => {
              const next = eventOf(catalogue, key);
              if (next) set(withEvent(step, next));
            }}
          />
          {index > 0 && (
            <DurationEditor
              label={t("gap")}
              without={t(step.absent ? "neverAfter" : "anyTimeLater")}
              within={t("within")}
              value={step.within}
              onChange={(within) => {
                const { within: _old, ...rest } = step;
                set(within ? { ...rest, within } : rest);
              }}
            />
          )}
          {!step.where && <FirstFilter event={event} onChange={(where) => set(withWhere(step, where))} />}
        </span>
        {!readOnly && (
          <span className="qa-side">
            <Button
              icon="remove"
              danger
              label={left ? `${t("remove")} ${name}` : t("stepStays", { n: catalogue.limits.min_steps })}
              testId="qa-remove-step"
              disabled={!left}
              onClick={() => left && onChange(left)}
            />
          </span>
        )}
      </div>
      {step.where && <WhereLine event={event} where={step.where} onChange={(where) => set(withWhere(step, where))} />}
    </div>
  );
}

/** Properties that must be equal in all steps: those that every step has can be chosen. */
function SameLine({ condition, onChange }: Pick<SequenceProps, "condition" | "onChange">) {
  const { catalogue, readOnly } = useBuilder();
  const t = useWords();
  const same = condition.same ?? [];
  const shared = sharedProperties(catalogue, condition.steps);
  const gone = same.filter((name) => !shared.some((p) => p.name === name));
  if (!shared.length && !gone.length) return null;
  const labelOf = (name: string) => {
    const property = catalogue.events.flatMap((e) => e.properties).find((p) => p.name === name);
    return property ? t(property.label) : name;
  };
  const toggle = (name: string) => {
    const { same: _old, ...rest } = condition;
    const next = same.includes(name) ? same.filter((n) => n !== name) : [...same, name];
    onChange(next.length ? { ...rest, same: next } : rest);
  };
  return (
    <div className="qa-line">
      <span className="qa-line-label">{t("same")}</span>
      <span className="qa-controls" role="group" aria-label={t("same")} data-testid="qa-same">
        {[...shared.map((p) => p.name), ...gone].map((name) => (
          <button
            key={name}
            type="button"
            className="qa-toggle"
            aria-pressed={same.includes(name)}
            data-unknown={gone.includes(name) || undefined}
            disabled={readOnly || (!same.includes(name) && same.length >= catalogue.limits.same)}
            onClick={() => toggle(name)}
          >
            {labelOf(name)}
            {gone.includes(name) && t("notShared")}
          </button>
        ))}
        <span className="qa-note">{t("sameHint")}</span>
      </span>
    </div>
  );
}
