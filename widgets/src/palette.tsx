// The searchable list of everything a condition can be about: click, Enter or drag adds one.
import { useState } from "react";
import { useBuilder, useWords } from "./builder_context";
import { byGroup, cardTypes, eventLabel, offeredEvents, type FieldType, type Label } from "./catalogue";
import { Icon } from "./controls";
import { newCondition } from "./defaults";
import { usePaletteDrag } from "./drag_and_drop";
import { isLockedAt } from "./locks";
import { isQueryGroup, toQueryRule } from "./rule";
import { countConditions, findPath, insertAt, nodeAt } from "./tree";

interface Entry {
  key: string;
  kind: string;
  type?: FieldType;
  label: Label;
  hint: Label;
}

const TYPE_MARKS: Record<FieldType, string> = { number: "123", text: "Aa", date: "31", boolean: "✓✗", list: "[ ]" };

export function Palette() {
  const { catalogue } = useBuilder();
  const t = useWords();
  const [search, setSearch] = useState("");
  const [open, setOpen] = useState(false);

  const needle = search.trim().toLocaleLowerCase();
  const plain = (text: string): Label => ({ zh: text, en: text });
  const sections: { title: Label; entries: Entry[] }[] = [
    {
      title: plain(t("behaviours")),
      // a kind without data is there for whoever looks for it
      entries: (needle ? catalogue.events : offeredEvents(catalogue)).map((e) => ({
        key: `event:${e.name}`,
        kind: "event",
        label: eventLabel(e),
        hint: e.grain,
      })),
    },
    {
      title: plain(t("others")),
      entries: cardTypes(catalogue).map((c) => ({ key: `${c.key}:`, kind: c.key, label: c.label, hint: c.description })),
    },
    ...byGroup(catalogue.fields).map(({ label, fields }) => ({
      title: label,
      entries: fields.map((f) => ({ key: `${f.kind}:${f.name}`, kind: f.kind, type: f.type, label: f.label, hint: f.description })),
    })),
  ];
  const matches = (e: Entry) => [e.label.zh, e.label.en, e.key].some((text) => text.toLocaleLowerCase().includes(needle));
  const found = sections
    .map((s) => ({ ...s, entries: s.entries.filter(matches) }))
    .filter((s) => s.entries.length > 0);

  return (
    <nav className="qa-palette" aria-label={t("palette")} data-open={open || undefined}>
      <button type="button" className="qa-palette-title" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span>{t("palette")}</span>
        <Icon name="down" />
      </button>
      <div className="qa-palette-inner">
        <div className="qa-search">
          <Icon name="search" />
          <input
            type="search"
            className="qa-input"
            aria-label={t("search")}
            placeholder={t("search")}
            value={search}
            onChange={(e) => setSearch(e.target.value)}
            onKeyDown={(e) => e.key === "Escape" && setSearch("")}
          />
        </div>
        <p className="qa-note">{t("paletteHint")}</p>
        <div className="qa-palette-list">
          {found.map((section) => (
            <section key={section.title.en} aria-label={t(section.title)}>
              <h4>{t(section.title)}</h4>
              {section.entries.map((entry) => (
                <PaletteItem key={entry.key} entry={entry} />
              ))}
            </section>
          ))}
          {found.length === 0 && <p className="qa-note">{t("nothingFound")}</p>}
        </div>
      </div>
    </nav>
  );
}

function PaletteItem({ entry }: { entry: Entry }) {
  const { catalogue, edit, getQuery, locks, targetId } = useBuilder();
  const t = useWords();
  const full = countConditions(getQuery()) >= catalogue.limits.conditions;
  const { ref, isDragging, onPointerDown } = usePaletteDrag(entry.key, full);
  const hint = t(entry.hint);
  const add = (byKeyboard: boolean) => {
    const condition = newCondition(catalogue, entry.key);
    if (!condition) return;
    const row = toQueryRule(condition);
    const then = byKeyboard ? ({ id: row.id, on: "first" } as const) : undefined; // what was added is filled in next
    edit((query) => {
      const target = (targetId && findPath(query, targetId)) || [];
      const path = isLockedAt(query, target, locks) ? [] : target;
      const group = nodeAt(query, path);
      const index = group && isQueryGroup(group) ? group.rules.length : query.rules.length;
      return insertAt(query, { group: group && isQueryGroup(group) ? path : [], index }, row);
    }, then);
  };
  return (
    <button
      ref={ref}
      type="button"
      className="qa-palette-item"
      data-testid="qa-palette-item"
      data-kind={entry.kind}
      data-field={entry.key}
      data-dragging={isDragging || undefined}
      title={hint && hint !== t(entry.label) ? hint : undefined}
      disabled={full}
      onPointerDown={onPointerDown}
      onClick={(e) => add(e.detail === 0)}
    >
      <i className="qa-dot" aria-hidden="true" />
      <span>{t(entry.label)}</span>
      {entry.type && (
        <small className="qa-type" aria-hidden="true">
          {TYPE_MARKS[entry.type]}
        </small>
      )}
    </button>
  );
}
