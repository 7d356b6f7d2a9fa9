"""The preview of an audience: how many, which share of the base, who for example, and how they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any as AnyValue

import numpy as np
import pandas as pd

from qa_lib.audiences.audience import Audience, audience_sentence, named_versions
from qa_lib.audiences.comparing import FALSE_DISCOVERY_RATE, q_values, share_p_values, tgi
from qa_lib.audiences.evaluate import AudienceEvaluation, engine_of, evaluate, universe_of
from qa_lib.errors import SpecError
from qa_lib.rules import Attribute, Bits, Evaluation, Field, Path, Rule, Tag, sentences, to_numbers
from qa_lib.rules.model import walk
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
#: More columns than this are not read on a screen.
_SAMPLE_COLUMNS = 9


@dataclass(frozen=True)
class Preview:
    """What an audience looks like at one moment.

    `counts` and `sentences` are keyed by path (child numbers from the root). `sample` shows a few
    people with their ids masked, the fields that the rule names first; `breakdown` is documented at `breakdown()`. `stamp` says which data.
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
    found = evaluate(snapshot, audience)
    universe = universe_of(snapshot, found)
    return Preview(
        count=found.count,
        universe=found.universe,
        counts=found.counts,
        sentence=audience_sentence(audience, engine.catalogue),
        sentences=sentences(rule, engine.catalogue),
        sample=sample(snapshot, found.members[()], size=sample_size, fields=sample_fields(rule)),
        breakdown=breakdown(snapshot, found.members[()], by=by, universe=universe),
        rule_hash=rule.hash,
        elapsed_ms=found.elapsed_ms,
        stamp=stamp(snapshot, found),
    )


def stamp(snapshot: Snapshot, evaluation: Evaluation) -> dict[str, AnyValue]:
    """What every figure carries: rule, versions of saved audiences in it, data versions, moment, library."""
    made: dict[str, AnyValue] = {"rule_hash": evaluation.rule.hash}
    if evaluation.audience_versions:
        made["audience_versions"] = named_versions(evaluation.audience_versions.values())
    if isinstance(evaluation, AudienceEvaluation):
        (made["base"],) = named_versions([evaluation.base])
    return {**made, **snapshot.stamp()}


def sample_fields(rule: Rule) -> tuple[str, ...]:
    """What a sample of a rule's people shows: the fields that the rule names, then `SAMPLE_FIELDS`."""
    own = [node.field for _, node in walk(rule) if isinstance(node, Attribute | Tag)]
    return tuple(dict.fromkeys([*own, *SAMPLE_FIELDS]))[:_SAMPLE_COLUMNS]


def sample(
    snapshot: Snapshot, members: Bits, *, size: int = 8, fields: Sequence[str] = SAMPLE_FIELDS
) -> pd.DataFrame:
    """A few members with masked ids: spread evenly over the audience, the same for the same audience.

    Returns
    -------
    pandas.DataFrame
        `person` (masked id) and those of `fields` that the snapshot has.
    """
    numbers = sampled(members, size)
    known = {f.name for f in engine_of(snapshot).catalogue.fields}
    names = [name for name in dict.fromkeys(fields) if name in known]
    columns = ", ".join(["person_id", *map(quoted, names)])
    people = snapshot.frame(
        f"SELECT {columns} FROM people JOIN profile USING (person_no) "
        "WHERE person_no IN (SELECT unnest($numbers)) ORDER BY person_no",
        {"numbers": [int(n) for n in numbers]},
        packed=names,
    )
    people.insert(0, "person", [masked(p) for p in people.pop("person_id")])
    return people


def sampled(members: Bits, size: int = 8) -> np.ndarray:
    """The person numbers that `sample` shows, ascending."""
    if size < 0:
        raise SpecError(f"A sample shows 0 people or more, got {size}.")
    numbers = to_numbers(members)
    return numbers[np.linspace(0, len(numbers) - 1, size).astype(int)] if len(numbers) > size else numbers


def masked(person_id: str) -> str:
    """An id of which at most the first and last characters stay readable."""
    if len(person_id) <= 2:
        return "•" * len(person_id)
    kept = 1 if len(person_id) <= 5 else 2
    return person_id[:kept] + "•" * (len(person_id) - 2 * kept) + person_id[-kept:]


def breakdown(
    snapshot: Snapshot,
    members: Bits,
    *,
    by: tuple[str, ...] = BREAKDOWN_BY,
    universe: Bits | None = None,
) -> pd.DataFrame:
    """How an audience is made up against everybody.

    Parameters
    ----------
    universe
        The people it is compared with, all members among them; all people of the snapshot when not given.

    Returns
    -------
    pandas.DataFrame
        One row per field and value, largest first within a field: `field`, `label_zh`, `label_en`,
        `value`, `audience_count`, `base_count` (people with the value), `audience_size`, `base_size` (n of
        the shares), `audience_rate`, `base_rate`, `tgi` (share in the audience over share in the base ×
        100; empty for an empty audience), `tgi_low`, `tgi_high` (95 %; see `qa_lib.audiences.tgi`),
        `p_value` and `q_value` (of the difference to the people outside the audience, and controlled for
        all rows of the frame; see `share_p_values`, `q_values`), `is_different` (whether it stands at a
        false discovery rate of 5 %).
    """
    engine = engine_of(snapshot)
    fields = [engine.catalogue.field(name) for name in by]
    for field in fields:
        if field.type not in ("text", "boolean", "list"):
            raise SpecError(
                f"An audience is broken down by text, boolean or list fields; {field.name!r} is {field.type}."
            )
    numbers = to_numbers(members)
    base = np.arange(snapshot.people_count) if universe is None else to_numbers(universe)
    parts = [_one_field(snapshot, field, numbers, base) for field in fields]
    if not parts:
        return pd.DataFrame()
    whole = pd.concat(parts, ignore_index=True)
    whole["q_value"] = q_values(whole["p_value"])
    return whole.assign(is_different=whole["q_value"] <= FALSE_DISCOVERY_RATE)


def _one_field(snapshot: Snapshot, field: Field, numbers: np.ndarray, universe: np.ndarray) -> pd.DataFrame:
    column = quoted(field.name)
    value = f"unnest({column})" if field.type == "list" else f"CAST({column} AS VARCHAR)"
    values = snapshot.frame(f"SELECT person_no, {value} AS value FROM profile", packed=[field.name])
    if field.type == "list":
        nobody = np.setdiff1d(np.arange(snapshot.people_count), values["person_no"].to_numpy())
        values = pd.concat([values, pd.DataFrame({"person_no": nobody, "value": None})])
    values["value"] = values["value"].astype(object).where(values["value"].notna(), NOT_RECORDED_GROUP)
    inside, known = (np.zeros(snapshot.people_count, dtype=bool) for _ in range(2))
    inside[numbers] = True
    known[universe] = True
    values = values[known[values["person_no"].to_numpy()]]
    grouped = (
        values.assign(audience_count=inside[values["person_no"].to_numpy()].astype(int), base_count=1)
        .groupby("value", as_index=False)[["audience_count", "base_count"]]
        .sum()
        .sort_values(["base_count", "value"], ascending=[False, True], ignore_index=True)
    )
    n, base = len(numbers), len(universe)
    grouped.insert(0, "field", field.name)
    grouped.insert(1, "label_zh", field.label.zh)
    grouped.insert(2, "label_en", field.label.en)
    grouped["audience_size"], grouped["base_size"] = n, base
    grouped["audience_rate"] = grouped["audience_count"] / n if n else 0.0
    grouped["base_rate"] = grouped["base_count"] / base if base else 0.0
    counts, base_counts = grouped["audience_count"].to_numpy(), grouped["base_count"].to_numpy()
    grouped["tgi"], grouped["tgi_low"], grouped["tgi_high"] = tgi(counts, n, base_counts, base)
    grouped["p_value"] = share_p_values(counts, n, base_counts, base)
    return grouped
