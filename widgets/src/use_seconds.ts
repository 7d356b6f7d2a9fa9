// How long something has been going on: progress and a way to cancel are shown for what takes over a second.
import { useEffect, useState } from "react";

/** Seconds after which progress and a way to cancel are shown. */
export const PATIENCE_S = 1;

/** Seconds since the work began, anew for each key; 0 while there is none. */
export function useSeconds(working: boolean, key: unknown): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    setSeconds(0);
    if (!working) return undefined;
    const began = Date.now();
    const timer = setInterval(() => setSeconds((Date.now() - began) / 1000), 250);
    return () => clearInterval(timer);
  }, [working, key]);
  return working ? seconds : 0;
}
