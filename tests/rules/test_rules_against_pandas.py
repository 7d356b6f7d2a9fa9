"""Rules of every shape select the very people that a naive evaluation in pandas selects."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from oracles.rules import World, select

from qa_lib.rules import (
    Ago,
    All,
    Any,
    Attribute,
    Dates,
    Distinct,
    Duration,
    Engine,
    Event,
    Ever,
    Last,
    Lifecycle,
    Measure,
    Not,
    RandomSplit,
    Rule,
    Sequence,
    Step,
    Sum,
    Tag,
    compile_rule,
    sentence,
    to_numbers,
)

Month, Week, Hour, Minute = "month", "week", "hour", "minute"


def item(name: str) -> All:
    return All(Attribute("item_id", "=", name))


def in_department(*names: str) -> All:
    return All(Attribute("department", "in", names))


def at_least(event: str, n: int, days: int, **more: object) -> Event:
    return Event(event, window=Last(days), operator=">=", value=n, **more)


def never(event: str, days: int, **more: object) -> Event:
    return Event(event, window=Last(days), operator="=", value=0, **more)


DORMANT = Tag("lifecycle_stage", "in", ["沉睡 dormant", "流失 lost"])


def twenty_nested(x: str) -> Rule:
    """Twenty conditions, five groups deep."""
    rule: Rule = All(Tag("order_count_365d", ">", 0), Tag("spend_amount_365d", ">", 5))
    for n in range(1, 7):
        rule = Any(
            All(rule, Tag("order_count_90d", "<=", 40 - n), Not(Tag("recency_days", "between", [n, n + 1]))),
            Tag("grocery_visit_count_30d", "=", n),
        )
        rule = rule if n % 2 else Not(rule)
    return rule


#: One function of the best-known item per shape; the name says what a marketer asks.
SHAPES: dict[str, Callable[[str], Rule]] = {
    "one attribute": lambda x: Attribute("age_band", "=", "35-44"),
    "three attributes": lambda x: All(
        Attribute("age_band", "in", ["25-34", "35-44"]),
        Attribute("marital_status", "=", "Married"),
        Attribute("kids_count", "!=", "0"),
    ),
    "twenty nested conditions": twenty_nested,
    "browsed an item in 30 days": lambda x: at_least("browse", 1, 30, where=item(x)),
    "browsed, did not buy, order value over 30": lambda x: All(
        at_least("browse", 1, 90, where=item(x)),
        never("purchase", 90, where=item(x)),
        Tag("average_order_value", ">", 30),
    ),
    "spent over 250.5 in 90 days": lambda x: Event(
        "purchase", window=Last(90), measure=Sum("paid_amount"), operator=">", value=250.5
    ),
    "at least 3 browses in 7 days": lambda x: at_least("browse", 3, 7),
    "dormant": lambda x: DORMANT,
    "carted and not bought in 7 days": lambda x: All(at_least("cart", 1, 7), never("purchase", 7)),
    "an either-or minus the dormant": lambda x: All(
        Any(at_least("redeem", 1, 180), Tag("weekend_order_rate", ">=", 0.5)), Not(DORMANT)
    ),
    "VIP and tag and (count or sum) minus dormant": lambda x: All(
        Tag("rfm_segment", "starts with", "HHH"),
        Tag("is_fuel_buyer", "=", True),
        Any(
            at_least("visit", 12, 90),
            Event("visit", window=Last(90), measure=Sum("paid_amount"), operator=">=", value=800),
        ),
        Not(Any(DORMANT, Tag("is_churn_warning", "=", True))),
    ),
    "at most 2 orders, those with none too": lambda x: Event(
        "visit", window=Last(30), operator="<=", value=2
    ),
    "at most 2 orders, those with none left out": lambda x: Event(
        "visit", window=Last(30), operator="<=", value=2, missing="exclude"
    ),
    "missing values included": lambda x: Tag("days_since_redemption", ">", 100, missing="include"),
    "missing values excluded": lambda x: Attribute("home_ownership", "!=", "Renter", missing="exclude"),
    "not equal, where missing is not equal": lambda x: Attribute("home_ownership", "!=", "Renter"),
    "not in a list": lambda x: Attribute("income_band", "not in", ["35-49K", "50-74K"]),
    "is set": lambda x: Attribute("home_ownership", "is set"),
    "is not set": lambda x: Tag("days_since_redemption", "is not set"),
    "has any": lambda x: Tag("departments_90d", "has any", ["FUEL", "PASTRY"]),
    "has all": lambda x: Tag("departments_90d", "has all", ["GROCERY", "DELI"]),
    "has none": lambda x: Tag("departments_90d", "has none", ["GROCERY", "DELI"]),
    "only": lambda x: Tag("departments_90d", "only", ["GROCERY", "DRUG GM", "PRODUCE", "MEAT"]),
    "first bought before a day": lambda x: Tag("first_order_on", "before", "2017-01-10"),
    "last bought after a day": lambda x: Tag("last_order_on", "after", "2017-12-20"),
    "first bought between days": lambda x: Tag("first_order_on", "between", ["2017-01-05", "2017-02-05"]),
    "last bought on one of days": lambda x: Tag("last_order_on", "in", ["2017-12-30", "2017-12-31"]),
    "last bought in the last 14 days": lambda x: Tag("last_order_on", "in last", Last(14)),
    "last bought in the last 2 months": lambda x: Tag("last_order_on", "in last", Last(2, Month)),
    "text contains": lambda x: Attribute("household_composition", "contains", "No Kids"),
    "text ends with": lambda x: Tag("rfm_segment", "ends with", "挽留"),
    "text matches a pattern": lambda x: Attribute(
        "household_composition", "matches", r"^[12] Adults? (No )?K"
    ),
    "text that a LIKE would take for a wildcard": lambda x: Attribute("age_band", "contains", "%"),
    "calendar days": lambda x: Event("visit", window=Last(3, calendar=True), value=2),
    "calendar weeks": lambda x: Event("visit", window=Last(2, Week, calendar=True), value=3),
    "months": lambda x: Event("visit", window=Last(1, Month), value=4),
    "hours": lambda x: Event("browse", window=Last(36, Hour), value=1),
    "minutes": lambda x: Event("visit", window=Last(600, Minute), value=1),
    "between 60 and 30 days ago": lambda x: Event(
        "visit", window=Ago(30, 60), operator="between", value=[2, 4]
    ),
    "between 3 and 1 months ago": lambda x: Event(
        "purchase", window=Ago(1, 3, Month), measure=Sum("quantity")
    ),
    "from a day to a day over the change of clocks": lambda x: Event(
        "visit", window=Dates("2017-03-11", "2017-03-12"), value=1
    ),
    "a month around the other change of clocks": lambda x: Event(
        "visit", window=Dates("2017-10-15", "2017-11-05"), operator="!=", value=1
    ),
    "bought within 10 days": lambda x: Event(
        "purchase", where=item(x), measure=Measure("days_since_last"), operator="<=", value=10
    ),
    "first redeemed over 200 days ago": lambda x: Event(
        "redeem", measure=Measure("days_since_first"), operator=">", value=200
    ),
    "on at least 5 different days": lambda x: Event(
        "visit", window=Last(60), measure=Measure("active_days"), operator=">=", value=5
    ),
    "at most 3 departments, those with none too": lambda x: Event(
        "purchase", window=Last(30), measure=Distinct("department"), operator="<=", value=3
    ),
    "average basket over 40.25, nobody without": lambda x: Event(
        "visit", window=Last(45), measure=Measure("avg", "paid_amount"), operator=">", value=40.25
    ),
    "average basket is not 20, those without too": lambda x: Event(
        "visit", window=Last(20), measure=Measure("avg", "paid_amount"), operator="!=", value=20
    ),
    "smallest basket under 3.1, those without too": lambda x: Event(
        "visit",
        window=Last(60),
        measure=Measure("min", "paid_amount"),
        operator="<",
        value=3.1,
        missing="include",
    ),
    "largest line of a department": lambda x: Event(
        "purchase",
        where=in_department("MEAT", "DELI"),
        window=Last(90),
        measure=Measure("max", "paid_amount"),
        operator=">=",
        value=7,
    ),
    "filters nested and negated": lambda x: Event(
        "purchase",
        where=Any(
            All(Attribute("department", "!=", "GROCERY"), Attribute("paid_amount", ">", 4.99), negated=True),
            Attribute("brand", "=", "Private"),
            negated=True,
        ),
        window=Last(40),
        value=6,
    ),
    "filters on what the item master does not know": lambda x: Event(
        "purchase", where=All(Attribute("category", "is not set")), window=Ever(), operator="<", value=3
    ),
    "filters with no condition": lambda x: Event("cart", where=All(), window=Last(30), value=2),
    "filters that no event passes": lambda x: Event("cart", where=All(negated=True), operator="<=", value=2),
    "received at least 3 campaigns and redeemed of none": lambda x: All(
        Event("receive", measure=Distinct("campaign_id"), value=3),
        Event("redeem", operator="=", value=0),
    ),
    "browsed, then bought the same within 3 days": lambda x: Sequence(
        [Step("browse"), Step("purchase", within=Duration(3))], same=["item_id"]
    ),
    "carted and left: no purchase of it within a day": lambda x: Sequence(
        [Step("cart"), Step("purchase", absent=True, within=Duration(1))], window=Last(60), same=["item_id"]
    ),
    "three browses in a week and no cart between": lambda x: Sequence(
        [Step("browse"), Step("cart", absent=True), Step("browse"), Step("browse")],
        window=Last(120),
        within=Duration(1, Week),
    ),
    "browsed, carted at once, bought dear": lambda x: Sequence(
        [
            Step("browse"),
            Step("cart", immediately=True, within=Duration(2, Hour)),
            Step("purchase", where=All(Attribute("paid_amount", ">=", 3.1))),
        ],
        window=Last(6, Month),
        within=Duration(10),
    ),
    "received, redeemed of the same campaign, never again": lambda x: Sequence(
        [Step("receive"), Step("redeem"), Step("redeem", absent=True)], same=["campaign_id"]
    ),
    "no cart for an hour after browsing, then a purchase within two days": lambda x: Sequence(
        [Step("browse"), Step("cart", absent=True, within=Duration(1, Hour)), Step("purchase")],
        window=Last(90),
        within=Duration(2),
    ),
    "began this quarter": lambda x: Lifecycle("redeem", "first_time", Last(3, Month)),
    "began in the summer": lambda x: Lifecycle("receive", "first_time", Dates("2017-06-01", "2017-08-31")),
    "stopped": lambda x: Lifecycle("visit", "stopped", Last(30), before=Last(90)),
    "stopped buying something, ever": lambda x: Lifecycle(
        "purchase", "stopped", Last(8, Week, calendar=True), where=in_department("MEAT")
    ),
    "restarted": lambda x: Lifecycle("visit", "restarted", Last(14), before=Last(1, Month)),
    "regularly": lambda x: Lifecycle("visit", "regularly", k=3, m=6, unit=Week, calendar=True),
    "regularly by months": lambda x: Lifecycle("visit", "regularly", k=5, m=6, unit=Month, calendar=True),
    "regularly, rolling": lambda x: Lifecycle("visit", "regularly", k=3, m=5, unit=Week),
    "last bought in the week of its day a year": lambda x: Tag("last_order_on", "anniversary within", 7),
    "first bought on or before a day": lambda x: Tag("first_order_on", "on or before", "2017-01-10"),
    "last bought on or after a day": lambda x: Tag("last_order_on", "on or after", "2017-12-20"),
    "a third of everybody": lambda x: RandomSplit("spring", 1 / 3, 2 / 3),
    "dormant, half of them, or restarted": lambda x: Any(
        All(DORMANT, RandomSplit("half", 0, 0.5)),
        Lifecycle("visit", "restarted", Last(14), before=Last(1, Month)),
    ),
    "everybody": lambda x: All(),
    "nobody": lambda x: All(negated=True),
    "everybody by an empty either-or": lambda x: Any(),
}


def members(engine: Engine, rule: Rule) -> set[str]:
    people = engine.snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"]
    return set(people.iloc[to_numbers(engine.evaluate(rule).members[()])])


def members_by_sql(engine: Engine, rule: Rule) -> list[int]:
    snapshot = engine.snapshot
    whole = compile_rule(rule, engine.catalogue, snapshot.as_of, snapshot.zone)
    return sorted(n for (n,) in snapshot.cursor().execute(whole.sql(), whole.params).fetchall())


@pytest.fixture(scope="session")
def demo_item(demo_world: World) -> str:
    """The item that most people browsed."""
    return str(demo_world.facts.events["browse"]["item_id"].value_counts().index[0])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_rule_over_the_company_selects_whom_pandas_selects(
    shape: str, engine: Engine, company_world: World
) -> None:
    rule = SHAPES[shape]("A")
    assert members(engine, rule) == select(rule.to_dict(), company_world)


@pytest.mark.demo
@pytest.mark.parametrize("shape", SHAPES)
def test_a_rule_over_the_real_year_selects_whom_pandas_selects(
    shape: str, demo_engine: Engine, demo_world: World, demo_item: str
) -> None:
    rule = SHAPES[shape](demo_item)
    assert members(demo_engine, rule) == select(rule.to_dict(), demo_world)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_rule_as_one_statement_selects_whom_the_bits_select(shape: str, engine: Engine) -> None:
    rule = SHAPES[shape]("A")
    assert members_by_sql(engine, rule) == to_numbers(engine.evaluate(rule).members[()]).tolist()


@pytest.mark.demo
def test_the_rules_of_the_real_year_as_one_statement_select_whom_the_bits_select(
    demo_engine: Engine, demo_item: str
) -> None:
    for shape in SHAPES:
        rule = SHAPES[shape](demo_item)
        bits = to_numbers(demo_engine.evaluate(rule).members[()]).tolist()
        assert members_by_sql(demo_engine, rule) == bits, shape


@pytest.mark.parametrize("shape", SHAPES)
def test_the_statement_to_read_with_its_values_written_out_runs_to_the_same_people(
    shape: str, engine: Engine
) -> None:
    rule = SHAPES[shape]("A")
    text = compile_rule(rule, engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone).text()
    found = sorted(n for (n,) in engine.snapshot.cursor().execute(text).fetchall())
    assert found == to_numbers(engine.evaluate(rule).members[()]).tolist()


def test_the_shapes_tell_people_apart(engine: Engine, company_world: World) -> None:
    """No oracle: a battery whose rules all select nobody would prove nothing."""
    shares = {shape: engine.evaluate(SHAPES[shape]("A")).share for shape in SHAPES}
    telling = [s for s in shares.values() if 0 < s < 1]
    assert len(telling) >= 0.8 * len(shares), {k: v for k, v in shares.items() if v in (0, 1)}
    assert np.std(telling) > 0.1


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_reads_as_a_sentence_in_both_languages(shape: str, engine: Engine) -> None:
    words = sentence(SHAPES[shape]("A"), engine.catalogue)
    assert words.zh
    assert words.en
    assert "{" not in words.zh + words.en
