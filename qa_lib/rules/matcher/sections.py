"""What the predicates are gathered into: a section per field, and per measure of filtered events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any as AnyValue
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.matcher.compare import Comparison, FieldIndex, OrderedIndex
from qa_lib.rules.matcher.measures import Filter
from qa_lib.rules.matcher.person import Person
from qa_lib.rules.model import Measure

#: Counts compared with more than this are not answered from a table.
_MOST = 200


class Leaf(Protocol):
    """A condition that is answered for itself: what a kind of condition plugs in.

    `event_names` are the kinds of events that it reads.
    """

    event_names: tuple[str, ...]

    def holds(self, person: Person, as_of: int) -> bool:
        """Whether it is true of the person."""
        ...

    def changes(self, person: Person, as_of: int) -> int:
        """The first moment after `as_of` at which time alone may change that, or `NEVER`."""
        ...


class Plug(Protocol):
    """Makes the leaf of a condition of its kind."""

    def __call__(self, condition: AnyValue, catalogue: Catalogue, zone: ZoneInfo) -> Leaf: ...


@dataclass
class FieldSection:
    """All comparisons of one field."""

    name: str
    compared: list[Comparison] = field(default_factory=list)
    index: FieldIndex = field(init=False)
    first: int = 0

    @property
    def place(self) -> slice:
        """The slots of its comparisons."""
        return slice(self.first, self.first + len(self.compared))


@dataclass
class MeasureSection:
    """All comparisons of one measure over one window of filtered events; `stated` are answers for nobody."""

    measure: Measure
    span: int
    compared: list[Comparison] = field(default_factory=list)
    stated: list[bool] = field(default_factory=list)
    index: OrderedIndex = field(init=False)
    first: int = 0
    place: slice = field(init=False)


@dataclass
class Filtered:
    """The measures over one filter of one kind of event."""

    event: str
    filter: Filter
    sections: dict[AnyValue, MeasureSection] = field(default_factory=dict)


@dataclass(frozen=True)
class CountTable:
    """The answers of many counts over one window, by filter: `answers[offset + count * width + comparison]`.

    Counts above `cap` are answered as `cap`. A filter without a count over the window has width 0.
    """

    first: npt.NDArray[np.int64]
    width: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    answers: npt.NDArray[np.uint8]
    cap: int


@dataclass
class EventPlan:
    """How the events of one kind are looked at: all, by a required text, or one by one.

    Its slots are `first` to `past`. For batches, `quick` filters only require a text and are only counted; their slots follow each other
    from `quick_first`. `slow` are all others but `every`.
    """

    every: list[Filtered] = field(default_factory=list)
    required: dict[str, dict[str, list[Filtered]]] = field(default_factory=dict)
    others: list[Filtered] = field(default_factory=list)
    quick: list[Filtered] = field(default_factory=list)
    slow: list[Filtered] = field(default_factory=list)
    first: int = 0
    past: int = 0
    quick_first: int = 0
    quick_template: bytes = b""
    quick_tables: dict[int, CountTable] = field(default_factory=dict)


def is_count(section: MeasureSection) -> bool:
    """Whether it is a count that a table can answer."""
    limits = section.compared
    return section.measure.kind == "count" and all(abs(g) <= _MOST for c in limits for g in c.given)


def count_table(quick: Sequence[Filtered], span: int) -> CountTable:
    """The counts of these filters over one window."""
    counts = [[s for (at, _), s in one.sections.items() if at == span] for one in quick]
    sections = [found[0] if found else None for found in counts]
    cap = 1 + max((int(g) for s in sections if s for c in s.compared for g in c.given), default=0)
    cap = max(cap, 1)
    answers, offset = bytearray(), []
    for section in sections:
        offset.append(len(answers))
        if section is not None:
            answers += section.index.missing  # no count is 0
            for count in range(1, cap + 1):
                answers += section.index.truths(float(count))
    return CountTable(
        np.array([s.first if s else 0 for s in sections], dtype=np.int64),
        np.array([len(s.compared) if s else 0 for s in sections], dtype=np.int64),
        np.array(offset, dtype=np.int64),
        np.frombuffer(bytes(answers), dtype=np.uint8),
        cap,
    )
