// Where a dragged node would land: under the pointer, or one step along the slots by keyboard.
import type { ClientRect, DroppableContainer, UniqueIdentifier } from "@dnd-kit/core";
import { samePath, slotsFor, startsWith, type Path, type Slot } from "./tree";
import type { Query } from "./rule";

type Rects = Map<UniqueIdentifier, ClientRect>;
/** What the adapter of react-querybuilder attaches to each place where something can be dropped. */
interface DropData {
  type?: "rule" | "ruleGroup";
  path?: Path;
}

/** Near its upper and lower border a group lets the pointer through to the group around it. */
const BORDER_PX = 7;

interface Place {
  id: UniqueIdentifier;
  path: Path;
  isGroup: boolean;
  rect: ClientRect;
}

export interface Target {
  id: UniqueIdentifier;
  slot: Slot;
}

function places(containers: DroppableContainer[], rects: Rects): Place[] {
  return containers.flatMap((container) => {
    const { type, path } = (container.data.current ?? {}) as DropData;
    const rect = rects.get(container.id);
    return path && rect ? [{ id: container.id, path, isGroup: type === "ruleGroup", rect }] : [];
  });
}

/** The innermost group under the pointer, and the gap between its children that is nearest to it. */
export function slotAt(
  pointer: { x: number; y: number },
  containers: DroppableContainer[],
  rects: Rects,
  dragged: Path | null,
): Target | undefined {
  const all = places(containers, rects);
  const inside = all
    .filter((p) => p.isGroup && !(dragged && startsWith(p.path, dragged)))
    .filter(({ rect, path }) => {
      const border = path.length ? Math.min(BORDER_PX, rect.height / 4) : 0;
      const within = pointer.y >= rect.top + border && pointer.y <= rect.bottom - border;
      return within && pointer.x >= rect.left && pointer.x <= rect.right;
    })
    .sort((a, b) => b.path.length - a.path.length)[0];
  if (!inside) return undefined;
  const index = all.filter(
    ({ path, rect }) =>
      path.length === inside.path.length + 1 &&
      startsWith(path, inside.path) &&
      (rect.top + rect.bottom) / 2 < pointer.y,
  ).length;
  return { id: inside.id, slot: { group: inside.path, index } };
}

/** The slot after one press of an arrow key: up and down along all slots, left out of a group, right into one. */
export function slotByKey(query: Query, dragged: Path | null, from: Slot | null, code: string): Slot | undefined {
  const slots = slotsFor(query, dragged);
  const parent = dragged?.slice(0, -1) ?? [];
  const start = from ?? { group: parent, index: dragged?.at(-1) ?? query.rules.length };
  const at = slots.findIndex((s) => s.index === start.index && samePath(s.group, start.group));
  switch (code) {
    case "ArrowDown":
      return slots[at + 1];
    case "ArrowUp":
      return slots[at - 1];
    case "ArrowRight":
      return slots.slice(at + 1).find((s) => s.group.length > start.group.length);
    case "ArrowLeft":
      return slots.slice(at + 1).find((s) => s.group.length < start.group.length);
    default:
      return undefined;
  }
}

/** The upper left corner of a slot on the screen, for the ghost of a keyboard drag. */
export function cornerOf(
  slot: Slot,
  containers: DroppableContainer[],
  rects: Rects,
): { target: Target; x: number; y: number } | undefined {
  const all = places(containers, rects);
  const group = all.find((p) => p.isGroup && samePath(p.path, slot.group));
  if (!group) return undefined;
  const child = (index: number) => all.find((p) => samePath(p.path, [...slot.group, index]))?.rect;
  const below = child(slot.index);
  const above = slot.index > 0 ? child(slot.index - 1) : undefined;
  const y = below?.top ?? above?.bottom ?? group.rect.bottom - 24;
  return { target: { id: group.id, slot }, x: group.rect.left + 28, y: y - 14 };
}
