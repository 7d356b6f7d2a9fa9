// The rule builder: a widget whose `value` is the JSON of one rule, with live counts from Python.
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore, type KeyboardEvent } from "react";
import { createRoot } from "react-dom/client";
import { QueryBuilderDnD } from "@react-querybuilder/dnd";
import { QueryBuilder, type RuleGroupType } from "react-querybuilder";
import { BuilderContext, type Builder, type Focus } from "./builder_context";
import { wholeCatalogue } from "./catalogue";
import { Condition } from "./condition";
import { dnd, GhostHostProvider } from "./drag_and_drop";
import { Group } from "./group";
import { keepsLocked, type Locks } from "./locks";
import { useModel, type Model, type Problem, type RuleBuilderTraits } from "./model";
import { Palette } from "./palette";
import { askOf } from "./questions";
import { newId, type Query } from "./rule";
import { RuleStore } from "./rule_store";
import { Source } from "./source_panel";
import { Gone, Header, Problems, Summary } from "./summary";
import { useAlive } from "./use_alive";
import { say } from "./words";
import "./rule_builder.css";

const controlElements = { rule: Condition, ruleGroup: Group };
// Held keys of the adapter would copy or wrap a dropped node; a key that no keyboard has turns them off.
const NO_KEY = "qa-no-key";

export function App({ model }: { model: Model<RuleBuilderTraits> }) {
  const [store] = useState(() => new RuleStore(model));
  const shown = useSyncExternalStore(store.subscribe, store.getShown);
  useEffect(() => store.start(), [store]);
  const language = useModel(model, "language") === "en" ? "en" : "zh";
  const sent = useModel(model, "catalogue");
  const result = useModel(model, "result") ?? {};
  const audiences = useModel(model, "audiences");
  const answers = useModel(model, "answers") ?? {};
  const catalogue = useMemo(() => wholeCatalogue(sent, result.as_of, audiences ?? []), [sent, result.as_of, audiences]);
  const ask = useMemo(() => askOf(model), [model]);
  const [locks, setLocks] = useState<Locks>(new Set());
  const [source, setSource] = useState(false);
  const seq = useModel(model, "seq") ?? 0;
  const readOnly = useModel(model, "read_only") ?? false;
  const [targetId, setTargetId] = useState<string>();
  const root = useRef<HTMLDivElement>(null);
  const alive = useAlive(model, root);
  const [host, setHost] = useState<HTMLElement | ShadowRoot | null>(null);
  const focus = useRef<Focus | undefined>(undefined);

  useEffect(() => {
    const top = root.current?.getRootNode();
    setHost(top instanceof ShadowRoot ? top : document.body);
  }, []);
  useLayoutEffect(() => {
    if (!focus.current || !root.current) return;
    focusNode(root.current, focus.current);
    focus.current = undefined;
  });

  const edit = useCallback<Builder["edit"]>(
    (change, then) => {
      if (model.get("read_only")) return;
      const [before, after] = [store.getQuery(), change(store.getQuery())];
      if (!keepsLocked(before, after, locks)) return;
      focus.current = then;
      store.change(after);
    },
    [model, store, locks],
  );
  const replace = useCallback<Builder["replace"]>((query) => void (model.get("read_only") || store.change(query)), [model, store]);
  const setLocked = useCallback<Builder["setLocked"]>((id, locked) => {
    setLocks((old) => new Set(locked ? [...old, id] : [...old].filter((one) => one !== id)));
  }, []);
  const stale = shown.pending || result.seq !== seq;
  const builder = useMemo<Builder>(
    () => ({
      language,
      catalogue,
      result,
      stale,
      readOnly,
      wrapped: shown.wrapped,
      getQuery: store.getQuery,
      edit,
      replace,
      locks,
      setLocked,
      answers,
      ask,
      targetId: targetId ?? shown.query.id,
      setTargetId,
    }),
    [language, catalogue, result, stale, readOnly, shown, store, edit, replace, locks, setLocked, answers, ask, targetId],
  );
  const undo = () => !readOnly && store.undo();
  const redo = () => !readOnly && store.redo();
  const onKeyDown = (e: KeyboardEvent) => {
    const withCommand = e.ctrlKey || e.metaKey;
    // A notebook in command mode takes arrows and Enter from whatever has the focus and is not typed into.
    if (!withCommand && e.target instanceof Element && e.target.matches("select, input, textarea, .qa-handle")) e.stopPropagation();
    if (!withCommand || e.altKey || isTyping(e.target)) return;
    const key = e.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    e.preventDefault();
    e.stopPropagation();
    if (key === "y" || e.shiftKey) redo();
    else undo();
  };
  const showProblem = ({ path }: Problem) => {
    const shownPath = shown.wrapped ? ["0", path].filter(Boolean).join(".") : path;
    const node = root.current?.querySelector<HTMLElement>(`.qa-node[data-path="${shownPath}"]`);
    node?.scrollIntoView({ block: "nearest" });
    node?.querySelector<HTMLElement>("[aria-invalid], [data-unknown] select, select, input")?.focus();
  };

  return (
    // Notebook shortcuts stay out of the widget: Enter and the arrows are ours in here.
    <div
      ref={root}
      className="qa-rule-builder"
      lang={language === "zh" ? "zh-CN" : "en"}
      data-lm-suppress-shortcuts="true"
      data-read-only={readOnly || undefined}
      onKeyDown={onKeyDown}
    >
      <BuilderContext.Provider value={builder}>
        <Header
          canUndo={shown.canUndo}
          canRedo={shown.canRedo}
          undo={undo}
          redo={redo}
          setLanguage={(next) => {
            model.set("language", next);
            model.save_changes();
          }}
          source={source}
          setSource={setSource}
        />
        {!alive && <Gone />}
        <GhostHostProvider value={host}>
          <QueryBuilderDnD dnd={dnd} controlElements={controlElements} copyModeModifierKey={NO_KEY} groupModeModifierKey={NO_KEY}>
            <div className="qa-columns">
              {!readOnly && <Palette />}
              <div className="qa-main">
                <Summary />
                {shown.unreadable ? (
                  <p className="qa-empty">{say(language, "unreadable")}</p>
                ) : (
                  <QueryBuilder
                    query={shown.query as RuleGroupType}
                    onQueryChange={(query) => store.change(query as Query)}
                    enableMountQueryChange={false}
                    idGenerator={newId}
                    disabled={readOnly}
                  />
                )}
                <Problems show={showProblem} />
                {source && <Source query={shown.query} />}
              </div>
            </div>
          </QueryBuilderDnD>
        </GhostHostProvider>
      </BuilderContext.Provider>
    </div>
  );
}

function isTyping(target: EventTarget): boolean {
  return target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && target.type !== "checkbox");
}

/** After a move the node is drawn anew elsewhere: the focus follows it. */
function focusNode(root: HTMLElement, { id, on, step }: Focus): void {
  const node = [...root.querySelectorAll<HTMLElement>("[data-rule-id], [data-rule-group-id]")].find(
    (e) => (e.dataset.ruleId ?? e.dataset.ruleGroupId) === id,
  );
  const part = step === undefined ? node : node?.querySelector<HTMLElement>(`.qa-step[data-step="${step}"]`);
  part?.querySelector<HTMLElement>(on === "handle" ? ".qa-handle" : ".qa-controls select, .qa-segments button")?.focus();
}

export default {
  render({ model, el }: { model: Model<RuleBuilderTraits>; el: HTMLElement }): () => void {
    // Ids of two roots on one page would be the same without a prefix of their own.
    const root = createRoot(el, { identifierPrefix: `qa${Math.random().toString(36).slice(2, 8)}-` });
    root.render(<App model={model} />);
    return () => root.unmount();
  },
};
