// The rule as JSON, to change or to paste, and as SQL, to read.
import { useEffect, useRef, useState } from "react";
import { useBuilder, useWords } from "./builder_context";
import { Button, Icon, Segments } from "./controls";
import type { Problem } from "./model";
import { useAnswer } from "./questions";
import { fromQuery, toQuery, type Query } from "./rule";

export function Source({ query }: { query: Query }) {
  const t = useWords();
  const [tab, setTab] = useState<"json" | "sql">("json");
  return (
    <section className="qa-source" aria-label={t("source")} data-testid="qa-source-panel">
      <div className="qa-head">
        <Segments
          label={t("source")}
          value={tab}
          segments={[
            { key: "json", label: "json" },
            { key: "sql", label: "sql" },
          ]}
          always
          onChange={setTab}
        />
      </div>
      {tab === "json" ? <Json query={query} /> : <Sql />}
    </section>
  );
}

/** Follows the rule until somebody types; what is typed stays until it is used or given up. */
function Json({ query }: { query: Query }) {
  const { readOnly, replace } = useBuilder();
  const t = useWords();
  const [draft, setDraft] = useState<string>();
  const [answer, ask, waiting] = useAnswer("read");
  const [asked, setAsked] = useState<string>();
  const area = useRef<HTMLTextAreaElement>(null);
  const text = draft ?? JSON.stringify(fromQuery(query), null, 2);
  const used = useRef<number>(undefined);
  useEffect(() => {
    if (!answer || answer.seq === used.current || draft !== asked) return;
    used.current = answer.seq;
    if (answer.rule) {
      replace(toQuery(answer.rule));
      setDraft(undefined);
    } else if (answer.line !== undefined) {
      select(area.current, answer.line, answer.column ?? 1);
    }
  }, [answer, asked, draft, replace]);
  const wrong = answer && !answer.rule && draft !== undefined && draft === asked ? answer.problems : [];
  return (
    <>
      <textarea
        ref={area}
        className="qa-code"
        aria-label={t("json")}
        aria-invalid={wrong.length > 0 || undefined}
        spellCheck={false}
        rows={Math.min(24, Math.max(8, text.split("\n").length))}
        value={text}
        readOnly={readOnly}
        onChange={(e) => setDraft(e.target.value)}
      />
      <div className="qa-controls">
        <CopyText text={text} />
        {!readOnly && draft !== undefined && (
          <>
            <Button
              icon="plus"
              worded
              label={t("applyJson")}
              testId="qa-apply-json"
              disabled={waiting}
              onClick={() => {
                setAsked(draft);
                ask({ text: draft });
              }}
            />
            <Button icon="undo" worded label={t("resetJson")} testId="qa-reset-json" onClick={() => setDraft(undefined)} />
          </>
        )}
        {!readOnly && <span className="qa-note">{t(waiting && draft !== undefined ? "asking" : "jsonHint")}</span>}
      </div>
      {wrong.length > 0 && <Wrong problems={wrong} />}
    </>
  );
}

function Wrong({ problems }: { problems: Problem[] }) {
  const t = useWords();
  return (
    <div role="alert" data-testid="qa-json-problems">
      <p className="qa-note">{t("jsonWrong")}</p>
      <ul className="qa-node-problems">
        {problems.map((p, i) => (
          <li key={i}>
            <Icon name="warning" />
            <span>
              {p.path && <code>{`of ${p.path.split(".").join(" → of ")} `}</code>}
              {t(p)}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Sql() {
  const { result, stale } = useBuilder();
  const t = useWords();
  const [answer, ask] = useAnswer("sql");
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    if (!stale) latest.current();
  }, [result.seq, stale]);
  if (answer?.error) return <p className="qa-note">{t(answer.error)}</p>;
  return (
    <>
      {/* Scrolls by keyboard too. */}
      <pre className="qa-code" tabIndex={0} aria-label={t("sql")} data-testid="qa-sql" data-stale={stale || undefined}>
        {answer?.text ?? t("asking")}
      </pre>
      {answer?.text && <CopyText text={answer.text} />}
    </>
  );
}

function CopyText({ text }: { text: string }) {
  const t = useWords();
  const [copied, setCopied] = useState<string>();
  return (
    <>
      <Button
        icon="copy"
        worded
        label={t("copyText")}
        testId="qa-copy-text"
        onClick={() => void navigator.clipboard?.writeText(text).then(() => setCopied(text))}
      />
      <span role="status" className="qa-note">
        {copied === text ? t("copied") : ""}
      </span>
    </>
  );
}

/** Put the cursor where the JSON stops being JSON. */
function select(area: HTMLTextAreaElement | null, line: number, column: number): void {
  if (!area) return;
  const before = area.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  const at = before + column - 1;
  area.focus();
  area.setSelectionRange(at, Math.min(at + 1, area.value.length));
}
