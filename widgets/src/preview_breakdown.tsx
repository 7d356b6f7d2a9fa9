// The audience against everybody by one field: shares, TGI with its interval, and which differences stand.
import { useModel } from "./model";
import { usePreview, usePreviewWords, type Compared } from "./preview_model";
import { Bar, PreviewPart, rate } from "./preview_part";
import { digits } from "./words";

export function Breakdown() {
  const { model, send } = usePreview();
  const { t, of } = usePreviewWords();
  const fields = useModel(model, "fields") ?? [];
  const chosen = useModel(model, "by") ?? "";
  return (
    <>
      <label className="qa-lp-choice">
        <span>{t("compareBy")}</span>
        <select value={chosen} onChange={(e) => send("by", { by: e.target.value })}>
          {fields.map((field) => (
            <option key={field.name} value={field.name}>
              {of(field)}
            </option>
          ))}
        </select>
      </label>
      <PreviewPart part="breakdown">{({ rows }) => <Shares rows={rows} />}</PreviewPart>
    </>
  );
}

function Shares({ rows }: { rows: Compared[] }) {
  const { t } = usePreviewWords();
  if (!rows[0]?.audience_size) return <p className="qa-lp-quiet">{t("empty")}</p>;
  const end = Math.max(...rows.map((row) => Math.max(row.audience_rate, row.base_rate)), 0.01);
  const whole = (n: number | null) => (n === null ? "—" : n.toFixed(0));
  return (
    <>
      <table className="qa-lp-table" data-testid="qa-breakdown">
        <thead>
          <tr>
            <th scope="col">{t("value")}</th>
            <th scope="col" className="qa-lp-num">{t("audience")}</th>
            <th scope="col" className="qa-lp-num">{t("base")}</th>
            <th scope="col" className="qa-lp-num">{t("tgi")}</th>
            <th scope="col" className="qa-lp-num">{t("n")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.value} data-value={row.value} data-faint={!row.is_different || undefined}>
              <th scope="row">
                <span>{row.value}</span>
                <Bar share={row.audience_rate / end} mark={row.base_rate / end} />
              </th>
              <td className="qa-lp-num" title={`n ${digits(row.audience_count)} / ${digits(row.audience_size)}`}>{rate(row.audience_rate)}</td>
              <td className="qa-lp-num" title={`n ${digits(row.base_count)} / ${digits(row.base_size)}`}>{rate(row.base_rate)}</td>
              <td className="qa-lp-num">
                <Stands row={row} /> <b>{whole(row.tgi)}</b>
                {row.tgi_low !== null && <small> {`${whole(row.tgi_low)}–${whole(row.tgi_high)}`}</small>}
              </td>
              <td className="qa-lp-num">{digits(row.audience_count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="qa-lp-quiet">{t("standsHint")}</p>
    </>
  );
}

/** The mark of a difference that stands, with its q-value. */
export function Stands({ row }: { row: { is_different: boolean; q_value: number | null } }) {
  const { t } = usePreviewWords();
  if (!row.is_different) return null;
  const q = row.q_value === null ? "" : ` q ${row.q_value < 0.001 ? "< 0.001" : `= ${row.q_value.toFixed(3)}`}`;
  return (
    <span className="qa-lp-stands" role="img" title={t("stands") + q} aria-label={t("stands") + q}>
      ◆
    </span>
  );
}
