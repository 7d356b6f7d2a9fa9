"""Contact caps: at most n messages to a person in a window.

Unset is no cap, and zero is none allowed. A window ends at the message in question: a rolling one is
`[t − length, t)`, a calendar one begins with a local day, ISO week or month of the person's own zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field as Bounded
from pydantic import model_validator

from qa_lib.errors import SpecError
from qa_lib.guards.order import in_first_order
from qa_lib.rules.spec import Spec

#: What a frame of past sends carries. `tags` holds a list of texts, empty or not.
PAST_COLUMNS = ("person_id", "sent_at", "delivered_at", "channel", "campaign_type", "tags", "is_marketing")
#: What a frame of candidates carries; `admit` also reads `priority`, `expected_value_amount` and `tie`.
CANDIDATE_COLUMNS = ("person_id", "send_at", "zone", "channel", "campaign_type", "tags", "is_marketing")

_ROLLING = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


class Cap(Spec):
    """At most `n` messages per person and window.

    Parameters
    ----------
    n
        How many; None (unset) is no cap, 0 is none allowed.
    every, unit
        The window's length. Rolling: hours, days of 24 hours, weeks. Calendar: local days, ISO weeks or
        months, the current one and the `every` − 1 before it.
    scope, of
        What counts together: everything, or one channel, campaign type or tag. Where `of` is given, the
        cap is about that one only; without it, a channel or type is held against its own kind.
    counts
        Whether a message counts when it was sent, or only once it was delivered.
    marketing_only
        Whether only marketing messages are limited, and counted.
    """

    _positional = ("n", "every", "unit")

    n: int | None = Bounded(default=None, ge=0, le=1_000_000)
    every: int = Bounded(default=1, ge=1, le=1_000)
    unit: Literal["hour", "day", "week", "month"] = "day"
    calendar: bool = False
    scope: Literal["all", "channel", "campaign_type", "tag"] = "all"
    of: str | None = None
    counts: Literal["sent", "delivered"] = "sent"
    marketing_only: bool = True

    @model_validator(mode="after")
    def _fits(self) -> Cap:
        if self.unit == "month" and not self.calendar:
            raise ValueError("a month has no fixed length; set calendar=True, or use days")
        if self.unit == "hour" and self.calendar:
            raise ValueError("a calendar window is of days, weeks or months; for hours leave calendar out")
        if self.scope == "tag" and self.of is None:
            raise ValueError("a cap of a tag names it: of='…'")
        if self.scope == "all" and self.of is not None:
            raise ValueError("a cap of everything names nothing; leave `of` out, or choose a scope")
        return self


def window_start(cap: Cap, moment: datetime, zone: str) -> datetime:
    """Where the cap's window before a moment begins, in UTC.

    Parameters
    ----------
    moment
        With a zone of its own; the end of the window.
    zone
        The person's zone, an IANA name.
    """
    moment = moment.astimezone(UTC)
    if not cap.calendar:
        return moment - cap.every * _ROLLING[cap.unit]
    return _calendar_start(cap.unit, cap.every, moment, zone)


@lru_cache(maxsize=65_536)
def _calendar_start(unit: str, every: int, moment: datetime, zone: str) -> datetime:
    place = ZoneInfo(zone)
    day = moment.astimezone(place).date()
    if unit == "day":
        first = day - timedelta(days=every - 1)
    elif unit == "week":
        first = day - timedelta(days=day.weekday() + 7 * (every - 1))
    else:
        months = day.year * 12 + day.month - every
        first = day.replace(year=months // 12, month=months % 12 + 1, day=1)
    # a midnight that the clocks skip is the moment of the change; one that comes twice, the first
    return datetime(first.year, first.month, first.day, tzinfo=place).astimezone(UTC)


def counts(
    cap: Cap, candidates: pd.DataFrame, past: pd.DataFrame, *, later_too: bool = False
) -> npt.NDArray[np.int64]:
    """How many past messages stand in each candidate's window; 0 where the cap is not about the candidate.

    Parameters
    ----------
    candidates
        Columns `CANDIDATE_COLUMNS`; one row per message that might go out.
    past
        Columns `PAST_COLUMNS`; what went out, in any order. A row without a time never counts.
    later_too
        Whether rows at the candidate's moment and after it count as well: at hand-off, what another
        process was faster with.
    """
    at = "sent_at" if cap.counts == "sent" else "delivered_at"
    kept = past[_within(cap, past) & past[at].notna().to_numpy(dtype=bool)]
    found = np.zeros(len(candidates), dtype=np.int64)
    if kept.empty or candidates.empty:
        return found
    asked = pd.DataFrame(
        {
            "position": np.arange(len(candidates)),
            "person_id": candidates["person_id"].to_numpy(dtype=object),
            "until": pd.to_datetime(candidates["send_at"], utc=True).to_numpy(),
            "since": pd.to_datetime(
                [
                    window_start(cap, t, z)
                    for t, z in zip(candidates["send_at"], candidates["zone"], strict=True)
                ],
                utc=True,
            ).to_numpy(),
            "own": _own(cap, candidates),
        }
    )
    told = pd.DataFrame(
        {
            "person_id": kept["person_id"].to_numpy(dtype=object),
            "at": pd.to_datetime(kept[at], utc=True).to_numpy(),
            "own": _own(cap, kept),
        }
    )
    pairs = asked[_within(cap, candidates)].merge(told, on=["person_id", "own"])
    pairs = pairs[(pairs["at"] >= pairs["since"]) & (later_too | (pairs["at"] < pairs["until"]))]
    np.add.at(found, pairs["position"].to_numpy(), 1)
    return found


def blocked(
    caps: Iterable[Cap], candidates: pd.DataFrame, past: pd.DataFrame, *, later_too: bool = False
) -> npt.NDArray[np.bool_]:
    """Which candidates would break a cap, each looked at alone; shape (n_candidates,). See `counts`."""
    stopped = np.zeros(len(candidates), dtype=bool)
    for cap in caps:
        if cap.n is not None:
            found = counts(cap, candidates, past, later_too=later_too)
            stopped |= _within(cap, candidates) & (found >= cap.n)
    return stopped


def admit(caps: Sequence[Cap], candidates: pd.DataFrame, past: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which candidates may go when several are for one person; shape (n_candidates,).

    They are served by priority, then expected value, then `tie`; one goes when neither its own window
    nor the window of one that was admitted before it would hold too many. An admitted message counts
    as sent and delivered at its `send_at`, and two of the same moment count for each other.

    Raises
    ------
    SpecError
        When two candidates of one person tie in everything, so that their order would decide.
    """
    limits = [cap for cap in caps if cap.n is not None]
    allowed = ~blocked(limits, candidates, past)
    people = candidates["person_id"].to_numpy(dtype=object)
    several = pd.Series(people).duplicated(keep=False).to_numpy() & allowed
    if not several.any():
        return allowed
    order = in_first_order(candidates.assign(position=np.arange(len(candidates)))[several])
    before: dict[str, list[dict[str, Any]]] = {}
    for told in past[past["person_id"].isin(set(people[several]))].to_dict("records"):
        before.setdefault(str(told["person_id"]), []).append({str(k): v for k, v in told.items()})
    seen: set[tuple[object, ...]] = set()
    for raw in order.to_dict("records"):
        row: dict[str, Any] = {str(k): v for k, v in raw.items()}
        person = str(row["person_id"])
        rank = (person, row["priority"], row["expected_value_amount"], row["tie"])
        if rank in seen:
            raise SpecError(
                f"Two messages for person {person!r} tie in priority, expected value and hash ({rank[1:]}). "
                "Give the campaigns different names or versions."
            )
        seen.add(rank)
        events = before.setdefault(person, [])
        new: dict[str, Any] = {**row, "sent_at": row["send_at"], "delivered_at": row["send_at"]}
        if all(_holds(cap, [*events, new], new) for cap in limits):
            events.append(new)
        else:
            allowed[row["position"]] = False
    return allowed


def _holds(cap: Cap, events: list[dict[str, Any]], new: dict[str, Any]) -> bool:
    """Whether every window that holds the new message keeps to the cap."""
    if not _one_within(cap, new):
        return True
    at = "sent_at" if cap.counts == "sent" else "delivered_at"
    own = _one_own(cap, new)
    alike = [e for e in events if _one_within(cap, e) and _one_own(cap, e) == own and not pd.isna(e[at])]
    moments: list[datetime] = [e[at] for e in alike]
    t: datetime = new[at]
    for end in moments:
        start = window_start(cap, end, str(new["zone"]))
        if start <= t <= end and sum(start <= m <= end for m in moments) > (cap.n or 0):
            return False
    return True


def _within(cap: Cap, frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which rows the cap is about."""
    mask = np.ones(len(frame), dtype=bool)
    if cap.marketing_only:
        mask &= frame["is_marketing"].to_numpy(dtype=bool)
    if cap.of is not None:
        if cap.scope == "tag":
            mask &= np.array([cap.of in tags for tags in frame["tags"]], dtype=bool)
        else:
            mask &= np.array([value == cap.of for value in frame[cap.scope]], dtype=bool)
    return mask


def _own(cap: Cap, frame: pd.DataFrame) -> npt.NDArray[np.object_]:
    """What two messages must share to count together."""
    if cap.scope in ("channel", "campaign_type"):
        return frame[cap.scope].fillna("").to_numpy(dtype=object)
    return np.full(len(frame), "", dtype=object)


def _one_within(cap: Cap, row: dict[str, Any]) -> bool:
    if cap.marketing_only and not row["is_marketing"]:
        return False
    if cap.of is None:
        return True
    return cap.of in row["tags"] if cap.scope == "tag" else row[cap.scope] == cap.of


def _one_own(cap: Cap, row: dict[str, Any]) -> object:
    if cap.scope not in ("channel", "campaign_type"):
        return ""
    value = row[cap.scope]
    return "" if pd.isna(value) else value
