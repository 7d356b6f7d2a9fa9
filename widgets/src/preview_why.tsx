// Why one person is in the audience or not: what decides, every condition's truth, the very event rows.
import { useEffect, useRef, type RefObject } from "react";
import { usePreview, usePreviewWords, type NodeTruth, type SeenEvent, type Why } from "./preview_model";

export function WhyPerson({ why, asked }: { why: Required<Why>; asked: RefObject<boolean> }) {
  const { t } = usePreviewWords();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!asked.current) return;
    asked.current = false;
    heading.current?.scrollIntoView?.({ block: "nearest" });
  }, [why, asked]);
  const sign = why.is_in ? "In" : "Out";
  return (
    <article className="qa-lp-why" data-testid="qa-why" data-in={why.is_in}>
      <h4 ref={heading} aria-live="polite">{t(why.is_in ? "isIn" : "isOut", { person: why.person_id })}</h4>
      <Sets title={t(`reasons${sign}`)} sets={why.reasons} nodes={why.nodes} turned={false} />
      <Sets title={t(`changes${sign}`)} sets={why.changes} nodes={why.nodes} turned />
      {!why.is_exact && <p className="qa-lp-quiet">{t("inexact")}</p>}
      <ul className="qa-lp-nodes">
        {why.nodes.map((node) => (
          <Truth key={node.path} node={node} zone={why.zone} />
        ))}
      </ul>
    </article>
  );
}

/** Sets of conditions; those that would turn the answer are said as they would have to be. */
function Sets({ title, sets, nodes, turned }: { title: string; sets: string[][]; nodes: NodeTruth[]; turned: boolean }) {
  const { t, of } = usePreviewWords();
  const said = (path: string) => {
    const node = nodes.find((one) => one.path === path)!;
    return node.is_true !== turned ? of(node.sentence) : t("notThis", { s: of(node.sentence) });
  };
  if (!sets.some((one) => one.length)) return null;
  return (
    <div className="qa-lp-sets">
      <span className="qa-lp-quiet">{title}</span>
      <ul>
        {sets.map((one) => (
          <li key={one.join(" ")}>{one.map(said).join(` ${t("and")} `)}</li>
        ))}
      </ul>
    </div>
  );
}

function Truth({ node, zone }: { node: NodeTruth; zone: string }) {
  const { t, of } = usePreviewWords();
  const group = node.kind === "all" || node.kind === "any";
  const depth = node.path ? node.path.split(".").length : 0;
  const near = node.events.filter((event) => !event.is_counted).length;
  return (
    <li data-path={node.path} data-true={node.is_true} style={{ marginInlineStart: `${16 * depth}px` }}>
      <span className="qa-lp-sign" role="img" aria-label={t(node.is_true ? "holds" : "fails")}>
        {node.is_true ? "✓" : "✗"}
      </span>
      <span>
        {group ? of(node.words) : of(node.sentence)}
        {!group && <small className="qa-lp-quiet"> {of(node.words)}</small>}
      </span>
      {node.events.length > 0 && (
        <details open>
          <summary>{t("events", { n: node.counted, near })}</summary>
          <div className="qa-lp-scroll" role="region" tabIndex={0} aria-label={t("events", { n: node.counted, near })}>
            <table className="qa-lp-table" data-testid="qa-why-events">
              <thead>
                <tr>
                  <th scope="col">{t("when")}</th>
                  <th scope="col">{t("what")}</th>
                  <th scope="col">{t("details")}</th>
                  <th scope="col">{t("counted")}</th>
                </tr>
              </thead>
              <tbody>
                {node.events.map((event, i) => (
                  <EventRow key={i} event={event} zone={zone} />
                ))}
              </tbody>
            </table>
          </div>
        </details>
      )}
    </li>
  );
}

function EventRow({ event, zone }: { event: SeenEvent; zone: string }) {
  const { language } = usePreview();
  const { t, of } = usePreviewWords();
  const colon = language === "zh" ? "：" : ": ";
  return (
    <tr data-faint={!event.is_counted || undefined}>
      <td>
        <time dateTime={event.occurred_at}>{clock(event.occurred_at, zone)}</time>
      </td>
      <td>
        {event.step !== null && `${t("stepNo", { n: event.step })} `}
        {of(event.label)}
      </td>
      <td>{event.properties.map((one) => of(one.label) + colon + of(one.words)).join(language === "zh" ? "，" : ", ")}</td>
      <td>{event.is_counted ? t("isCounted") : of(event.reason)}</td>
    </tr>
  );
}

/** A moment on the workspace's clock, to the second. */
export function clock(moment: string, zone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" }).format(new Date(moment));
}
