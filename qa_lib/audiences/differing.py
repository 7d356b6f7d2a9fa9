"""The tags in which an audience differs most from everybody: effect sizes first, false discoveries controlled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any as AnyValue

import numpy as np
import pandas as pd

from qa_lib.audiences.audience import Audience
from qa_lib.audiences.comparing import FALSE_DISCOVERY_RATE, Numbers, q_values, share_p_values, tgi
from qa_lib.audiences.evaluate import engine_of
from qa_lib.errors import SpecError
from qa_lib.rules import Attribute, Bits, Field, Rule, Tag, to_numbers
from qa_lib.rules.bits import count
from qa_lib.rules.model import walk
from qa_lib.tables import NOT_RECORDED_GROUP
from qa_lib.workspace import Snapshot, quoted

#: Fewer people than this, in the audience or outside it, tell too little.
LEAST_PEOPLE = 30
#: How many columns are in memory at a time.
_READ_TOGETHER = 64
_COLUMNS = (
    *("field", "label_zh", "label_en", "type", "unit", "value", "audience_count", "base_count"),
    *("audience_mean", "base_mean", "effect_size", "superiority_rate", "tgi", "tgi_low", "tgi_high"),
    *("p_value", "q_value", "is_different"),
)
#: What a comparison yields; names and the control of false discoveries come after.
_MADE = [
    *("field", "value", "audience_count", "base_count", "audience_mean", "base_mean"),
    *("effect_size", "superiority_rate", "tgi", "tgi_low", "tgi_high", "p_value"),
]


def top_differing(
    snapshot: Snapshot,
    rule: Audience | Rule,
    n: int = 20,
    *,
    least_people: int = LEAST_PEOPLE,
    with_own: bool = False,
) -> pd.DataFrame:
    """The tags that differ most between an audience and everybody, over all tags of the snapshot.

    Every number and date is compared by its mean, every text, boolean and list by the share of each of its
    values, and every field by the share without a value. A tag stands once, with its strongest comparison.

    Parameters
    ----------
    n
        How many tags at most.
    least_people
        A comparison needs so many people with a value both in the audience and outside it, and a value of a
        tag so many people in the base who have it and who do not.
    with_own
        Also the fields that the rule itself names, which differ because it says so.

    Returns
    -------
    pandas.DataFrame
        Those that stand first, then by size of effect:

        - `field`, `label_zh`, `label_en`, `type`, `unit`
        - `value`: which value's share is compared; missing for a mean
        - `audience_count`, `base_count`: people with the value, or of a mean people with any
        - `audience_mean`, `base_mean`: the means or shares; of a date, days before `as_of`
        - `effect_size`: the difference of the two as part of the standard deviation in the base
        - `superiority_rate`: of a mean, the chance that somebody of the audience has more than somebody
          outside it, equals counting half
        - `tgi`, `tgi_low`, `tgi_high`: of a share
        - `p_value`: of a mean by Mann and Whitney's rank test, of a share as in `breakdown`
        - `q_value`: controlled over all comparisons made, those that are not shown too
        - `is_different`: whether it stands at a false discovery rate of 5 %

    Raises
    ------
    SpecError
        When the audience, or the people outside it, are fewer than `least_people`, or the rule does not fit.

    Notes
    -----
    The audience is part of the base. Means and shares are shown against the base, tests are against the
    people outside the audience. The effect of a share is of the same scale as that of a mean: 0.2 is small,
    0.8 large. Tags that say nearly the same stand beside each other.

    References
    ----------
    Cohen (1988), "Statistical power analysis for the behavioral sciences", for the scale of effects.
    Mann and Whitney (1947), "On a test of whether one of two random variables is stochastically larger".
    Benjamini and Hochberg (1995), "Controlling the false discovery rate".
    """
    engine = engine_of(snapshot)
    rule = rule.whole if isinstance(rule, Audience) else rule
    bits = engine.evaluate(rule).members[()]
    members = to_numbers(bits)
    inside = np.zeros(snapshot.people_count, dtype=bool)
    inside[members] = True
    smaller = min(len(members), snapshot.people_count - len(members))
    if smaller < least_people:
        raise SpecError(
            f"The audience has {len(members):,} of {snapshot.people_count:,} people; to compare tags, at least "
            f"{least_people} are needed both in it and outside it. Widen or narrow the rule, or give "
            "'least_people'."
        )
    own = {node.field for _, node in walk(rule) if isinstance(node, Attribute | Tag)}
    fields = [f for f in engine.catalogue.fields if with_own or f.name not in own]
    means: list[dict[str, AnyValue]] = []
    counts: list[pd.DataFrame] = []
    flags = [f for f in fields if f.type == "boolean" and snapshot.columns.has_bitset(f.name)]
    counts += [_flag_counts(snapshot, field, bits) for field in flags]
    packed = {f.name for f in flags}
    for field, values in _columns(snapshot, [f for f in fields if f.name not in packed]):
        if field.type in ("number", "date"):
            means += _mean(field, values, inside, least_people)
        counts.append(_value_counts(snapshot, field, values, inside))
    shares = _shares(pd.concat(counts, ignore_index=True), inside, least_people)
    frame = pd.concat([pd.DataFrame(means, columns=_MADE), shares.reindex(columns=_MADE)], ignore_index=True)
    frame = frame.assign(**_words(frame["field"], {f.name: f for f in fields}))
    frame["q_value"] = q_values(frame["p_value"])
    frame["is_different"] = frame["q_value"] <= FALSE_DISCOVERY_RATE
    order = frame.assign(strength=frame["effect_size"].abs()).sort_values(
        ["is_different", "strength"], ascending=False, kind="stable"
    )
    first = order.drop_duplicates("field").head(n)
    return first[list(_COLUMNS)].reset_index(drop=True)


def _columns(snapshot: Snapshot, fields: Sequence[Field]) -> Iterator[tuple[Field, pd.Series]]:
    """Each field with everybody's value by person number, read many at a time.

    Numbers are doubles, NaN where there is none; a date is in days before `as_of`.
    """
    today = snapshot.as_of.astimezone(snapshot.zone).date().isoformat()
    for first in range(0, len(fields), _READ_TOGETHER):
        some = fields[first : first + _READ_TOGETHER]
        columns = []
        for field in some:
            column = quoted(field.name)
            if field.type == "date":
                column = f"date_diff('day', {column}, DATE '{today}')"
            kind = {"number": "DOUBLE", "date": "DOUBLE", "list": "VARCHAR[]"}.get(field.type, "VARCHAR")
            columns.append(f"CAST({column} AS {kind}) AS {quoted(field.name)}")
        names = [field.name for field in some]
        frame = snapshot.frame(f"SELECT {', '.join(columns)} FROM profile ORDER BY person_no", packed=names)
        for field in some:
            yield field, frame[field.name]


def _mean(field: Field, column: pd.Series, inside: np.ndarray, least: int) -> Iterator[dict[str, AnyValue]]:
    """The comparison of a number's mean, where enough people have a value and not all the same."""
    values = column.to_numpy(dtype=float, na_value=np.nan)
    known = ~np.isnan(values)
    a, b = values[known & inside], values[known & ~inside]
    spread = float(np.std(values[known])) if known.any() else 0.0
    if min(len(a), len(b)) < least or not spread > 0:
        return
    superiority, p_value = rank_test(a, b)
    mean = float(values[known].mean())
    yield {
        "field": field.name,
        "audience_count": len(a),
        "base_count": len(a) + len(b),
        "audience_mean": float(a.mean()),
        "base_mean": mean,
        "effect_size": (float(a.mean()) - mean) / spread,
        "superiority_rate": superiority,
        "p_value": p_value,
    }


def rank_test(a: Numbers, b: Numbers) -> tuple[float, float]:
    """The chance that a value of `a` is above one of `b` (equals counting half), and its two-sided p-value.

    Mann and Whitney's test by the normal approximation, with corrections for ties and for continuity.
    The values are not all the same.
    """
    from scipy.stats import norm, rankdata

    n, m = len(a), len(b)
    ranks = rankdata(np.concatenate([a, b]))
    above = float(ranks[:n].sum()) - n * (n + 1) / 2
    ties = np.unique(ranks, return_counts=True)[1].astype(float)
    size = float(n + m)
    variance = n * m / 12 * (size + 1 - float((ties**3 - ties).sum()) / (size * (size - 1)))
    z = max(abs(above - n * m / 2) - 0.5, 0) / np.sqrt(variance)
    return above / (n * m), float(min(1, 2 * norm.sf(z)))


def _value_counts(snapshot: Snapshot, field: Field, column: pd.Series, inside: np.ndarray) -> pd.DataFrame:
    """People by value, in the audience and in the base; of a number or date only those without one."""
    missing = column.isna().to_numpy()
    if field.type == "list":
        sql = f"SELECT DISTINCT person_no, unnest({quoted(field.name)}) AS value FROM profile"
        pairs = snapshot.frame(sql).dropna()
        people, values = pairs["person_no"].to_numpy(dtype=int), pairs["value"]
    else:
        kept = ~missing if field.type == "text" else (column == "true").fillna(False).to_numpy(dtype=bool)
        people, values = np.flatnonzero(kept), column[kept]
    codes, names = pd.factorize(values)
    found = pd.DataFrame(
        {
            "value": [*names, NOT_RECORDED_GROUP],
            "audience_count": [*_counted(codes[inside[people]], len(names)), int(missing[inside].sum())],
            "base_count": [*_counted(codes, len(names)), int(missing.sum())],
        }
    )
    return found.assign(field=field.name)


def _flag_counts(snapshot: Snapshot, field: Field, members: Bits) -> pd.DataFrame:
    """The same of a boolean tag, from its bitset."""
    true, known = snapshot.columns.bitset(field.name), snapshot.columns.known(field.name)
    if known is None:
        missing = missing_inside = 0
    else:
        missing, missing_inside = snapshot.people_count - count(known), count(members & ~known)
    return pd.DataFrame(
        {
            "value": ["true", NOT_RECORDED_GROUP],
            "audience_count": [count(true & members), missing_inside],
            "base_count": [count(true), missing],
        }
    ).assign(field=field.name)


def _counted(codes: np.ndarray, size: int) -> list[int]:
    return [int(n) for n in np.bincount(codes, minlength=size)]


def _shares(counts: pd.DataFrame, inside: np.ndarray, least: int) -> pd.DataFrame:
    """The comparisons of the shares of values that enough people have, and enough have not."""
    base, size = len(inside), int(inside.sum())
    counts = counts[(counts["base_count"] >= least) & (base - counts["base_count"] >= least)]
    x, whole = counts["audience_count"].to_numpy(), counts["base_count"].to_numpy()
    ratios = tgi(x, size, whole, base)
    share, in_base = x / size, whole / base
    return counts.assign(
        audience_mean=share,
        base_mean=in_base,
        effect_size=(share - in_base) / np.sqrt(in_base * (1 - in_base)),
        tgi=ratios.tgi,
        tgi_low=ratios.low,
        tgi_high=ratios.high,
        p_value=share_p_values(x, size, whole, base),
    )


def _words(names: pd.Series, fields: dict[str, Field]) -> dict[str, list[str]]:
    known = [fields[name] for name in names]
    return {
        "label_zh": [f.label.zh for f in known],
        "label_en": [f.label.en for f in known],
        "type": [f.type for f in known],
        "unit": [f.unit for f in known],
    }
