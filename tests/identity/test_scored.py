"""Scored links on FEBRL's labelled records: how right they are, why, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qa_lib.errors import ContractBroken, DataError
from qa_lib.identity import Policy, resolve_links
from qa_lib.identity.scored import (
    Compared,
    RecordModel,
    ThresholdPolicy,
    accepted_links,
    decide,
    explain_score,
    score_quality,
    score_records,
)

FEBRL = Path(__file__).resolve().parents[1] / "data" / "febrl" / "dataset1.csv"
MODEL = RecordModel(
    id_column="rec_id",
    compare=(
        *(Compared(column=c) for c in ("given_name", "surname", "address_1", "suburb")),
        *(Compared(column=c, by="code") for c in ("date_of_birth", "postcode", "soc_sec_id")),
        Compared(column="state", by="exact"),
    ),
    candidates=(("date_of_birth",), ("surname",), ("given_name",), ("postcode",), ("soc_sec_id",)),
    certain=("soc_sec_id",),
)
NOON = "2026-06-01T12:00:00Z"


@pytest.fixture(scope="module")
def records() -> pd.DataFrame:
    """A thousand made-up Australians, half of them a copy of another with typing errors."""
    return pd.read_csv(FEBRL, skipinitialspace=True, dtype=str)


@pytest.fixture(scope="module")
def truth(records: pd.DataFrame) -> pd.DataFrame:
    person = records["rec_id"].str.split("-").str[1]
    ids = [list(rows) for _, rows in records["rec_id"].groupby(person)]
    return pd.DataFrame([pair for pair in ids if len(pair) == 2], columns=["left", "right"])


@pytest.fixture(scope="module")
def pairs(records: pd.DataFrame) -> pd.DataFrame:
    return score_records(records, MODEL)


def test_the_labelled_pairs_of_febrl_are_found(
    records: pd.DataFrame, pairs: pd.DataFrame, truth: pd.DataFrame
) -> None:
    assert len(truth) == 500
    quality = score_quality(decide(pairs), truth).set_index("taken")
    assert (quality["precision_rate"] >= 0.99).all()
    assert (quality["recall_rate"] >= 0.98).all()
    by_id = records.set_index("rec_id")[["given_name", "surname", "date_of_birth"]]
    one, other = (by_id.loc[truth[side]].to_numpy(dtype=object) for side in ("left", "right"))
    without_a_model = int((one == other).all(axis=1).sum())  # only what was typed without an error
    assert quality["right_count"]["accept"] > 1.3 * without_a_model


def test_weights_add_up_to_the_odds(records: pd.DataFrame, pairs: pd.DataFrame) -> None:
    weight, prior = pairs["weight"].to_numpy(dtype=float), pairs["weight_prior"].to_numpy(dtype=float)
    np.testing.assert_allclose(pairs.filter(like="weight_").sum(axis=1), weight)
    odds = np.exp2(weight)
    np.testing.assert_allclose(pairs["probability"], odds / (1 + odds), atol=1e-9)
    np.testing.assert_allclose(prior, prior[0])
    told = explain_score(records, MODEL, pairs.iloc[0])
    assert told["weight"].sum() == pytest.approx(weight[0])
    assert set(told["column"]) == {*(c.column for c in MODEL.compare), "prior"}
    missing = told[told["left"].isna() & (told["column"] != "prior")]
    assert (missing["weight"] == 0).all()


def test_the_policy_decides_and_only_what_is_accepted_becomes_links(pairs: pd.DataFrame) -> None:
    probability = pd.DataFrame({"left": list("abc"), "right": list("xyz"), "probability": [0.995, 0.9, 0.1]})
    decided = decide(probability, ThresholdPolicy(accept=0.99, review=0.9))
    assert decided["verdict"].tolist() == ["accept", "review", "refuse"]
    links = accepted_links(decided, "card", NOON)
    assert links[["left_value", "right_value"]].to_numpy().tolist() == [["a", "x"]]
    later = "2026-06-02T12:00:00Z"
    apart = resolve_links(links, later)
    assert apart.person("card", "a") != apart.person("card", "x")
    assert apart.quarantined["cause"].tolist() == ["conflict"]
    together = resolve_links(links, later, policy=Policy(single_kinds={"card": False}))
    assert together.person("card", "a") == together.person("card", "x")
    assert accepted_links(decide(probability.head(0)), "card", NOON).empty
    with pytest.raises(ValueError, match="lies above accept"):
        ThresholdPolicy(accept=0.5, review=0.6)


def test_what_cannot_be_scored_is_named(records: pd.DataFrame) -> None:
    with pytest.raises(ContractBroken, match="no column 'surname'"):
        score_records(records.drop(columns="surname"), MODEL)
    with pytest.raises(DataError, match="stands twice"):
        score_records(pd.concat([records, records.head(1)]), MODEL)
    with pytest.raises(ValueError, match="the column 'shoe_size' is not compared"):
        RecordModel.model_validate(MODEL.model_dump() | {"certain": ["shoe_size"]})
    with pytest.raises(DataError, match="Nothing can be learnt"):
        score_records(records.head(0), MODEL)
