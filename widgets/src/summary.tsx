// Head and foot of the builder: the count of the whole, the rule in words, and what has to be corrected.
import { useBuilder, useWords } from "./builder_context";
import { Button, Icon } from "./controls";
import type { Language, Problem } from "./model";
import { useSilence } from "./use_alive";
import { digits, percent } from "./words";

const PATIENCE = 10_000; // ms without an answer before that is said

interface HeaderProps {
  canUndo: boolean;
  canRedo: boolean;
  undo: () => void;
  redo: () => void;
  setLanguage: (language: Language) => void;
  /** Whether JSON and SQL are shown. */
  source: boolean;
  setSource: (open: boolean) => void;
}

/** Said where the kernel was restarted or has ended: nothing here is answered any more. */
export function Gone() {
  const t = useWords();
  return (
    <p className="qa-gone" role="alert" data-testid="qa-gone">
      {t("gone")}
    </p>
  );
}

export function Header({ canUndo, canRedo, undo, redo, setLanguage, source, setSource }: HeaderProps) {
  const { language, readOnly } = useBuilder();
  const t = useWords();
  return (
    <div className="qa-header">
      <h3>{t("title")}</h3>
      {readOnly && <span className="qa-read-only">{t("readOnly")}</span>}
      <span className="qa-side">
        {!readOnly && (
          <>
            <Button icon="undo" label={`${t("undo")} (Ctrl+Z)`} testId="qa-undo" disabled={!canUndo} onClick={undo} />
            <Button icon="redo" label={`${t("redo")} (Ctrl+Shift+Z)`} testId="qa-redo" disabled={!canRedo} onClick={redo} />
          </>
        )}
        <Button icon="source" label={t("source")} testId="qa-source" pressed={source} onClick={() => setSource(!source)} />
        <span className="qa-segments" role="group" aria-label={t("language")} data-testid="qa-language">
          {(["zh", "en"] as const).map((key) => (
            <button key={key} type="button" lang={key} data-key={key} aria-pressed={language === key} onClick={() => setLanguage(key)}>
              {key === "zh" ? "中文" : "English"}
            </button>
          ))}
        </span>
      </span>
    </div>
  );
}

/** The big number, its share of everybody, and the sentence of the rule. */
export function Summary() {
  const { language, result, stale } = useBuilder();
  const silent = useSilence(stale, PATIENCE);
  const t = useWords();
  const { count, universe = 0 } = result;
  const other = language === "zh" ? "en" : "zh";
  const known = typeof count === "number";
  const share = known && universe ? count / universe : 0;
  const sentence = result.sentence && t(result.sentence);
  return (
    <section className="qa-summary" data-stale={stale || undefined}>
      <div className="qa-count" data-testid="qa-count" data-seq={result.seq} data-stale={stale || undefined} aria-live="polite" aria-busy={stale}>
        <span className="qa-count-label">{t("people")}</span>
        <b>{known ? digits(count) : "—"}</b>
        <span className="qa-count-share">
          {known ? (
            <>
              {t("ofUniverse", { n: digits(universe) })} <strong>{percent(count, universe)}</strong>
            </>
          ) : (
            !stale && t("noCount")
          )}
        </span>
      </div>
      <div className="qa-count-side">
        <span className="qa-bar qa-bar-big" aria-hidden="true">
          <span style={{ width: `${100 * Math.min(1, share)}%` }} />
        </span>
        {sentence && (
          <p className="qa-sentence">
            <span className="qa-line-label">{t("sentence")}</span>
            <span>
              <span data-testid="qa-sentence">{sentence}</span>
              {result.sentence?.[other] && (
                <small className="qa-other" data-testid="qa-sentence-other" lang={other === "zh" ? "zh-CN" : "en"}>
                  {result.sentence[other]}
                </small>
              )}
            </span>
          </p>
        )}
        <p className="qa-note">
          {stale ? <span className="qa-counting">{t(silent ? "silent" : "counting")}</span> : typeof result.ms === "number" && <span>{Math.round(result.ms)} ms</span>}
          {result.as_of && (
            <span>
              {t("asOf")} <time dateTime={result.as_of}>{result.as_of.slice(0, 16).replace("T", " ")} UTC</time>
            </span>
          )}
        </p>
      </div>
    </section>
  );
}

/** All problems together; choosing one leads to its node. */
export function Problems({ show }: { show: (problem: Problem) => void }) {
  const { result } = useBuilder();
  const t = useWords();
  const problems = result.problems ?? [];
  if (!problems.length) return null;
  return (
    <section className="qa-problems" data-testid="qa-problems" aria-label={t("problems")}>
      <h4>
        <Icon name="warning" /> {t("problems")} ({problems.length})
      </h4>
      <ul>
        {problems.map((p, i) => (
          <li key={i}>
            <button type="button" title={t("showProblem")} onClick={() => show(p)}>
              {p.path && <code>{p.path.split(".").map((n) => Number(n) + 1).join(".")}</code>}
              <span>{t(p)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
