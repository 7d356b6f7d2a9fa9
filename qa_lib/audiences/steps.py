"""How far one person came in a sequence: the events that took its steps, and what stopped the next one."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import deque
from dataclasses import replace
from typing import Any as AnyValue
from typing import NamedTuple

from qa_lib.audiences.seen import (
    Evidence,
    PersonEvents,
    Row,
    SeenEvent,
    in_time,
    length_words,
    microseconds,
)
from qa_lib.rules import Engine, Sequence
from qa_lib.tables import Label

#: Later than any moment, in microseconds since 1970.
_NEVER = 9_000_000_000_000_000_000

Values = tuple[AnyValue, ...]


class _Taken(NamedTuple):
    """A moment at which a step can be taken: the latest start that leads to it, and the moment before."""

    start: int
    previous: int | None


class _Stop(NamedTuple):
    """What kept the next step from being taken: by how much, from which moment, and in words."""

    by: int
    at: int
    words: Label
    events: list[SeenEvent]


def sequence_evidence(engine: Engine, leaf: Sequence, person_no: int) -> Evidence:
    """The steps that were taken and their events; where not all were, what stopped the next one.

    `value` is the number of steps that happened, of those that must; of several ways through, the one
    that ends last is shown, and of ways that stop, the one that came farthest.
    """
    return _Course(engine, leaf, person_no).evidence()


class _Course:
    """One person's events as the steps of one sequence see them."""

    def __init__(self, engine: Engine, leaf: Sequence, person_no: int) -> None:
        self.leaf = leaf
        self.as_of = microseconds(engine.snapshot.as_of)
        start, end = leaf.window.bounds(engine.snapshot.as_of, engine.snapshot.zone)
        self.start = None if start is None else microseconds(start)
        self.end = microseconds(end)
        self.own = [PersonEvents(engine, person_no, step.event, step.where) for step in leaf.steps]
        self.named = sorted(
            {
                r.at
                for own in {own.type.name: own for own in self.own}.values()
                for r in own.rows
                if self.start is None or r.at >= self.start
            }
        )
        self.happen = [i for i, step in enumerate(leaf.steps) if not step.absent]
        self.times: dict[Values, list[list[int]]] = {}
        for i, own in enumerate(self.own):
            for row in own.rows:
                if self._fits(i, row) and (values := self._values(row)) is not None:
                    per_step = self.times.setdefault(values, [[] for _ in leaf.steps])
                    if row.at not in per_step[i][-1:]:
                        per_step[i].append(row.at)

    def _fits(self, i: int, row: Row) -> bool:
        if not row.passes or (self.start is not None and row.at < self.start):
            return False
        return self.leaf.steps[i].absent or row.at < self.end

    def _values(self, row: Row) -> Values | None:
        """What must be the same over all steps; None where one of them was not recorded."""
        values = tuple(row.properties[name] for name in self.leaf.same)
        return None if any(v is None for v in values) else values

    # -- the way ------------------------------------------------------------------------------

    def evidence(self) -> Evidence:
        best: tuple[tuple[int, int, int], Values, list[dict[int, _Taken]], int, bool] | None = None
        for values, times in self.times.items():
            levels = self._levels(times)
            if not levels:
                continue
            complete = len(levels) == len(self.happen)
            ends = [t for t in levels[-1] if complete and self._stopped_at_the_end(times, t) is None]
            last = max(ends) if ends else max(levels[-1])
            rank = (bool(ends), len(levels), last)
            if best is None or rank > best[0]:
                best = (rank, values, levels, last, bool(ends))
        need = len(self.happen)
        if best is None:
            near = self.own[0].near(self.start, self.end, step=1) or self._unrecorded(0)
            return Evidence(
                0, self._words(0, Label("没有第 1 步的事件", "no event takes step 1")), tuple(near)
            )
        _, values, levels, last, is_taken = best
        stop = None if is_taken else self._stop(values, levels, last)
        way = self._way(levels, last if stop is None else stop.at)
        events = [self._event(i, t, values) for i, t in zip(self.happen, way, strict=False)]
        near = [] if stop is None else stop.events
        words = self._words(len(levels), None if stop is None else stop.words)
        if stop is None:
            span = length_words(way[-1] - way[0])
            words = Label(
                f"{need} 步均已发生，首末相隔 {span.zh}", f"all {need} steps, {span.en} from first to last"
            )
        return Evidence(len(levels), words, (*events, *in_time(near)), len(events))

    def _levels(self, times: list[list[int]]) -> list[dict[int, _Taken]]:
        """For each step that happens, the moments at which it can be taken; ends where none can."""
        levels = [{t: _Taken(t, None) for t in times[self.happen[0]]}]
        while levels[-1] and len(levels) < len(self.happen):
            before, following = levels[-1], self.happen[len(levels)]
            reached: dict[int, _Taken] = {}
            waiting = deque(sorted(before))
            open_: list[tuple[int, int, int]] = []  # latest start first; those out of reach are dropped
            for m in times[following]:
                while waiting and waiting[0] < m:
                    t = waiting.popleft()
                    until = min(self._reach(times, t, len(levels)), self._span_end(before[t].start))
                    heapq.heappush(open_, (-before[t].start, -t, until))
                while open_ and open_[0][2] < m:
                    heapq.heappop(open_)
                if open_:
                    reached[m] = _Taken(-open_[0][0], -open_[0][1])
            if not reached:
                return levels
            levels.append(reached)
        return [level for level in levels if level]

    def _limits(self, times: list[list[int]], t: int, number: int) -> list[tuple[int, str, int]]:
        """What bounds the step after a moment: the last time it may happen, which rule says so, of which step."""
        following = self.happen[number]
        step = self.leaf.steps[following]
        limits = [] if step.within is None else [(t + step.within.microseconds, "late", following)]
        for j in range(self.happen[number - 1] + 1, following):
            broken = _next(times[j], t)
            within = self.leaf.steps[j].within
            if within is None or broken <= t + within.microseconds:
                limits.append((broken, "broken", j))
        if step.immediately:
            limits.append((_next(self.named, t), "between", following))
        return limits

    def _reach(self, times: list[list[int]], t: int, number: int) -> int:
        return min((limit for limit, _, _ in self._limits(times, t, number)), default=_NEVER)

    def _span_end(self, start: int) -> int:
        return _NEVER if self.leaf.within is None else start + self.leaf.within.microseconds

    def _way(self, levels: list[dict[int, _Taken]], last: int) -> list[int]:
        """The moments of the steps that lead to the last one."""
        way = [last]
        for level in reversed(levels):
            previous = level[way[0]].previous
            if previous is not None:
                way.insert(0, previous)
        return way

    # -- what stopped it ----------------------------------------------------------------------

    def _stop(self, values: Values, levels: list[dict[int, _Taken]], last: int) -> _Stop:
        times = self.times[values]
        if len(levels) == len(self.happen):
            stop = self._stopped_at_the_end(times, last, values)
            assert stop is not None
            return stop
        following = self.happen[len(levels)]
        later = times[following]
        stops: list[_Stop] = []
        for t, taken in levels[-1].items():
            m = _next(later, t)
            if m == _NEVER:
                continue
            limits = [*self._limits(times, t, len(levels)), (self._span_end(taken.start), "span", following)]
            limit, kind, j = min(limits)
            stops.append(
                _Stop(m - limit, t, *self._too_far(kind, m - t, m - taken.start, j, limit, m, values))
            )
        if stops:
            return min(stops, key=lambda s: (s.by, -s.at))
        words = Label(
            f"此后没有第 {following + 1} 步的事件", f"no event takes step {following + 1} afterwards"
        )
        near = self.own[following].near(self.start, self.end, step=following + 1, after=last)
        return _Stop(0, last, words, near or self._unrecorded(following))

    def _too_far(
        self, kind: str, gap: int, span: int, j: int, limit: int, m: int, values: Values
    ) -> tuple[Label, list[SeenEvent]]:
        """Why the next event of a step came too late, and the event that shows it."""
        following, took = j + 1, length_words(gap)
        if kind == "broken":
            return self._broken(j, limit, values)
        event = self._event(j, m, values, counted=False)
        if kind == "late":
            within = self.leaf.steps[j].within
            assert within is not None
            most = length_words(within.microseconds)
            words = Label(
                f"第 {following} 步晚了：相隔 {took.zh}，至多 {most.zh}",
                f"step {following} came too late: after {took.en}, at most {most.en}",
            )
        elif kind == "span":
            assert self.leaf.within is not None
            all_of, most = length_words(span), length_words(self.leaf.within.microseconds)
            words = Label(
                f"全程过长：到第 {following} 步 {all_of.zh}，至多 {most.zh}",
                f"the whole took too long: {all_of.en} up to step {following}, at most {most.en}",
            )
        else:
            words = Label(
                f"第 {following} 步之前隔着另一个相关事件",
                f"another named event lies before step {following}",
            )
        return words, [_with_reason(event, words)]

    def _broken(self, j: int, at: int, values: Values) -> tuple[Label, list[SeenEvent]]:
        words = Label(f"第 {j + 1} 步不应发生而发生了", f"step {j + 1} must not happen and did")
        return words, [_with_reason(self._event(j, at, values, counted=False), words)]

    def _stopped_at_the_end(
        self, times: list[list[int]], t: int, values: Values | None = None
    ) -> _Stop | None:
        """The absence after the last step that fails, or None; with `values`, its event too."""
        for j in range(self.happen[-1] + 1, len(self.leaf.steps)):
            broken, within = _next(times[j], t), self.leaf.steps[j].within
            until = _NEVER - 1 if within is None else t + within.microseconds
            if broken <= until:
                return _Stop(
                    0, t, *(self._broken(j, broken, values) if values is not None else (Label("", ""), []))
                )
            if within is not None and until >= self.as_of:
                left = length_words(until - self.as_of)
                words = Label(
                    f"第 {j + 1} 步的等待还没有结束，还差 {left.zh}",
                    f"the wait of step {j + 1} is not over, {left.en} are left",
                )
                return _Stop(0, t, words, [])
        return None

    # -- to show --------------------------------------------------------------------------------

    def _event(self, i: int, at: int, values: Values, *, counted: bool = True) -> SeenEvent:
        row = next(r for r in self.own[i].rows if r.at == at and r.passes and self._values(r) == values)
        return self.own[i].seen(row, counted=counted, step=i + 1)

    def _unrecorded(self, i: int) -> list[SeenEvent]:
        """Events that fit but lack a value that must be the same."""
        names = ", ".join(self.leaf.same)
        words = Label(f"未记录 {names}", f"{names} was not recorded")
        rows = [r for r in self.own[i].rows if self._fits(i, r) and self._values(r) is None]
        return [self.own[i].seen(r, counted=False, reason=words, step=i + 1) for r in rows[-1:]]

    def _words(self, taken: int, stop: Label | None) -> Label:
        need = len(self.happen)
        zh, en = f"{need} 步中发生了 {taken} 步", f"{taken} of {need} steps happened"
        return Label(zh, en) if stop is None else Label(f"{zh}；{stop.zh}", f"{en}; {stop.en}")


def _next(times: list[int], t: int) -> int:
    """The first moment after `t`."""
    i = bisect_right(times, t)
    return times[i] if i < len(times) else _NEVER


def _with_reason(event: SeenEvent, reason: Label) -> SeenEvent:
    return replace(event, reason=reason)
