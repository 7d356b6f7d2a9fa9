"""The preview of an audience: how many, which share of the base, who for example, and how they differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any as AnyValue

import numpy as np
import pandas as pd

from qa_lib.audiences.audience import Audience, engine_of
from qa_lib.errors import SpecError
from qa_lib.intervals import wilson_interval
from qa_lib.rules import Bits, Evaluation, Field, Path, Rule, sentence, sentences, to_numbers
from qa_lib.tables import NOT_RECORDED_GROUP, Label
from qa_lib.workspace import Snapshot, Workspace, quoted

#: What an audience is compared by unless the caller says otherwise.
BREAKDOWN_BY = ("lifecycle_stage", "rfm_segment", "preferred_department", "age_band", "income_band")
#: What a row of the sample shows.
SAMPLE_FIELDS = (
    "lifecycle_stage",
    "rfm_segment",
    "average_order_value",
    "order_count_365d",
    "recency_days",
    "preferred_department",
)
#: Coverage of the interval of a TGI.
TGI_LEVEL = 0.95


@dataclass(frozen=True)
class Preview:
    """What an audience looks like at one moment.

    `counts` and `sentences` are keyed by path (child numbers from the root). `sample` shows a few
    people with their ids masked; `breakdown` is documented at `breakdown()`. `stamp` says which data.
    """

    count: int
    universe: int
    counts: dict[Path, int]
    sentence: Label
    sentences: dict[Path, Label]
    sample: pd.DataFrame
    breakdown: pd.DataFrame
    rule_hash: str
    elapsed_ms: float
    stamp: dict[str, AnyValue]

    @property
    def share(self) -> float:
        """The part of the universe, between 0 and 1."""
        return self.count / self.universe if self.universe else 0.0


def preview(
    workspace: Workspace,
    audience: Audience | Rule,
    as_of: datetime | str | None = None,
    *,
    by: tuple[str, ...] = BREAKDOWN_BY,
    sample_size: int = 8,
) -> Preview:
    """Count an audience and compare it with everybody.

    Parameters
    ----------
    by
        Text, boolean or list fields to compare by; those that the snapshot lacks are an error.
    sample_size
        How many people to show.

    Raises
    ------
    SpecError, UnknownName
        When the rule does not fit the snapshot's catalogue.
    NothingBuilt, AsOfOutside
        When there is no snapshot, or none as of that moment.
    """
    snapshot = workspace.snapshot(as_of)
    rule = audience.rule if isinstance(audience, Audience) else audience
    engine = engine_of(snapshot)
    found = engine.evaluate(rule)
    return Preview(
        count=found.count,
        universe=found.universe,
        counts=found.counts,
        sentence=sentence(rule, engine.catalogue),
        sentences=sentences(rule, engine.catalogue),
        sample=sample(snapshot, found.members[()], size=sample_size),
        breakdown=breakdown(snapshot, found.members[()], by=by),
        rule_hash=rule.hash,
        elapsed_ms=found.elapsed_ms,
        stamp=stamp(snapshot, found),
    )


def stamp(snapshot: Snapshot, evaluation: Evaluation) -> dict[str, AnyValue]:
    """What every figure carries: rule, versions of saved audiences in it, data versions, moment, library."""
    read = [{"audience": a, "version": v} for a, v in sorted(set(evaluation.audience_versions.values()))]
    return {
        "rule_hash": evaluation.rule.hash,
        **({"audience_versions": read} if read else {}),
        **snapshot.stamp(),
    }


def sample(snapshot: Snapshot, members: Bits, *, size: int = 8) -> pd.DataFrame:
    """A few members with masked ids: spread evenly over the audience, the same for the same audience.

    Returns
    -------
    pandas.DataFrame
        `person` (masked id) and the fields of `SAMPLE_FIELDS` that the snapshot has.
    """
    numbers = to_numbers(members)
    if len(numbers) > size:
        numbers = numbers[np.linspace(0, len(numbers) - 1, size).astype(int)]
    known = {f.name for f in engine_of(snapshot).catalogue.fields}
    columns = ", ".join(["person_id", *(quoted(name) for name in SAMPLE_FIELDS if name in known)])
    people = snapshot.frame(
        f"SELECT {columns} FROM people JOIN profile USING (person_no) "
        "WHERE person_no IN (SELECT unnest($numbers)) ORDER BY person_no",
        {"numbers": [int(n) for n in numbers]},
    )
    people.insert(0, "person", [masked(p) for p in people.pop("person_id")])
    return people


def masked(person_id: str) -> str:
    """An id of which at most the first and last characters stay readable."""
    if len(person_id) <= 2:
        return "•" * len(person_id)
    kept = 1 if len(person_id) <= 5 else 2
    return person_id[:kept] + "•" * (len(person_id) - 2 * kept) + person_id[-kept:]


def breakdown(snapshot: Snapshot, members: Bits, *, by: tuple[str, ...] = BREAKDOWN_BY) -> pd.DataFrame:
    """How an audience is made up against everybody.

    Returns
    -------
    pandas.DataFrame
        One row per field and value, largest first within a field: `field`, `label_zh`, `label_en`,
        `value`, `audience_count`, `base_count`, `audience_rate`, `base_rate`, `tgi` (share in the
        audience over share in the base × 100; empty for an empty audience), `tgi_low`, `tgi_high`
        (95 %, from the Wilson interval of the audience's share).

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    engine = engine_of(snapshot)
    fields = [engine.catalogue.field(name) for name in by]
    for field in fields:
        if field.type not in ("text", "boolean", "list"):
            raise SpecError(
                f"An audience is broken down by text, boolean or list fields; {field.name!r} is {field.type}."
            )
    numbers = to_numbers(members)
    parts = [_one_field(snapshot, field, numbers) for field in fields]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _one_field(snapshot: Snapshot, field: Field, numbers: np.ndarray) -> pd.DataFrame:
    column = quoted(field.name)
    value = f"unnest({column})" if field.type == "list" else f"CAST({column} AS VARCHAR)"
    values = snapshot.frame(f"SELECT person_no, {value} AS value FROM profile", packed=[field.name])
    if field.type == "list":
        nobody = np.setdiff1d(np.arange(snapshot.people_count), values["person_no"].to_numpy())
        values = pd.concat([values, pd.DataFrame({"person_no": nobody, "value": None})])
    values["value"] = values["value"].astype(object).where(values["value"].notna(), NOT_RECORDED_GROUP)
    inside = np.zeros(snapshot.people_count, dtype=bool)
    inside[numbers] = True
    grouped = (
        values.assign(audience_count=inside[values["person_no"].to_numpy()].astype(int), base_count=1)
        .groupby("value", as_index=False)[["audience_count", "base_count"]]
        .sum()
        .sort_values(["base_count", "value"], ascending=[False, True], ignore_index=True)
    )
    n, base = len(numbers), snapshot.people_count
    grouped.insert(0, "field", field.name)
    grouped.insert(1, "label_zh", field.label.zh)
    grouped.insert(2, "label_en", field.label.en)
    grouped["audience_rate"] = grouped["audience_count"] / n if n else 0.0
    grouped["base_rate"] = grouped["base_count"] / base if base else 0.0
    low, high = wilson_interval(grouped["audience_count"], n, level=TGI_LEVEL)
    for name, share in (("tgi", grouped["audience_rate"].to_numpy()), ("tgi_low", low), ("tgi_high", high)):
        grouped[name] = share / grouped["base_rate"] * 100 if n else np.nan
    return grouped
