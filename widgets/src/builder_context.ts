// What every part of the builder needs: language, catalogue, the last answer, and the edits.
import { createContext, useContext } from "react";
import { wholeCatalogue, type Catalogue, type Label } from "./catalogue";
import type { Locks } from "./locks";
import type { Answers, Language, Problem, Result, Topic } from "./model";
import type { Query } from "./rule";
import { pathKey, type Path } from "./tree";
import { say, type Word } from "./words";

export interface Focus {
  id: string | undefined;
  on: "handle" | "first";
  /** Of a sequence: the step meant. */
  step?: number;
}

export interface Builder {
  language: Language;
  catalogue: Catalogue;
  result: Partial<Result>;
  /** The answer on screen belongs to an older rule. */
  stale: boolean;
  /** Nothing can be changed: in the whole builder, or inside something that is locked. */
  readOnly: boolean;
  /** Python holds a bare condition, which is shown inside a group: its paths are one shorter. */
  wrapped: boolean;
  getQuery: () => Query;
  /** Apply an edit, and then put the focus on a part of a node. */
  edit: (change: (query: Query) => Query, focus?: Focus) => void;
  /** Put another rule in place of this one; one step of undo. */
  replace: (query: Query) => void;
  /** Ids of the nodes that are locked. */
  locks: Locks;
  setLocked: (id: string, locked: boolean) => void;
  answers: Answers;
  /** Ask Python something; returns the number that the answer will have. */
  ask: (topic: Topic, texts?: Record<string, string>) => number;
  /** The group that the palette adds to. */
  targetId: string | undefined;
  setTargetId: (id: string) => void;
}

const outside: Builder = {
  language: "zh",
  catalogue: wholeCatalogue(null),
  result: {},
  stale: false,
  readOnly: true,
  wrapped: false,
  getQuery: () => ({ combinator: "and", rules: [] }),
  edit: () => {},
  replace: () => {},
  locks: new Set(),
  setLocked: () => {},
  answers: {},
  ask: () => 0,
  targetId: undefined,
  setTargetId: () => {},
};

export const BuilderContext = createContext<Builder>(outside);
export const useBuilder = (): Builder => useContext(BuilderContext);

/** `t("undo")` for words of the form and `t(field.label)` for labels of the catalogue. */
export function useWords(): (what: Word | Label, values?: Record<string, string | number>) => string {
  const { language } = useBuilder();
  return (what, values) => (typeof what === "string" ? say(language, what, values) : what[language] || what.zh || what.en);
}

/** The path of a node as Python counts it. */
export function pythonPath(path: Path, wrapped: boolean): string {
  return pathKey(wrapped ? path.slice(1) : path);
}

export function problemsAt(builder: Builder, path: Path): Problem[] {
  // The group around a bare condition is not Python's: its findings belong to the condition.
  if (builder.wrapped && path.length === 0) return [];
  const key = pythonPath(path, builder.wrapped);
  return (builder.result.problems ?? []).filter((p) => p.path === key);
}
