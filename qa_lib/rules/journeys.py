"""Conditions on the course of events: what followed what, and how a habit began, paused or ended.

All moments are compared to the microsecond. Two events at the same instant do not follow each other.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from qa_lib.rules.spec import WHOLE, Fault, Spec, Truth, Whole
from qa_lib.rules.windows import FIXED_UNITS, MAX_UNITS, Ever, Last, Unit, Window

if TYPE_CHECKING:
    from qa_lib.rules.model import All, Any

MIN_STEPS, MAX_STEPS = 2, 10
MAX_SAME = 5
#: The most periods that `regularly` looks back over.
MAX_PERIODS = 100

Name = Annotated[str, Field(min_length=1, max_length=200)]
Pattern = Literal["first_time", "stopped", "restarted", "regularly"]


class Duration(Spec):
    """A length of time: a day is 24 hours and a week 7 days, whatever the clocks do."""

    _positional: ClassVar[tuple[str, ...]] = ("n", "unit")
    n: Whole = Field(ge=1, le=MAX_UNITS)
    unit: Literal["minute", "hour", "day", "week"] = "day"

    @property
    def length(self) -> timedelta:
        """The length as Python has it."""
        return self.n * FIXED_UNITS[self.unit]

    @property
    def microseconds(self) -> int:
        """The length in microseconds, exactly."""
        return self.length // timedelta(microseconds=1)


class Step(Spec):
    """One step of a sequence: an event that happens, or one that does not.

    Parameters
    ----------
    event, where
        Which events; `where` filters on their own properties.
    absent
        Whether such an event must *not* happen: between the steps before and after it or, as the last
        step, after the step before it.
    within
        Of a step that happens: at most this long after the step that happened before it, the bound
        included. Of an absence: only such events count that come at most this long after that step.
    immediately
        That no event of any kind named in the sequence, whatever its properties, lies between the step
        that happened before and this one.
    """

    _positional: ClassVar[tuple[str, ...]] = ("event",)
    event: Name
    where: All | Any | None = Field(default=None, discriminator="kind")
    absent: Truth = False
    within: Duration | None = None
    immediately: Truth = False

    @model_validator(mode="after")
    def _absence_follows_nothing(self) -> Step:
        if self.absent and self.immediately:
            raise Fault(
                "a step that does not happen cannot follow immediately; leave one of the two out",
                "没有发生的一步不能“紧接着”，两者只能选一个",
            )
        return self


class Sequence(Spec):
    """People who took these steps in this order, each strictly later than the one before.

    Parameters
    ----------
    steps
        Two to ten steps; the first one happens.
    window
        Where the events of all steps that happen lie. An absence is looked for up to `as_of`.
    within
        The most time from the first to the last step that happens, the bound included.
    same
        Properties that must be equal over all steps, such as `item_id`. A missing value equals nothing,
        and an absence is broken only by an event with the same values.

    Notes
    -----
    An absence at the end with `within` is true only once that time has passed: until then nobody knows.
    Without `within` it says "none up to `as_of`". Absences in a row must all hold.
    """

    _positional: ClassVar[tuple[str, ...]] = ("steps",)
    kind: Literal["sequence"] = "sequence"
    steps: tuple[Step, ...] = Field(min_length=MIN_STEPS, max_length=MAX_STEPS)
    window: Window = Ever()
    within: Duration | None = None
    same: tuple[Name, ...] = Field(default=(), max_length=MAX_SAME)

    @model_validator(mode="after")
    def _starts_with_an_event(self) -> Sequence:
        first = self.steps[0]
        if first.absent:
            raise Fault(
                "the first step must happen; an absence is told from the step before it",
                "第一步必须发生：“没有”要从它的上一步算起",
            )
        if first.within is not None or first.immediately:
            raise Fault(
                "the first step follows nothing; 'within' and 'immediately' are for later steps",
                "第一步之前没有别的步骤，不能限定间隔或“紧接着”",
            )
        if len(set(self.same)) < len(self.same):
            raise Fault(
                f"'same' names a property twice: {', '.join(self.same)}",
                f"“相同属性”里有重复：{'、'.join(self.same)}",
            )
        return self


class Lifecycle(Spec):
    """People whose habit of doing something began, ended, came back or holds.

    Parameters
    ----------
    pattern
        `first_time`: the first such event ever lies in `window`.
        `stopped`: one in the time `before` the window, none in the window.
        `restarted`: one in the window, none in the time `before` it, and one earlier still.
        `regularly`: active in at least `k` of the last `m` periods of one `unit`.
    window
        The recent time; `regularly` takes none.
    before
        The time right before the window, counted back from its start: `Last(60, "day")` is the 60 days
        before it. `stopped` without it looks at all time before the window; `restarted` needs it.
    k, m, unit, calendar
        Of `regularly`. Rolling periods end at `as_of`; calendar periods are the last `m` whole days, weeks
        from Monday, or months in the workspace's zone, the current one left out.
    """

    _positional: ClassVar[tuple[str, ...]] = ("event", "pattern", "window")
    kind: Literal["lifecycle"] = "lifecycle"
    event: Name
    pattern: Pattern
    where: All | Any | None = Field(default=None, discriminator="kind")
    window: Window = Ever()
    before: Last | None = None
    k: Annotated[int, Field(ge=1, le=MAX_PERIODS), WHOLE] | None = None
    m: Annotated[int, Field(ge=1, le=MAX_PERIODS), WHOLE] | None = None
    unit: Unit | None = None
    calendar: Truth = False

    @model_validator(mode="after")
    def _fits_its_pattern(self) -> Lifecycle:
        periods = (self.k, self.m, self.unit)
        if self.pattern == "regularly":
            if self.k is None or self.m is None or self.unit is None:
                raise Fault(
                    "'regularly' takes k, m and unit: at least k of the last m periods",
                    "“规律”需要周期数、至少几个和单位",
                )
            if self.k > self.m:
                raise Fault(
                    f"k ({self.k}) of m ({self.m}) periods: k is at most m",
                    f"{self.m} 个周期中至少 {self.k} 个：不能多于周期数",
                )
            if self.calendar and self.unit in ("minute", "hour"):
                raise Fault(
                    f"a calendar period is a day, a week or a month, not a {self.unit}",
                    "自然周期只能是天、周或月",
                )
            if self.before is not None or not isinstance(self.window, Ever):
                raise Fault(
                    "'regularly' counts periods up to as_of; it takes no 'window' and no 'before'",
                    "“规律”数的是截至当前的周期，不使用时间窗口和“此前”",
                )
            return self
        if any(one is not None for one in periods) or self.calendar:
            raise Fault(
                f"'{self.pattern}' takes no k, m, unit or calendar; they are for 'regularly'",
                "周期数、单位和自然周期只用于“规律”",
            )
        if self.pattern == "first_time":
            if self.before is not None:
                raise Fault(
                    "'first_time' takes no 'before': nothing may lie before the window",
                    "“首次”不使用“此前”：窗口之前不能有",
                )
        elif isinstance(self.window, Ever):
            raise Fault(
                f"'{self.pattern}' takes a window with a start, such as Last(30, 'day')",
                "需要一个有起点的时间窗口，例如最近 30 天",
            )
        elif self.pattern == "restarted" and self.before is None:
            raise Fault(
                "'restarted' takes 'before': the time without, such as Last(90, 'day')",
                "“重新开始”需要“此前”没有的时间，例如 90 天",
            )
        return self
