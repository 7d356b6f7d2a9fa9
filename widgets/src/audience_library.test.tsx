// The audience library in the browser: what it asks of Python, what it shows of the answers, and nothing more.
import { act, fireEvent, screen, within } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { found, foldersOf } from "./library_model";
import { onAFreshPage, unmounts } from "./show_builder";
import { COMPARED, DRAFT, OPENED, row, showLibrary, told } from "./show_library";

onAFreshPage();

const last = (model: ReturnType<typeof showLibrary>) => {
  const { seq: _seq, ...said } = model.sends.at(-1)!;
  return said;
};
const type = (testId: string, value: string) => fireEvent.change(screen.getByTestId(testId), { target: { value } });

test("the list is searched by every word, in any of its texts, and by folder and below", () => {
  const shelf = [row("regulars", { note: "five orders" }), row("VIP", { folder: "care/core", tags: ["q3"], author: "Wang" }), row("高潜", { folder: "careful" })];
  expect(found(shelf, "FIVE orders", "").map((r) => r.name)).toEqual(["regulars"]);
  expect(found(shelf, "wang q3", "").map((r) => r.name)).toEqual(["VIP"]);
  expect(found(shelf, "潜", "").map((r) => r.name)).toEqual(["高潜"]);
  expect(found(shelf, "", "care").map((r) => r.name)).toEqual(["VIP"]);
  expect(foldersOf(shelf)).toEqual(["care", "care/core", "careful"]);
  showLibrary();
  fireEvent.change(screen.getByRole("searchbox"), { target: { value: "nothing like it" } });
  expect(screen.getByTestId("qa-empty").textContent).toBe("No audience fits the search.");
});

test("sizes come with their share and freshness, and what was not counted says so", () => {
  showLibrary();
  const rows = screen.getAllByRole("row").slice(1);
  expect(within(rows[0]!).getByTestId("qa-size").textContent).toBe("1,234");
  expect(rows[0]!.textContent).toContain("25.0%");
  expect(rows[0]!.textContent).toContain("this data");
  expect(within(rows[1]!).getByTestId("qa-size").textContent).toBe("—");
  expect(rows[1]!.textContent).toContain("not counted");
});

test("the rule is saved under its name with a note, and the note is gone once it is saved", () => {
  const model = showLibrary();
  expect(screen.getByTestId("qa-save").textContent).toBe("Save as version 3");
  type("qa-note", "stricter");
  fireEvent.submit(screen.getByTestId("qa-save").closest("form")!);
  expect(last(model)).toEqual({ ask: "save", name: "regulars", note: "stricter" });
  expect(screen.getByTestId("qa-said").textContent).toBe("Working…");
  told(model, { en: "Saved as version 3" });
  expect(screen.getByTestId("qa-said").textContent).toBe("Saved as version 3");
  expect(screen.getByTestId<HTMLInputElement>("qa-note").value).toBe("");
  type("qa-name", "somebody new");
  expect(screen.getByTestId("qa-save").textContent).toBe("Save as a new audience");
  type("qa-name", " ");
  expect(screen.getByTestId<HTMLButtonElement>("qa-save").disabled).toBe(true);
});

test("somebody else's newer version is said whose it is, and can be loaded, compared or saved over", () => {
  const model = showLibrary();
  fireEvent.submit(screen.getByTestId("qa-save").closest("form")!);
  const conflict = { name: "regulars", number: 3, author: "Wang", note: "looser", saved_at: "2026-06-02T09:00:00Z" };
  const refuse = () => told<"save">(model, { ok: false, en: "Nothing was saved.", conflict });
  refuse();
  const alert = screen.getByRole("alert");
  expect(alert.textContent).toContain("there is a newer version 3");
  expect(alert.textContent).toContain("Saved by Wang at 2026-06-02 09:00 UTC");
  fireEvent.click(screen.getByTestId("qa-save-over"));
  expect(last(model)).toEqual({ ask: "save", name: "regulars", note: "", over: "3" });
  refuse();
  fireEvent.click(screen.getByTestId("qa-load-theirs"));
  expect(last(model)).toEqual({ ask: "load", name: "regulars", version: "3" });
  expect(screen.queryByRole("alert")).toBeNull();
});

test("versions are loaded, made active, rolled back and compared, each by its number", () => {
  const model = showLibrary({ opened: OPENED });
  const first = within(document.querySelector<HTMLElement>('[data-version="1"]')!);
  const second = within(document.querySelector<HTMLElement>('[data-version="2"]')!);
  expect(first.queryByTestId("qa-rollback")).toBeNull(); // it is active
  fireEvent.click(second.getByRole("button", { name: "Load version 2 into the builder" }));
  expect(last(model)).toEqual({ ask: "load", name: "regulars", version: "2" });
  expect(second.getByTestId<HTMLButtonElement>("qa-activate").disabled).toBe(true); // not while another is asked
  told(model);
  fireEvent.click(second.getByTestId("qa-activate"));
  expect(last(model)).toEqual({ ask: "activate", name: "regulars", version: "2" });
  told(model);
  fireEvent.click(second.getByTestId("qa-rollback"));
  expect(last(model)).toMatchObject({ ask: "rollback", name: "regulars", version: "2" });
  told(model);
  fireEvent.click(screen.getByTestId("qa-compare"));
  expect(last(model)).toEqual({ ask: "compare", name: "regulars", old: "2", new: "draft" });
  told(model, COMPARED);
  expect(screen.getByTestId("qa-enter").textContent).toBe("Enter 12");
  expect(screen.getByTestId("qa-leave").textContent).toBe("Leave 259");
  expect(screen.getByTestId("qa-stay").textContent).toBe("Stay 975");
  const change = screen.getByText("window 30 → 60 days").closest("tr")!;
  expect([...change.querySelectorAll("td")].map((td) => td.textContent)).toEqual(["+12", "−259"]);
  expect(screen.queryByText(/compare again/)).toBeNull();
  act(() => model.set("draft", { ...DRAFT, rule_hash: "bbb" }));
  expect(screen.getByText(/compare again/)).toBeTruthy();
});

test("where an audience is used leads there", () => {
  const model = showLibrary({ opened: OPENED });
  expect(screen.getByTestId("qa-used").textContent).toContain("Campaign “spring”");
  fireEvent.click(screen.getByRole("button", { name: "Audience “dear”, version 4" }));
  expect(last(model)).toEqual({ ask: "open", name: "dear" });
});

test("an audience is filed in a folder under tags", () => {
  const model = showLibrary({ opened: OPENED });
  type("qa-folder", "care/loyal");
  type("qa-tags", " core，q3, 核心、");
  fireEvent.submit(screen.getByTestId("qa-file").closest("form")!);
  expect(last(model)).toEqual({ ask: "file", name: "regulars", folder: "care/loyal", names: ["core", "q3", "核心"] });
});

test("the overlap of chosen audiences is listed, and a combination becomes the rule", () => {
  const model = showLibrary();
  expect(screen.getByTestId<HTMLButtonElement>("qa-overlap").disabled).toBe(true);
  for (const box of screen.getAllByRole("checkbox")) fireEvent.click(box);
  fireEvent.click(screen.getByTestId("qa-overlap"));
  expect(last(model)).toEqual({ ask: "overlap", names: ["regulars", "VIP"] });
  told<"overlap">(model, { rows: [{ audiences: ["regulars", "VIP"], people_count: 1200 }] });
  fireEvent.click(screen.getByRole("button", { name: "Make the 1,200 people in exactly regulars ∩ VIP the rule" }));
  expect(last(model)).toEqual({ ask: "combine", names: ["regulars", "VIP"] });
  told(model);
  act(() => model.set("shelf", [row("regulars")])); // what is gone is no longer chosen
  expect(screen.getByText("1 chosen")).toBeTruthy();
});

test("a reader can compare and download, and is offered nothing that saves", () => {
  const made = vi.fn(() => "blob:x");
  Object.assign(URL, { createObjectURL: made, revokeObjectURL: vi.fn() });
  const clicked = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => undefined);
  const model = showLibrary({ opened: OPENED, read_only: true });
  for (const id of ["qa-save", "qa-note", "qa-rollback", "qa-activate", "qa-file", "qa-members"]) expect(screen.queryByTestId(id)).toBeNull();
  fireEvent.click(screen.getByTestId("qa-download"));
  expect(last(model)).toEqual({ ask: "draft", name: "regulars" });
  told<"draft">(model, { file: "regulars.audience.json", text: "{}" });
  expect(clicked).toHaveBeenCalledTimes(1);
  act(() => model.set("answers", { ...model.state.answers })); // told once is downloaded once
  expect(made).toHaveBeenCalledTimes(1);
  clicked.mockRestore();
});

test("the members are exported as a file, once they were counted", () => {
  const made = vi.fn((_blob: Blob) => "blob:x");
  Object.assign(URL, { createObjectURL: made, revokeObjectURL: vi.fn() });
  const clicked = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => undefined);
  const model = showLibrary({ opened: OPENED });
  expect(screen.getByTestId("qa-members").textContent).toBe("Export members (1,234)");
  fireEvent.click(screen.getByTestId("qa-members"));
  expect(last(model)).toEqual({ ask: "members", name: "regulars" });
  told<"members">(model, { file: "regulars.people.txt", text: "p1\np2\n", en: "2 people exported" });
  expect(made.mock.calls[0]![0].type).toBe("text/plain");
  expect(screen.getByTestId("qa-said").textContent).toBe("2 people exported");
  act(() => model.set("shelf", [row("regulars", { count: null, share: null, fresh: "" })]));
  expect(screen.queryByTestId("qa-members")).toBeNull();
  clicked.mockRestore();
});

test("an error is said below the rule, in the language of the screen", () => {
  const model = showLibrary({ language: "zh" });
  fireEvent.click(screen.getByRole("button", { name: "regulars" }));
  told(model, { ok: false, zh: "没有做成", en: "No" });
  const said = screen.getByRole("status");
  expect(said.textContent).toBe("没有做成");
  expect(said.dataset.ok).toBe("false");
});

test("without a builder nothing is saved or loaded, and nothing saved says what to do", () => {
  showLibrary({ draft: {}, opened: OPENED });
  expect(screen.queryByTestId("qa-draft")).toBeNull();
  expect(screen.queryByTestId("qa-load")).toBeNull();
  act(() => unmounts.splice(0).forEach((unmount) => unmount()));
  showLibrary({ shelf: [] });
  expect(screen.getByTestId("qa-empty").textContent).toContain("build a rule, give it a name");
});

test("names and notes are text, whatever they hold", () => {
  const evil = "<img src=x onerror=alert(1)>";
  showLibrary({ shelf: [row(evil, { folder: evil, note: evil, tags: [evil] })], opened: { ...OPENED, name: evil, description: evil } });
  expect(document.querySelector("img")).toBeNull();
  expect(screen.getByRole("button", { name: evil })).toBeTruthy();
});

test("it stops listening when it goes", () => {
  const model = showLibrary();
  act(() => unmounts.splice(0).forEach((unmount) => unmount()));
  expect([...model.listeners.values()].every((all) => all.size === 0)).toBe(true);
});

test("what takes over a second shows for how long, in the language of now, and is cancelled", () => {
  vi.useFakeTimers();
  try {
    const model = showLibrary({ opened: OPENED });
    fireEvent.click(screen.getByTestId("qa-count-all"));
    expect(screen.getByTestId("qa-said").textContent).toBe("Working…");
    expect(screen.queryByTestId("qa-cancel")).toBeNull();
    act(() => void vi.advanceTimersByTime(2_300));
    expect(screen.getByTestId("qa-said").textContent).toContain("Working for 2 s");
    act(() => model.set("language", "zh"));
    expect(screen.getByTestId("qa-said").textContent).toContain("处理中，已 2 秒");
    const { seq } = model.sends.at(-1)!;
    fireEvent.click(screen.getByTestId("qa-cancel"));
    expect(last(model)).toEqual({ ask: "cancel" });
    act(() => model.set("answers", { count: { seq, ok: false, zh: "已取消", en: "Cancelled" } }));
    expect(screen.getByTestId("qa-said").textContent).toBe("已取消");
    expect(screen.getByTestId<HTMLButtonElement>("qa-count-all").disabled).toBe(false);
  } finally {
    vi.useRealTimers();
  }
});
