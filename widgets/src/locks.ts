// Locked conditions and groups: a guard of the view against edits by mistake; the rule does not know of it.
import { canonical, fromQueryNode, isQueryGroup, type Query, type QueryNode } from "./rule";
import type { Path } from "./tree";

export type Locks = ReadonlySet<string>;

function byId(query: Query): Map<string, QueryNode> {
  const found = new Map<string, QueryNode>();
  const visit = (node: QueryNode) => {
    if (node.id) found.set(node.id, node);
    if (isQueryGroup(node)) node.rules.forEach(visit);
  };
  visit(query);
  return found;
}

/** Whether an edit leaves everything that is locked as it was; where it stands may change. */
export function keepsLocked(before: Query, after: Query, locks: Locks): boolean {
  if (!locks.size) return true;
  const [old, fresh] = [byId(before), byId(after)];
  const same = (a: QueryNode, b: QueryNode) => a === b || canonical(fromQueryNode(a)) === canonical(fromQueryNode(b));
  return [...locks].every((id) => {
    const was = old.get(id);
    const is = fresh.get(id);
    return !was || (is !== undefined && same(was, is));
  });
}

/** Whether the node at a path, or one around it, is locked. */
export function isLockedAt(query: Query, path: Path, locks: Locks): boolean {
  let node: QueryNode | undefined = query;
  for (const n of [...path, undefined]) {
    if (node?.id && locks.has(node.id)) return true;
    node = n !== undefined && node && isQueryGroup(node) ? node.rules[n] : undefined;
  }
  return false;
}

/** Whether something in the node is locked, itself included. */
export function holdsLocked(node: QueryNode, locks: Locks): boolean {
  return (!!node.id && locks.has(node.id)) || (isQueryGroup(node) && node.rules.some((child) => holdsLocked(child, locks)));
}
