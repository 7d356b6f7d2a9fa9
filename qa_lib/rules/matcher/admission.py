"""Admission: a Bloom filter that drops, before anything is resolved, events that no active rule can concern.

It may let extra events through and never loses one. With dense person numbers it would save nothing over an
exact bitmap; it earns its place where identifiers and items are still texts from outside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any as AnyValue

from rbloom import Bloom

from qa_lib.errors import SpecError
from qa_lib.rules.matcher.predicates import Predicates

_WRONG = 0.01


@dataclass
class Admitted:
    """How many events were asked about, and how many were dropped."""

    asked: int = 0
    dropped: int = 0

    @property
    def dropped_rate(self) -> float:
        """The part of the events that never has to be resolved, between 0 and 1."""
        return self.dropped / self.asked if self.asked else 0.0


class Admission:
    """What any active rule can concern.

    An event passes when its kind is read by some rule without a required text, or when one of its
    properties has a text that some rule requires; and, where `identifiers` are given, when one of its own
    is among them.

    Parameters
    ----------
    identifiers
        The external identifiers of the people that the rules are for; None where everybody may be concerned.
    always
        Kinds of events that change what the rules read without being named in them, such as those from
        which a tag is computed.
    false_rate
        How often something foreign may pass each filter.

    Raises
    ------
    SpecError
        For a false rate that is none.
    """

    def __init__(
        self,
        predicates: Predicates,
        *,
        identifiers: Collection[str] | None = None,
        always: Iterable[str] = (),
        false_rate: float = _WRONG,
    ) -> None:
        self.counts = Admitted()
        #: Kinds of events that all pass; who looks here first need not ask for them.
        self.whole = {*always, *predicates.event_names}
        self._texts: dict[str, tuple[str, ...]] = {}
        texts: list[str] = []
        for event, plan in predicates.plans.items():
            if event in self.whole or plan.every or plan.others:
                self.whole.add(event)
            else:
                self._texts[event] = tuple(plan.required)
                texts += [_key(event, name, value) for name, by in plan.required.items() for value in by]
        self._bloom = _filter(texts, false_rate)
        self._identifiers = None if identifiers is None else _filter(identifiers, false_rate)

    def admit(
        self, event: str, properties: Mapping[str, AnyValue], identifiers: Collection[str] = ()
    ) -> bool:
        """Whether an event may change what anybody matches.

        Parameters
        ----------
        identifiers
            The event's own external identifiers; when there are none, it passes this filter.
        """
        self.counts.asked += 1
        passes = self._concerns(event, properties) and self._is_known(identifiers)
        self.counts.dropped += not passes
        return passes

    def _concerns(self, event: str, properties: Mapping[str, AnyValue]) -> bool:
        if event in self.whole:
            return True
        return any(
            _key(event, name, value) in self._bloom
            for name in self._texts.get(event, ())
            if (value := properties.get(name)) is not None
        )

    def _is_known(self, identifiers: Collection[str]) -> bool:
        known = self._identifiers
        return known is None or not identifiers or any(one in known for one in identifiers)


def _key(event: str, name: str, value: str) -> str:
    return f"{event}\x1f{name}\x1f{value}"


def _filter(texts: Collection[str], false_rate: float) -> Bloom:
    if not 0 < false_rate < 1:
        raise SpecError(f"'false_rate' is a share between 0 and 1, both left out, got {false_rate!r}.")
    bloom = Bloom(max(1, len(texts)), false_rate)
    bloom.update(texts)
    return bloom
