"""Whoever was held out, had opted out or was suppressed before a merge is so after it, and before an undo of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from qa_lib.audiences import Audience
from qa_lib.campaigns import Campaign, OutboxMessage, Plan, Schedule, plan
from qa_lib.guards import ContactPolicy, GuardState, Holdout, bucket
from qa_lib.identity import Policy, add_links, former_ids, read_resolution, undo
from qa_lib.jobs.build import resolve_and_build
from qa_lib.rules import All
from qa_lib.sources import FEEDS, land, write_company
from qa_lib.sources.journey import ZONE
from qa_lib.workspace import Workspace

SEVERAL = Policy(single_kinds={"card": False})
BEFORE, AFTER, LATER = "2017-09-01T04:00:00Z", "2017-10-01T04:00:00Z", "2017-11-01T04:00:00Z"


def add(workspace: Workspace, rows: Sequence[tuple[str, int, str]]) -> None:
    frame = pd.DataFrame(
        [("card", c, "phone", f"+141555500{p:02d}", "till", f"{day}T12:00:00Z") for c, p, day in rows],
        columns=["left_kind", "left_value", "right_kind", "right_value", "source", "observed_at"],
    )
    assert add_links(workspace, frame, once=rows[0][2]).empty


@pytest.fixture
def merging(tmp_path: Path) -> Workspace:
    """Six people with a card each, of whom two and two and two turn out to be one."""
    made = Workspace.create(tmp_path / "w", zone=ZONE)
    files = write_company(tmp_path / "files", people=12, random_state=1)
    for feed in ("transactions", "products", "demographics"):
        land(made, FEEDS[f"journey.{feed}"], files[f"journey.{feed}"])
    add(made, [(str(n), n, f"2017-02-0{n}") for n in range(1, 7)])
    resolve_and_build(made, BEFORE, policy=SEVERAL)
    add(made, [(str(n), n - 1, "2017-09-10") for n in (2, 4, 6)])
    return made


def planned(workspace: Workspace, as_of: str, salt: str, *, with_former: bool = True) -> Plan:
    start = pd.Timestamp(as_of).to_pydatetime()
    campaign = Campaign(
        name="after a merge",
        audience=Audience(name="everybody", rule=All()),
        message=OutboxMessage(text="Hello"),
        schedule=Schedule(start, start + timedelta(days=3)),
    )
    former = former_ids(read_resolution(workspace).as_of(as_of)) if with_former else None
    policy = ContactPolicy(holdout=Holdout(0.3, salt))
    nobody = pd.DataFrame(columns=["person_id", "identifier", "address"])
    return plan(workspace, campaign, as_of, addresses=nobody, policy=policy, former_ids=former)


def reasons(found: Plan) -> dict[str, str | None]:
    return {row["person_id"]: row["reason"] for row in found.records}


def test_holdout_consent_and_suppression_survive_a_merge(merging: Workspace) -> None:
    people = read_resolution(merging)
    one, held, two, out, three, stopped = (str(people.person("card", str(n))) for n in range(1, 7))
    others = (one, two, out, three, stopped)
    salt = next(
        s
        for s in map(str, range(10_000))
        if bucket(s, held) < 0.3 and all(bucket(s, other) >= 0.3 for other in others)
    )
    state = GuardState(merging)
    state.grant([held, *others], source="test")
    state.opt_out(out)
    state.suppress(stopped, source="complaint")
    before = reasons(planned(merging, BEFORE, salt))
    assert [before[p] for p in (one, two, three)] == [None, None, None]
    assert [before[p] for p in (held, out, stopped)] == ["holdout", "no_consent", "suppressed"]

    resolve_and_build(merging, AFTER, policy=SEVERAL)
    after = reasons(planned(merging, AFTER, salt))
    assert [after[p] for p in (one, two, three)] == ["holdout", "no_consent", "suppressed"]
    assert not {held, out, stopped} & set(after)
    forgetful = reasons(planned(merging, AFTER, salt, with_former=False))
    assert [forgetful[p] for p in (one, two, three)] == [None, None, None]

    changes = read_resolution(merging).changes
    for change in changes.loc[changes["change"] == "merge", "change_id"]:
        undo(merging, change, LATER, policy=SEVERAL)
    resolve_and_build(merging, LATER, policy=SEVERAL)
    apart = reasons(planned(merging, LATER, salt))
    assert {p: apart[p] for p in before if p.startswith("p")} == {
        p: r for p, r in before.items() if p.startswith("p")
    }
