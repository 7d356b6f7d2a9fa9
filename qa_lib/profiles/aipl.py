"""AIPL: awareness, interest, purchase, loyalty. One mark a person and day, the highest, and how people move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field as Bounded

from qa_lib.errors import SpecError
from qa_lib.profiles.local_time import microseconds
from qa_lib.profiles.moment import Moment
from qa_lib.rules.spec import Spec
from qa_lib.rules.windows import midnight
from qa_lib.tables import Label
from qa_lib.workspace import quoted

STAGES: tuple[tuple[str, Label], ...] = (
    ("none", Label("未触达", "none")),
    ("awareness", Label("认知", "awareness")),
    ("interest", Label("兴趣", "interest")),
    ("purchase", Label("购买", "purchase")),
    ("loyalty", Label("忠诚", "loyalty")),
)
_NAMES = tuple(name for name, _ in STAGES)
_DAY_US = 86_400_000_000


class Sign(Spec):
    """At least so many events of a kind within the last days."""

    _positional = ("event", "days", "at_least")
    event: str
    days: int = Bounded(ge=1, le=3_650)
    at_least: int = Bounded(default=1, ge=1, le=1_000)


class AiplPolicy(Spec):
    """The signs of each stage; one of them is enough, and the highest stage counts."""

    awareness: tuple[Sign, ...] = (
        *(Sign(event="receive", days=15), Sign(event="expose", days=15)),
        Sign(event="browse", days=15),
    )
    interest: tuple[Sign, ...] = (
        *(Sign(event="cart", days=15), Sign(event="click", days=15)),
        Sign(event="browse", days=15, at_least=2),
    )
    purchase: tuple[Sign, ...] = (Sign(event="visit", days=365),)
    loyalty: tuple[Sign, ...] = (Sign(event="visit", days=365, at_least=2),)


@dataclass(frozen=True)
class AiplFlow:
    """Small frames of everybody's days.

    Parameters
    ----------
    counts
        `day`, `stage`, `people_count`: every stage on every day; each day adds up to everybody.
    flow
        `day`, `from_stage`, `to_stage`, `people_count`: from the day before to this day; pairs that nobody
        went are left out.
    """

    counts: pd.DataFrame
    flow: pd.DataFrame


def aipl_stages(
    snapshot: Moment, *, days: int = 1, policy: AiplPolicy | None = None
) -> tuple[list[date], npt.NDArray[np.uint8]]:
    """The stage of everybody at the end of each of the last days.

    Returns
    -------
    days
        Ascending; the last is the day that ends at the snapshot's moment, or lies about it.
    stages : shape (n_people, n_days)
        Places in `STAGES`.

    Raises
    ------
    SpecError
        For an event that the snapshot does not have.
    """
    policy = policy or AiplPolicy()
    last = (snapshot.as_of - timedelta(microseconds=1)).astimezone(snapshot.zone).date()
    listed = [last - timedelta(days=n) for n in range(days - 1, -1, -1)]
    ends = [midnight(d + timedelta(days=1), snapshot.zone) for d in listed]
    marks = np.array([min(microseconds(e), microseconds(snapshot.as_of)) for e in ends])
    stages = np.zeros((snapshot.people_count, days), dtype=np.uint8)
    for place, (name, _) in enumerate(STAGES):
        for sign in getattr(policy, name, ()):
            stages[_shown(snapshot, sign, marks)] = place
    return listed, stages


def aipl_flow(snapshot: Moment, *, days: int = 30, policy: AiplPolicy | None = None) -> AiplFlow:
    """How many people were in each stage on each of the last days, and how they moved from day to day."""
    listed, stages = aipl_stages(snapshot, days=days + 1, policy=policy)
    counts: list[dict[str, Any]] = []
    flow: list[dict[str, Any]] = []
    size = len(STAGES)
    for i, day in enumerate(listed[1:], start=1):
        pairs = np.bincount(stages[:, i - 1].astype(np.intp) * size + stages[:, i], minlength=size * size)
        moved = pairs.reshape(size, size)
        for j, name in enumerate(_NAMES):
            counts.append({"day": day, "stage": name, "people_count": int(moved[:, j].sum())})
            for k, origin in enumerate(_NAMES):
                if moved[k, j]:
                    row = {
                        "day": day,
                        "from_stage": origin,
                        "to_stage": name,
                        "people_count": int(moved[k, j]),
                    }
                    flow.append(row)
    return AiplFlow(pd.DataFrame(counts), pd.DataFrame(flow))


def _shown(snapshot: Moment, sign: Sign, marks: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Who shows the sign at each mark; shape (n_people, n_marks).

    The k-th of k events at t makes it true until the first of them is `days` old: at the marks in
    (t, first + days]. These spans are laid over the marks by their ends, and added up.
    """
    person, at = _events(snapshot, sign.event)
    order = np.lexsort((at, person))
    person, at = person[order], at[order]
    k = sign.at_least - 1
    together = person[k:] == person[: len(person) - k]
    who = person[k:][together]
    begin = np.searchsorted(marks, at[k:][together], side="right")
    end = np.searchsorted(marks, at[: len(at) - k][together] + sign.days * _DAY_US, side="right")
    spans = np.zeros((snapshot.people_count, len(marks) + 1), dtype=np.int32)
    real = begin < end
    np.add.at(spans, (who[real], begin[real]), 1)
    np.add.at(spans, (who[real], end[real]), -1)
    return np.cumsum(spans[:, :-1], axis=1) > 0


def _events(snapshot: Moment, event: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    person = snapshot.columns.array(f"event_{event}.person_no")
    at = snapshot.columns.array(f"event_{event}.occurred_at")
    if person is not None and at is not None:
        return person.values.astype(np.int64), at.values.astype(np.int64)  # of no events: the narrowest type
    import duckdb

    try:
        found = snapshot.frame(
            f"SELECT person_no, epoch_us(occurred_at) AS at FROM {quoted(f'event_{event}')}"
        )
    except duckdb.CatalogException:
        raise SpecError(f"AIPL policy: the snapshot has no event {event!r}.") from None
    return found["person_no"].to_numpy(dtype=np.int64), found["at"].to_numpy(dtype=np.int64)
