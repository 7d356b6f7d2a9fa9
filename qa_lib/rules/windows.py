"""Windows of time: half-open, ending at `as_of`, in the workspace's zone where days matter.

`Last(30, "day")` is `[as_of − 30 d, as_of)`: an event at exactly `as_of` is outside, one at exactly
the start is inside. A day or week window is rolling (N × 24 h) unless `calendar` is set, when it
starts at the local midnight N days before `as_of`'s own day. Months are always calendar months
(31 March minus one month is 28 or 29 February at the same local time).
"""

from __future__ import annotations

import calendar as _calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from qa_lib.rules.spec import Day, Fault, Spec, Truth, Whole

Unit = Literal["minute", "hour", "day", "week", "month"]
Bounds = tuple[datetime | None, datetime]

FIXED_UNITS: dict[str, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
#: The units in which a calendar window or period can be counted.
WHOLE_DAYS = ("day", "week", "month")
MAX_UNITS = 1_000_000
_EARLIEST = datetime(1, 1, 2, tzinfo=UTC)


def step_back(as_of: datetime, n: int, unit: Unit, zone: ZoneInfo, *, calendar: bool = False) -> datetime:
    """The UTC moment `n` units before `as_of`; the earliest moment there is where that would be before it."""
    try:
        if unit == "month":
            local = as_of.astimezone(zone)
            months = local.year * 12 + local.month - 1 - n
            year, month = divmod(months, 12)
            day = min(local.day, _calendar.monthrange(year, month + 1)[1])
            return local.replace(year=year, month=month + 1, day=day).astimezone(UTC)
        if calendar:
            days = n * (7 if unit == "week" else 1)
            start = as_of.astimezone(zone).date() - timedelta(days=days)
            return midnight(start, zone)
        return as_of - n * FIXED_UNITS[unit]
    except (OverflowError, ValueError):
        return _EARLIEST


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The UTC moment at which `day` begins in `zone`; the earliest there is where that would be before it."""
    try:
        return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return _EARLIEST


def _whole_days(unit: Unit, *, calendar: bool) -> None:
    if calendar and unit not in WHOLE_DAYS:
        raise Fault(
            f"a calendar window counts days, weeks or months, not {unit}s",
            "自然日窗口只能按天、周、月计",
        )


class Last(Spec):
    """The last `n` units before `as_of`."""

    _positional = ("n", "unit")
    kind: Literal["last"] = "last"
    n: Whole = Field(ge=1, le=MAX_UNITS)
    unit: Unit = "day"
    calendar: Truth = False

    @model_validator(mode="after")
    def _calendar_needs_days(self) -> Last:
        _whole_days(self.unit, calendar=self.calendar)
        return self

    def bounds(self, as_of: datetime, zone: ZoneInfo) -> Bounds:
        """Start (inside) and end (outside) in UTC."""
        return step_back(as_of, self.n, self.unit, zone, calendar=self.calendar), as_of


class Ago(Spec):
    """Between `near` and `far` units ago: `[as_of − far, as_of − near)`.

    With `calendar` both ends are local midnights, `far` and `near` days (or 7 times as many) before `as_of`'s
    own day; a `near` of 0 ends at `as_of`. So `Ago(0, n)` is `Last(n)`, and `Ago(0, 7)` and `Ago(7, 14)` together
    are `Ago(0, 14)`.
    """

    _positional = ("near", "far", "unit")
    kind: Literal["ago"] = "ago"
    near: Whole = Field(ge=0, le=MAX_UNITS)
    far: Whole = Field(ge=1, le=MAX_UNITS)
    unit: Unit = "day"
    calendar: Truth | None = None

    @field_validator("calendar")
    @classmethod
    def _said_or_not(cls, calendar: bool | None) -> bool | None:
        return calendar or None  # a rolling window has one spelling, and so one hash

    @model_validator(mode="after")
    def _calendar_needs_days(self) -> Ago:
        _whole_days(self.unit, calendar=bool(self.calendar))
        return self

    @model_validator(mode="after")
    def _near_before_far(self) -> Ago:
        if self.near >= self.far:
            raise Fault(
                f"'near' ({self.near}) must be less than 'far' ({self.far}): the window ends nearer",
                f"近端（{self.near}）须小于远端（{self.far}）",
            )
        return self

    def bounds(self, as_of: datetime, zone: ZoneInfo) -> Bounds:
        """Start (inside) and end (outside) in UTC."""
        calendar = bool(self.calendar)
        start = step_back(as_of, self.far, self.unit, zone, calendar=calendar)
        if self.near == 0:
            return start, as_of
        return start, step_back(as_of, self.near, self.unit, zone, calendar=calendar)


class Dates(Spec):
    """From one day to another, both included, in the workspace's zone; never beyond `as_of`."""

    _positional = ("first", "last")
    kind: Literal["dates"] = "dates"
    first: Day
    last: Day

    @model_validator(mode="after")
    def _in_order(self) -> Dates:
        if self.first > self.last:
            raise Fault(
                f"the first day ({self.first}) is after the last ({self.last})",
                f"开始日期（{self.first}）晚于结束日期（{self.last}）",
            )
        if self.last >= date(9999, 12, 31):
            raise Fault(
                f"the last day ({self.last}) must be before 9999-12-31",
                f"结束日期（{self.last}）须早于 9999-12-31",
            )
        return self

    def bounds(self, as_of: datetime, zone: ZoneInfo) -> Bounds:
        """Start (inside) and end (outside) in UTC."""
        end = midnight(self.last + timedelta(days=1), zone)
        return midnight(self.first, zone), min(end, as_of)


class Ever(Spec):
    """All time before `as_of`."""

    kind: Literal["ever"] = "ever"

    def bounds(self, as_of: datetime, zone: ZoneInfo) -> Bounds:
        """No start, and the end (outside) in UTC."""
        return None, as_of


Window = Annotated[Last | Ago | Dates | Ever, Field(discriminator="kind")]


def periods(as_of: datetime, zone: ZoneInfo, m: int, unit: Unit, *, calendar: bool) -> list[datetime]:
    """The moments between which the last `m` periods lie: `m` + 1 of them in UTC, ascending.

    Rolling periods end at `as_of`. Calendar periods are whole days, weeks from Monday, or months in `zone`;
    the current one is not over and left out.
    """
    if not calendar:
        return [step_back(as_of, j, unit, zone) for j in range(m, -1, -1)]
    today = as_of.astimezone(zone).date()
    if unit == "month":
        months = [today.year * 12 + today.month - 1 - j for j in range(m, -1, -1)]
        return [midnight(date(n // 12, n % 12 + 1, 1), zone) for n in months]
    days = 7 if unit == "week" else 1
    current = today - timedelta(days=today.weekday()) if unit == "week" else today
    return [midnight(current - timedelta(days=j * days), zone) for j in range(m, -1, -1)]
