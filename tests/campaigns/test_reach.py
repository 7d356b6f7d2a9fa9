"""Who can be reached by each channel is what a plan on that channel decides at its first gates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from qa_lib.audiences import person_ids
from qa_lib.audiences.evaluate import evaluate
from qa_lib.campaigns import (
    ANY_CHANNEL,
    CHANNELS,
    Campaign,
    EmailMessage,
    OutboxMessage,
    PushMessage,
    plan,
    reach,
)
from qa_lib.guards import GuardState
from qa_lib.rules.bits import everybody
from qa_lib.workspace import Workspace

MESSAGES: dict[str, Any] = {
    "sms": None,
    "email": EmailMessage(
        subject="Spring", text="It is here", unsubscribe_url="https://example.invalid/stop"
    ),
    "push": PushMessage(title="Spring", body="It is here"),
    "outbox": OutboxMessage(text="It is here"),
}
FORMER = "somebody-merged-away"


@pytest.mark.parametrize("name", MESSAGES)
def test_reach_is_what_a_plan_decides(
    planning: Workspace, book: pd.DataFrame, campaign_of: Callable[..., Campaign], name: str
) -> None:
    campaign = campaign_of(**({} if MESSAGES[name] is None else {"message": MESSAGES[name]}))
    made = plan(planning, campaign, addresses=book)
    found = reach(planning, audience(planning, campaign), addresses=book).set_index("channel").loc[name]
    reasons = [row["reason"] for row in made.records]
    stopped = {r: reasons.count(r) for r in ("no_identifier", "suppressed", "no_consent")}
    assert found["audience_count"] == len(reasons)
    assert found["address_count"] == len(reasons) - stopped["no_identifier"]
    assert found["suppressed_count"] == stopped["suppressed"] > 0
    assert found["no_consent_count"] == stopped["no_consent"]
    assert found["reachable_count"] == len(reasons) - sum(stopped.values())
    assert found["message_count"] == made.send_count


def test_any_channel_counts_people_once(
    planning: Workspace, book: pd.DataFrame, campaign_of: Callable[..., Campaign]
) -> None:
    people = audience(planning, campaign_of())
    few = book[book["identifier"].isin(["phone", "email"]) & book["person_id"].isin(people[::2])]
    found = reach(planning, people, addresses=few).set_index("channel")
    assert list(found.index) == [ANY_CHANNEL, *CHANNELS]
    assert found.loc[ANY_CHANNEL, "address_count"] == few["person_id"].nunique()
    by_channel = found.loc[["sms", "email"], "reachable_count"]
    assert by_channel.max() < found.loc[ANY_CHANNEL, "reachable_count"] < by_channel.sum()
    assert found.loc["push", "address_count"] == 0


def test_an_id_of_before_a_merge_counts_and_nobody_is_fine(planning: Workspace, book: pd.DataFrame) -> None:
    one = sorted(person_ids(planning.snapshot(), everybody(planning.snapshot().people_count)))[1]
    reached = reach(planning, [one], addresses=book).set_index("channel").loc["outbox", "reachable_count"]
    GuardState(planning).suppress(FORMER, source="complaint")
    merged = reach(planning, [one], addresses=book, former_ids={one: (FORMER,)}).set_index("channel")
    assert (reached, merged.loc["outbox", "reachable_count"], merged.loc["outbox", "suppressed_count"]) == (
        1,
        0,
        1,
    )
    assert reach(planning, [], addresses=book)["reachable_count"].eq(0).all()


def audience(workspace: Workspace, campaign: Campaign) -> list[str]:
    snapshot = workspace.snapshot()
    found: list[str] = person_ids(snapshot, evaluate(snapshot, campaign.audience).members[()]).tolist()
    return found
