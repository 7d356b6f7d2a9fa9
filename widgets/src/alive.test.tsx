// What the builder says when Python does not answer, or cannot any more.
import { act, fireEvent, screen, within } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import { rule } from "./fake_model";
import { node, onAFreshPage, pause, show } from "./show_builder";

onAFreshPage();

it("a builder whose kernel is gone says so in words, and no longer once it is back", () => {
  const model = show({ value: rule("nested_negated") });
  const host = document.querySelector<HTMLElement>(".qa-rule-builder")!.parentElement!;
  const connection = () => act(() => {
    for (const listener of [...model.listeners.get("comm_live_update")!]) listener();
    vi.advanceTimersByTime(1);
  });
  expect(screen.queryByTestId("qa-gone")).toBeNull();
  host.classList.add("jupyter-widgets-disconnected");
  connection();
  expect(screen.getByTestId("qa-gone").textContent).toContain("Run the cell again");
  host.classList.remove("jupyter-widgets-disconnected");
  connection();
  expect(screen.queryByTestId("qa-gone")).toBeNull();
});

it("an edit that is not answered is told after a while", () => {
  show();
  fireEvent.change(within(node("2")).getByRole("spinbutton"), { target: { value: "600" } });
  pause();
  const count = document.querySelector(".qa-counting")!;
  expect(count.textContent).toBe("counting");
  act(() => vi.advanceTimersByTime(10_000));
  expect(document.querySelector(".qa-counting")!.textContent).toContain("no answer yet");
});
