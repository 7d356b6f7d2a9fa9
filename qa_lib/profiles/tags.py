"""A tag: one declaration that the build, the form, the sentence and the documentation all read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field as Bounded

from qa_lib.rules.catalogue import Field, FieldKind, FieldType
from qa_lib.rules.spec import Spec
from qa_lib.tables import TABLES, Label

Form = Literal["attribute", "statistic", "days_since", "first_last", "preference", "rule", "formula", "model"]


class TagSpec(Spec):
    """One tag or attribute of a person.

    `zero` says that a person with no events has 0 rather than no value; `window` is in words
    (`365 days`, `ever`, `recorded`), `refresh` is how it is kept fresh, `lineage` the tables and columns
    it is computed from (`Family.reads` where a family's query says it). `is_attribute` says of a computed
    field that it is what a person is known by, as a recorded one is.
    """

    name: str = Bounded(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    label_zh: str = Bounded(min_length=1)
    label_en: str = Bounded(min_length=1)
    type: FieldType
    form: Form = "statistic"
    unit: str = ""
    window: str = "ever"
    zero: bool = False
    owner: str = "audience workbench"
    refresh: Literal["batch", "stream", "both"] = "batch"
    version: int = 1
    is_attribute: bool = False
    lineage: tuple[str, ...] = ()
    description_zh: str = ""
    description_en: str = ""

    @property
    def kind(self) -> FieldKind:
        """How a rule names it: attributes apart from tags."""
        return "attribute" if self.is_attribute or self.form == "attribute" else "tag"

    def field(self, group: Label) -> Field:
        """The typed field that rules see."""
        return Field(
            name=self.name,
            kind=self.kind,
            type=self.type,
            label=Label(self.label_zh, self.label_en),
            unit=self.unit,
            group=group,
            description=Label(self.description_zh, self.description_en),
        )


@dataclass(frozen=True)
class Family:
    """Tags that one query computes: it gives `person_no` and one column per tag.

    It may read `people`, the `event_…` tables (which hold only what happened before `as_of`), the shared
    tables, the families before it as `family_<name>`, and bind `$as_of` and `$zone`.
    """

    name: str
    label: Label
    tags: tuple[TagSpec, ...]
    sql: str

    @property
    def table(self) -> str:
        return f"family_{self.name}"

    def reads(self, before: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        """The tables that its query names; what `before` says of an earlier family stands for that family."""
        named = dict.fromkeys(re.findall(r"\b(?:FROM|JOIN)\s+([a-z_]+)", self.sql))
        found = [r for n in named for r in before.get(n, (n,)) if r in TABLES or r.startswith("event_")]
        return tuple(dict.fromkeys(found))


def count(name: str, zh: str, en: str, window: str, unit: str = "", **more: Any) -> TagSpec:
    """A count that is 0 for people with no events."""
    return TagSpec(
        name=name, label_zh=zh, label_en=en, type="number", unit=unit, window=window, zero=True, **more
    )


def amount(name: str, zh: str, en: str, window: str, **more: Any) -> TagSpec:
    """An amount of money that is 0 for people with no events."""
    return TagSpec(
        name=name, label_zh=zh, label_en=en, type="number", unit="USD", window=window, zero=True, **more
    )


def rate(name: str, zh: str, en: str, window: str, **more: Any) -> TagSpec:
    """A share between 0 and 1; no value where the whole is 0."""
    return TagSpec(name=name, label_zh=zh, label_en=en, type="number", window=window, form="formula", **more)
