// The live preview: the count of a rule as it changes, and one tab for each question about its people.
import { createRoot } from "react-dom/client";
import { useMemo } from "react";
import { useModel, type Model } from "./model";
import { PreviewContext, type Preview, type PreviewTraits } from "./preview_model";
import { PreviewHead } from "./preview_head";
import "./live_preview.css";

export function App({ model }: { model: Model<PreviewTraits> }) {
  const language = useModel(model, "language") === "en" ? "en" : "zh";
  const head = useModel(model, "head") ?? {};
  const preview = useMemo<Preview>(
    () => ({ model, language, head, send: (ask, more = {}) => model.send({ ask, ...more }) }),
    [model, language, head],
  );
  return (
    <div className="qa-live-preview" lang={language === "zh" ? "zh-CN" : "en"} data-lm-suppress-shortcuts="true">
      <PreviewContext.Provider value={preview}>
        <PreviewHead />
      </PreviewContext.Provider>
    </div>
  );
}

export default {
  render({ model, el }: { model: Model<PreviewTraits>; el: HTMLElement }): () => void {
    // Ids of two roots on one page would be the same without a prefix of their own.
    const root = createRoot(el, { identifierPrefix: `qa${Math.random().toString(36).slice(2, 8)}-` });
    root.render(<App model={model} />);
    return () => root.unmount();
  },
};
