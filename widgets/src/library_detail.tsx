// One audience: its versions with what can be done with each, where it is used, and where it is filed.
import { useEffect, useState } from "react";
import { Compare } from "./library_compare";
import type { Ask, Compared, Draft, Opened, ShelfRow } from "./library_model";
import { minute, type Say } from "./library_words";
import type { Language } from "./model";
import { digits } from "./words";

interface Props {
  say: Say;
  language: Language;
  opened: Opened;
  row: ShelfRow | undefined;
  draft: Partial<Draft>;
  compared: Compared | undefined;
  readOnly: boolean;
  busy: boolean;
  ask: Ask;
}

export function Detail({ say, language, opened, row, draft, compared, readOnly, busy, ask }: Props) {
  const { name } = opened;
  const hasBuilder = draft.sentence !== undefined;
  const on = (version: number) => ({ name, version: String(version) });
  return (
    <section className="qa-detail" aria-label={name} data-testid="qa-detail">
      <div className="qa-row">
        <h4>{name}</h4>
        {!readOnly && row && row.count !== null && (
          <span className="qa-side">
            <button type="button" className="qa-plain" data-testid="qa-members" disabled={busy} onClick={() => ask("members", { name })}>
              {say("exportMembers", { n: digits(row.count) })}
            </button>
          </span>
        )}
      </div>
      {opened.description && <p className="qa-quiet">{opened.description}</p>}
      <h5>{say("versions")}</h5>
      <ol className="qa-versions">
        {opened.versions.map((one) => {
          const isActive = one.number === opened.active;
          const inBuilder = draft.name === name && draft.version === one.number;
          return (
            <li key={one.number} data-version={one.number} data-active={isActive || undefined}>
              <div className="qa-row">
                <strong>{say("versionN", { n: one.number })}</strong>
                {isActive && <span className="qa-pill" data-state="active">{say("active")}</span>}
                {inBuilder && <span className="qa-pill">{say("inBuilderNow")}</span>}
                {one.labels.filter((label) => label !== "active").map((label) => (
                  <span key={label} className="qa-pill">
                    {label}
                  </span>
                ))}
                <span className="qa-quiet">
                  {one.author} · <time dateTime={one.saved_at}>{minute(one.saved_at)}</time>
                </span>
                <span className="qa-side">
                  {hasBuilder && (
                    <button type="button" className="qa-plain" data-testid="qa-load" aria-label={say("loadN", { n: one.number })} disabled={busy} onClick={() => ask("load", on(one.number))}>
                      {say("load")}
                    </button>
                  )}
                  {!readOnly && !isActive && (
                    <>
                      <button type="button" className="qa-plain" data-testid="qa-activate" aria-label={say("activateN", { n: one.number })} disabled={busy} onClick={() => ask("activate", on(one.number))}>
                        {say("activate")}
                      </button>
                      <button type="button" className="qa-plain" data-testid="qa-rollback" aria-label={say("rollbackN", { n: one.number })} disabled={busy} onClick={() => ask("rollback", { ...on(one.number), note: say("restores", { n: one.number }) })}>
                        {say("rollback")}
                      </button>
                    </>
                  )}
                </span>
              </div>
              {(one.note || one.restores !== null) && <p className="qa-note-text">{one.note || say("restores", { n: one.restores! })}</p>}
              <p className="qa-quiet">{one.sentence[language]}</p>
            </li>
          );
        })}
      </ol>
      {opened.more_versions > 0 && <p className="qa-quiet">{say("moreVersions", { n: opened.more_versions })}</p>}
      <Compare key={name} {...{ say, language, opened, draft, busy, ask }} found={compared?.name === name ? compared : undefined} />
      <h5>{say("usedBy")}</h5>
      {opened.used_by.length === 0 ? (
        <p className="qa-quiet">{say("usedByNone")}</p>
      ) : (
        <ul className="qa-used" data-testid="qa-used">
          {opened.used_by.map((use, i) => (
            <li key={i}>
              {use.kind === "campaign" ? (
                say("usedByCampaign", { name: use.name })
              ) : (
                <button type="button" className="qa-link" onClick={() => ask("open", { name: use.name })}>
                  {say("usedByAudience", { name: use.name, n: use.number ?? "" })}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {!readOnly && row && <Filing key={`${name} ${row.folder} ${row.tags}`} {...{ say, row, busy, ask }} />}
    </section>
  );
}

function Filing({ say, row, busy, ask }: { say: Say; row: ShelfRow; busy: boolean; ask: Ask }) {
  const [folder, setFolder] = useState(row.folder);
  const [tags, setTags] = useState(row.tags.join(", "));
  useEffect(() => setFolder(row.folder), [row.folder]);
  return (
    <details className="qa-filing">
      <summary>{say("filing")}</summary>
      <form
        className="qa-row"
        onSubmit={(e) => {
          e.preventDefault();
          const listed = tags.split(/[,，、]/).map((tag) => tag.trim());
          ask("file", { name: row.name, folder, names: listed.filter(Boolean) });
        }}
      >
        <label>
          <span>{say("folder")}</span>
          <input className="qa-input" data-testid="qa-folder" maxLength={200} value={folder} onChange={(e) => setFolder(e.target.value)} />
        </label>
        <label>
          <span>{say("tagsHint")}</span>
          <input className="qa-input" data-testid="qa-tags" value={tags} onChange={(e) => setTags(e.target.value)} />
        </label>
        <button type="submit" className="qa-plain" data-testid="qa-file" disabled={busy}>
          {say("file")}
        </button>
      </form>
    </details>
  );
}
