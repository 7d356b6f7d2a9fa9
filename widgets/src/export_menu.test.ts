// The foot of a view: what is asked of Python, what is done with the answer, and what is said when none comes.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import widget from "./export_menu";

const HOSTILE = "<img src=x onerror=alert(1)>";
type Listener = (...args: unknown[]) => void;

function shown(language: "zh" | "en" = "en") {
  const state: Record<string, unknown> = {
    language,
    rows: [
      { key: "people", label: { zh: "人", en: HOSTILE }, formats: ["csv"] },
      { key: "bars", label: { zh: "条", en: "Bars" }, formats: ["png", "svg"] },
    ],
  };
  const listeners = new Map<string, Set<Listener>>();
  const sends: { seq: number; key: string; format: string }[] = [];
  const model = {
    get: (key: string) => state[key],
    on: (event: string, f: Listener) => void listeners.set(event, (listeners.get(event) ?? new Set()).add(f)),
    off: (event: string, f: Listener) => void listeners.get(event)?.delete(f),
    send: (content: unknown) => void sends.push(content as (typeof sends)[number]),
  };
  const fire = (event: string, ...args: unknown[]) => [...(listeners.get(event) ?? [])].forEach((f) => f(...args));
  const el = document.body.appendChild(document.createElement("div"));
  const unmount = widget.render({ model: model as never, el });
  return { state, listeners, sends, fire, el, unmount };
}
const button = (name: string) => document.querySelector<HTMLButtonElement>(`[data-export="${name}"]`)!;
const said = () => document.querySelector("[role=status]")!.textContent;

describe("the export menu", () => {
  let downloads: string[] = [];
  beforeEach(() => {
    vi.useFakeTimers();
    downloads = [];
    URL.createObjectURL = () => "blob:here";
    URL.revokeObjectURL = () => {};
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      downloads.push(this.download);
    });
  });
  afterEach(() => {
    document.body.replaceChildren();
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it("lists what Python offers, each file by its name, and never as markup", () => {
    shown();
    expect([...document.querySelectorAll("button")].map((b) => b.getAttribute("aria-label"))).toEqual([`${HOSTILE} CSV`, "Bars PNG", "Bars SVG"]);
    expect(document.querySelector("img")).toBeNull();
  });

  it("asks once for what is chosen, saves the answer, and drops that of an older question", () => {
    const { sends, fire } = shown();
    button("people.csv").click();
    button("bars.png").click();
    expect(sends.map(({ key, format }) => [key, format])).toEqual([["people", "csv"], ["bars", "png"]]);
    expect(said()).toBe("Being made…");
    fire("msg:custom", { seq: sends[0]!.seq, name: "people.csv", type: "text/csv" }, [new DataView(new ArrayBuffer(1))]);
    expect(downloads).toEqual([]);
    fire("msg:custom", { seq: sends[1]!.seq, name: "bars.png", type: "image/png" }, [new DataView(new ArrayBuffer(1))]);
    expect(downloads).toEqual(["bars.png"]);
    expect(said()).toBe("Downloaded bars.png");
  });

  it("comes into view when it unfolds", () => {
    shown();
    const seen: string[] = [];
    Element.prototype.scrollIntoView = function () {
      seen.push(this.localName);
    };
    const menu = document.querySelector("details")!;
    for (const open of [true, false]) {
      menu.open = open;
      menu.dispatchEvent(new Event("toggle"));
    }
    expect(seen).toEqual(["ul"]);
  });

  it("says in words what went wrong, and that no answer came", () => {
    const { sends, fire } = shown("zh");
    button("people.csv").click();
    fire("msg:custom", { seq: sends[0]!.seq, error: { zh: `无法导出：${HOSTILE}`, en: "" } }, []);
    expect(said()).toBe(`无法导出：${HOSTILE}`);
    expect(document.querySelector("img")).toBeNull();
    button("people.csv").click();
    vi.advanceTimersByTime(10_000);
    expect(said()).toContain("还没有回应");
  });

  it("speaks the reader's language, and tells when the kernel is gone and when it is back", () => {
    const { state, fire, el } = shown("zh");
    const summary = document.querySelector("summary")!;
    expect(summary.textContent).toBe("导出");
    state.language = "en";
    fire("change:language");
    expect(summary.textContent).toBe("Export");
    const gone = document.querySelector<HTMLElement>(".qa-gone")!;
    expect(gone.hidden).toBe(true);
    el.classList.add("jupyter-widgets-disconnected");
    fire("comm_live_update");
    vi.advanceTimersByTime(1);
    expect([gone.hidden, gone.textContent!.includes("Run the cell again")]).toEqual([false, true]);
    el.classList.remove("jupyter-widgets-disconnected");
    fire("comm_live_update");
    vi.advanceTimersByTime(1);
    expect(gone.hidden).toBe(true);
  });

  it("closes by Escape with the focus on its button, and listens to nothing once it is gone", () => {
    const { listeners, unmount } = shown();
    const menu = document.querySelector("details")!;
    menu.open = true;
    button("people.csv").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect([menu.open, document.activeElement]).toEqual([false, document.querySelector("summary")]);
    unmount();
    expect([...listeners.values()].every((those) => those.size === 0)).toBe(true);
  });
});
