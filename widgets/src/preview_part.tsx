// Around each part: what it says while it is computed, when it was cancelled, when it cannot be computed.
import type { ReactNode } from "react";
import { useModel } from "./model";
import { usePreview, usePreviewWords, type Part, type PreviewTraits } from "./preview_model";
import { PATIENCE_S, useSeconds } from "./use_seconds";

interface PreviewPartProps<P extends Part> {
  part: P;
  /** What is shown of an answer that has come and is no error. */
  children: (answer: Required<PreviewTraits[P]>) => ReactNode;
  /** In place of an answer that nobody asked for yet. */
  before?: ReactNode;
}

export function PreviewPart<P extends Part>({ part, children, before }: PreviewPartProps<P>) {
  const { model, head, send } = usePreview();
  const { t, of } = usePreviewWords();
  const answer = useModel(model, part) as PreviewTraits[P];
  const state = (useModel(model, "work") ?? {})[part];
  const waited = useSeconds(state === "working", head.turn);
  if (typeof head.count !== "number") return <p className="qa-lp-quiet">{t("afterFault")}</p>;
  const there = answer?.turn !== undefined;
  const stale = state !== undefined || answer?.turn !== head.turn;
  return (
    <div className="qa-lp-part" data-testid={`qa-part-${part}`} data-stale={(there && stale) || undefined} aria-busy={state === "working"}>
      {waited >= PATIENCE_S && (
        <p className="qa-lp-progress" role="status">
          <progress aria-label={t("waiting")} />
          <span>{t("working", { n: Math.floor(waited) })}</span>
          <button type="button" className="qa-lp-button" onClick={() => send("cancel")}>
            {t("cancel")}
          </button>
        </p>
      )}
      {state === "cancelled" && (
        <p className="qa-lp-progress" role="status">
          <span>{t("cancelled")}</span>
          <button type="button" className="qa-lp-button" onClick={() => send("again")}>
            {t("again")}
          </button>
        </p>
      )}
      {!there && state === undefined && before}
      {!there && state === "working" && waited < PATIENCE_S && <p className="qa-lp-quiet">{t("waiting")}</p>}
      {there &&
        (answer.error ? (
          <p className="qa-lp-error" role="alert">
            {of(answer.error)}
          </p>
        ) : (
          <div className="qa-lp-answer">{children(answer as Required<PreviewTraits[P]>)}</div>
        ))}
    </div>
  );
}

/** A bar of a share between 0 and 1, with a lighter one behind it and a line across it where they are given. */
export function Bar({ share, behind, mark, tone }: { share: number; behind?: number; mark?: number; tone?: string }) {
  const width = (part: number) => `${100 * Math.max(0, Math.min(1, part))}%`;
  return (
    <span className="qa-lp-cell-bar" data-tone={tone} aria-hidden="true">
      {behind !== undefined && <i className="qa-lp-behind" style={{ width: width(behind) }} />}
      <i className="qa-lp-front" style={{ width: width(share) }} />
      {mark !== undefined && <i className="qa-lp-mark" style={{ left: width(mark) }} />}
    </span>
  );
}

export const rate = (share: number | null): string => (share === null ? "—" : `${(100 * share).toFixed(1)}%`);
