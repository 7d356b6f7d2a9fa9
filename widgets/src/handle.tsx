// The handle of a node: drags it with the pointer, picks it up with Enter, moves it at once with Alt and an arrow.
import type { KeyboardEvent, KeyboardEventHandler, Ref } from "react";
import { useBuilder, useWords } from "./builder_context";
import { Icon } from "./controls";
import { isLockedAt } from "./locks";
import { moveTo, nextSlot, type Path } from "./tree";

interface HandleProps {
  name: string;
  /** One place up or down, at once. */
  onStep: (step: 1 | -1) => void;
  dragRef: Ref<HTMLSpanElement> | undefined;
  /** Role, tab stop and listeners, as the drag-and-drop adapter gives them. */
  attributes: Record<string, unknown> | undefined;
}

export function Handle({ name, onStep, dragRef, attributes }: HandleProps) {
  const { readOnly } = useBuilder();
  const t = useWords();
  const pickUp = attributes?.onKeyDown as KeyboardEventHandler | undefined;
  const onKeyDown = (e: KeyboardEvent) => {
    const step = e.key === "ArrowUp" ? -1 : e.key === "ArrowDown" ? 1 : undefined;
    if (!e.altKey || !step) return pickUp?.(e);
    e.preventDefault();
    e.stopPropagation();
    onStep(step);
  };
  if (readOnly) return null;
  return (
    <span
      ref={dragRef}
      className="queryBuilder-dragHandle qa-handle"
      {...attributes}
      aria-label={`${t("drag")} ${name}`}
      title={`${t("drag")} · ${t("dragKeys")}`}
      onKeyDown={onKeyDown}
    >
      <Icon name="drag" />
    </span>
  );
}

/** Moves a node one place along all places of the tree. */
export function useNodeStep(path: Path, id: string | undefined): (step: 1 | -1) => void {
  const { edit, locks } = useBuilder();
  return (step) =>
    edit((query) => {
      const slot = nextSlot(query, path, step, (s) => !isLockedAt(query, s.group, locks));
      return slot ? moveTo(query, path, slot) : query;
    }, { id, on: "handle" });
}
