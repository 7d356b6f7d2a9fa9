// The count and share of the rule, how the last edit moved them, and what has to be corrected.
import { useEffect, useRef, useState } from "react";
import { usePreview, usePreviewWords } from "./preview_model";
import { digits, percent } from "./words";

export function PreviewHead() {
  const { head } = usePreview();
  const { t, of } = usePreviewWords();
  const { count, universe = 0, problems = [] } = head;
  const known = typeof count === "number";
  const change = useChange(head.turn, count);
  const share = known && universe ? count / universe : 0;
  return (
    <header className="qa-lp-head">
      <h3>{t("title")}</h3>
      <div className="qa-lp-count" data-testid="qa-preview-count" data-turn={head.turn} aria-live="polite">
        <b>{known ? digits(count) : "—"}</b>
        <span>{t("people")}</span>
        {known && (
          <span className="qa-lp-quiet">
            {t("ofUniverse", { n: digits(universe) })} <strong data-testid="qa-preview-share">{percent(count, universe)}</strong>
          </span>
        )}
        {change !== 0 && known && (
          <span className="qa-lp-change" data-up={change > 0 || undefined}>
            {t("sinceEdit", { n: signed(change) })}
          </span>
        )}
      </div>
      <span className="qa-lp-bar" aria-hidden="true">
        <span style={{ width: `${100 * Math.min(1, share)}%` }} />
      </span>
      {problems.length > 0 && (
        <div className="qa-lp-fault" role="status">
          {t("fault")}
          <ul>
            {problems.map((p, i) => (
              <li key={i}>{of(p)}</li>
            ))}
          </ul>
        </div>
      )}
    </header>
  );
}

export const signed = (n: number): string => `${n > 0 ? "+" : n < 0 ? "−" : ""}${digits(Math.abs(n))}`;

/** How the newest rule moved the count against the one counted before it. */
function useChange(turn: number | undefined, count: number | null | undefined): number {
  const before = useRef<{ turn: number; count: number } | undefined>(undefined);
  const [change, setChange] = useState(0);
  useEffect(() => {
    if (turn === undefined || typeof count !== "number" || before.current?.turn === turn) return;
    if (before.current) setChange(count - before.current.count);
    before.current = { turn, count };
  }, [turn, count]);
  return change;
}
