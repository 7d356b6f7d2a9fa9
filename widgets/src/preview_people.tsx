// A masked sample of the people, and why one of them, or anybody who is typed, is in the audience or not.
import { useRef, useState, type FormEvent, type RefObject } from "react";
import { useModel } from "./model";
import { usePreview, usePreviewWords } from "./preview_model";
import { PreviewPart } from "./preview_part";
import { WhyPerson } from "./preview_why";

export function People() {
  const { head, send } = usePreview();
  const { t } = usePreviewWords();
  const [typed, setTyped] = useState("");
  // An answer that was asked for from here is brought into view; one that follows an edit moves nothing.
  const asked = useRef(false);
  const ask = (e: FormEvent) => {
    e.preventDefault();
    if (!typed.trim()) return;
    asked.current = true;
    send("why", { person: typed.trim() });
  };
  return (
    <>
      <PreviewPart part="sample">{({ turn }) => <Sample turn={turn} asked={asked} />}</PreviewPart>
      {typeof head.count === "number" && (
        <form className="qa-lp-choice" onSubmit={ask}>
          <label>
            <span>{t("askPerson")}</span>
            <input type="text" value={typed} maxLength={200} onChange={(e) => setTyped(e.target.value)} data-testid="qa-why-person" />
          </label>
          <button type="submit" className="qa-lp-button" disabled={!typed.trim()}>
            {t("explain")}
          </button>
        </form>
      )}
      {typeof head.count === "number" && (
        <PreviewPart part="why" before={<p className="qa-lp-quiet">{t("whyHint")}</p>}>
          {(why) => <WhyPerson why={why} asked={asked} key={`${why.turn} ${why.person_id} ${why.row}`} />}
        </PreviewPart>
      )}
    </>
  );
}

function Sample({ turn, asked }: { turn: number; asked: RefObject<boolean> }) {
  const { model, send } = usePreview();
  const { t, of } = usePreviewWords();
  const { columns = [], rows = [] } = useModel(model, "sample");
  const chosen = useModel(model, "why");
  const choose = (row: number) => {
    asked.current = true;
    send("why", { row, turn });
  };
  const isChosen = (row: number) => chosen?.row === row && chosen.turn === turn;
  if (!rows.length) return <p className="qa-lp-quiet">{t("empty")}</p>;
  return (
    <>
      <p className="qa-lp-quiet">{t("sampleHint")}</p>
      <div className="qa-lp-scroll">
        <table className="qa-lp-table" data-testid="qa-sample">
          <thead>
            <tr>
              <th scope="col">{t("person")}</th>
              {columns.map((column) => (
                <th scope="col" key={column.name}>
                  {of(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={i} data-chosen={isChosen(i) || undefined}>
                <th scope="row">
                  <button type="button" className="qa-lp-link" aria-current={isChosen(i) || undefined} aria-label={t("whyPerson", { person: row.person })} title={t("why")} onClick={() => choose(i)}>
                    {row.person}
                  </button>
                </th>
                {row.cells.map((cell, j) => (
                  <td key={j}>{of(cell)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
