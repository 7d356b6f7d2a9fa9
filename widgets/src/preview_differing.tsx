// The tags in which the audience differs most from everybody, by the size of the effect.
import { Stands } from "./preview_breakdown";
import { usePreviewWords, type Differing as Row } from "./preview_model";
import { PreviewPart, rate } from "./preview_part";

export function Differing() {
  return <PreviewPart part="differing">{({ rows }) => <Effects rows={rows} />}</PreviewPart>;
}

function Effects({ rows }: { rows: Row[] }) {
  const { t, named } = usePreviewWords();
  if (!rows.length) return <p className="qa-lp-quiet">{t("noneDiffer")}</p>;
  const end = Math.max(...rows.map((row) => Math.abs(row.effect_size)), 0.01);
  return (
    <>
      <table className="qa-lp-table" data-testid="qa-differing">
        <thead>
          <tr>
            <th scope="col">{t("tag")}</th>
            <th scope="col" className="qa-lp-num">{t("baseToAudience")}</th>
            <th scope="col" className="qa-lp-num">{t("effect")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.field} data-field={row.field} data-faint={!row.is_different || undefined}>
              <th scope="row">
                <span>
                  {named(row)}
                  {row.value !== null && ` = ${row.value}`}
                </span>
                <span className="qa-lp-both" aria-hidden="true">
                  <i data-less={row.effect_size < 0 || undefined} style={{ width: `${(50 * Math.abs(row.effect_size)) / end}%` }} />
                </span>
              </th>
              <td className="qa-lp-num">
                {level(row.base_mean, row.value)} → <b>{level(row.audience_mean, row.value)}</b>
              </td>
              <td className="qa-lp-num">
                <Stands row={row} /> {`${row.effect_size > 0 ? "+" : row.effect_size < 0 ? "−" : ""}${Math.abs(row.effect_size).toFixed(2)}`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="qa-lp-quiet">{t("effectHint")}</p>
    </>
  );
}

/** A share in percent, a mean with as many places as its size needs. */
function level(value: number | null, of: string | null): string {
  if (value === null) return "—";
  if (of !== null) return rate(value);
  const places = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
}
