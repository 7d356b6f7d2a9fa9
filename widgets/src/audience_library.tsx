// The audience library: what is saved, one audience's versions and differences, and saving the builder's rule.
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { createRoot } from "react-dom/client";
import { Detail } from "./library_detail";
import { List } from "./library_list";
import { askOf, found, SLOW, type Ask, type Compared, type Draft, type LibraryTopic, type LibraryTraits, type Opened } from "./library_model";
import { Overlap } from "./library_overlap";
import { Save } from "./library_save";
import { minute, sayIn } from "./library_words";
import { useModel, type Model } from "./model";
import { PATIENCE_S, useSeconds } from "./use_seconds";
import "./audience_library.css";

export function App({ model }: { model: Model<LibraryTraits> }) {
  const language = useModel(model, "language") === "en" ? "en" : "zh";
  const shelf = useModel(model, "shelf") ?? [];
  const opened = useModel(model, "opened") ?? {};
  const draft = useModel(model, "draft") ?? {};
  const answers = useModel(model, "answers") ?? {};
  const about = useModel(model, "about");
  const readOnly = useModel(model, "read_only") ?? false;
  const say = useMemo(() => sayIn(language), [language]);
  const send = useMemo(() => askOf(model), [model]);
  const [last, setLast] = useState<{ topic: LibraryTopic; seq: number }>();
  const [search, setSearch] = useState("");
  const [folder, setFolder] = useState("");
  const [chosen, setChosen] = useState<string[]>([]);
  const ask = useCallback<Ask>(
    (topic, said) => {
      const seq = send(topic, said);
      if (topic !== "cancel") setLast({ topic, seq }); // it is the question before that is answered
      return seq;
    },
    [send],
  );

  const answer = last && answers[last.topic]?.seq === last.seq ? answers[last.topic] : undefined;
  const busy = last !== undefined && answer === undefined;
  const waited = useSeconds(busy, last?.seq);
  const slow = busy && waited >= PATIENCE_S && SLOW.has(last.topic);
  const conflict = last?.topic === "save" && answer ? answers.save?.conflict : undefined;
  const downloaded = useRef<number>(undefined);
  useEffect(() => {
    const made = last?.topic === "draft" ? answers.draft : last?.topic === "members" ? answers.members : undefined;
    if (!made?.ok || made.seq !== last?.seq || made.seq === downloaded.current) return;
    downloaded.current = made.seq;
    download(made.file!, made.text!);
  }, [answers, last]);

  const names = new Set(shelf.map((row) => row.name));
  const kept = chosen.filter((name) => names.has(name));
  const isOpen = (one: Partial<Opened>): one is Opened => one.versions !== undefined;
  const hasBuilder = (one: Partial<Draft>): one is Draft => one.sentence !== undefined;
  const compared = answers.compare?.ok ? (answers.compare as unknown as Compared) : undefined;
  const onKeyDown = (e: KeyboardEvent) => {
    // A notebook in command mode takes letters, arrows and Enter from whatever has the focus.
    if (!e.ctrlKey && !e.metaKey && e.target instanceof Element && e.target.matches("input, select, button, summary")) e.stopPropagation();
  };
  return (
    <div className="qa-library" lang={language === "zh" ? "zh-CN" : "en"} data-lm-suppress-shortcuts="true" data-read-only={readOnly || undefined} onKeyDown={onKeyDown}>
      <header className="qa-row qa-library-head">
        <h3>{say("title")}</h3>
        {readOnly && <span className="qa-pill">{say("readOnly")}</span>}
        <span className="qa-quiet">{about?.as_of && say("asOf", { moment: minute(about.as_of) })}</span>
        <span className="qa-side">
          <span className="qa-switch" role="group" aria-label={say("language")} data-testid="qa-library-language">
            {(["zh", "en"] as const).map((key) => (
              <button
                key={key}
                type="button"
                lang={key}
                data-key={key}
                aria-pressed={language === key}
                onClick={() => {
                  model.set("language", key);
                  model.save_changes();
                }}
              >
                {key === "zh" ? "中文" : "English"}
              </button>
            ))}
          </span>
        </span>
      </header>
      {hasBuilder(draft) && (
        <Save {...{ say, language, draft, shelf, readOnly, busy, conflict, ask }} author={about?.author ?? ""} savedAt={answers.save?.ok ? answers.save.seq : undefined} />
      )}
      <p className="qa-said" role="status" data-testid="qa-said" data-ok={answer ? answer.ok : undefined}>
        {slow ? say("workingFor", { n: Math.floor(waited) }) : busy ? say("working") : answer && !conflict ? (answer[language] ?? "") : ""}
        {slow && (
          <>
            {" "}
            <progress aria-label={say("working")} />{" "}
            <button type="button" className="qa-plain" data-testid="qa-cancel" onClick={() => ask("cancel")}>
              {say("cancel")}
            </button>
          </>
        )}
      </p>
      <List
        {...{ say, shelf, search, setSearch, folder, setFolder, busy }}
        shown={found(shelf, search, folder)}
        openName={opened.name}
        open={(name) => void ask("open", { name })}
        chosen={kept}
        choose={(name, on) => setChosen(on ? [...kept, name] : kept.filter((one) => one !== name))}
        overlap={() => void ask("overlap", { names: kept })}
        count={() => void ask("count")}
        reload={() => void ask("reload")}
      />
      {isOpen(opened) ? (
        <Detail {...{ say, language, opened, draft, compared, readOnly, busy, ask }} row={shelf.find((row) => row.name === opened.name)} />
      ) : (
        shelf.length > 0 && <p className="qa-empty">{say("openHint")}</p>
      )}
      {answers.overlap?.ok && <Overlap {...{ say, busy, ask }} rows={answers.overlap.rows ?? []} canUse={hasBuilder(draft)} />}
    </div>
  );
}

/** Hand a text to the browser as a file, without any server. */
function download(file: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: file.endsWith(".json") ? "application/json" : "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export default {
  render({ model, el }: { model: Model<LibraryTraits>; el: HTMLElement }): () => void {
    // Ids of two roots on one page would be the same without a prefix of their own.
    const root = createRoot(el, { identifierPrefix: `qa${Math.random().toString(36).slice(2, 8)}-` });
    root.render(<App model={model} />);
    return () => root.unmount();
  },
};
