"""What was rehearsed of a campaign beside what came of it, metric by metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from qa_lib.errors import SpecError, UnknownName, did_you_mean
from qa_lib.intervals import LEVEL
from qa_lib.measure.aggregates import Figures, figures
from qa_lib.measure.figures import GainKind, NoFigure, Origin
from qa_lib.measure.metrics import METRICS, metric
from qa_lib.measure.recorded import campaign_facts, in_words, incomplete
from qa_lib.measure.segments import in_order
from qa_lib.measure.steps import Query
from qa_lib.tables import Label
from qa_lib.workspace import Snapshot

#: The metrics that are set side by side unless others are asked for.
SIDE_BY_SIDE = (
    "targeted",
    "sent",
    "reached",
    "reach_rate",
    "converters",
    "conversion_rate",
    "revenue",
    "cost",
    "roas",
    "roi",
)
_HEAD = ("metric", "label_zh", "label_en", "format")
_TAIL = ("rehearsed", "rehearsed_low", "rehearsed_high", "result", "note_zh", "note_en", "is_within")
_NO_REHEARSAL = Label("没有仿真", "there is no rehearsal")
_NO_RESULT = {
    "observed": Label("尚无实际结果", "nothing was observed yet"),
    "replayed": Label("没有历史回放", "there is no replay"),
}
_NOBODY_HERE = Label("该组没有人", "nobody is in this group")


def rehearsal_and_result(
    snapshot: Snapshot,
    campaign: str,
    *,
    result: Literal["observed", "replayed"] = "observed",
    by: Sequence[str] = (),
    segment: Mapping[str, Any] | None = None,
    metrics: Sequence[str] = SIDE_BY_SIDE,
    level: float = LEVEL,
) -> pd.DataFrame:
    """The rehearsal of one campaign beside its result, both by the same declarations.

    A result outside the band says that the rehearsal was wrong about something; one inside does not say
    that the campaign had an effect: see `evidence`.

    Parameters
    ----------
    campaign
        The campaign's id.
    result
        `observed`, or `replayed` from history.
    by, segment
        As in `campaign_metrics`.
    metrics
        Keys of `METRICS`.
    level
        Share of the rehearsal's worlds in the band.

    Returns
    -------
    pandas.DataFrame
        One row per metric and group: `metric`, `label_zh`, `label_en` (of ROI with what gain is),
        `format`, the columns of `by`; `rehearsed`, `rehearsed_low`, `rehearsed_high` (floats: mean and band
        of the worlds); `result` (exact Decimal for amounts, int for counts, else float; missing where there is
        none); `note_zh`, `note_en` (why there is no figure, or what makes the result incomplete);
        `is_within` (whether the result lies in the band, ends included; missing where either is).

    Raises
    ------
    UnknownName
        For a campaign with neither rehearsal nor result, or a column, segment value or metric that is not
        there.
    SpecError
        For a column that people cannot be grouped by, or with the name of one of the frame's own.
    """
    keys = [metric(key).key for key in metrics]
    if result not in ("observed", "replayed"):
        raise SpecError(f"A result is 'observed' or 'replayed', not {result!r}.")
    if clash := {*_HEAD, *_TAIL} & set(by):
        raise SpecError(f"Cannot group by {sorted(clash)}: the frame has a column of that name.")
    rehearsal = _side(snapshot, campaign, "simulated", by, segment, keys, level)
    came = _side(snapshot, campaign, result, by, segment, keys, level)
    sides = [rehearsal, came]
    if rehearsal is None and came is None:
        known = set(
            Query(snapshot, origin="simulated").frame("SELECT campaign_id FROM campaigns")["campaign_id"]
        )
        hint = " It begins later." if campaign in known else did_you_mean(campaign, known)
        raise UnknownName(
            f"Campaign {campaign!r} has neither a rehearsal nor rows of origin {result!r} as of "
            f"{snapshot.as_of.isoformat()}.{hint}"
        )
    groups = _ordered(sides, by)
    gains = {side.gain for side in sides if side is not None and side.gain is not None}
    gain = gains.pop() if len(gains) == 1 else None
    rows = [
        (*_head(key, gain), *group, *_both(key, group, rehearsal, came, _NO_RESULT[result]))
        for key in keys
        for group in groups
    ]
    frame = pd.DataFrame(rows, columns=[*_HEAD, *by, *_TAIL], dtype=object)
    ends = dict.fromkeys(("rehearsed", "rehearsed_low", "rehearsed_high"), "float64")
    return frame.astype(ends | {"is_within": "boolean"})


@dataclass(frozen=True)
class _Side:
    """The figures of one origin, and what is said of all of them."""

    found: Figures
    rows: dict[tuple[str, ...], int]
    note: Label | None
    gain: GainKind | None

    def value(self, column: str, group: tuple[str, ...]) -> Any:
        """A figure as a Python number or Decimal; None where there is none."""
        if group not in self.rows:
            return None
        value = self.found.columns[column].iloc[self.rows[group]]
        if pd.isna(value):
            return None
        return value.item() if hasattr(value, "item") else value

    def why(self, key: str, group: tuple[str, ...]) -> Label | None:
        """Why there is no figure."""
        if group not in self.rows:
            return _NOBODY_HERE
        why: NoFigure | None = self.found.why[key][self.rows[group]]
        return None if why is None else why.reason


def _side(
    snapshot: Snapshot,
    campaign: str,
    origin: Origin,
    by: Sequence[str],
    segment: Mapping[str, Any] | None,
    keys: Sequence[str],
    level: float,
) -> _Side | None:
    """One origin's figures, or None where the campaign has no rows of it."""
    begun = Query(snapshot, origin=origin).frame("SELECT campaign_id FROM begun")["campaign_id"]
    if campaign not in set(begun):
        return None
    query = Query(snapshot, by, [campaign], segment, origin)
    facts = campaign_facts(query)
    wanted = list(dict.fromkeys(("targeted", *keys)))
    found = figures(query, wanted, [campaign], level=level)
    is_complete, zh, en = in_words([campaign], incomplete(query, facts), one=True)
    names = found.groups[list(by)].itertuples(index=False, name=None) if by else [()]
    kinds = {kind for kind in found.gain_kinds if kind is not None}
    return _Side(
        found,
        {tuple(name): row for row, name in enumerate(names)},
        None if is_complete else Label(zh, en),
        kinds.pop() if len(kinds) == 1 else None,
    )


def _ordered(sides: Sequence[_Side | None], by: Sequence[str]) -> list[tuple[str, ...]]:
    """The groups of both sides in reading order; the rehearsal's people decide, then the result's."""
    sizes: dict[tuple[str, ...], float] = {}
    for side in sides:
        if side is None:
            continue
        for group in side.rows:
            sizes.setdefault(group, side.value("targeted", group) or 0)
    ranks = []
    for place in range(len(by)):
        people: dict[str, int] = {}
        for group, size in sizes.items():
            people[group[place]] = max(people.get(group[place], 0), round(size))
        ranks.append({name: rank for rank, name in enumerate(in_order(people))})
    return sorted(sizes, key=lambda group: [ranks[i][name] for i, name in enumerate(group)])


def _head(key: str, gain: GainKind | None) -> tuple[str, str, str, str]:
    label = METRICS[key].label_of(gain)
    return key, label.zh, label.en, METRICS[key].format


def _both(
    key: str, group: tuple[str, ...], rehearsal: _Side | None, came: _Side | None, no_result: Label
) -> tuple[Any, ...]:
    """The columns of one row after the group."""
    zh, en = [], []
    ends: list[float | None] = [None, None, None]
    result = None
    if rehearsal is not None:
        ends = [rehearsal.value(column, group) for column in (key, f"{key}_low", f"{key}_high")]
    if ends[0] is None:
        why = _NO_REHEARSAL if rehearsal is None else rehearsal.why(key, group)
        zh.append(f"仿真：{why.zh if why else ''}")
        en.append(f"rehearsal: {why.en if why else ''}")
    if came is not None:
        result = came.value(key, group)
    if result is None:
        why = no_result if came is None else came.why(key, group)
        zh.append(f"结果：{why.zh if why else ''}")
        en.append(f"result: {why.en if why else ''}")
    elif came is not None and came.note is not None:
        zh.append(f"结果：{came.note.zh}")
        en.append(f"result: {came.note.en}")
    return (*ends, result, "；".join(zh), "; ".join(en), _is_within(result, ends[1], ends[2]))


def _is_within(result: Any, low: float | None, high: float | None) -> Any:
    """Whether a result lies in the band; the ends are floats, so an exact cent on one of them is inside."""
    if result is None or low is None or high is None:
        return pd.NA
    slack = 1e-9 * max(1.0, abs(low), abs(high))
    return low - slack <= float(result) <= high + slack
