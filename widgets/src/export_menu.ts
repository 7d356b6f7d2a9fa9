// The foot of a view: a menu of files that Python makes when asked, and a word when the kernel is gone.
import { onAlive } from "./alive";
import type { Label } from "./catalogue";
import type { Language } from "./model";
import "./export_menu.css";

interface Row {
  key: string;
  label: Label;
  formats: string[];
}
interface Traits {
  rows: Row[];
  language: Language;
}
interface Answer {
  seq: number;
  name?: string;
  type?: string;
  error?: Label;
}
interface ExportModel {
  get<K extends keyof Traits>(key: K): Traits[K];
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
  send(content: unknown): void;
}

const WORDS = {
  export: { zh: "导出", en: "Export" },
  making: { zh: "正在生成…", en: "Being made…" },
  done: { zh: "已下载 {name}", en: "Downloaded {name}" },
  silent: { zh: "还没有回应：内核在忙，或已停止。可以再等，或重新运行。", en: "No answer yet: the kernel is busy, or has ended. Wait, or run again." },
  gone: {
    zh: "内核已重启或停止：上面的内容不再更新。请重新运行此单元，或刷新页面。",
    en: "The kernel was restarted or has ended: what stands above no longer follows. Run the cell again, or reload the page.",
  },
};
const PATIENCE = 10_000; // ms; a page with several charts takes a few seconds on a busy machine

export function render({ model, el }: { model: ExportModel; el: HTMLElement }): () => void {
  const say = (label: Label) => label[model.get("language") === "en" ? "en" : "zh"];
  const make = <K extends keyof HTMLElementTagNameMap>(name: K, className = "", text = ""): HTMLElementTagNameMap[K] => {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  };
  const root = el.appendChild(make("div", "qa-foot"));
  const menu = root.appendChild(make("details", "qa-export"));
  const summary = menu.appendChild(make("summary"));
  const list = menu.appendChild(make("ul"));
  const said = root.appendChild(make("span", "qa-export-said"));
  const gone = root.appendChild(make("p", "qa-gone"));
  said.setAttribute("role", "status");
  gone.setAttribute("role", "alert");
  gone.hidden = true;

  let seq = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let told: [Label | undefined, string] = [undefined, ""];
  const tell = (label?: Label, name = "") => {
    told = [label, name];
    said.textContent = label ? say(label).replace("{name}", name) : "";
  };

  const draw = () => {
    summary.textContent = say(WORDS.export);
    root.lang = model.get("language") === "en" ? "en" : "zh-CN";
    list.replaceChildren(
      ...(model.get("rows") ?? []).map((row) => {
        const item = make("li");
        item.append(make("span", "", say(row.label)));
        for (const format of row.formats) {
          const button = item.appendChild(make("button", "", format.toUpperCase()));
          button.type = "button";
          button.dataset.export = `${row.key}.${format}`;
          button.setAttribute("aria-label", `${say(row.label)} ${format.toUpperCase()}`);
          button.onclick = () => ask(row.key, format);
        }
        return item;
      }),
    );
    if (!gone.hidden) gone.textContent = say(WORDS.gone);
    tell(...told); // in the language of now
  };

  const ask = (key: string, format: string) => {
    seq += 1;
    tell(WORDS.making);
    clearTimeout(timer);
    timer = setTimeout(() => tell(WORDS.silent), PATIENCE);
    model.send({ seq, key, format });
  };
  const answered = (answer: Answer, buffers: DataView[]) => {
    if (answer?.seq !== seq) return; // of an older question
    clearTimeout(timer);
    if (answer.error) return tell(answer.error);
    save(new Blob(buffers as BlobPart[], { type: answer.type }), answer.name ?? "export");
    menu.open = false;
    tell(WORDS.done, answer.name);
  };
  const closes = (event: Event) => {
    if (event instanceof KeyboardEvent ? event.key === "Escape" : !menu.contains(event.target as Node)) menu.open = false;
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      summary.focus();
    }
    event.stopPropagation(); // Enter and letters are shortcuts of a notebook in command mode
  };

  draw();
  model.on("change:rows", draw);
  model.on("change:language", draw);
  model.on("msg:custom", answered);
  document.addEventListener("pointerdown", closes);
  menu.ontoggle = () => menu.open && list.scrollIntoView({ block: "nearest" }); // it unfolds below what is seen
  root.addEventListener("keydown", onKey);
  const stop = onAlive(model as never, el, (alive) => {
    gone.hidden = alive;
    gone.textContent = alive ? "" : say(WORDS.gone);
  });
  return () => {
    clearTimeout(timer);
    stop();
    model.off("change:rows", draw);
    model.off("change:language", draw);
    model.off("msg:custom", answered);
    document.removeEventListener("pointerdown", closes);
  };
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export default { render };
