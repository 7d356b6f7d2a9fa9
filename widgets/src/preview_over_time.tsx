// The size of the audience at past moments: a line, and the figures behind it.
import { usePreviewWords, type Moment } from "./preview_model";
import { PreviewPart, rate } from "./preview_part";
import { digits } from "./words";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [520, 170, 8, 22, 20];

export function OverTime() {
  const { t } = usePreviewWords();
  return (
    <PreviewPart part="over_time">
      {({ rows, is_dated }) => (
        <>
          {rows.length < 2 && !is_dated && <p className="qa-lp-hint">{t("oneMoment")}</p>}
          {rows.length > 1 && <Line rows={rows} />}
          <Figures rows={rows} open={rows.length < 2} />
          {rows.length > 1 && <p className="qa-lp-quiet">{t("overTimeHint")}</p>}
        </>
      )}
    </PreviewPart>
  );
}

function Line({ rows }: { rows: Moment[] }) {
  const { t } = usePreviewWords();
  const times = rows.map((row) => Date.parse(row.as_of));
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const most = Math.max(1, ...rows.map((row) => row.count));
  const x = (i: number) => LEFT + ((WIDTH - 2 * LEFT) * (times[i]! - from)) / (to - from || 1);
  const y = (row: Moment) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - row.count / most);
  const last = rows.at(-1)!;
  return (
    <svg className="qa-lp-line" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t("trend", { n: rows.length, last: digits(last.count) })}>
      <line x1={LEFT} x2={WIDTH - LEFT} y1={HEIGHT - BOTTOM} y2={HEIGHT - BOTTOM} className="qa-lp-axis" />
      <polyline points={rows.map((row, i) => `${x(i)},${y(row)}`).join(" ")} />
      {rows.map((row, i) => (
        <circle key={row.as_of} cx={x(i)} cy={y(row)} r={4} data-source={row.source}>
          <title>{`${day(row.as_of)} · ${digits(row.count)} · ${rate(row.share)}`}</title>
        </circle>
      ))}
      <text x={LEFT} y={HEIGHT - 6}>{day(rows[0]!.as_of)}</text>
      <text x={WIDTH - LEFT} y={HEIGHT - 6} textAnchor="end">{day(last.as_of)}</text>
      <text x={LEFT} y={y(rows[0]!) - 8}>{digits(rows[0]!.count)}</text>
      <text x={WIDTH - LEFT} y={y(last) - 8} textAnchor="end">{digits(last.count)}</text>
    </svg>
  );
}

function Figures({ rows, open }: { rows: Moment[]; open: boolean }) {
  const { t } = usePreviewWords();
  return (
    <details open={open}>
      <summary>{t("figures")}</summary>
      <table className="qa-lp-table" data-testid="qa-over-time">
        <thead>
          <tr>
            <th scope="col">{t("moment")}</th>
            <th scope="col" className="qa-lp-num">{t("remaining")}</th>
            <th scope="col" className="qa-lp-num">{t("share")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.as_of}>
              <th scope="row">{day(row.as_of)}</th>
              <td className="qa-lp-num">{digits(row.count)}</td>
              <td className="qa-lp-num">{rate(row.share)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

const day = (moment: string): string => moment.slice(0, 10);
