// The query on screen, what Python knows of it, and the steps back and forth. No React in here.
import type { Model, RuleBuilderTraits } from "./model";
import { isReadable } from "./readable";
import { canonical, fromQuery, isGroup, toQuery, type Query, type Rule } from "./rule";

/** A burst of edits is one step of undo. */
export const PAUSE_MS = 150;
/** Python is asked sooner: whoever types slowly sees the count follow. */
export const SEND_MS = 40;
const MAX_STEPS = 200;

export interface Shown {
  query: Query;
  /** There are edits that Python has not been told yet. */
  pending: boolean;
  /** Python holds a bare condition, which is shown inside a group. */
  wrapped: boolean;
  /** Python holds something that is no rule: there is nothing to show, a new rule may be begun. */
  unreadable: boolean;
  canUndo: boolean;
  canRedo: boolean;
}

export class RuleStore {
  private query: Query;
  private settled: Query; // the query of the last step
  private known: string; // the rule that Python holds
  private wrapped = false;
  private unreadable = false;
  private past: Query[] = [];
  private future: Query[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined; // until the burst is over
  private sender: ReturnType<typeof setTimeout> | undefined; // until Python is told
  private shown!: Shown;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly model: Model<RuleBuilderTraits>) {
    const { query, text } = read(model.get("value"));
    this.query = this.settled = query;
    this.known = text;
    this.note(text);
    this.tell();
  }

  /** Listen to Python; the returned function stops, after a last look for unsent edits. */
  start = (): (() => void) => {
    this.model.on("change:value", this.pull);
    this.pull();
    return () => {
      this.model.off("change:value", this.pull);
      if (this.timer !== undefined) this.flush();
    };
  };

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  getShown = (): Shown => this.shown;
  getQuery = (): Query => this.query;

  /** Show an edited query at once, send it soon, and end the burst when the edits pause. */
  change = (query: Query): void => {
    if (query === this.query) return;
    const same = canonical(fromQuery(query)) === canonical(fromQuery(this.query));
    this.query = query;
    this.unreadable = false;
    if (!same || this.timer !== undefined) {
      this.stop();
      this.timer = setTimeout(this.flush, PAUSE_MS);
      this.sender = setTimeout(this.tellPython, SEND_MS);
    }
    this.tell();
  };

  undo = (): void => {
    if (this.timer !== undefined) this.flush();
    const query = this.past.at(-1);
    if (!query) return;
    this.past = this.past.slice(0, -1);
    this.future = [...this.future, this.settled];
    this.jump(query);
  };

  redo = (): void => {
    if (this.timer !== undefined) this.flush();
    const query = this.future.at(-1);
    if (!query) return;
    this.future = this.future.slice(0, -1);
    this.past = [...this.past, this.settled];
    this.jump(query);
  };

  /** End the burst of edits: one step of history, one value sent if it differs from Python's. */
  flush = (): void => {
    this.stop();
    if (canonical(fromQuery(this.settled)) !== canonical(fromQuery(this.query))) {
      this.past = [...this.past, this.settled].slice(-MAX_STEPS);
      this.future = [];
    }
    this.settled = this.query;
    this.send();
    this.tell();
  };

  private stop(): void {
    clearTimeout(this.timer);
    clearTimeout(this.sender);
    this.timer = this.sender = undefined;
  }

  private tellPython = (): void => {
    this.sender = undefined;
    this.send();
    this.tell();
  };

  private jump(query: Query): void {
    this.query = this.settled = query;
    this.unreadable = false;
    this.send();
    this.tell();
  }

  private send(): void {
    const rule = fromQuery(this.query);
    const text = canonical(rule);
    if (text === this.known) return;
    this.known = text;
    this.wrapped = false;
    this.model.set("value", rule);
    this.model.set("seq", (this.model.get("seq") ?? 0) + 1);
    this.model.save_changes();
  }

  /** Python's rule replaces what is shown, edits not yet sent included. */
  private pull = (): void => {
    const { query, text } = read(this.model.get("value"));
    if (text === this.known) return;
    this.stop();
    this.known = text;
    this.note(text);
    this.past = [...this.past, this.settled].slice(-MAX_STEPS);
    this.future = [];
    this.query = this.settled = query;
    this.tell();
  };

  private note(text: string): void {
    const value = this.model.get("value");
    this.unreadable = text === UNREADABLE;
    this.wrapped = !this.unreadable && !!value?.kind && !isGroup(value);
  }

  private tell(): void {
    this.shown = {
      query: this.query,
      pending: this.sender !== undefined,
      wrapped: this.wrapped,
      unreadable: this.unreadable,
      canUndo: this.past.length > 0 || this.timer !== undefined,
      canRedo: this.future.length > 0,
    };
    for (const listener of this.listeners) listener();
  }
}

/** In place of a rule's text; no rule reads like this. */
const UNREADABLE = "unreadable";

/** The query of what Python holds, and its text to compare it by. Nothing at all is the rule of everybody. */
function read(value: Rule | undefined | null): { query: Query; text: string } {
  if (value?.kind !== undefined && !isReadable(value)) return { query: toQuery(null), text: UNREADABLE };
  const query = toQuery(value);
  return { query, text: canonical(fromQuery(query)) };
}
