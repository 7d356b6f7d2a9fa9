"""Conditions answered from the columns select the very people that their SQL selects."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.rules import World
from random_rules import comparisons, events, seen_values

from qa_lib.rules import (
    All,
    Any,
    Attribute,
    Catalogue,
    Engine,
    Event,
    Ever,
    Field,
    Last,
    Measure,
    Sum,
    Tag,
    compile_rule,
    overlaps,
    read_rule,
    run_sql,
    to_numbers,
)
from qa_lib.rules import bits as bit_sets
from qa_lib.rules import native as native_columns
from qa_lib.rules.followed import followed
from qa_lib.rules.journeys import Duration, Sequence, Step
from qa_lib.rules.native import Native
from qa_lib.tables import Label
from qa_lib.workspace import Columns, Snapshot
from qa_lib.workspace.columns import ColumnsWriter


def native(engine: Engine) -> Native:
    snapshot = engine.snapshot
    return Native(engine.catalogue, snapshot.columns, snapshot.as_of, snapshot.zone, engine.size)


def by_sql(engine: Engine, rule: object) -> list[int]:
    compiled = compile_rule(rule, engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone)  # type: ignore[arg-type]
    return sorted(int(n) for n in run_sql(engine.snapshot, compiled))


@pytest.fixture(params=[64, native_columns._COMPARED], ids=["blocks of 64, two threads", "one block"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many people's values are compared at a time, and on how many threads."""
    monkeypatch.setattr(native_columns, "_COMPARED", request.param)
    if request.param == 64:
        monkeypatch.setattr(bit_sets, "_WORTH_A_THREAD", 1)


@pytest.mark.usefixtures("blocks")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_conditions_select_whom_their_sql_selects(
    engine: Engine, company_world: World, data: st.DataObject
) -> None:
    catalogue = engine.catalogue
    fields = [comparisons(f, seen_values(company_world, f)) for f in catalogue.fields]
    kinds = [events(e, company_world) for e in catalogue.events]
    leaf = read_rule(data.draw(st.one_of(st.sampled_from(fields + kinds).flatmap(lambda s: s))))
    found = native(engine).selected(leaf)  # type: ignore[arg-type]
    if found is not None:
        assert to_numbers(found).tolist() == by_sql(engine, leaf)


@pytest.mark.parametrize(
    "leaf",
    [
        Tag("average_order_value", ">", 30),
        Tag("average_order_value", ">=", 30.005),
        Tag("order_count_365d", "<", 300),  # beyond the array's own type
        Tag("order_count_365d", "=", 2.5),
        Tag("discount_rate_365d", "between", [0.01, 0.02]),
        Tag("last_order_on", "in last", Last(30)),
        Tag("first_order_on", "before", "2017-02-01"),
        Tag("is_churn_warning", "=", False),
        Tag("is_churn_warning", "!=", True, missing="exclude"),
        Attribute("age_band", "not in", ["35-44", "nobody's", "25-34"]),
        Attribute("age_band", "=", "nobody's", missing="include"),
        Event("browse", where=All(Attribute("item_id", "=", "A")), window=Last(30)),
        Event("purchase", window=Last(180), operator="=", value=0),
        Event("purchase", measure=Sum("paid_amount"), window=Last(90), operator=">", value=100.5),
        Event("purchase", measure=Measure("days_since_last"), operator="<=", value=30),
        Event("browse", window=Last(30), operator="<=", value=2, missing="exclude"),
        Event("browse", window=Last(30), operator=">=", value=2, missing="include"),
        Event(
            "purchase",
            where=Any(Attribute("quantity", ">", 2), Attribute("brand", "=", "Private"), negated=True),
            operator="between",
            value=[2, 9],
            missing="exclude",
        ),
    ],
    ids=str,
)
def test_closed_shapes_are_answered_without_sql_and_equal_to_it(engine: Engine, leaf: Tag) -> None:
    found = native(engine).selected(leaf)
    assert found is not None
    assert to_numbers(found).tolist() == by_sql(engine, leaf)


@pytest.mark.parametrize("window", [Last(90), Ever()], ids=["90 days", "ever"])
@pytest.mark.parametrize("within", [None, Duration(7, "day"), Duration(3, "hour")], ids=str)
@pytest.mark.parametrize(
    "steps", [("cart", "purchase"), ("browse", "browse"), ("purchase", "visit")], ids="-".join
)
def test_two_steps_of_a_sequence_are_found_without_sql(
    engine: Engine, steps: tuple[str, str], within: Duration | None, window: Last | Ever
) -> None:
    leaf = Sequence((Step(steps[0]), Step(steps[1], within=within)), window=window)
    found = native(engine).selected(leaf)
    assert found is not None
    assert to_numbers(found).tolist() == by_sql(engine, leaf)


def test_keys_of_many_people_and_long_spans_are_searched_in_blocks() -> None:
    """A span of 2**60 microseconds leaves room for four people a block; the oracle looks at every pair."""
    rng = np.random.default_rng(3)
    one, other = ((rng.integers(0, 40, 200), rng.integers(0, 2**60, 200)) for _ in range(2))
    within = 2**55
    oracle = np.zeros(40, dtype=bool)
    for who, at in zip(*one, strict=True):
        oracle[who] |= bool(((other[0] == who) & (other[1] > at) & (other[1] - at <= within)).any())
    assert 0 < oracle.sum() < 40
    assert followed(one, other, 40, within).tolist() == oracle.tolist()


@pytest.mark.parametrize(
    "leaf",
    [
        Sequence((Step("cart"), Step("purchase", absent=True))),
        Sequence((Step("cart"), Step("purchase")), same=("item_id",)),
        Attribute("age_band", "contains", "3"),
        Event("purchase", measure=Measure("avg", "paid_amount"), operator=">", value=3),
        Event("purchase", measure=Measure("active_days"), operator=">", value=3),
    ],
    ids=str,
)
def test_other_shapes_are_left_to_sql(engine: Engine, leaf: Attribute) -> None:
    assert native(engine).selected(leaf) is None


def test_a_boolean_tag_that_is_not_known_for_everybody(tmp_path: Path, engine: Engine) -> None:
    """The declared answers for a missing value, on a bitset."""
    writer = ColumnsWriter(tmp_path)
    words = writer.bitsets(6, ["is_vip", "is_vip?"])
    words[0, 0], words[1, 0] = 0b000011, 0b001111
    writer.close()
    field = Field("is_vip", "tag", "boolean", Label("会员", "VIP"))
    one = dataclasses.replace(
        native(engine), catalogue=Catalogue((field,), ()), columns=Columns(tmp_path), size=6
    )

    def people(operator: str, value: bool | None = None, missing: str | None = None) -> list[int]:
        found = one.selected(Tag("is_vip", operator, value, missing=missing))
        assert found is not None
        return to_numbers(found).tolist()

    assert people("=", True) == [0, 1]
    assert people("=", False) == [2, 3]
    assert people("!=", True) == [2, 3, 4, 5]
    assert people("!=", True, "exclude") == [2, 3]
    assert people("=", True, "include") == [0, 1, 4, 5]
    assert people("is set") == [0, 1, 2, 3]
    assert people("is not set") == [4, 5]


def test_engines_of_two_processes_share_what_took_long(
    snapshot: Snapshot, people_catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from qa_lib.rules import engine as engine_module
    from qa_lib.workspace.leaves import LeafCache

    monkeypatch.setattr(engine_module, "_WORTH_SHARING_MS", 0.0)
    monkeypatch.setattr(snapshot, "leaves", LeafCache(tmp_path / "leaves"))
    leaf = Attribute("age_band", "contains", "3")
    first = Engine(snapshot, people_catalogue).evaluate(leaf)
    assert len(list((tmp_path / "leaves").iterdir())) == 1
    other = Engine(snapshot, people_catalogue)
    monkeypatch.setattr(other, "_selected", lambda leaf: pytest.fail("it was evaluated again"))
    assert other.evaluate(leaf).count == first.count > 0


def test_overlaps_are_what_sets_of_numbers_share() -> None:
    rng = np.random.default_rng(5)
    size = 4096 * 64 + 100
    people = [np.flatnonzero(rng.random(size) < share) for share in (0.001, 0.02, 0.4, 0.9)]
    found = overlaps([bit_sets.from_numbers(p, size) for p in people])
    assert found.tolist() == [[len(np.intersect1d(a, b)) for b in people] for a in people]
