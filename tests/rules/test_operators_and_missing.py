"""Every operator of every type answers as Python does, and for a missing value as it declares."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import duckdb
import pytest
from oracles.rules import OPERATORS as IN_PYTHON
from oracles.rules import TRUE_WHEN_MISSING

from qa_lib.rules import (
    All,
    Attribute,
    Catalogue,
    Event,
    EventType,
    Field,
    Last,
    Not,
    check,
    compile_rule,
    sentence,
)
from qa_lib.rules.catalogue import FieldType
from qa_lib.rules.operators import OPERATORS, Operator
from qa_lib.tables import Label

AS_OF = datetime(2017, 3, 12, 16, tzinfo=UTC)  # noon in New York, on the day its clocks went forward
SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
VALUES: dict[FieldType, list[object]] = {
    "number": [-1, 0, 2.5, 10, None],
    "text": ["", "GROCERY", "grocery", "果蔬", "a%b", "a'b", None],
    "date": ["2017-03-04", "2017-03-05", "2017-03-06", "2017-03-12", "2017-03-13", None],
    "boolean": [True, False, None],
    "list": [["A"], ["A", "B"], ["B", "C"], [], None],
}
SQL_TYPES = {"number": "DOUBLE", "text": "VARCHAR", "date": "DATE", "boolean": "BOOLEAN", "list": "VARCHAR[]"}
GIVEN: dict[FieldType, list[object]] = {
    "number": [2.5, 0],
    "text": ["GROCERY", "a%b", "果", ""],
    "date": ["2017-03-05", "2017-03-12"],
    "boolean": [True, False],
    "list": ["A", "B"],
}


def field(type: FieldType) -> Field:
    return Field("f", "attribute", type, Label("字段", "field"))


def rows_selected(type: FieldType, *rules: Attribute, zone: ZoneInfo = NEW_YORK) -> list[set[int]]:
    """The rows of `VALUES` that each rule selects, in a database of their own."""
    answers = []
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE profile (person_no INTEGER, f {SQL_TYPES[type]})")
        con.executemany("INSERT INTO profile VALUES (?, ?)", [[i, v] for i, v in enumerate(VALUES[type])])
        con.execute("CREATE TABLE people AS SELECT person_no FROM profile")
        for rule in rules:
            whole = compile_rule(rule, Catalogue((field(type),), ()), AS_OF, zone)
            answers.append({n for (n,) in con.execute(whole.sql(), whole.params).fetchall()})
    return answers


def is_missing(value: object) -> bool:
    """A list without elements is a missing value too."""
    return value is None or value == []


def missing_rows(type: FieldType) -> set[int]:
    return {i for i, value in enumerate(VALUES[type]) if is_missing(value)}


def given_of(op: Operator, type: FieldType) -> list[object]:
    """A few values that the operator takes, as JSON."""
    if op.key == "matches":
        return ["^G.*Y$", "[a-z]", "^$", "果|a.b"]
    match op.arity:
        case "none":
            return [None]
        case "days":
            return [0, 7, 363]
        case "window":
            return [Last(7), Last(1, "week", calendar=True), Last(1, "month")]
        case "one":
            return GIVEN[type]
        case "two":
            return [sorted(GIVEN[type], key=str)]
        case _:
            return [GIVEN[type], GIVEN[type][:1], GIVEN[type][-1:]]


PAIRS = [(op, type) for op in OPERATORS for type in op.types]


@pytest.mark.parametrize(("op", "type"), [p for p in PAIRS if p[0].arity not in ("none", "window", "days")])
def test_an_operator_compares_as_python_does(op: Operator, type: FieldType) -> None:
    for given in given_of(op, type):
        many = given if isinstance(given, list) else [given]
        expected = {
            i
            for i, value in enumerate(VALUES[type])
            if (op.key in TRUE_WHEN_MISSING if is_missing(value) else IN_PYTHON[op.key](value, many))
        }
        rule = Attribute("f", op.key, given)
        assert rows_selected(type, rule) == [expected], (op.key, given)


@pytest.mark.parametrize(("op", "type"), [p for p in PAIRS if p[0].arity != "none"])
def test_an_operator_answers_for_a_missing_value_as_declared_and_as_told(
    op: Operator, type: FieldType
) -> None:
    given = given_of(op, type)[0]
    missing = missing_rows(type)
    rules = [Attribute("f", op.key, given, missing=m) for m in (None, "include", "exclude")]
    declared, included, excluded = rows_selected(type, *rules)
    assert op.when_missing == (op.key in TRUE_WHEN_MISSING)
    assert missing & declared == (missing if op.when_missing else set())
    assert missing <= included
    assert not missing & excluded
    assert declared - missing == included - missing == excluded
    complements = rows_selected(type, *(Not(rule) for rule in rules))
    everybody = set(range(len(VALUES[type])))
    assert complements == [everybody - found for found in (declared, included, excluded)]


@pytest.mark.parametrize("type", VALUES)
def test_is_set_and_is_not_set_part_everybody(type: FieldType) -> None:
    with_value, without = rows_selected(type, Attribute("f", "is set"), Attribute("f", "is not set"))
    assert without == missing_rows(type)
    assert with_value == set(range(len(VALUES[type]))) - without


@pytest.mark.parametrize(
    ("window", "zone", "first", "last"),
    [
        (Last(7), NEW_YORK, "2017-03-06", "2017-03-12"),  # 168 hours back is 11:00 on the 5th
        (Last(7, calendar=True), NEW_YORK, "2017-03-05", "2017-03-12"),
        (Last(1, "week", calendar=True), NEW_YORK, "2017-03-05", "2017-03-12"),
        (Last(1, "month"), NEW_YORK, "2017-02-13", "2017-03-12"),
        # there it is midnight: the 13th begins at the very moment, outside; the 6th at the very start, inside
        (Last(7, calendar=True), SHANGHAI, "2017-03-06", "2017-03-12"),
        (Last(7), SHANGHAI, "2017-03-06", "2017-03-12"),
    ],
)
def test_in_last_takes_the_days_that_begin_inside_the_window(
    window: Last, zone: ZoneInfo, first: str, last: str
) -> None:
    (found,) = rows_selected("date", Attribute("f", "in last", window), zone=zone)
    days = [v for v in VALUES["date"] if isinstance(v, str)]
    assert found == {i for i, day in enumerate(days) if first <= day <= last}


@pytest.mark.parametrize("type", VALUES)
def test_an_operator_of_another_type_is_refused_with_those_that_fit(type: FieldType) -> None:
    catalogue = Catalogue((field(type),), ())
    for op in OPERATORS:
        problems = check(Attribute("f", op.key, GIVEN[type][0]), catalogue)
        refused = any("does not compare" in p.en for p in problems)
        assert refused == (type not in op.types), op.key
        assert all(p.zh and p.en for p in problems)


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.key)
def test_an_operator_has_a_label_and_a_sentence_in_both_languages(op: Operator) -> None:
    assert all((op.label.zh, op.label.en, op.sentence.zh, op.sentence.en))
    assert "{field}" in op.sentence.zh
    assert "{field}" in op.sentence.en


def test_filters_that_nothing_fits_are_said() -> None:
    """An empty group says nothing, and its negation that nothing fits."""
    event = EventType("buy", Label("购买", "buy"), Label("行", "row"), (field("text"),))
    catalogue = Catalogue((), (event,))
    plain, whole, nothing = (
        sentence(Event("buy", where=where), catalogue) for where in (None, All(), All(negated=True))
    )
    assert plain == whole != nothing
    assert "nothing fits" in nothing.en
    assert "什么都不符合" in nothing.zh
