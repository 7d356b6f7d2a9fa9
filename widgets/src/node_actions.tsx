// What can be done with a node: lock it, copy it, remove it; and the scope in which a locked one is read only.
import type { ReactNode } from "react";
import { BuilderContext, useBuilder, useWords } from "./builder_context";
import { Button } from "./controls";
import { holdsLocked } from "./locks";
import type { QueryNode } from "./rule";
import { copyOf, insertAt, removeAt, type Path } from "./tree";

/** Everything in here is read only while the node is locked. */
export function LockScope({ id, children }: { id: string | undefined; children: ReactNode }) {
  const builder = useBuilder();
  const locked = !!id && builder.locks.has(id);
  return <BuilderContext.Provider value={locked ? { ...builder, readOnly: true } : builder}>{children}</BuilderContext.Provider>;
}

interface NodeActionsProps {
  path: Path;
  node: QueryNode;
  name: string;
  /** The node could be changed if it were not locked. */
  open: boolean;
  children?: ReactNode;
}

export function NodeActions({ path, node, name, open, children }: NodeActionsProps) {
  const { edit, locks, setLocked } = useBuilder();
  const t = useWords();
  if (!open || path.length === 0) return null;
  const locked = !!node.id && locks.has(node.id);
  return (
    <span className="qa-actions">
      {!locked && children}
      <Button
        icon={locked ? "locked" : "unlocked"}
        label={`${t(locked ? "unlock" : "lock")} ${name}`}
        testId="qa-lock"
        pressed={locked}
        onClick={() => node.id && setLocked(node.id, !locked)}
      />
      <Button
        icon="copy"
        label={`${t("copy")} ${name}`}
        testId="qa-copy"
        onClick={() => edit((query) => insertAt(query, { group: path.slice(0, -1), index: path.at(-1)! + 1 }, copyOf(node)))}
      />
      <Button
        icon="remove"
        danger
        label={holdsLocked(node, locks) ? t("removeLocked") : `${t("remove")} ${name}`}
        testId="qa-remove"
        disabled={holdsLocked(node, locks)}
        onClick={() => edit((query) => removeAt(query, path))}
      />
    </span>
  );
}
