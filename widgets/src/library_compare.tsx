// Two versions side by side: what changed in words, and who enters or leaves because of which change.
import { useEffect, useState } from "react";
import type { Ask, Compared, Draft, Opened, People, Side } from "./library_model";
import type { LibraryWord, Say } from "./library_words";
import type { Language } from "./model";
import { digits } from "./words";

interface Props {
  say: Say;
  language: Language;
  opened: Opened;
  draft: Partial<Draft>;
  found: Compared | undefined;
  busy: boolean;
  ask: Ask;
}

export function Compare({ say, language, opened, draft, found, busy, ask }: Props) {
  const numbers = opened.versions.map((one) => one.number);
  const hasDraft = draft.sentence !== undefined && !draft.has_fault;
  const changed = hasDraft && draft.changed === true && draft.name === opened.name;
  const [old, setOld] = useState<Side>();
  const [now, setNow] = useState<Side>();
  // What was chosen is about the versions there were: a new one is looked at first.
  useEffect(() => (setOld(undefined), setNow(undefined)), [opened.newest, changed]);
  const from = old ?? (changed ? opened.newest : (numbers[1] ?? opened.newest));
  const to = now ?? (changed ? "draft" : opened.newest);
  const outdated = !!found?.rule_hash && found.rule_hash !== draft.rule_hash;
  const named = (side: Side) => (side === "draft" ? say("inBuilder") : say("versionN", { n: side }));
  const pick = (label: LibraryWord, value: Side, set: (side: Side) => void, withDraft: boolean) => (
    <label>
      <span>{say(label)}</span>
      <select className="qa-input" aria-label={say(label)} value={String(value)} onChange={(e) => set(e.target.value === "draft" ? "draft" : Number(e.target.value))}>
        {withDraft && hasDraft && <option value="draft">{named("draft")}</option>}
        {numbers.map((n) => (
          <option key={n} value={n}>
            {named(n)}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <>
      <h5>{say("compare")}</h5>
      <form
        className="qa-row"
        onSubmit={(e) => {
          e.preventDefault();
          ask("compare", { name: opened.name, old: String(from), new: String(to) });
        }}
      >
        {pick("from", from, setOld, false)}
        {pick("to", to, setNow, true)}
        <button type="submit" className="qa-plain" data-testid="qa-compare" disabled={busy}>
          {say("compareNow")}
        </button>
      </form>
      {found && (
        <div className="qa-compared" data-testid="qa-compared" data-stale={outdated || undefined}>
          <p>
            <span>
              {named(found.old)} → {named(found.new)}
            </span>{" "}
            <strong>{say("counts", { old: digits(found.old_count), new: digits(found.new_count) })}</strong>
          </p>
          {outdated && <p className="qa-quiet">{say("outdated")}</p>}
          <Flow say={say} found={found} />
          {found.changes.length === 0 && !found.priority ? (
            <p className="qa-quiet">{say("sameRule")}</p>
          ) : (
            <table className="qa-changes">
              <thead>
                <tr>
                  <th scope="col">{say("because")}</th>
                  <th scope="col" data-number>
                    {say("enter")}
                  </th>
                  <th scope="col" data-number>
                    {say("leave")}
                  </th>
                </tr>
              </thead>
              <tbody>
                {found.changes.map((change, i) => (
                  <tr key={i} data-kind={change.kind}>
                    <th scope="row">{change[language]}</th>
                    <td data-number>{change.entering_count ? `+${digits(change.entering_count)}` : "—"}</td>
                    <td data-number>{change.leaving_count ? `−${digits(change.leaving_count)}` : "—"}</td>
                  </tr>
                ))}
                {found.priority && (
                  <tr>
                    <th scope="row">{found.priority[language]}</th>
                    <td data-number>—</td>
                    <td data-number>—</td>
                  </tr>
                )}
              </tbody>
            </table>
          )}
          <Sample title={say("whoEnters")} people={found.entering} language={language} />
          <Sample title={say("whoLeaves")} people={found.leaving} language={language} />
        </div>
      )}
    </>
  );
}

/** Who stays, who leaves and who enters, as lengths. */
function Flow({ say, found }: { say: Say; found: Compared }) {
  const parts = [
    ["stay", found.old_count - found.leaving_count],
    ["leave", found.leaving_count],
    ["enter", found.entering_count],
  ] as const;
  const whole = parts.reduce((sum, [, n]) => sum + n, 0) || 1;
  return (
    <div className="qa-flow">
      <div className="qa-flow-bar" aria-hidden="true">
        {parts.map(([key, n]) => n > 0 && <span key={key} data-part={key} style={{ width: `${(100 * n) / whole}%` }} />)}
      </div>
      <ul>
        {parts.map(([key, n]) => (
          <li key={key} data-part={key} data-testid={`qa-${key}`}>
            {say(key)} <b>{digits(n)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Sample({ title, people, language }: { title: string; people: People; language: Language }) {
  if (!people.rows.length) return null;
  return (
    <details>
      <summary>{title}</summary>
      <div className="qa-table-scroll" tabIndex={0} role="region" aria-label={title}>
        <table>
          <thead>
            <tr>
              {people.heads.map((head, i) => (
                <th key={i} scope="col">
                  {head[language]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {people.rows.map((row, i) => (
              <tr key={i}>
                {row.map((cell, j) => (
                  <td key={j}>{cell[language]}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
