"""A campaign by the command line alone: plan, simulate, send, replay, report, opt-out."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from qa_lib.audiences import Audience
from qa_lib.campaigns import Campaign, Costs, Goal, OutboxMessage, Schedule
from qa_lib.cli import main
from qa_lib.guards import GuardState, Holdout
from qa_lib.jobs.build import resolve_and_build
from qa_lib.jobs.campaign import find_plan, outbox_of
from qa_lib.jobs.generated_contacts import generate_contacts
from qa_lib.jobs.history import past_campaign
from qa_lib.jobs.worked_campaign import NAME, keep_guards, worked_campaign
from qa_lib.rules import Event, Tag
from qa_lib.rules.files import write_spec
from qa_lib.tables import CAMPAIGNS, SENDS
from qa_lib.workspace import Workspace

Qa = Callable[..., Any]


@pytest.fixture(scope="module")
def stage(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the company with contacts, guards, and the snapshot of a past campaign's eve."""
    root = tmp_path_factory.mktemp("stage") / "workspace"
    shutil.copytree(workspace.root, root)
    made = Workspace.open(root)
    resolve_and_build(made)
    generate_contacts(made, made.snapshot())
    keep_guards(made)
    past = past_campaign(made.snapshot())
    resolve_and_build(made, past.starts_at)
    write_spec(root / "campaigns" / "worked.yaml", worked_campaign(past))
    return made


@pytest.fixture
def qa(stage: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Qa:
    """Run `qa` on the stage; the answer as JSON, or what was said where it failed."""

    def run(*words: object, fails: bool = False) -> Any:
        monkeypatch.setattr(sys, "argv", ["qa", *map(str, words), "-w", str(stage.root), "--json"])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        assert bool(stopped.value.code) is fails, said.err
        return said.err if fails else json.loads(said.out)

    return run


def test_a_campaign_from_its_file_to_its_report(qa: Qa, stage: Workspace) -> None:
    past = past_campaign(stage.snapshot())
    made = qa("plan", stage.root / "campaigns" / "worked.yaml", "--as-of", past.starts_at.isoformat())
    assert made["send"] + sum(made["reasons"].values()) == made["audience"] <= made["universe"]
    assert made["send"] > 20
    assert Decimal(made["worst_case"]) > Decimal(made["message_cost"]) > 0
    again = qa("plan", stage.root / "campaigns" / "worked.yaml", "--as-of", past.starts_at.isoformat())
    assert again["plan"] == made["plan"]

    rehearsed = qa("simulate", made["plan"][:10])
    figures = {f["metric"]: f for f in rehearsed["figures"]}
    assert figures["targeted"]["rehearsed"] == made["audience"] - made["reasons"]["holdout"]
    low, mean, high = (figures["converters"][k] for k in ("rehearsed_low", "rehearsed", "rehearsed_high"))
    assert 0 < low <= mean <= high < made["send"]
    assert "not" in rehearsed["evidence"]["en"]

    sent = qa("send", NAME, "--replay", past.campaign_id)
    assert sent["handed_over"] == made["send"]
    assert qa("send", NAME, "--replay", past.campaign_id)["handed_over"] == 0

    report = qa("report", NAME, "--origin", "replayed")
    shown = {f["metric"]: f for f in report["figures"]}
    assert shown["sent"]["result"] == made["send"]
    assert shown["sent"]["rehearsed"] == made["send"]
    assert 0 < shown["reached"]["result"] <= made["send"]
    assert Decimal(shown["cost"]["result"]) >= Decimal(made["message_cost"])
    by_stage = qa("report", NAME, "--origin", "replayed", "--by", "lifecycle_stage")
    of_reached = [f["result"] or 0 for f in by_stage["figures"] if f["metric"] == "reached"]
    assert sum(of_reached) == shown["reached"]["result"]


def test_a_real_run_goes_to_the_outbox_and_skips_who_opted_out_since_the_plan(
    qa: Qa, stage: Workspace, tmp_path: Path
) -> None:
    snapshot = stage.snapshot()
    start = snapshot.as_of - timedelta(days=5)
    spec = Campaign(
        name="for-real",
        audience=Audience(name="regulars", rule=Tag("order_count_365d", ">=", 3)),
        message=OutboxMessage(text="hello"),
        schedule=Schedule(start, start + timedelta(days=36_500)),
        goal=Goal(Event("visit")),
        holdout=Holdout(0.1, "for-real"),
        costs=Costs(unit_amount=Decimal("0.01")),
    )
    # risk has no fresh snapshot today, and would rightly deny everybody
    (stage.root / "guards" / "risk.yaml").rename(tmp_path / "risk.yaml")
    (stage.root / "guards" / "contact_policy.yaml").rename(tmp_path / "policy.yaml")
    try:
        write_spec(tmp_path / "campaign.yaml", spec)
        made = qa("plan", tmp_path / "campaign.yaml")
        people = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].tolist()
        gone = people[5]
        assert qa("opt-out", gone)["on_the_way"] == 0
        sent = qa("send", "for-real", "--outbox", tmp_path / "out.jsonl")
    finally:
        (tmp_path / "risk.yaml").rename(stage.root / "guards" / "risk.yaml")
        (tmp_path / "policy.yaml").rename(stage.root / "guards" / "contact_policy.yaml")
    lines = [json.loads(text) for text in (tmp_path / "out.jsonl").read_text().splitlines()]
    reached = {line["person_id"] for line in lines}
    assert len(lines) == len(reached) == sent["handed_over"] > 100
    assert gone not in reached
    assert GuardState(stage).verdicts([gone], "outbox") == ["no_consent"]
    assert made["send"] - sent["handed_over"] in (0, 1)
    report = qa("report", "for-real")
    shown = {f["metric"]: f for f in report["figures"]}
    assert shown["targeted"]["result"] == made["audience"] - made["reasons"]["holdout"]
    assert shown["sent"]["result"] == 0  # as of the data's end: the messages left today
    assert shown["reached"]["result"] is None
    assert "receipt" in shown["reached"]["note_en"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("simulate", "nothing-like-it"), "No plan in"),
        (("report", NAME, "--origin", "dreamt"), "Unknown origin 'dreamt'"),
        (("send", NAME, "--smtp", "127.0.0.1:1", "--sender", "a@example.com"), "channel 'sms'"),
        (("send", NAME, "--replay", "none-such"), "Campaign 'none-such' cannot be replayed"),
        (("plan", "no-such-file.yaml"), "campaign file no-such-file.yaml cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(qa: Qa, stage: Workspace, words: tuple[str, ...], said: str) -> None:
    past = past_campaign(stage.snapshot())
    qa("plan", stage.root / "campaigns" / "worked.yaml", "--as-of", past.starts_at.isoformat())
    assert said in qa(*words, fails=True)


def test_a_plan_that_is_refused_leaves_nothing_and_a_name_is_no_path(
    qa: Qa, stage: Workspace, tmp_path: Path
) -> None:
    start = stage.snapshot().as_of
    spec = Campaign(
        name="../双十一/<b>",
        audience=Audience(name="regulars", rule=Tag("order_count_365d", ">=", 3)),
        message=OutboxMessage(text="满40减5😀"),
        schedule=Schedule(start, start + timedelta(days=3)),
    )
    write_spec(tmp_path / "over.yaml", spec)
    made = qa("plan", tmp_path / "over.yaml")
    assert "ended at 2018-01-04" in qa("send", made["plan"], fails=True)
    for table in (SENDS, CAMPAIGNS):
        assert spec.name not in set(stage.read(table)["campaign_id"])
    outbox = Path(outbox_of(stage, find_plan(stage, made["plan"])))
    assert outbox.parent == stage.root / "outbox"


def test_a_campaign_file_with_a_fault_names_the_place(qa: Qa, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: x\nholdout: {share: 3, salt: s}\n")
    told = qa("plan", tmp_path / "bad.yaml", fails=True)
    assert "bad.yaml" in told
    assert "holdout.share" in told
