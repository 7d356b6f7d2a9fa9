// Drag and drop by dnd-kit through react-querybuilder's adapter, with our own landing places.
//
// The adapter registers what can be dragged and where things can be dropped. It would drop only behind
// a condition or at the head of a group; the context that it is given here lands between any two nodes,
// speaks both languages, takes new conditions from the palette, moves the steps of a sequence and takes new
// ones, and steps along the places by keyboard. Nothing is dropped into what is locked.
import {
  DndContext as KitContext,
  DragOverlay,
  KeyboardSensor,
  PointerSensor,
  useDraggable,
  useDroppable,
  useSensor,
  useSensors,
  type Active,
  type Announcements,
  type CollisionDetection,
  type DndContextProps,
  type KeyboardCoordinateGetter,
  type KeyboardSensorProps,
} from "@dnd-kit/core";
import { createDndKitAdapter } from "@react-querybuilder/dnd/dnd-kit";
import { createContext, useContext, useId, useMemo, useRef, useState, type PointerEventHandler } from "react";
import { createPortal } from "react-dom";
import { useBuilder, useWords } from "./builder_context";
import { newCondition } from "./defaults";
import { conditionName, nodeName } from "./names";
import { cornerOf, slotAt, slotByKey, stepSlotByKey, type DropData, type Target } from "./drop_slots";
import { isLockedAt } from "./locks";
import { fromQueryRule, isQueryGroup, toQueryRule, type Query, type Sequence } from "./rule";
import { addStep, moveStep, placeAfter } from "./sequence";
import { canMove, insertAt, moveTo, nodeAt, pathKey, replaceAt, samePath, type Path, type Slot } from "./tree";

/** What a draggable carries: a path in the tree (from the adapter), the path of a step, or a new condition's key. */
interface DragData {
  path?: Path;
  step?: Path;
  fieldKey?: string;
}

const SlotContext = createContext<Slot | null>(null);

/** The index at which the dragged node would land in this group, or undefined. */
export function useDropIndex(group: Path): number | undefined {
  const slot = useContext(SlotContext);
  return slot && samePath(slot.group, group) ? slot.index : undefined;
}

/**
 * Listens to the keys of a drag on the builder itself, not on the document: there a notebook listens as well,
 * and would take each arrow for its own. What the builder has heard goes no further.
 */
class BuilderKeyboardSensor extends KeyboardSensor {
  constructor(props: KeyboardSensorProps) {
    super(props);
    const builder = props.event.target instanceof Element ? props.event.target.closest(".qa-rule-builder") : null;
    if (!builder) return;
    const stop = new AbortController();
    const listeners = {
      add: (name: string, handler: EventListener) => builder.addEventListener(name, handler, { signal: stop.signal }),
      removeAll: () => stop.abort(),
    };
    Object.assign(this, { listeners }); // its own start a moment later, so none has been added yet
  }
}

/** Where the ghost is drawn: outside the notebook's clipped output, but inside a shadow root. */
const GhostHost = createContext<HTMLElement | ShadowRoot | null>(null);
export const GhostHostProvider = GhostHost.Provider;

function DndContext({ children, ...adapter }: DndContextProps) {
  const builder = useBuilder();
  const t = useWords();
  const id = useId();
  const host = useContext(GhostHost);
  const target = useRef<Target | null>(null);
  const keyboardSlot = useRef<Slot | null>(null);
  const [slot, setSlot] = useState<Slot | null>(null);
  const [ghost, setGhost] = useState<string | null>(null);

  const nameOf = (data: DragData): string => {
    if (data.step) return t("step", { n: data.step.at(-1)! + 1 });
    const node = data.path && nodeAt(builder.getQuery(), data.path);
    if (node) return nodeName(node, builder);
    const condition = data.fieldKey ? newCondition(builder.catalogue, data.fieldKey) : undefined;
    return condition ? conditionName(condition, builder) : t("newCondition");
  };
  const dataOf = (active: Active | null): DragData => (active?.data.current ?? {}) as DragData;

  /** Whether a group, or the steps of a sequence, may take what is dragged at all. */
  const takes = ({ path, step, fieldKey }: DragData, holder: { type: "ruleGroup" | "steps"; path: Path }): boolean => {
    if (isLockedAt(builder.getQuery(), holder.path, builder.locks)) return false;
    if (holder.type === "ruleGroup") return !step;
    if (step) return samePath(step.slice(0, -1), holder.path);
    return !path && !!fieldKey?.startsWith("event:");
  };
  const allowed = ({ path, step }: DragData, slot: Slot): boolean => {
    if (path) return canMove(path, slot);
    const sequence = step && sequenceAt(builder.getQuery(), step.slice(0, -1));
    return !step || (!!sequence && moveStep(sequence, step.at(-1)!, slot.index) !== undefined);
  };
  const detectCollision: CollisionDetection = ({ active, pointerCoordinates, droppableContainers, droppableRects }) => {
    const data = dataOf(active);
    const found = pointerCoordinates
      ? slotAt(pointerCoordinates, droppableContainers, droppableRects, data.path ?? null, (holder) => takes(data, holder))
      : keyboardSlot.current && cornerOf(keyboardSlot.current, droppableContainers, droppableRects)?.target;
    target.current = found && allowed(data, found.slot) ? found : null;
    return found ? [{ id: found.id }] : [];
  };

  // The sensors live as long as the context; what they read changes, hence the reference.
  const latest = useRef(builder);
  latest.current = builder;
  const coordinateGetter = useMemo<KeyboardCoordinateGetter>(
    () => (event, { context }) => {
      const { path, step } = dataOf(context.active);
      const query = latest.current.getQuery();
      const sequence = step && sequenceAt(query, step.slice(0, -1));
      const next = sequence
        ? stepSlotByKey(sequence, step, keyboardSlot.current, event.code)
        : slotByKey(query, path ?? null, keyboardSlot.current, event.code, (slot) => !isLockedAt(query, slot.group, latest.current.locks));
      const corner = next && cornerOf(next, context.droppableContainers.getEnabled(), context.droppableRects);
      if (!corner) return undefined;
      event.preventDefault();
      keyboardSlot.current = next;
      return { x: corner.x, y: corner.y };
    },
    [],
  );
  const sensors = useSensors(
    useSensor(PointerSensor, { activationConstraint: { distance: 5 } }),
    useSensor(BuilderKeyboardSensor, { coordinateGetter }),
  );

  const finish = () => {
    target.current = null;
    keyboardSlot.current = null;
    setSlot(null);
    setGhost(null);
  };
  const drop = (data: DragData, { group, index }: Slot) => {
    const { path, step, fieldKey } = data;
    const sequence = sequenceAt(builder.getQuery(), group);
    if (sequence) {
      const most = builder.catalogue.limits.steps;
      const changed = step ? moveStep(sequence, step.at(-1)!, index) : addStep(sequence, index, fieldKey!.slice("event:".length), most);
      const id = nodeAt(builder.getQuery(), group)?.id;
      const at = step ? placeAfter(step.at(-1)!, index) : index;
      if (changed) builder.edit((query) => replaceAt(query, group, toQueryRule(changed, id)), { id, on: "handle", step: at });
    } else if (path) {
      const node = nodeAt(builder.getQuery(), path);
      builder.edit((query) => moveTo(query, path, { group, index }), { id: node?.id, on: "handle" });
    } else if (fieldKey) {
      const condition = newCondition(builder.catalogue, fieldKey);
      if (!condition) return;
      const row = toQueryRule(condition);
      builder.edit((query) => insertAt(query, { group, index }, row), { id: row.id, on: "handle" });
    }
  };

  const place = ({ group, index }: Slot) => {
    const path = group.map((n) => n + 1).join(".");
    if (sequenceAt(builder.getQuery(), group)) return t("overPlace", { n: index + 1, group: t("stepsOf", { path }) });
    return t("overPlace", { n: index + 1, group: group.length ? t("innerGroup", { path }) : t("rootGroup") });
  };
  // After the drop another node is at the old path: the name is taken when the drag starts.
  const dragged = useRef("");
  const announcements: Announcements = {
    onDragStart: ({ active }) => {
      dragged.current = nameOf(dataOf(active));
      return t("pickedUp", { name: dragged.current });
    },
    onDragMove: () => (target.current ? place(target.current.slot) : undefined),
    onDragOver: () => undefined,
    onDragEnd: () => t("dropped", { name: dragged.current }),
    onDragCancel: () => t("cancelled", { name: dragged.current }),
  };

  const ghostLayer = (
    <DragOverlay dropAnimation={null} zIndex={10000}>
      {ghost === null ? null : <div className="qa-ghost">{ghost}</div>}
    </DragOverlay>
  );
  return (
    <KitContext
      {...adapter}
      id={id}
      sensors={sensors}
      collisionDetection={detectCollision}
      accessibility={{ announcements, screenReaderInstructions: { draggable: t("dragKeys") }, restoreFocus: false }}
      onDragStart={(event) => {
        adapter.onDragStart?.(event);
        // A keyboard drag is shown by its landing place alone.
        if (!(event.activatorEvent instanceof KeyboardEvent)) setGhost(nameOf(dataOf(event.active)));
      }}
      onDragMove={() => {
        const next = target.current?.slot ?? null;
        setSlot((old) => (old && next && slotKey(old) === slotKey(next) ? old : next));
      }}
      onDragEnd={(event) => {
        // The adapter only has to forget its own state: what happens is decided here.
        adapter.onDragCancel?.(event);
        if (target.current && !builder.readOnly) drop(dataOf(event.active), target.current.slot);
        finish();
      }}
      onDragCancel={(event) => {
        adapter.onDragCancel?.(event);
        finish();
      }}
    >
      <SlotContext.Provider value={slot}>{children}</SlotContext.Provider>
      {host ? createPortal(ghostLayer, host) : ghostLayer}
    </KitContext>
  );
}

/** The sequence at a path; undefined where something else is. */
function sequenceAt(query: Query, path: Path): Sequence | undefined {
  const node = nodeAt(query, path);
  const condition = node && !isQueryGroup(node) ? fromQueryRule(node) : undefined;
  return condition?.kind === "sequence" ? condition : undefined;
}

const slotKey = ({ group, index }: Slot): string => `${pathKey(group)}:${index}`;

export const dnd = createDndKitAdapter({
  DndContext: DndContext as typeof KitContext,
  useDraggable,
  useDroppable,
  PointerSensor,
  KeyboardSensor,
  useSensor,
  useSensors,
});

/** A palette entry that can be dragged into the tree. */
export function usePaletteDrag(fieldKey: string, disabled: boolean) {
  const id = useId();
  const { setNodeRef, listeners, isDragging } = useDraggable({
    id: `palette-${id}-${fieldKey}`,
    disabled,
    data: { fieldKey } satisfies DragData,
  });
  // Enter on an entry adds it; only the pointer drags it.
  return { ref: setNodeRef, isDragging, onPointerDown: listeners?.onPointerDown as PointerEventHandler | undefined };
}

/** Where steps can be dropped: the whole list, and each step, beside which the new place lies. */
export function useStepsPlace(path: Path, disabled: boolean) {
  return useDroppable({ id: `steps-${useId()}`, disabled, data: { type: "steps", path } satisfies DropData }).setNodeRef;
}
export function useStepPlace(path: Path, disabled: boolean) {
  return useDroppable({ id: `step-${useId()}`, disabled, data: { type: "step", path } satisfies DropData }).setNodeRef;
}

/** The handle of a step. */
export function useStepDrag(path: Path, key: string, disabled: boolean) {
  const id = useId();
  const { setNodeRef, attributes, listeners, isDragging } = useDraggable({
    id: `step-${id}-${key}`,
    disabled,
    data: { step: path } satisfies DragData,
  });
  return { ref: setNodeRef, isDragging, attributes: { ...attributes, ...listeners } as Record<string, unknown> };
}
