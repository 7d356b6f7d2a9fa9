// A text input with a list of suggested values and their counts; any other text may be typed as well.
import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent } from "react";
import { useBuilder, useWords } from "./builder_context";
import type { Field, Suggestion } from "./catalogue";
import { useValues } from "./questions";
import type { Scalar } from "./rule";
import { digits } from "./words";

const SHOWN = 40;

interface SuggestProps {
  label: string;
  text: string;
  /** Whose values are suggested. */
  field: Field;
  /** Values that are not suggested. */
  except?: readonly Scalar[];
  placeholder?: string;
  onText: (text: string) => void;
  /** A suggestion was chosen. */
  onPick: (suggestion: Suggestion) => void;
  onEnter?: () => void;
  onBlur?: () => void;
  onEmptyBackspace?: () => void;
  onPaste?: (text: string) => boolean;
  type?: string;
}

export function Suggest(props: SuggestProps) {
  const { label, text, field, except, placeholder, onText, onPick, onEnter, onBlur, onEmptyBackspace, onPaste, type } = props;
  const { readOnly } = useBuilder();
  const t = useWords();
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  // A finished value shows all suggestions again, so that another one can be taken.
  const exact = field.values.some((s) => String(s.value) === text);
  const { values, waiting } = useValues(field, exact ? "" : text, open && !readOnly);
  const suggestions = values.filter((s) => !except?.includes(s.value));
  const needle = exact ? "" : text.trim().toLocaleLowerCase();
  const found = suggestions.filter((s) => String(s.value).toLocaleLowerCase().includes(needle)).slice(0, SHOWN);
  const listed = open && !readOnly && found.length > 0;

  const pick = (suggestion: Suggestion) => {
    onPick(suggestion);
    setOpen(false);
    setAt(-1);
  };
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.nativeEvent.isComposing) return;
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      setOpen(true);
      const step = e.key === "ArrowDown" ? 1 : -1;
      setAt((old) => (found.length ? (old + step + found.length) % found.length : -1));
    } else if (e.key === "Enter") {
      e.preventDefault();
      const chosen = listed ? found[at] : undefined;
      if (chosen) pick(chosen);
      else onEnter?.();
    } else if (e.key === "Escape" && listed) {
      e.stopPropagation();
      setOpen(false);
    } else if (e.key === "Backspace" && text === "") {
      onEmptyBackspace?.();
    }
  };

  return (
    <span className="qa-suggest">
      <input
        ref={input}
        type={type ?? "text"}
        className="qa-input"
        role="combobox"
        aria-label={label}
        aria-expanded={listed}
        aria-controls={listed ? id : undefined}
        aria-autocomplete="list"
        aria-busy={waiting || undefined}
        aria-activedescendant={listed && at >= 0 ? `${id}-${at}` : undefined}
        autoComplete="off"
        placeholder={placeholder}
        value={text}
        disabled={readOnly}
        onChange={(e) => {
          onText(e.target.value);
          setOpen(true);
          setAt(-1);
        }}
        onFocus={() => setOpen(true)}
        onClick={() => setOpen(true)}
        onBlur={() => {
          setOpen(false);
          onBlur?.();
        }}
        onKeyDown={onKeyDown}
        onPaste={(e) => onPaste?.(e.clipboardData.getData("text")) && e.preventDefault()}
      />
      {listed && (
        <FloatingList anchor={input.current} id={id} label={t("suggestions")}>
          {found.map((s, i) => (
            <li
              key={String(s.value)}
              id={`${id}-${i}`}
              role="option"
              aria-selected={i === at}
              // The input keeps the focus, so that choosing does not first end the typing.
              onMouseDown={(e) => e.preventDefault()}
              onClick={() => pick(s)}
              onMouseEnter={() => setAt(i)}
            >
              <span>{String(s.value)}</span>
              <small>{digits(s.count)}</small>
            </li>
          ))}
        </FloatingList>
      )}
    </span>
  );
}

interface FloatingListProps {
  anchor: HTMLElement | null;
  id: string;
  label: string;
  children: React.ReactNode;
}

/** Below its input, above everything: in the top layer, where a notebook's output cannot clip it. */
function FloatingList({ anchor, id, label, children }: FloatingListProps) {
  const list = useRef<HTMLUListElement>(null);
  useLayoutEffect(() => {
    const element = list.current;
    if (!element || !anchor) return undefined;
    const place = () => {
      const box = anchor.getBoundingClientRect();
      const below = window.innerHeight - box.bottom;
      const height = Math.min(element.scrollHeight, 260);
      const up = below < height + 8 && box.top > below;
      element.style.left = `${box.left}px`;
      element.style.minWidth = `${Math.max(box.width, 160)}px`;
      element.style.top = up ? `${Math.max(4, box.top - height - 4)}px` : `${box.bottom + 4}px`;
    };
    element.showPopover?.();
    place();
    window.addEventListener("scroll", place, true);
    window.addEventListener("resize", place);
    return () => {
      window.removeEventListener("scroll", place, true);
      window.removeEventListener("resize", place);
    };
  }, [anchor]);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView?.({ block: "nearest" });
  });
  return (
    <ul ref={list} id={id} className="qa-list" role="listbox" aria-label={label} popover="manual">
      {children}
    </ul>
  );
}
