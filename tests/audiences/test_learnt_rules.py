"""Learnt rules: the engine selects whom the tree chooses, and the evidence is of people it never saw."""

from __future__ import annotations

import warnings
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from qa_lib.audiences import Audience, engine_of, learn_rule
from qa_lib.audiences.columns import columns_of, round_day, round_threshold
from qa_lib.audiences.learnt import _auc
from qa_lib.audiences.tree_rule import tree_rule
from qa_lib.errors import SpecError, UnknownName
from qa_lib.rules import All, Any, Attribute, Event, Last, Rule, Sum, Tag, read_rule, to_numbers
from qa_lib.workspace import Snapshot

few = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def members(snapshot: Snapshot, rule: Rule) -> np.ndarray:
    inside = np.zeros(snapshot.people_count, dtype=bool)
    inside[to_numbers(engine_of(snapshot).evaluate(rule).members[()])] = True
    return inside


@given(seed=st.integers(0, 10_000), depth=st.integers(1, 6), rate=st.sampled_from([0.08, 0.3, 0.5, 0.8]))
@few
def test_the_rule_selects_whom_the_tree_chooses_of_random_labels(
    seed: int, depth: int, rate: float, snapshot: Snapshot
) -> None:
    """Labels that mean nothing make the oddest trees; the rule must still be the tree, for everybody."""
    ids = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"]
    chosen = ids[np.random.default_rng(seed).random(len(ids)) < rate]
    learnt = learn_rule(snapshot, chosen, max_depth=depth, random_state=seed)
    assert (members(snapshot, learnt.rule) == learnt.decisions).all()
    assert read_rule(learnt.rule.to_json()).hash == learnt.rule.hash
    assert learnt.sentence.en


def test_a_rule_that_can_be_said_is_found_again(snapshot: Snapshot) -> None:
    """The label is a rule over the profile; what is learnt selects nearly the same people."""
    true = All(Tag("order_count_365d", ">", 40), Tag("recency_days", "<=", 20))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        learnt = learn_rule(snapshot, Audience(name="regulars", rule=true))
    label, chosen = members(snapshot, true), members(snapshot, learnt.rule)
    assert (label == chosen).mean() > 0.95
    assert learnt.precision.low <= learnt.precision.rate <= learnt.precision.high
    assert learnt.recall.rate > 0.85
    assert learnt.base_rate.of_count == learnt.coverage.of_count
    assert learnt.trained_count + learnt.coverage.of_count == snapshot.people_count
    assert learnt.coverage.of_count == pytest.approx(0.3 * snapshot.people_count, abs=1)


def test_the_evidence_is_what_counting_held_out_people_gives(snapshot: Snapshot) -> None:
    """Precision and recall share their hits, and precision is far above the base for a real difference."""
    big = Event("purchase", window=Last(90, "day"), measure=Sum("paid_amount"), operator=">", value=300)
    learnt = learn_rule(snapshot, big, fields=["age_band", "income_band", "recency_days", "store_count_365d"])
    assert learnt.precision.count == learnt.recall.count
    assert learnt.precision.of_count == learnt.coverage.count
    assert learnt.recall.of_count == learnt.base_rate.count
    assert learnt.precision.rate > learnt.base_rate.rate


def test_the_same_call_gives_the_same_rule(snapshot: Snapshot) -> None:
    true = Tag("order_count_365d", ">", 40)
    fields = ["recency_days", "age_band", "average_order_value"]
    one, other = (learn_rule(snapshot, true, fields=fields, random_state=7) for _ in range(2))
    assert one.rule.hash == other.rule.hash
    assert one.stamp == other.stamp


def test_a_field_that_gives_the_label_away_is_warned_of(snapshot: Snapshot) -> None:
    with pytest.warns(UserWarning, match="'order_count_365d' alone gives the label away"):
        learnt = learn_rule(snapshot, Tag("order_count_365d", ">", 40), fields=["order_count_365d"])
    assert learnt.leaks["field"].tolist() == ["order_count_365d"]
    assert learnt.leaks["auc"].iloc[0] > 0.99
    assert learnt.precision.rate == 1.0
    bands = Attribute("age_band", "in", ("25-34", "45-54"))
    with pytest.warns(UserWarning, match="'age_band'"):
        learn_rule(snapshot, bands, fields=["age_band", "recency_days"])


def test_a_missing_value_that_tells_is_learnt(snapshot: Snapshot) -> None:
    unset = Attribute("age_band", "is not set")
    with pytest.warns(UserWarning, match="alone gives the label away"):
        learnt = learn_rule(snapshot, unset, fields=["age_band"])
    assert (members(snapshot, learnt.rule) == members(snapshot, unset)).all()


def test_having_a_value_or_none_parts_people_of_every_type(snapshot: Snapshot) -> None:
    """Scikit-learn says it with an infinite threshold where all values stay on one side."""
    profile = snapshot.frame("SELECT * FROM profile")
    tried = set()
    for field in engine_of(snapshot).catalogue.fields:
        count = profile[field.name].isna().sum()
        if field.type in tried or not 20 <= count <= len(profile) - 20:
            continue
        kind = Attribute if field.kind == "attribute" else Tag
        unset = kind(field.name, "is not set")
        with pytest.warns(UserWarning, match="alone gives the label away"):
            learnt = learn_rule(snapshot, unset, fields=[field.name])
        assert (members(snapshot, learnt.rule) == members(snapshot, unset)).all(), field.name
        assert (learnt.decisions == members(snapshot, unset)).all()
        tried.add(field.type)
    assert {"number", "text"} <= tried


def test_a_label_that_is_constant_or_too_small_is_refused(snapshot: Snapshot) -> None:
    with pytest.raises(SpecError, match=r"Everybody of \d+ people is labelled"):
        learn_rule(snapshot, All())
    with pytest.raises(SpecError, match=r"Nobody of \d+ people is labelled"):
        learn_rule(snapshot, [])
    ids = snapshot.frame("SELECT person_id FROM people")["person_id"]
    with pytest.raises(SpecError, match="at least 20 on either side"):
        learn_rule(snapshot, ids.head(5))
    with pytest.raises(UnknownName, match="Nobody has the id nobody-1"):
        learn_rule(snapshot, [*ids.head(50), "nobody-1"])
    with pytest.raises(SpecError, match="depth of 1 to 8"):
        learn_rule(snapshot, ids.head(50), max_depth=0)
    with pytest.raises(UnknownName, match="'recency_days'"):
        learn_rule(snapshot, ids.head(50), fields=["recency_day"])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=4, max_size=40))
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_the_auc_is_the_one_of_scikit_learn(pairs: list[tuple[bool, int]]) -> None:
    label, score = (np.array(one) for one in zip(*pairs, strict=True))
    if 0 < label.sum() < len(label):
        assert _auc(label, score.astype(float)) == pytest.approx(roc_auc_score(label, score))


def test_a_tree_that_found_nothing_is_no_rule(snapshot: Snapshot) -> None:
    column = columns_of(snapshot, [engine_of(snapshot).catalogue.field("recency_days")])[0]
    tree = DecisionTreeClassifier(class_weight="balanced").fit(np.zeros((40, 1)), np.arange(40) % 2)
    assert tree_rule(tree, [column]) is None


@given(
    low=st.floats(-1e9, 1e9).map(lambda x: round(x, 4)), gap=st.floats(1e-4, 1e6).map(lambda x: round(x, 4))
)
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_a_rounded_threshold_parts_the_same_values(low: float, gap: float) -> None:
    high = low + max(gap, 1e-4)
    if high > low:
        assert low <= round_threshold(low, high) < high


def test_thresholds_are_round() -> None:
    assert round_threshold(497.13, 512.9) == 500
    assert round_threshold(3, 4) == 3
    assert round_threshold(0.1234, 0.1299) == 0.125
    assert round_threshold(-0.3, 0.2) == 0
    assert round_threshold(12, 17) == 15
    assert round_threshold(-17.5, -12.1) == -15
    assert round_day(date(2017, 2, 3), date(2017, 3, 9)) == date(2017, 3, 1)
    assert round_day(date(2016, 2, 3), date(2017, 3, 9)) == date(2017, 1, 1)
    assert round_day(date(2017, 3, 3), date(2017, 3, 9)) == date(2017, 3, 9)


def test_a_tidied_rule_says_no_bound_twice(snapshot: Snapshot) -> None:
    ids = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"]
    learnt = learn_rule(snapshot, ids[::3], max_depth=6, fields=["recency_days", "average_order_value"])

    def groups(rule: Rule) -> list[All | Any]:
        own = [rule] if isinstance(rule, All | Any) else []
        return own + [g for child in getattr(rule, "of", ()) for g in groups(child)]

    for group in groups(learnt.rule):
        bounds = [(c.field, c.operator, c.missing) for c in group.of if isinstance(c, Tag | Attribute)]
        assert len(bounds) == len(set(bounds))
