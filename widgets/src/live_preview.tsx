// The live preview: the count of a rule as it changes, and one tab for each question about its people.
import { useEffect, useId, useMemo, useState, type KeyboardEvent } from "react";
import { createRoot } from "react-dom/client";
import { useModel, type Model } from "./model";
import { Breakdown } from "./preview_breakdown";
import { Cuts } from "./preview_cuts";
import { Differing } from "./preview_differing";
import { PreviewHead } from "./preview_head";
import { PreviewContext, TABS, type Preview, type PreviewTraits, type Tab } from "./preview_model";
import { OverTime } from "./preview_over_time";
import { People } from "./preview_people";
import { Reach } from "./preview_reach";
import { sayPreview } from "./preview_words";
import "./live_preview.css";

const PANELS: Record<Tab, () => React.ReactNode> = {
  cuts: Cuts,
  reach: Reach,
  breakdown: Breakdown,
  differing: Differing,
  over_time: OverTime,
  people: People,
};

export function App({ model }: { model: Model<PreviewTraits> }) {
  const language = useModel(model, "language") === "en" ? "en" : "zh";
  const head = useModel(model, "head") ?? {};
  const [tab, setTab] = useState<Tab>(() => model.get("tab") ?? "cuts");
  const id = useId();
  const preview = useMemo<Preview>(
    () => ({ model, language, head, send: (ask, more = {}) => model.send({ ask, ...more }) }),
    [model, language, head],
  );
  // What nobody looks at is not computed: Python is told which tab is on screen.
  useEffect(() => model.send({ ask: "look", tab }), [model, tab]);

  const onKeyDown = (e: KeyboardEvent<HTMLElement>) => {
    const at = TABS.indexOf(tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    e.stopPropagation();
    const next = TABS[(to + TABS.length) % TABS.length]!;
    setTab(next);
    e.currentTarget.querySelector<HTMLElement>(`[data-tab="${next}"]`)?.focus();
  };
  const Panel = PANELS[tab];
  return (
    // Notebook shortcuts stay out of the widget: Enter and the arrows are ours in here.
    <div className="qa-live-preview" lang={language === "zh" ? "zh-CN" : "en"} data-lm-suppress-shortcuts="true" onKeyDown={keepKeys}>
      <PreviewContext.Provider value={preview}>
        <PreviewHead />
        <div className="qa-lp-tabs" role="tablist" aria-label={sayPreview(language, "tabs")} onKeyDown={onKeyDown}>
          {TABS.map((one) => (
            <button
              key={one}
              type="button"
              role="tab"
              id={`${id}-${one}`}
              data-tab={one}
              aria-selected={one === tab}
              aria-controls={`${id}-panel`}
              tabIndex={one === tab ? 0 : -1}
              onClick={() => setTab(one)}
            >
              {sayPreview(language, `tab_${one}`)}
            </button>
          ))}
        </div>
        <section className="qa-lp-panel" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${tab}`} data-testid="qa-preview-panel" data-tab={tab}>
          <Panel />
        </section>
        <footer className="qa-lp-foot">
          {sayPreview(language, "asOf")} <time dateTime={head.as_of}>{(head.as_of ?? "").slice(0, 16).replace("T", " ")} UTC</time>
        </footer>
      </PreviewContext.Provider>
    </div>
  );
}

/** A notebook in command mode takes arrows and Enter from whatever has the focus and is not typed into. */
function keepKeys(e: KeyboardEvent): void {
  if (e.target instanceof Element && e.target.matches("select, input, button, summary, [tabindex]")) e.stopPropagation();
}

export default {
  render({ model, el }: { model: Model<PreviewTraits>; el: HTMLElement }): () => void {
    // Ids of two roots on one page would be the same without a prefix of their own.
    const root = createRoot(el, { identifierPrefix: `qa${Math.random().toString(36).slice(2, 8)}-` });
    root.render(<App model={model} />);
    return () => root.unmount();
  },
};
