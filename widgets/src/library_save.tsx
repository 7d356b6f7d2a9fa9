// The builder's rule: what it is, saving it under a name with a note, and somebody else's newer version.
import { useEffect, useState } from "react";
import type { Ask, Conflict, Draft, ShelfRow } from "./library_model";
import { minute, type Say } from "./library_words";
import type { Language } from "./model";
import { digits, percent } from "./words";

interface Props {
  say: Say;
  language: Language;
  draft: Draft;
  shelf: ShelfRow[];
  author: string;
  readOnly: boolean;
  busy: boolean;
  conflict: Conflict | undefined;
  ask: Ask;
  /** Changes when something was saved: the note belongs to the version before. */
  savedAt: number | undefined;
}

export function Save({ say, language, draft, shelf, author, readOnly, busy, conflict, ask, savedAt }: Props) {
  const [name, setName] = useState(draft.name);
  const [note, setNote] = useState("");
  useEffect(() => setName(draft.name), [draft.name, draft.version]);
  useEffect(() => setNote(""), [savedAt]);
  const wanted = name.trim();
  const mine = wanted !== "" && wanted === draft.name && draft.version !== null;
  const newest = shelf.find((row) => row.name === wanted)?.newest;
  const state = draft.has_fault ? "fault" : draft.version === null ? "notLoaded" : draft.changed ? "changed" : "unchanged";
  return (
    <section className="qa-draft" aria-label={say("inBuilder")} data-testid="qa-draft" data-state={state}>
      <div className="qa-row">
        <strong>{say("inBuilder")}</strong>
        {draft.version !== null && <span data-testid="qa-loaded">{say("loadedFrom", { name: draft.name, n: draft.version })}</span>}
        <span className="qa-pill" data-state={state}>
          {say(state)}
        </span>
        {draft.count !== null && (
          <span className="qa-side">
            <b data-testid="qa-draft-count">{digits(draft.count)}</b> {percent(draft.count, draft.universe)}
          </span>
        )}
      </div>
      {draft.sentence[language] && <p className="qa-quiet">{draft.sentence[language]}</p>}
      <form
        className="qa-row"
        onSubmit={(e) => {
          e.preventDefault();
          if (!readOnly && wanted && !draft.has_fault && !busy) ask("save", { name: wanted, note });
        }}
      >
        <label className="qa-field-name">
          <span>{say("name")}</span>
          <input className="qa-input" data-testid="qa-name" maxLength={200} value={name} placeholder={say("namePlaceholder")} onChange={(e) => setName(e.target.value)} />
        </label>
        {!readOnly && (
          <>
            <label className="qa-field-note">
              <span>{say("note")}</span>
              <input className="qa-input" data-testid="qa-note" maxLength={4000} value={note} onChange={(e) => setNote(e.target.value)} />
            </label>
            <button type="submit" className="qa-primary" data-testid="qa-save" title={say("saveAs", { author })} disabled={busy || !wanted || draft.has_fault}>
              {mine ? say("saveVersion", { n: draft.version! + 1 }) : newest ? say("save") : say("saveNew")}
            </button>
          </>
        )}
        <button type="button" className="qa-plain" data-testid="qa-download" disabled={busy || draft.has_fault} onClick={() => ask("draft", { name: wanted })}>
          {say("download")}
        </button>
      </form>
      {readOnly && <p className="qa-quiet">{say("readOnlyHint")}</p>}
      {conflict && (
        <div className="qa-conflict" role="alert" data-testid="qa-conflict">
          <strong>{say("conflictTitle", { n: conflict.number })}</strong>
          <p>
            {say("conflictBy", { author: conflict.author, moment: minute(conflict.saved_at) })}
            {conflict.note && <q>{conflict.note}</q>}
          </p>
          <div className="qa-row">
            <button type="button" className="qa-primary" data-testid="qa-load-theirs" onClick={() => ask("load", { name: conflict.name, version: String(conflict.number) })}>
              {say("loadTheirs", { n: conflict.number })}
            </button>
            <button type="button" className="qa-plain" data-testid="qa-compare-theirs" onClick={() => ask("compare", { name: conflict.name, old: String(conflict.number), new: "draft" })}>
              {say("compareTheirs")}
            </button>
            <button type="button" className="qa-plain" data-testid="qa-save-over" onClick={() => ask("save", { name: conflict.name, note, over: String(conflict.number) })}>
              {say("saveOver", { n: conflict.number + 1 })}
            </button>
          </div>
        </div>
      )}
    </section>
  );
}
