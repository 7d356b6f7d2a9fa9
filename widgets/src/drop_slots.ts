// Where a dragged node or step would land: under the pointer, or one place along by keyboard.
//
// A sequence holds steps as a group holds nodes: the slot { group: path of the sequence, index } is a place
// for a step, and no group has the path of a condition.
import type { ClientRect, DroppableContainer, UniqueIdentifier } from "@dnd-kit/core";
import { samePath, slotsFor, startsWith, type Path, type Slot } from "./tree";
import type { Query, Sequence } from "./rule";
import { moveStep } from "./sequence";

type Rects = Map<UniqueIdentifier, ClientRect>;
/** What is attached to each place: by the adapter to nodes of the tree, by our cards to steps. */
export interface DropData {
  type?: "rule" | "ruleGroup" | "steps" | "step";
  path?: Path;
}

/** Near its upper and lower border a group lets the pointer through to the group around it. */
const BORDER_PX = 7;

interface Place {
  id: UniqueIdentifier;
  path: Path;
  type: NonNullable<DropData["type"]>;
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
    return path && rect ? [{ id: container.id, path, type: type ?? "rule", rect }] : [];
  });
}

const holds = ({ type }: Place): boolean => type === "ruleGroup" || type === "steps";

/** The innermost group or sequence under the pointer that `takes` it, and the gap that is nearest to it. */
export function slotAt(
  pointer: { x: number; y: number },
  containers: DroppableContainer[],
  rects: Rects,
  dragged: Path | null,
  takes: (holder: { type: "ruleGroup" | "steps"; path: Path }) => boolean,
): Target | undefined {
  const all = places(containers, rects);
  const inside = all
    .filter((p) => holds(p) && takes(p as Parameters<typeof takes>[0]) && !(dragged && startsWith(p.path, dragged)))
    .filter(({ rect, path }) => {
      const border = path.length ? Math.min(BORDER_PX, rect.height / 4) : 0;
      const within = pointer.y >= rect.top + border && pointer.y <= rect.bottom - border;
      return within && pointer.x >= rect.left && pointer.x <= rect.right;
    })
    .sort((a, b) => b.path.length - a.path.length)[0];
  if (!inside) return undefined;
  const index = all.filter(
    ({ path, rect, type }) =>
      type !== "steps" &&
      path.length === inside.path.length + 1 &&
      startsWith(path, inside.path) &&
      (rect.top + rect.bottom) / 2 < pointer.y,
  ).length;
  return { id: inside.id, slot: { group: inside.path, index } };
}

/** The slot after one press of an arrow key: up and down along all slots, left out of a group, right into one. */
export function slotByKey(
  query: Query,
  dragged: Path | null,
  from: Slot | null,
  code: string,
  open: (slot: Slot) => boolean,
): Slot | undefined {
  const slots = slotsFor(query, dragged).filter(open);
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

/** The place of a step after one press of an arrow key. */
export function stepSlotByKey(sequence: Sequence, step: Path, from: Slot | null, code: string): Slot | undefined {
  const home = step.at(-1)!;
  const by = code === "ArrowDown" || code === "ArrowRight" ? 1 : code === "ArrowUp" || code === "ArrowLeft" ? -1 : 0;
  const open = (to: number) => to === home || moveStep(sequence, home, to) !== undefined;
  for (let to = (from?.index ?? home) + by; by && to >= 0 && to <= sequence.steps.length; to += by) {
    if (open(to)) return { group: step.slice(0, -1), index: to };
  }
  return undefined;
}

/** The upper left corner of a slot on the screen, for the ghost of a keyboard drag. */
export function cornerOf(
  slot: Slot,
  containers: DroppableContainer[],
  rects: Rects,
): { target: Target; x: number; y: number } | undefined {
  const all = places(containers, rects);
  const group = all.find((p) => holds(p) && samePath(p.path, slot.group));
  if (!group) return undefined;
  const child = (index: number) => all.find((p) => p.type !== "steps" && samePath(p.path, [...slot.group, index]))?.rect;
  const below = child(slot.index);
  const above = slot.index > 0 ? child(slot.index - 1) : undefined;
  const y = below?.top ?? above?.bottom ?? group.rect.bottom - 24;
  return { target: { id: group.id, slot }, x: group.rect.left + 28, y: y - 14 };
}
