// A group of conditions: all or any of them, perhaps negated. react-querybuilder's "rule group".
import { Fragment, useCallback, type Ref } from "react";
import type { RuleGroupProps } from "react-querybuilder";
import { problemsAt, useBuilder, useWords, type Builder } from "./builder_context";
import { offeredEvents } from "./catalogue";
import { Button, Segments } from "./controls";
import { emptyGroup, newCondition } from "./defaults";
import { useDropIndex } from "./drag_and_drop";
import { NegateButton } from "./filters";
import { Handle, useNodeStep } from "./handle";
import { nodeName } from "./names";
import { LockScope, NodeActions } from "./node_actions";
import { NodeCount, NodeProblems } from "./node_count";
import { isQueryGroup, toQueryNode, toQueryRule, type Query } from "./rule";
import { countConditions, insertAt, pathKey, replaceAt, type Path } from "./tree";

export function Group(props: RuleGroupProps) {
  return (
    <LockScope id={(props.ruleGroup as unknown as Query).id}>
      <GroupBox {...props} outer={useBuilder()} />
    </LockScope>
  );
}

/** `outer` is the builder as it is around the group, which may itself be locked. */
function GroupBox({ outer, ...props }: RuleGroupProps & { outer: Builder }) {
  const { path, previewRef, dropRef, dragRef, isDragging } = props;
  const group = props.ruleGroup as unknown as Query;
  const builder = useBuilder();
  const { edit, readOnly, targetId, setTargetId } = builder;
  const t = useWords();
  const dropIndex = useDropIndex(path);
  const onStep = useNodeStep(path, group.id);
  const isRoot = path.length === 0;
  const any = group.combinator === "or";
  const set = (change: Partial<Query>) => edit((query) => replaceAt(query, path, { ...group, ...change }));

  // The whole group is both what is dragged and where things are dropped.
  const ref = useCallback(
    (element: HTMLDivElement | null) => {
      if (!isRoot) (previewRef as React.RefCallback<HTMLDivElement>)?.(element);
      (dropRef as React.RefCallback<HTMLDivElement>)?.(element);
    },
    [previewRef, dropRef, isRoot],
  );
  return (
    <div
      ref={ref}
      className="ruleGroup qa-node qa-group"
      role="group"
      aria-label={[t("group"), path.map((n) => n + 1).join("."), group.not ? t("not") : "", t(any ? "any" : "all")].filter(Boolean).join(" ")}
      data-rule-group-id={group.id}
      data-path={pathKey(path)}
      data-testid="qa-group"
      data-root={isRoot || undefined}
      data-level={path.length}
      data-negated={group.not || undefined}
      data-combinator={group.combinator}
      data-target={(!readOnly && targetId === group.id) || undefined}
      data-dragging={isDragging || undefined}
      data-locked={(group.id && builder.locks.has(group.id)) || undefined}
      data-drop={dropIndex === undefined ? undefined : "inside"}
      data-problem={problemsAt(builder, path).length > 0 || undefined}
      onFocus={(e) => {
        e.stopPropagation();
        if (group.id) setTargetId(group.id);
      }}
      onPointerDown={(e) => {
        e.stopPropagation();
        if (group.id) setTargetId(group.id);
      }}
    >
      <div className="qa-head">
        {!isRoot && (
          <Handle
            onStep={onStep}
            name={nodeName(group, builder)}
            dragRef={dragRef as Ref<HTMLSpanElement>}
            attributes={props.dragHandleAttributes as Record<string, unknown> | undefined}
          />
        )}
        <Segments
          label={t("combine")}
          testId="qa-combinator"
          value={any ? "or" : "and"}
          segments={[
            { key: "and", label: "all" },
            { key: "or", label: "any" },
          ]}
          onChange={(combinator) => set({ combinator })}
        />
        <NegateButton testId="qa-not" negated={group.not ?? false} onChange={(not) => set({ not })} />
        <span className="qa-side">
          <NodeCount path={path} />
          <NodeActions path={path} node={group} name={`${t("group")} ${path.map((n) => n + 1).join(".")}`} open={!outer.readOnly} />
        </span>
      </div>
      <NodeProblems path={path} />
      <div className="qa-body">
        {group.rules.length === 0 && <p className="qa-empty">
            {t("emptyGroup")}
            {isRoot && !any && !group.not && <small>{t("everybody")}</small>}
          </p>}
        {group.rules.map((child, i) => (
          <Fragment key={child.id}>
            {i > 0 && (
              <button
                type="button"
                className="qa-connector"
                data-combinator={group.combinator}
                title={t(any ? "switchToAnd" : "switchToOr")}
                disabled={readOnly}
                onClick={() => set({ combinator: any ? "and" : "or" })}
              >
                {t(any ? "or" : "and")}
              </button>
            )}
            <div
              className="qa-slot"
              data-drop-before={dropIndex === i || undefined}
              data-drop-after={(i === group.rules.length - 1 && dropIndex === group.rules.length) || undefined}
            >
              <Child parent={props} path={[...path, i]} index={i} />
            </div>
          </Fragment>
        ))}
      </div>
      {!readOnly && <AddButtons path={path} group={group} />}
    </div>
  );
}

/** The child as react-querybuilder draws it, so that drag and drop wraps it. */
function Child({ parent, path, index }: { parent: RuleGroupProps; path: Path; index: number }) {
  const { schema, actions, translations, context } = parent;
  const child = (parent.ruleGroup as unknown as Query).rules[index]!;
  const { rule: RuleControl, ruleGroup: GroupControl } = schema.controls;
  const common = {
    id: child.id,
    path: [...path],
    schema,
    actions,
    translations,
    context,
    disabled: !!parent.disabled,
    parentDisabled: !!parent.parentDisabled || !!parent.disabled,
  };
  return isQueryGroup(child) ? (
    <GroupControl {...common} ruleGroup={child as never} rules={child.rules as never} combinator={child.combinator} not={!!child.not} />
  ) : (
    <RuleControl {...common} rule={child} field={child.field} operator={child.operator} value={child.value} />
  );
}

function AddButtons({ path, group }: { path: Path; group: Query }) {
  const { catalogue, edit, getQuery, setTargetId } = useBuilder();
  const t = useWords();
  const first = catalogue.fields[0];
  const key = first ? `${first.kind}:${first.name}` : `event:${offeredEvents(catalogue)[0]?.name}`;
  const full = countConditions(getQuery()) >= catalogue.limits.conditions;
  // A group needs two levels: its own and that of its conditions.
  const deep = path.length + 3 > catalogue.limits.depth;
  const end = { group: path, index: group.rules.length };
  return (
    <div className="qa-add">
      <Button
        icon="plus"
        worded
        label={t("addCondition")}
        testId="qa-add-condition"
        disabled={full || !newCondition(catalogue, key)}
        onClick={() => {
          const condition = newCondition(catalogue, key);
          if (!condition) return;
          const row = toQueryRule(condition);
          edit((query) => insertAt(query, end, row), { id: row.id, on: "first" });
        }}
      />
      <Button
        icon="plus"
        worded
        label={t("addGroup")}
        testId="qa-add-group"
        disabled={deep}
        onClick={() => {
          const node = toQueryNode({ ...emptyGroup(), kind: group.combinator === "or" ? "all" : "any" });
          edit((query) => insertAt(query, end, node), { id: node.id, on: "first" });
          if (node.id) setTargetId(node.id);
        }}
      />
    </div>
  );
}

