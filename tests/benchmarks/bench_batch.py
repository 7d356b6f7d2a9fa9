"""A batch of people against all active rules: person-rule pairs a second."""

from __future__ import annotations

from collections.abc import Callable

from matcher_timing import bar_of, batch
from measured import Figure, WrongAnswer


def run(tier: str, say: Callable[[str], None], people: int | None = None) -> list[Figure]:
    """The figures of a tier; the people are made up in memory, so `people` changes nothing."""
    say("batch: rules and people are made up in memory")
    try:
        made = batch(tier)["figures"]
    except AssertionError as error:
        raise WrongAnswer(str(error)) from error
    return [Figure(f["name"], f["value"], f["unit"], f["peer"] or "", bar_of(f), f["holds"]) for f in made]
