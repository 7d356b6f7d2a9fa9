// Edits of the query as a tree: every function returns a new query and leaves the old one alone.
import { isQueryGroup, newId, type Query, type QueryNode } from "./rule";

/** Child numbers from the root. */
export type Path = readonly number[];

/** A place for a node: before the child `index` of the group at `group`. */
export interface Slot {
  group: Path;
  index: number;
}

export const pathKey = (path: Path): string => path.join(".");
export const samePath = (a: Path, b: Path): boolean => a.length === b.length && startsWith(a, b);
export const startsWith = (path: Path, head: Path): boolean => head.every((n, i) => path[i] === n);

export function nodeAt(query: Query, path: Path): QueryNode | undefined {
  let node: QueryNode | undefined = query;
  for (const n of path) node = node && isQueryGroup(node) ? node.rules[n] : undefined;
  return node;
}

function withRules(query: Query, path: Path, change: (rules: QueryNode[]) => QueryNode[]): Query {
  if (path.length === 0) return { ...query, rules: change(query.rules) };
  const [head, ...rest] = path;
  const rules = query.rules.map((child, i) =>
    i === head && isQueryGroup(child) ? withRules(child, rest, change) : child,
  );
  return { ...query, rules };
}

export function replaceAt(query: Query, path: Path, node: QueryNode): Query {
  if (path.length === 0) return node as Query;
  return withRules(query, path.slice(0, -1), (rules) => rules.with(path.at(-1)!, node));
}

export function removeAt(query: Query, path: Path): Query {
  return withRules(query, path.slice(0, -1), (rules) => rules.toSpliced(path.at(-1)!, 1));
}

export function insertAt(query: Query, slot: Slot, node: QueryNode): Query {
  return withRules(query, slot.group, (rules) => rules.toSpliced(slot.index, 0, node));
}

/** The same node with ids of its own, all the way down. */
export function copyOf(node: QueryNode): QueryNode {
  if (!isQueryGroup(node)) return { ...node, id: newId() };
  return { ...node, id: newId(), rules: node.rules.map(copyOf) };
}

/** Whether a move from `path` to `slot` would change anything and is possible at all. */
export function canMove(path: Path, slot: Slot): boolean {
  if (path.length === 0 || startsWith(slot.group, path)) return false;
  const here = samePath(slot.group, path.slice(0, -1));
  return !(here && (slot.index === path.at(-1) || slot.index === path.at(-1)! + 1));
}

/** Move the node at `path` to `slot`, where the slot is counted before anything moves. */
export function moveTo(query: Query, path: Path, slot: Slot): Query {
  const node = nodeAt(query, path);
  if (!node || !canMove(path, slot)) return query;
  const parent = path.slice(0, -1);
  const last = path.at(-1)!;
  // Taking the node out shifts what comes after it in its own parent by one.
  const group = [...slot.group];
  let index = slot.index;
  if (samePath(parent, slot.group)) {
    if (last < index) index -= 1;
  } else if (startsWith(group, parent) && group[parent.length]! > last) {
    group[parent.length]! -= 1;
  }
  return insertAt(removeAt(query, path), { group, index }, node);
}

/** All places where the node at `path` (or a new one) may go, from top to bottom of the screen. */
export function slotsFor(query: Query, path: Path | null): Slot[] {
  const slots: Slot[] = [];
  const visit = (group: Query, at: Path) => {
    group.rules.forEach((child, index) => {
      const childPath = [...at, index];
      slots.push({ group: at, index });
      if (isQueryGroup(child) && !(path && samePath(childPath, path))) visit(child, childPath);
    });
    slots.push({ group: at, index: group.rules.length });
  };
  visit(query, []);
  // The place right behind the node is the place where it is.
  return path
    ? slots.filter((s) => canMove(path, s) || (samePath(s.group, path.slice(0, -1)) && s.index === path.at(-1)))
    : slots;
}

/** The slot `step` places up or down from where the node is, or undefined at either end. */
export function nextSlot(query: Query, path: Path, step: 1 | -1, open: (slot: Slot) => boolean = () => true): Slot | undefined {
  const slots = slotsFor(query, path).filter(open);
  const home = slots.findIndex((s) => samePath(s.group, path.slice(0, -1)) && s.index === path.at(-1));
  return slots[home + step];
}

export function findPath(query: Query, id: string): Path | undefined {
  if (query.id === id) return [];
  for (const [i, child] of query.rules.entries()) {
    if (child.id === id) return [i];
    const below = isQueryGroup(child) ? findPath(child, id) : undefined;
    if (below) return [i, ...below];
  }
  return undefined;
}

export function countConditions(node: QueryNode): number {
  return isQueryGroup(node) ? node.rules.reduce((n, child) => n + countConditions(child), 0) : 1;
}
