// The order in which conditions cut: a waterfall from everybody to the audience.
import { signed } from "./preview_head";
import { usePreviewWords, type Cut } from "./preview_model";
import { Bar, PreviewPart } from "./preview_part";
import { digits } from "./words";

export function Cuts() {
  return <PreviewPart part="cuts">{({ rows }) => <Waterfall rows={rows.filter((row) => row.step !== null)} />}</PreviewPart>;
}

function Waterfall({ rows }: { rows: Cut[] }) {
  const { t, said } = usePreviewWords();
  const adds = rows[0]?.joined === "any";
  const whole = Math.max(1, ...rows.map((row) => row.remaining_count ?? 0));
  const alone = adds ? "only_in_count" : "only_out_count";
  return (
    <>
      <p className="qa-lp-quiet">{t(adds ? "addsHint" : "cutsHint")}</p>
      <table className="qa-lp-table" data-testid="qa-waterfall">
        <thead>
          <tr>
            <th scope="col">{t("condition")}</th>
            <th scope="col" className="qa-lp-num">{t("remaining")}</th>
            <th scope="col" className="qa-lp-num">{t("change")}</th>
            <th scope="col" className="qa-lp-num" title={t(adds ? "aloneInHint" : "aloneHint")}>{t(adds ? "aloneIn" : "alone")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => {
            const now = row.remaining_count ?? 0;
            const before = i === 0 ? now : (rows[i - 1]!.remaining_count ?? 0);
            return (
              <tr key={row.step} data-path={row.step ? row.path : undefined}>
                <th scope="row">
                  <span>
                    {row.step ? <b className="qa-lp-step">{row.step}</b> : null} {said(row)}
                  </span>
                  <Bar share={Math.min(now, before) / whole} behind={Math.max(now, before) / whole} tone={adds ? "adds" : undefined} />
                </th>
                <td className="qa-lp-num">{digits(now)}</td>
                <td className="qa-lp-num">
                  {row.change_count === null ? "" : signed(row.change_count)}
                  {row.change_rate !== null && <small> {`${row.change_rate > 0 ? "+" : row.change_rate < 0 ? "−" : ""}${Math.abs(100 * row.change_rate).toFixed(0)}%`}</small>}
                </td>
                <td className="qa-lp-num">{row.step && row[alone] !== null ? digits(row[alone]!) : ""}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}
