"""Tags that an analyst declares: one YAML file each in the workspace's `tags/` folder.

A declared tag is a measure over a person's events, written as in a rule: event, filters, window,
measure. All tags over one event are computed by one query.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any as AnyValue
from typing import Literal

import yaml
from pydantic import Field as Bounded
from sqlglot import exp

from qa_lib.errors import SpecError
from qa_lib.profiles.tags import TagSpec
from qa_lib.rules import All, Any, Catalogue, Event, Measure, check
from qa_lib.rules.compile import Compiler
from qa_lib.rules.measures import measure_type
from qa_lib.rules.sentence import window_words
from qa_lib.rules.spec import Spec
from qa_lib.rules.windows import Ever, Window
from qa_lib.tables import Label

FOLDER = "tags"
GROUP = Label("自定义", "Declared in this workspace")


class DeclaredTag(Spec):
    """A number per person: a measure over one kind of event, filtered and in a window.

    With `refresh` stream or both it is also measured as of now, over the events of the stream.
    """

    name: str = Bounded(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    label_zh: str = Bounded(min_length=1)
    label_en: str = Bounded(min_length=1)
    event: str
    where: All | Any | None = Bounded(default=None, discriminator="kind")
    window: Window = Ever()
    measure: Measure = Measure(kind="count")
    unit: str = ""
    owner: str = "analyst"
    refresh: Literal["batch", "stream", "both"] = "batch"
    description_zh: str = ""
    description_en: str = ""

    @property
    def condition(self) -> Event:
        """The event condition that carries the same event, filters, window and measure."""
        return Event(
            event=self.event,
            where=self.where,
            window=self.window,
            measure=self.measure,
            operator=">=",
            value=0,
        )

    @property
    def spec(self) -> TagSpec:
        """The tag's row in the catalogue."""
        measure = measure_type(self.measure.kind)
        return TagSpec(
            name=self.name,
            label_zh=self.label_zh,
            label_en=self.label_en,
            type="number",
            form="days_since" if measure.key.startswith("days_since") else "statistic",
            unit=self.unit,
            window=window_words(self.window).en,
            zero=measure.zero,
            owner=self.owner,
            lineage=(f"event_{self.event}",),
            refresh=self.refresh,
            description_zh=self.description_zh,
            description_en=self.description_en,
        )


def read_declared(folder: Path, catalogue: Catalogue, taken: Sequence[str]) -> tuple[DeclaredTag, ...]:
    """Every `*.yaml` of the folder, checked against the events and against names that are taken.

    Raises
    ------
    SpecError
        For a file that is no YAML, no tag, or says what cannot be; the message names the file.
    """
    found: dict[str, DeclaredTag] = {}
    for path in sorted(folder.glob("*.y*ml")):
        try:
            value: AnyValue = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise SpecError(f"Tag file {path}: this is not YAML: {error}.") from None
        try:
            tag = DeclaredTag.from_dict(value)
        except SpecError as error:
            raise SpecError(f"Tag file {path}: {error}") from None
        if tag.name in taken or tag.name in found:
            raise SpecError(f"Tag file {path}: the name {tag.name!r} is taken already. Choose another.")
        problems = check(tag.condition, catalogue)
        if problems:
            raise SpecError(f"Tag file {path}: {problems[0].en}")
        found[tag.name] = tag
    return tuple(found.values())


def compile_event_tags(
    tags: Sequence[DeclaredTag], compiler: Compiler
) -> tuple[exp.Expr, dict[str, AnyValue]]:
    """One query for all tags over one event: `person_no` and a column per tag."""
    columns: list[exp.Expr] = [exp.column("person_no")]
    for tag in tags:
        _, predicates = compiler.events(tag.condition)
        filtered = exp.Filter(
            this=compiler.measure(tag.condition), expression=exp.Where(this=exp.and_(*predicates))
        )
        columns.append(exp.alias_(_filter_inside(filtered), tag.name, quoted=True))
    table = compiler.catalogue.event(tags[0].event).table
    return exp.select(*columns).from_(table).group_by("person_no"), compiler.params


def _filter_inside(filtered: exp.Filter) -> exp.Expr:
    """Move the filter onto the aggregate where it is wrapped in other functions."""
    measure, where = filtered.this, filtered.expression
    if isinstance(measure, exp.AggFunc):
        return filtered
    return measure.transform(
        lambda node: (
            exp.Filter(this=node.copy(), expression=where.copy())
            if isinstance(node, exp.AggFunc) and not isinstance(node.parent, exp.Filter)
            else node
        )
    )
