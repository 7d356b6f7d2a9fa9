"""The JSON that Python and the browser both read: each example is read and written alike."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from qa_lib.rules import form_catalogue, read_rule, rule_schema
from qa_lib.rules.catalogue import Catalogue
from qa_lib.workspace import Snapshot

CONTRACT = Path(__file__).parents[1] / "contract"
EXAMPLES = sorted(CONTRACT.glob("*.rule.json"))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_an_example_is_read_and_written_alike(path: Path) -> None:
    value = json.loads(path.read_text(encoding="utf-8"))
    assert read_rule(value).to_dict() == value
    jsonschema.validate(value, rule_schema())


def test_the_catalogue_of_the_contract_offers_what_the_engine_has() -> None:
    """Whoever adds an operator, measure, window or unit writes the example anew."""
    example = json.loads((CONTRACT / "catalogue.json").read_text(encoding="utf-8"))
    real = form_catalogue(Catalogue(fields=(), events=()))
    for part in set(real) - {"fields", "events"}:
        assert example[part] == real[part], part
    assert set(example) == set(real)


def test_the_real_catalogue_has_the_shape_of_the_contract(people_catalogue: Catalogue) -> None:
    example = json.loads((CONTRACT / "catalogue.json").read_text(encoding="utf-8"))
    real = form_catalogue(people_catalogue)
    for part in ("fields", "events"):
        assert {frozenset(one) for one in real[part]} == {frozenset(one) for one in example[part]}


def test_the_form_knows_which_kinds_of_events_there_are(
    snapshot: Snapshot, people_catalogue: Catalogue
) -> None:
    told = {e["name"]: e["has_rows"] for e in form_catalogue(people_catalogue)["events"]}
    tables = {e.name: e.table for e in people_catalogue.events}
    counts = {
        n: int(snapshot.frame(f"SELECT count(*) AS n FROM {t}")["n"].iloc[0]) for n, t in tables.items()
    }
    assert told == {name: count > 0 for name, count in counts.items()}
    assert set(told.values()) == {True, False}


def test_every_declared_row_has_words_in_both_languages(people_catalogue: Catalogue) -> None:
    real = form_catalogue(people_catalogue)
    for part in (
        "conditions",
        "fields",
        "events",
        "operators",
        "measures",
        "windows",
        "units",
        "patterns",
    ):
        for row in real[part]:
            assert row["label"]["zh"], row
            assert row["label"]["en"], row
            if part in ("conditions", "patterns"):
                assert row["description"]["zh"], row
                assert row["description"]["en"], row


def test_the_published_schema_is_the_one_of_the_code() -> None:
    published = Path(__file__).parents[2] / "docs" / "rule.schema.json"
    assert json.loads(published.read_text(encoding="utf-8")) == json.loads(json.dumps(rule_schema()))
