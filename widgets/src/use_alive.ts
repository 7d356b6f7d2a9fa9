// React's side of `alive.ts`: whether Python still answers, as state of a component.
import { useEffect, useState, type RefObject } from "react";
import { onAlive } from "./alive";

/** Whether the widget is still connected to its kernel. */
export function useAlive(model: Parameters<typeof onAlive>[0], root: RefObject<HTMLElement | null>): boolean {
  const [alive, setAlive] = useState(true);
  useEffect(() => (root.current ? onAlive(model, root.current, setAlive) : undefined), [model, root]);
  return alive;
}

/** Whether something has been waited for longer than `patience` milliseconds. */
export function useSilence(waiting: boolean, patience: number): boolean {
  const [silent, setSilent] = useState(false);
  useEffect(() => {
    setSilent(false);
    if (!waiting) return;
    const timer = setTimeout(() => setSilent(true), patience);
    return () => clearTimeout(timer);
  }, [waiting, patience]);
  return silent;
}
