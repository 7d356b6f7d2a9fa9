"""Quiet hours: when a person's own clock says that nothing may arrive, and when it may again.

What counts is what the clock on the wall reads, on both sides of a change of the clocks: an hour that
comes twice is quiet twice, an hour that is skipped is not waited for.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pydantic import field_validator, model_validator

from qa_lib.errors import SpecError
from qa_lib.rules.spec import Spec

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


class QuietHours(Spec):
    """From `start` to `end` on the person's clock, over midnight where `end` is the earlier one.

    Parameters
    ----------
    start, end
        Local times without a zone; the start is quiet, the end is not. Equal times are 24 hours.
    weekdays
        The days (1 is Monday) on which a quiet time begins; every day when not given.
    """

    _positional = ("start", "end")

    start: time
    end: time
    weekdays: tuple[int, ...] = EVERY_DAY

    @field_validator("start", "end")
    @classmethod
    def _local(cls, value: time) -> time:
        if value.tzinfo is not None or value.second or value.microsecond:
            raise ValueError("expected a local time of hours and minutes, such as 21:30")
        return value

    @field_validator("weekdays")
    @classmethod
    def _known_days(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or not set(value) <= set(EVERY_DAY):
            raise ValueError("expected one or more of 1 (Monday) to 7 (Sunday)")
        return tuple(sorted(set(value)))

    @model_validator(mode="after")
    def _leaves_room(self) -> QuietHours:
        if self.start == self.end and self.weekdays == EVERY_DAY:
            raise ValueError(f"from {self.start} to {self.end} every day leaves no moment to send")
        return self


def is_quiet(quiet: QuietHours, moment: datetime, zone: str) -> bool:
    """Whether a clock in the zone reads a quiet time at this moment."""
    local = moment.astimezone(ZoneInfo(zone))
    clock, today = local.time().replace(tzinfo=None, fold=0), local.isoweekday()
    yesterday = (today - 2) % 7 + 1
    begins_today, began_yesterday = today in quiet.weekdays, yesterday in quiet.weekdays
    if quiet.start < quiet.end:
        return begins_today and quiet.start <= clock < quiet.end
    return (begins_today and clock >= quiet.start) or (began_yesterday and clock < quiet.end)


@lru_cache(maxsize=65_536)
def next_allowed(quiet: QuietHours | None, moment: datetime, zone: str) -> datetime:
    """The first moment at or after the given one that is not quiet, in UTC.

    Parameters
    ----------
    moment
        With a zone of its own.
    zone
        The person's zone, an IANA name.
    """
    moment = moment.astimezone(UTC)
    if quiet is None or not is_quiet(quiet, moment, zone):
        return moment
    place = ZoneInfo(zone)
    first = moment.astimezone(place).date()
    # quiet ends where the clock reads the end, or where the clocks are changed: nowhere else
    days = [first + timedelta(days=n) for n in range(10)]
    ends = {_utc(day, quiet.end, place, fold) for day in days for fold in (0, 1)}
    for found in sorted(ends.union(*(_changes(day, place) for day in days))):
        if found >= moment and not is_quiet(quiet, found, zone):
            return found
    raise SpecError(f"{quiet.to_json()} leaves no moment after {moment.isoformat()} in {zone}.")


def place_send(quiet: QuietHours | None, earliest: datetime, ends_at: datetime, zone: str) -> datetime | None:
    """When a message goes: now, or deferred to the next allowed moment; None where the campaign ends first.

    Parameters
    ----------
    earliest
        The moment at which it would go without quiet hours.
    ends_at
        The campaign's end; a message goes strictly before it.
    """
    moment = next_allowed(quiet, earliest, zone)
    return moment if moment < ends_at.astimezone(UTC) else None


def _utc(day: date, clock: time, place: ZoneInfo, fold: int) -> datetime:
    return datetime.combine(day, clock, tzinfo=place).replace(fold=fold).astimezone(UTC)


@lru_cache(maxsize=4_096)
def _changes(day: date, place: ZoneInfo) -> tuple[datetime, ...]:
    """The moments of that local day at which the clocks are changed, to the second."""
    midnight = datetime.combine(day, time(), tzinfo=place).astimezone(UTC)
    found = []
    for hour in range(-1, 26):
        low, high = midnight + timedelta(hours=hour), midnight + timedelta(hours=hour + 1)
        before = low.astimezone(place).utcoffset()
        if before == high.astimezone(place).utcoffset():
            continue
        while high - low > timedelta(seconds=1):
            middle = (low + (high - low) / 2).replace(microsecond=0)
            low, high = (middle, high) if middle.astimezone(place).utcoffset() == before else (low, middle)
        found.append(high)
    return tuple(found)
