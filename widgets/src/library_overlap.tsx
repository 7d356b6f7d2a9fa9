// The exact combinations of chosen audiences as a list that the keyboard reaches; Python draws the chart below.
import type { Ask, Combination } from "./library_model";
import type { Say } from "./library_words";
import { digits } from "./words";

const MOST = 20;

export function Overlap({ say, rows, canUse, busy, ask }: { say: Say; rows: Combination[]; canUse: boolean; busy: boolean; ask: Ask }) {
  return (
    <section className="qa-combinations" aria-label={say("overlapTitle")} data-testid="qa-combinations">
      <h4>{say("overlapTitle")}</h4>
      <ul>
        {rows.slice(0, MOST).map((one) => {
          const names = one.audiences.join(" ∩ ");
          return (
            <li key={names}>
              <span>{names}</span>
              <b>{digits(one.people_count)}</b>
              {canUse && (
                <button
                  type="button"
                  className="qa-plain"
                  data-testid="qa-use"
                  aria-label={say("makeRuleOf", { names, n: digits(one.people_count) })}
                  disabled={busy}
                  onClick={() => ask("combine", { names: one.audiences })}
                >
                  {say("makeRule")}
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
