// Whether Python still answers: a widget whose kernel was restarted or ended is a picture of what was.

/** What a widget's element tells of its connection; the widget manager marks it when the kernel restarts. */
const GONE = ".jupyter-widgets-disconnected";

interface Listened {
  on(event: string, callback: () => void): void;
  off(event: string, callback: () => void): void;
}

/** Tells whenever the connection to the kernel was lost or found; returns how to stop. */
export function onAlive(model: Listened, el: HTMLElement, tell: (alive: boolean) => void): () => void {
  // The manager marks the element in a listener of the same event, perhaps after this one.
  const look = () => void setTimeout(() => tell(!el.closest(GONE)));
  model.on("comm_live_update", look);
  return () => model.off("comm_live_update", look);
}
