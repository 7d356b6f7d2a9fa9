// The funnel to reachable people: who of the audience has an address and may be contacted, by channel.
import { usePreviewWords, type Reached } from "./preview_model";
import { Bar, PreviewPart } from "./preview_part";
import { digits, percent } from "./words";

export function Reach() {
  return <PreviewPart part="reach">{({ rows, has_addresses }) => <Funnel rows={rows} hasAddresses={has_addresses} />}</PreviewPart>;
}

function Funnel({ rows, hasAddresses }: { rows: Reached[]; hasAddresses: boolean }) {
  const { t, named } = usePreviewWords();
  const audience = rows[0]?.audience_count ?? 0;
  const number = (n: number | null) => (n === null ? "" : digits(n));
  if (!audience) return <p className="qa-lp-quiet">{t("empty")}</p>;
  return (
    <>
      {!hasAddresses && <p className="qa-lp-hint">{t("noAddresses")}</p>}
      {hasAddresses && rows.every((row) => row.reachable_count === 0) && <p className="qa-lp-hint">{t("noConsents")}</p>}
      <table className="qa-lp-table" data-testid="qa-reach">
        <thead>
          <tr>
            <th scope="col">{t("channel")}</th>
            <th scope="col" className="qa-lp-num">{t("address")}</th>
            <th scope="col" className="qa-lp-num">{t("noConsent")}</th>
            <th scope="col" className="qa-lp-num">{t("suppressed")}</th>
            <th scope="col" className="qa-lp-num">{t("reachable")}</th>
            <th scope="col" className="qa-lp-num" title={t("messagesHint")}>{t("messages")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.channel} data-channel={row.channel}>
              <th scope="row">
                <span>{named(row)}</span>
                <Bar share={row.reachable_count / audience} behind={row.address_count / audience} />
              </th>
              <td className="qa-lp-num">{number(row.address_count)}</td>
              <td className="qa-lp-num">{number(row.no_consent_count)}</td>
              <td className="qa-lp-num">{number(row.suppressed_count)}</td>
              <td className="qa-lp-num">
                <b>{number(row.reachable_count)}</b> <small>{percent(row.reachable_count, audience)}</small>
              </td>
              <td className="qa-lp-num">{number(row.message_count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="qa-lp-quiet">{t("reachHint")}</p>
    </>
  );
}
