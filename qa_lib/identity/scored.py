"""Scored links: how likely two records are one person, by splink, and what a threshold policy makes of it.

For records without a common identifier: names, addresses and dates of birth that were typed twice. Nothing here runs
unless it is called: `score_records` suggests, `decide` says accept, review or refuse, `accepted_links` gives rows for
`add_links`. What a person has at most one of stays apart all the same, see `Policy.single_kinds`.
"""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from qa_lib.errors import ContractBroken, DataError, SpecError
from qa_lib.identity.kinds import normalise
from qa_lib.identity.quality import PairQuality
from qa_lib.workspace import read_moment

#: Pairs less likely than this are not kept.
LEAST_PROBABILITY = 0.01
_JARO_WINKLER, _EDITS, _RANDOM_PAIRS = (0.92, 0.8), (1, 2), 1e6
VERDICTS = ("accept", "review", "refuse")


class Compared(BaseModel):
    """One column that two records are compared by.

    Parameters
    ----------
    by
        `exact`: equal or not. `code`: equal, one or two edits apart (dates and numbers as text).
        `text`: equal, or alike by Jaro-Winkler from 0.92, from 0.8 (names and addresses).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    by: Literal["exact", "code", "text"] = "text"


class RecordModel(BaseModel):
    """How records are compared.

    Parameters
    ----------
    id_column
        Names each record once.
    compare
        The columns that count.
    candidates
        Pairs are looked at that agree in all columns of one of these; what agrees in none is never found.
    certain
        Columns in which hardly two people agree by chance; from them it is learnt how frequent true pairs are.
    certain_recall_rate
        The share of true pairs that agree in them, by judgement.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id_column: str
    compare: tuple[Compared, ...] = Field(min_length=2)
    candidates: tuple[tuple[str, ...], ...] = Field(min_length=2)
    certain: tuple[str, ...] = Field(min_length=1)
    certain_recall_rate: float = Field(default=0.8, gt=0, le=1)

    @model_validator(mode="after")
    def _known(self) -> Self:
        columns = {c.column for c in self.compare}
        used = {*self.certain, *(c for one in self.candidates for c in one)}
        if unknown := sorted(used - columns):
            raise ValueError(f"the column '{unknown[0]}' is not compared; expected one of {sorted(columns)}")
        if any(len(set(one)) == len(columns) for one in self.candidates):
            raise ValueError("candidates that agree in every column leave none to learn from")
        return self


class ThresholdPolicy(BaseModel):
    """From which probability a pair becomes a link, and from which a person looks at it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accept: float = Field(default=0.99, gt=0, le=1)
    review: float = Field(default=0.5, gt=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.review > self.accept:
            raise ValueError(
                f"review={self.review:g} lies above accept={self.accept:g}; expected at most that"
            )
        return self


def score_records(records: pd.DataFrame, model: RecordModel, *, random_state: int = 7) -> pd.DataFrame:
    """The probability that two records are one person, for every candidate pair.

    Without labels: Fellegi and Sunter's model. How often columns agree by chance is learnt from random pairs, how often
    they agree within a person by expectation maximisation over two kinds of candidates.

    Parameters
    ----------
    records
        The model's columns; empty values count neither for nor against.

    Returns
    -------
    pandas.DataFrame
        `left`, `right`, `probability`, `weight` (log2 of the odds), and `weight_<column>` for each compared column: what
        it adds to the weight beside `weight_prior`. The most likely first.

    Raises
    ------
    ContractBroken
        When a column is missing.
    DataError
        When a record stands twice, or nothing can be learnt of these records.
    SpecError
        When splink is not installed.

    References
    ----------
    Fellegi and Sunter (1969), "A theory for record linkage"; Linacre et al. (2022), "Splink".
    """
    names = [c.column for c in model.compare]
    if missing := [c for c in (model.id_column, *names) if c not in records]:
        raise ContractBroken(
            f"The records have no column {missing[0]!r}; expected {[model.id_column, *names]}."
        )
    if (twice := records[model.id_column].duplicated()).any():
        raise DataError(
            f"The record {records.loc[twice, model.id_column].iloc[0]!r} stands twice; expected once. Take the newest."
        )
    found = _predicted(records[[model.id_column, *names]], model, random_state)
    weights = {f"weight_{c}": found[f"mw_{c}"].astype(float) for c in names}
    pairs = pd.DataFrame(
        {
            "left": found[f"{model.id_column}_l"],
            "right": found[f"{model.id_column}_r"],
            "probability": found["match_probability"].astype(float),
            "weight": found["match_weight"].astype(float),
            **weights,
        }
    )
    pairs["weight_prior"] = pairs["weight"] - sum(weights.values())
    return pairs.sort_values(["weight", "left", "right"], ascending=[False, True, True], ignore_index=True)


def _predicted(records: pd.DataFrame, model: RecordModel, random_state: int) -> pd.DataFrame:
    try:
        from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    except ImportError:
        raise SpecError("Scored links need the package splink. Install the extra `scored`.") from None
    import duckdb

    with contextlib.closing(duckdb.connect()) as connection:
        connection.execute("SET enable_progress_bar = false")
        texts = records.astype("object").where(records.notna(), None)
        settings = SettingsCreator(
            link_type="dedupe_only",
            unique_id_column_name=model.id_column,
            comparisons=[_comparison(c) for c in model.compare],
            blocking_rules_to_generate_predictions=[block_on(*one) for one in model.candidates],
            retain_intermediate_calculation_columns=True,
        )
        linker = Linker(DuckDBAPI(connection).register(texts), settings, log_level=logging.ERROR)
        learn = linker.training
        try:
            learn.estimate_probability_two_random_records_match(
                [block_on(*model.certain)], recall=model.certain_recall_rate
            )
            learn.estimate_u_using_random_sampling(max_pairs=_RANDOM_PAIRS, seed=random_state)
            for one in model.candidates[:2]:
                learn.estimate_parameters_using_expectation_maximisation(block_on(*one))
            return linker.inference.predict(
                threshold_match_probability=LEAST_PROBABILITY
            ).as_pandas_dataframe()
        except (ValueError, duckdb.Error, ZeroDivisionError) as fault:
            raise DataError(
                f"Nothing can be learnt of these {len(records):,} records: {str(fault).strip().splitlines()[0]} Give "
                "more of them, or candidates in which some agree."
            ) from fault


def _comparison(compared: Compared) -> Any:
    import splink.comparison_library as library

    if compared.by == "exact":
        return library.ExactMatch(compared.column)
    if compared.by == "code":
        return library.DamerauLevenshteinAtThresholds(compared.column, list(_EDITS))
    return library.JaroWinklerAtThresholds(compared.column, list(_JARO_WINKLER))


def decide(pairs: pd.DataFrame, policy: ThresholdPolicy | None = None) -> pd.DataFrame:
    """The pairs with `verdict`: accept, review or refuse."""
    policy = policy or ThresholdPolicy()
    found = np.select(
        [pairs["probability"] >= policy.accept, pairs["probability"] >= policy.review],
        VERDICTS[:2],
        VERDICTS[2],
    )
    return pairs.assign(verdict=found)


def explain_score(records: pd.DataFrame, model: RecordModel, pair: pd.Series) -> pd.DataFrame:
    """Why a pair is as likely as it is: a row a column, what counts most first.

    Parameters
    ----------
    pair
        A row of `score_records`.

    Returns
    -------
    pandas.DataFrame
        `column, left, right, weight`; the weights add up to the pair's, with the prior's, which is how rare it is that
        two records are one person at all.
    """
    by_id = records.set_index(model.id_column)
    rows = [
        (
            c.column,
            by_id.at[pair["left"], c.column],
            by_id.at[pair["right"], c.column],
            pair[f"weight_{c.column}"],
        )
        for c in model.compare
    ]
    frame = pd.DataFrame(rows, columns=["column", "left", "right", "weight"])
    frame = frame.sort_values("weight", key=lambda w: -w.abs(), ignore_index=True)
    prior = pd.DataFrame([("prior", None, None, pair["weight_prior"])], columns=frame.columns, dtype="object")
    return pd.concat([frame.astype("object"), prior], ignore_index=True).astype({"weight": float})


def accepted_links(
    decided: pd.DataFrame, kind_name: str, observed_at: datetime | str, *, source: str = "scored"
) -> pd.DataFrame:
    """The accepted pairs as rows for `add_links`; the records' ids are values of that kind of identifier."""
    chosen = decided[decided["verdict"] == "accept"]
    sides = {
        f"{side}_{part}": [normalise(kind_name, str(v)) for v in chosen[side]]
        if part == "value"
        else kind_name
        for side in ("left", "right")
        for part in ("kind", "value")
    }
    return pd.DataFrame(
        {
            **sides,
            "source": source,
            "observed_at": pd.Timestamp(read_moment(observed_at)),
            "origin": "observed",
        },
        index=range(len(chosen)),
    )


def score_quality(decided: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """How right the accepted pairs are, and those with the reviewed ones, were a person to accept them all.

    Parameters
    ----------
    truth
        `left, right`: the true pairs, each once, in either order.

    Returns
    -------
    pandas.DataFrame
        `taken` (accept; accept and review), with the columns of `PairQuality.frame`.
    """
    true = {frozenset(p) for p in truth[["left", "right"]].itertuples(index=False)}
    frames = []
    for n, name in ((1, "accept"), (2, "accept and review")):
        taken = decided[decided["verdict"].isin(VERDICTS[:n])]
        found = {frozenset(p) for p in taken[["left", "right"]].itertuples(index=False)}
        right = len(found & true)
        quality = PairQuality(right, len(found) - right, len(true) - right)
        frames.append(quality.frame().assign(taken=name))
    out = pd.concat(frames, ignore_index=True)
    return out[["taken", *(c for c in out.columns if c != "taken")]]
