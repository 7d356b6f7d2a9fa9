"""What the rule builder asks Python besides counts: values to choose from, SQL, pasted JSON, saved audiences."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any as AnyValue

import pandas as pd

from qa_lib.audiences import AudienceLibrary, engine_of, suggest_values
from qa_lib.errors import WorkbenchError
from qa_lib.rules import check, compile_rule, read_or_faults, read_rule
from qa_lib.tables import Label
from qa_lib.workspace import Snapshot, Workspace

SUGGESTIONS = 40
MAX_PASTED = 2_000_000
_MAX_TEXT = 200
_MAX_NAMES = 1_000


@dataclass(frozen=True)
class Asked:
    """A question of the browser: its topic, its number, the texts that it came with, and the names in a list."""

    topic: str
    seq: int
    texts: Mapping[str, str]
    names: tuple[str, ...] = ()

    @classmethod
    def read(cls, content: AnyValue, topics: Container[str]) -> Asked | None:
        """The question in a message, or None where there is none of these topics."""
        if not isinstance(content, dict):
            return None
        topic, seq = content.get("ask"), content.get("seq")
        known = isinstance(topic, str) and topic in topics
        if not known or not isinstance(seq, int) or abs(seq) > 2**53:
            return None
        texts = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, str)}
        names = content.get("names")
        listed = names[:_MAX_NAMES] if isinstance(names, list) else []
        return cls(str(topic), seq, texts, tuple(name for name in listed if isinstance(name, str)))


def suggested(snapshot: Snapshot, _: AnyValue, asked: Asked) -> dict[str, AnyValue]:
    """The values of `field` (with `event`, of that event's property) that contain `search`, and how often.

    Returns
    -------
    dict
        `field`, `event` and `search` as they were asked, and `values`: `value` and `count` of each, most
        frequent first, at most `SUGGESTIONS`; or `error` in both languages.
    """
    field, event = asked.texts.get("field", ""), asked.texts.get("event", "")
    search = asked.texts.get("search", "")[:_MAX_TEXT]
    answer: dict[str, AnyValue] = {"field": field, "event": event, "search": search, "values": []}
    try:
        found = suggest_values(snapshot, field, search, event=event or None, limit=SUGGESTIONS)
    except WorkbenchError as error:
        return {**answer, "error": _said(error)}
    pairs = zip(found["value"], found["count"], strict=True)
    return {**answer, "values": [{"value": _plain(v), "count": int(n)} for v, n in pairs]}


def sql_text(snapshot: Snapshot, value: AnyValue, _: Asked) -> dict[str, AnyValue]:
    """The rule as SQL to read: `text`, or `error` in both languages."""
    try:
        known = engine_of(snapshot).catalogue
        return {"text": compile_rule(read_rule(value), known, snapshot.as_of, snapshot.zone).text()}
    except WorkbenchError as error:
        return {"error": _said(error)}


def pasted_rule(snapshot: Snapshot, _: AnyValue, asked: Asked) -> dict[str, AnyValue]:
    """A rule written or pasted as JSON: `rule` in full where it can be read, and the `problems` it has.

    A rule that can be read but not run is given too: its faults are shown at their places.
    """
    text = asked.texts.get("text", "")
    if len(text) > MAX_PASTED:
        words = Label(
            f"文字有 {len(text):,} 个字符，最多 {MAX_PASTED:,} 个",
            f"The text has {len(text):,} characters; at most {MAX_PASTED:,} are read.",
        )
        return {"problems": [{"path": "", **words.to_dict()}]}
    try:
        rule, problems = read_or_faults(text)
    except WorkbenchError as error:
        return {"problems": [{"path": "", **_said(error)}]}
    if rule is None:
        return {"problems": [p.to_dict() for p in problems], **_where(text)}
    faults = check(rule, engine_of(snapshot).catalogue)
    return {"rule": rule.to_dict(), "problems": [p.to_dict() for p in faults]}


#: What answers each question, from the snapshot, the builder's value and the question.
ANSWERS: Mapping[str, Callable[[Snapshot, AnyValue, Asked], dict[str, AnyValue]]] = MappingProxyType(
    {"values": suggested, "sql": sql_text, "read": pasted_rule}
)


def saved_audiences(snapshot: Snapshot) -> list[dict[str, AnyValue]]:
    """The saved audiences that a condition can name, by folder and name.

    Returns
    -------
    list of dict
        `name`, `folder`, `newest` and `active` (numbers of versions), `note` of the newest, and `count` of the
        active version's members where they were kept, else None.
    """
    library = AudienceLibrary(Workspace.open(snapshot.root, read_only=True))
    return [
        {
            **{key: row[key] for key in ("name", "folder", "note")},
            **{key: int(row[key]) for key in ("newest", "active")},
            "count": None if pd.isna(row["count"]) else int(row["count"]),
        }
        for row in library.list().to_dict("records")
    ]


def _where(text: str) -> dict[str, int]:
    """Line and column, from 1, where a text stops being JSON; nothing where it is."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return {"line": error.lineno, "column": error.colno}
    return {}


def _said(error: WorkbenchError) -> dict[str, str]:
    return Label(f"无法回答：{error}", str(error)).to_dict()


def _plain(value: AnyValue) -> str | float | bool:
    """A value of a frame as a rule's JSON has it."""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    plain: str | float | bool = value.item() if hasattr(value, "item") else value
    return plain if isinstance(plain, str | float | int | bool) else str(plain)
