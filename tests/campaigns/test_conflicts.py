"""Conflicts are settled alike in every order of plans, and what is left keeps to the caps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from itertools import permutations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_lib.campaigns import Campaign, EmailMessage, Plan, plan, resolve_conflicts
from qa_lib.errors import SpecError
from qa_lib.guards import Cap
from qa_lib.workspace import Workspace

Make = Callable[..., Campaign]
NAMES = ("one", "two", "three")


@pytest.fixture(scope="module")
def three(planning: Workspace, book: pd.DataFrame, campaign_of: Make) -> list[Plan]:
    """Three campaigns of equal priority, one by mail, whose worth differs by person."""
    mail = EmailMessage(subject="s", text="t", unsubscribe_url="https://example.invalid/u")
    made = []
    for number, name in enumerate(NAMES):
        worth = {str(p): Decimal((p * (number + 3)) % 4) for p in range(1, 600)}
        campaign = campaign_of(name, **({"message": mail} if number == 2 else {}))
        made.append(plan(planning, campaign, addresses=book, expected_values=worth))
    return made


@settings(max_examples=12, deadline=None)
@given(st.permutations([0, 1, 2]), st.integers(0, 2), st.sampled_from(["all", "channel"]))
def test_the_answer_is_the_same_in_every_order(
    three: list[Plan], order: list[int], n: int, scope: str
) -> None:
    caps = [Cap(n, scope=scope)]
    expected = {p.campaign.name: p.hash for p in resolve_conflicts(three, caps)}
    shuffled = [
        Plan(p.campaign, p.as_of, p.universe, p.currency, p.made_from, p.records)
        for p in (three[i] for i in order)
    ]
    assert {p.campaign.name: p.hash for p in resolve_conflicts(shuffled, caps)} == expected


def test_one_a_day_leaves_each_person_the_message_worth_most(three: list[Plan]) -> None:
    found = resolve_conflicts(three)
    wanted: dict[str, list[tuple[Decimal, int, str]]] = {}
    for one in three:
        for row in one.records:
            if row["reason"] is None:
                rank = (-row["expected_value_amount"], int(row["tie"], 16), one.campaign.name)
                wanted.setdefault(row["person_id"], []).append(rank)
    expected = {person: min(ranks)[2] for person, ranks in wanted.items()}
    sent = [(r["person_id"], p.campaign.name) for p in found for r in p.records if r["reason"] is None]
    assert dict(sent) == expected
    assert max(Counter(person for person, _ in sent).values()) == 1
    for before, after in zip(three, found, strict=True):
        assert sum(after.reasons.values()) + after.send_count == after.audience_count == before.audience_count
        assert after.made_from["resolved_from"] == before.hash
        assert after.reasons["lost_conflict"] == before.send_count - after.send_count


def test_priority_comes_before_worth(
    planning: Workspace, book: pd.DataFrame, campaign_of: Make, three: list[Plan]
) -> None:
    urgent = plan(planning, campaign_of("urgent", priority=9), addresses=book)
    for order in permutations([urgent, *three[:2]]):
        found = {p.campaign.name: p for p in resolve_conflicts(order)}
        assert "lost_conflict" not in found["urgent"].reasons
        assert found["one"].send_count + found["two"].send_count < three[0].send_count


def test_nothing_to_settle_and_the_same_twice(three: list[Plan]) -> None:
    assert resolve_conflicts([]) == []
    kept = resolve_conflicts(three, [Cap()])
    assert [p.send_count for p in kept] == [p.send_count for p in three]
    with pytest.raises(SpecError, match="same campaign"):
        resolve_conflicts([three[0], three[0]])
