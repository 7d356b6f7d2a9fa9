// The handle of a node: drags it with the pointer, picks it up with Enter, moves it at once with Alt and an arrow.
import type { KeyboardEvent, KeyboardEventHandler, Ref } from "react";
import { useBuilder, useWords } from "./builder_context";
import { Icon } from "./controls";
import { moveTo, nextSlot, type Path } from "./tree";

interface HandleProps {
  path: Path;
  id: string | undefined;
  name: string;
  dragRef: Ref<HTMLSpanElement> | undefined;
  /** Role, tab stop and listeners, as the drag-and-drop adapter gives them. */
  attributes: Record<string, unknown> | undefined;
}

export function Handle({ path, id, name, dragRef, attributes }: HandleProps) {
  const { edit, readOnly } = useBuilder();
  const t = useWords();
  const pickUp = attributes?.onKeyDown as KeyboardEventHandler | undefined;
  const onKeyDown = (e: KeyboardEvent) => {
    const step = e.key === "ArrowUp" ? -1 : e.key === "ArrowDown" ? 1 : undefined;
    if (!e.altKey || !step) return pickUp?.(e);
    e.preventDefault();
    e.stopPropagation();
    edit((query) => {
      const slot = nextSlot(query, path, step);
      return slot ? moveTo(query, path, slot) : query;
    }, { id, on: "handle" });
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
