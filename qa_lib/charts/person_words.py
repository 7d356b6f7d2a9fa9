"""The words on the screens of tags and of one person, once, in both languages."""

from __future__ import annotations

from qa_lib.tables import Label

#: Read by `qa_lib.charts.words.say` beside its own.
PERSON_WORDS: dict[str, Label] = {}
