// What is asked of Python besides counts: a message with a number, answered in a trait under that number.
import { useEffect, useRef, useState } from "react";
import { useBuilder } from "./builder_context";
import type { Field, Suggestion } from "./catalogue";
import type { Answers, Model, Topic } from "./model";

/** While typing, the last text only is asked for. */
const TYPING_MS = 180;
// Several views of one widget share the answers: the numbers of one never meet those of another.
let asked = Date.now();

export function askOf(model: Pick<Model<object>, "send">) {
  return (topic: Topic, texts: Record<string, string> = {}): number => {
    asked += 1;
    model.send({ ask: topic, seq: asked, ...texts });
    return asked;
  };
}

/** The answer to the question that was asked last from here, once it has come. */
export function useAnswer<T extends keyof Answers>(topic: T): [NonNullable<Answers[T]> | undefined, (texts?: Record<string, string>) => void, boolean] {
  const { answers, ask } = useBuilder();
  const [seq, setSeq] = useState<number>();
  const answer = answers[topic];
  const mine = answer && answer.seq === seq ? (answer as NonNullable<Answers[T]>) : undefined;
  return [mine, (texts) => setSeq(ask(topic, texts)), seq !== undefined && !mine];
}

/** Values of a field that contain what is typed: those of the catalogue at once, all others when they come. */
export function useValues(field: Field | undefined, text: string, open: boolean): { values: Suggestion[]; waiting: boolean } {
  const [answer, ask, waiting] = useAnswer("values");
  const latest = useRef(ask);
  latest.current = ask;
  const name = field?.name ?? "";
  const event = field?.event ?? "";
  const asks = open && name !== "" && field?.type !== "boolean";
  useEffect(() => {
    if (!asks) return undefined;
    const timer = setTimeout(() => latest.current({ field: name, event, search: text.trim() }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [asks, name, event, text]);
  const known = field?.values ?? [];
  const found = asks && answer?.field === name && answer.event === event ? answer.values : [];
  const more = found.filter((s) => !known.some((k) => k.value === s.value));
  return { values: [...known, ...more], waiting: asks && waiting };
}
