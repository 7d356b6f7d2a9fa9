"""What a user is told about a bad rule: the thing, its value, what was expected and the way on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from qa_lib.audiences import Audience
from qa_lib.errors import RuleTooLarge, SpecError, UnknownName, WorkbenchError
from qa_lib.rules import (
    Ago,
    All,
    Any,
    Attribute,
    Catalogue,
    Dates,
    Distinct,
    Engine,
    Event,
    Last,
    Lifecycle,
    Measure,
    Rule,
    Sequence,
    Step,
    Sum,
    Tag,
    check,
    compile_rule,
    read_rule,
)
from qa_lib.workspace import read_moment

Bad = Callable[[], object]


def nested(depth: int) -> str:
    leaf = '{"kind":"tag","field":"recency_days","operator":">","value":1}'
    return '{"kind":"all","of":[' * depth + leaf + "]}" * depth


#: A bad rule, the error, and the words that the message holds.
BAD_RULES: dict[str, tuple[Rule, type[SpecError], tuple[str, ...]]] = {
    "unknown tag": (
        Tag("average_order_valu", ">", 500),
        UnknownName,
        ("'average_order_valu'", "Did you mean 'average_order_value'", "qa_lib.profiles.tags()"),
    ),
    "unknown attribute": (Attribute("age_bands", "=", "65+"), UnknownName, ("'age_bands'", "'age_band'")),
    "unknown operator": (
        Tag("recency_days", "betwen", 3),
        UnknownName,
        ("'betwen'", "Did you mean 'between'"),
    ),
    "operator of another type": (
        Attribute("age_band", ">", "35-44"),
        SpecError,
        ("'>'", "text", "'age_band'", "Use one of", "'starts with'"),
    ),
    "tag called an attribute": (Attribute("recency_days", ">", 3), SpecError, ("'recency_days'", "'tag'")),
    "text for a number": (Tag("recency_days", ">", "3"), SpecError, ("recency_days >", "a number", "'3'")),
    "truth for a number": (Tag("recency_days", "=", True), SpecError, ("a number", "True")),
    "number for a text": (Attribute("age_band", "=", 65), SpecError, ("age_band =", "a text", "65")),
    "number for a truth": (Tag("is_fuel_buyer", "=", 1), SpecError, ("true or false", "1")),
    "no day": (Tag("last_order_on", "before", "31.12.2017"), SpecError, ("'31.12.2017'", "2017-03-01")),
    "a day that is not": (Tag("last_order_on", "after", "2017-02-30"), SpecError, ("'2017-02-30'", "a day")),
    "no value": (Tag("recency_days", ">"), SpecError, ("recency_days >", "a number", "nothing")),
    "one value of two": (Tag("recency_days", "between", 3), SpecError, ("two values, low and high", "got 1")),
    "between reversed": (Tag("recency_days", "between", [30, 7]), SpecError, ("30", "above", "7")),
    "days reversed": (
        Tag("last_order_on", "between", ["2017-05-01", "2017-04-01"]),
        SpecError,
        ("'2017-05-01'", "above", "'2017-04-01'"),
    ),
    "empty list": (Attribute("age_band", "in", []), SpecError, ("age_band in", "at least one value")),
    "value for is set": (
        Attribute("age_band", "is set", "x"),
        SpecError,
        ("is set", "takes no value", "'x'"),
    ),
    "no window": (Tag("last_order_on", "in last", 30), SpecError, ("Last(30, 'day')", "30")),
    "days in minutes": (Tag("last_order_on", "in last", Last(5, "minute")), SpecError, ("days", "minutes")),
    "bad pattern": (Attribute("age_band", "matches", "(35"), SpecError, ("'(35'", "not valid", "missing )")),
    "pattern that looks back": (Attribute("age_band", "matches", r"(.)\1"), SpecError, ("not valid",)),
    "unknown event": (Event("purchases"), UnknownName, ("'purchases'", "Did you mean 'purchase'")),
    "unknown property": (
        Event("purchase", where=All(Attribute("departmnt", "=", "DELI"))),
        UnknownName,
        ("'purchase'", "'departmnt'", "Did you mean 'department'"),
    ),
    "tag inside where": (
        Event("purchase", where=All(Tag("recency_days", ">", 1))),
        SpecError,
        ("'where' of event 'purchase'", "its own properties", "'tag'"),
    ),
    "event inside where": (
        Event("purchase", where=Any(All(Event("browse")))),
        SpecError,
        ("'where' of event 'purchase'", "'event'"),
    ),
    "unknown measure": (Event("visit", measure=Measure("counts")), UnknownName, ("'counts'", "'count'")),
    "measure without its property": (
        Event("visit", measure=Measure("sum")),
        SpecError,
        ("'sum'", "'visit'", "takes one of", "'paid_amount'"),
    ),
    "measure of a text": (
        Event("visit", measure=Sum("store_id")),
        SpecError,
        ("'sum'", "'paid_amount'", "'store_id'"),
    ),
    "measure of no property": (
        Event("visit", measure=Distinct("store")),
        SpecError,
        ("'store'", "Did you mean 'store_id'"),
    ),
    "count of a property": (
        Event("visit", measure=Measure("count", "store_id")),
        SpecError,
        ("'count'", "takes no property", "'store_id'"),
    ),
    "measure compared as text": (
        Event("visit", operator="contains"),
        SpecError,
        ("'contains'", "Use one of"),
    ),
    "measure without a number": (Event("visit", value="many"), SpecError, ("a number", "'many'")),
    "unknown event in a step": (
        Sequence([Step("browse"), Step("purchas")]),
        UnknownName,
        ("Step 2", "'purchas'", "Did you mean 'purchase'"),
    ),
    "unknown property in a step": (
        Sequence([Step("browse", where=All(Attribute("itm_id", "=", "A"))), Step("purchase")]),
        UnknownName,
        ("Step 1", "'itm_id'", "Did you mean 'item_id'"),
    ),
    "a tag in a step": (
        Sequence([Step("browse"), Step("cart", absent=True, where=All(Tag("recency_days", ">", 1)))]),
        SpecError,
        ("Step 2", "its own properties", "'tag'"),
    ),
    "a sequence in a step": (
        Sequence([Step("browse"), Step("cart", where=All(Sequence([Step("cart"), Step("cart")])))]),
        SpecError,
        ("Step 2", "its own properties", "'sequence'"),
    ),
    "the same of what one step lacks": (
        Sequence([Step("browse"), Step("visit")], same=["item_id"]),
        UnknownName,
        ("'same'", "every step", "'visit'", "'item_id'"),
    ),
    "unknown event of a lifecycle": (
        Lifecycle("visits", "first_time"),
        UnknownName,
        ("'visits'", "Did you mean 'visit'"),
    ),
    "a number for a text in a lifecycle": (
        Lifecycle("cart", "stopped", Last(3), where=All(Attribute("item_id", "=", 7))),
        SpecError,
        ("item_id =", "a text", "7"),
    ),
    "an anniversary within a year": (
        Tag("last_order_on", "anniversary within", 365),
        SpecError,
        ("anniversary within", "from 0 to 364", "365"),
    ),
    "an anniversary within a day of the year": (
        Tag("last_order_on", "anniversary within", "2017-03-01"),
        SpecError,
        ("whole number of days", "'2017-03-01'"),
    ),
    "an anniversary of a number": (
        Tag("recency_days", "anniversary within", 7),
        SpecError,
        ("'anniversary within'", "number", "'recency_days'"),
    ),
    "empty group": (All(Any(), Tag("recency_days", ">", 3)), SpecError, ("group is empty", "remove it")),
}


@pytest.mark.parametrize("case", BAD_RULES)
def test_a_bad_rule_is_told_in_words_wherever_it_is_used(case: str, engine: Engine) -> None:
    rule, error, words = BAD_RULES[case]
    snapshot = engine.snapshot
    for use in (
        lambda: engine.evaluate(rule),
        lambda: compile_rule(rule, engine.catalogue, snapshot.as_of, snapshot.zone),
    ):
        with pytest.raises(error) as told:
            use()
        assert [w for w in words if w not in str(told.value)] == [], str(told.value)
        assert len(str(told.value)) < 1_000


@pytest.mark.parametrize("case", BAD_RULES)
def test_a_bad_rule_is_told_in_both_languages_with_its_place(case: str, people_catalogue: Catalogue) -> None:
    rule, _, words = BAD_RULES[case]
    deeper = All(Tag("recency_days", ">", 3), Any(rule, rule))
    problems = check(deeper, people_catalogue)
    assert {p.path[:2] for p in problems} == {(1, 0), (1, 1)}
    assert all(p.zh and any("\u4e00" <= c <= "\u9fff" for c in p.zh) for p in problems)
    assert any(all(w in p.en for w in words) for p in problems)


BAD_VALUES: dict[str, tuple[Bad, type[WorkbenchError], tuple[str, ...]]] = {
    "no JSON": (lambda: read_rule("{kind: all}"), SpecError, ("Rule", "not JSON", "line 1 column 2")),
    "no text": (lambda: read_rule(b"\xff\xfe"), SpecError, ("Rule", "not JSON")),
    "a list": (lambda: read_rule("[]"), SpecError, ("Rule is not valid",)),
    "nothing": (lambda: read_rule(None), SpecError, ("Rule is not valid", "None")),
    "unknown kind": (
        lambda: read_rule({"kind": "every", "of": []}),
        SpecError,
        ("'every'", "'all', 'any', 'attribute', 'tag', 'event'"),
    ),
    "no kind": (lambda: read_rule({"of": []}), SpecError, ("'kind'",)),
    "an extra field": (
        lambda: read_rule({"kind": "tag", "field": "a", "operator": "=", "sql": "1"}),
        SpecError,
        ("sql", "not permitted"),
    ),
    "no number": (
        lambda: read_rule('{"kind":"tag","field":"a","operator":"=","value":NaN}'),
        SpecError,
        ("value", "finite", "nan"),
    ),
    "infinity": (
        lambda: read_rule('{"kind":"tag","field":"a","operator":"=","value":1e999}'),
        SpecError,
        ("value", "finite", "inf"),
    ),
    "41 groups deep": (lambda: read_rule(nested(41)), RuleTooLarge, ("deeper than 40", "Flatten")),
    "far too deep": (lambda: read_rule(nested(100_000)), SpecError, ("nested too deeply",)),
    "1,001 conditions": (
        lambda: read_rule({"kind": "any", "of": [json.loads(nested(0))] * 1_001}),
        RuleTooLarge,
        ("1,000 conditions", "'in' with a list"),
    ),
    "half a letter": (
        lambda: read_rule('{"kind":"attribute","field":"a","operator":"=","value":"\\ud800"}'),
        SpecError,
        ("value", "surrogate"),
    ),
    "half a letter in a list": (lambda: Attribute("a", "in", ["x", "\udfff"]), SpecError, ("surrogate",)),
    "a list in a list": (lambda: Tag("a", "in", [[1]]), SpecError, ("value", "list inside a list")),
    "nothing in a list": (lambda: Tag("a", "in", [1, None]), SpecError, ("value", "a text, a number")),
    "a name too long": (
        lambda: read_rule({"kind": "tag", "field": "a", "operator": "=", "x" * 9_999: 1}),
        SpecError,
        ("xxx…", "9,999 characters", "not permitted"),
    ),
    "a list too long": (lambda: Tag("a", "in", list(range(10_001))), SpecError, ("10,001", "10,000")),
    "a window of no days": (lambda: Last(0), SpecError, ("Last", "n", "got 0")),
    "an unknown unit": (lambda: Last(1, "year"), SpecError, ("unit", "'month'", "got 'year'")),
    "calendar hours": (lambda: Last(1, "hour", calendar=True), SpecError, ("calendar", "not hours")),
    "a window that ends before it starts": (lambda: Ago(9, 3), SpecError, ("'near' (9)", "'far' (3)")),
    "dates reversed": (lambda: Dates("2017-05-02", "2017-05-01"), SpecError, ("2017-05-02", "2017-05-01")),
    "four values by position": (lambda: Tag("a", "=", 1, 2), SpecError, ("at most 3", "got 4")),
    "a moment without a zone": (
        lambda: read_moment(datetime(2017, 1, 1)),  # noqa: DTZ001 that is the fault
        SpecError,
        ("2017-01-01T00:00:00", "no zone", "Z for UTC"),
    ),
    "no moment": (lambda: read_moment("soon"), SpecError, ("'soon'", "not a moment", "2018-01-01T05:00:00Z")),
}


@pytest.mark.parametrize("case", BAD_VALUES)
def test_a_bad_value_is_told_in_words_as_it_is_made(case: str) -> None:
    make, error, words = BAD_VALUES[case]
    with pytest.raises(error) as told:
        make()
    assert [w for w in words if w not in str(told.value)] == [], str(told.value)


@pytest.mark.parametrize("thing", ["seed_rule", None, {"kind": "all"}, All])
def test_what_is_no_rule_is_told_in_words(thing: object, engine: Engine) -> None:
    with pytest.raises(SpecError, match="made of groups and conditions"):
        engine.evaluate(thing)  # type: ignore[arg-type] that is the fault


def test_a_python_rule_far_too_deep_is_told_in_words_where_it_is_named() -> None:
    rule: Rule = Tag("recency_days", ">", 1)
    for _ in range(3_000):
        rule = All(rule)
    with pytest.raises(SpecError, match="deeper than 40"):
        Audience(name="deep", rule=rule)


def test_an_error_can_be_caught_as_the_builtin_that_it_is() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        read_rule("{")
    with pytest.raises(KeyError, match="Unknown event"):
        Catalogue((), ()).event("x")


def test_40_groups_deep_is_still_read_and_run(engine: Engine) -> None:
    rule = read_rule(nested(40))
    assert engine.evaluate(rule).count == engine.evaluate(Tag("recency_days", ">", 1)).count


# -- attempts to speak SQL -------------------------------------------------------------------------


ATTEMPTS = [
    "x'; DROP TABLE people; --",
    '"; DROP TABLE people; --',
    "person_no FROM people; --",
    "1) OR (1=1",
    "$v0",
    "?",
    "read_text('/etc/passwd')",
    "item_id\0",
    "${1+1}",
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_sql_in_place_of_a_name_is_refused(attempt: str, engine: Engine) -> None:
    for rule in (
        Tag(attempt, "=", 1),
        Attribute(attempt, "is set"),
        Tag("recency_days", attempt, 1),
        Event(attempt),
        Event("visit", measure=Measure(attempt)),
        Event("visit", measure=Sum(attempt)),
        Event("visit", measure=Distinct(attempt)),
        Event("visit", operator=attempt),
        Event("purchase", where=All(Attribute(attempt, "=", "x"))),
        Event("purchase", where=All(Attribute("item_id", attempt, "x"))),
    ):
        with pytest.raises(SpecError):
            engine.evaluate(rule)
    with pytest.raises(SpecError):
        Last(1, attempt)
    assert engine.snapshot.people_count == 500


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_sql_in_place_of_a_value_is_a_text_like_any_other(attempt: str, engine: Engine) -> None:
    for operator in ("=", "contains", "starts with", "ends with", "in"):
        assert engine.evaluate(Attribute("age_band", operator, attempt)).count == 0
        assert (
            engine.evaluate(Event("purchase", where=All(Attribute("item_id", operator, attempt)))).count == 0
        )
    assert engine.evaluate(Attribute("age_band", "!=", attempt)).share == 1
    assert engine.evaluate(Tag("departments_90d", "has any", [attempt])).count == 0
    moment = datetime(2017, 6, 1, tzinfo=UTC)
    text = compile_rule(
        Attribute("age_band", "=", attempt.replace("\0", "")), engine.catalogue, moment, engine.snapshot.zone
    ).text()
    assert engine.snapshot.cursor().execute(text).fetchall() == []
    assert engine.snapshot.cursor().execute("SELECT count(*) FROM people").fetchone() == (500,)
