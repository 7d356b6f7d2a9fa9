"""`qa stream`: run, status, person, produce; and what they say where there is nothing or something is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from live_helpers import AS_OF, copied, keyed
from typer.testing import CliRunner

from qa_lib.audiences import Audience, AudienceLibrary
from qa_lib.cli.commands import app
from qa_lib.errors import LogUnavailable, NothingBuilt, ReadOnly, SpecError
from qa_lib.live import LiveStream, status
from qa_lib.rules import All, Attribute, Event, InAudience
from qa_lib.sources.stream import SqliteLog
from qa_lib.workspace import Workspace

BROWSED_Q = All(Event("browse", where=All(Attribute("item_id", "=", "Q")), operator=">=", value=1))


@pytest.fixture
def own(workspace: Workspace, tmp_path: Path) -> Workspace:
    made = copied(workspace, tmp_path / "own", tags=False)
    library = AudienceLibrary(made)
    library.save(Audience(name="men", rule=Attribute("age_band", "is set")), "tests")
    library.save(Audience(name="browsed Q", rule=BROWSED_Q), "tests")
    library.save(Audience(name="known and browsed Q", rule=BROWSED_Q, base="men"), "tests")
    library.save(
        Audience(name="unknown, browsed Q", rule=All(BROWSED_Q, InAudience("men", member=False))), "tests"
    )
    return made


def said(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(app, ["stream", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout.strip().splitlines()[-1])
    return found


def test_made_up_events_are_sent_consumed_and_looked_at(own: Workspace) -> None:
    where = ("--workspace", str(own.root))
    start = AS_OF.isoformat()
    sent = said("produce", "--rate", "300", "--seconds", "1", "--start", start, *where)
    log = SqliteLog(own.root)
    told = {"event": "browse", "occurred_at": start, "properties": {"item_id": "Q"}}
    log.append(
        keyed(
            [{**told, "event_id": f"q{n}", "person_id": who} for n, who in enumerate(("1", "2", "somebody"))]
        )
    )
    log.append([("x", b"no event")])
    behind = 0
    log.close()
    run = said("run", "--clock", "events", "--seconds", "3", *where)
    assert run["read"] == sent["count"] + 4  # type: ignore[operator]
    assert run["poison"] == 1
    seen = said("status", *where)
    assert sum(seen["lag"].values()) == behind  # type: ignore[attr-defined]
    assert seen["delta_lag"] == 0
    assert seen["dead_letter_count"] == 1
    assert seen["event_count"] == sent["count"] + 3  # type: ignore[operator]
    as_of = ("--as-of", "2018-01-02T05:00:00Z")
    matches = {who: said("person", who, *as_of, *where)["matches"] for who in ("1", "2", "somebody")}
    for person, names in matches.items():
        frame = own.snapshot().frame(
            "SELECT age_band FROM profile JOIN people USING (person_no) WHERE person_id = $id", {"id": person}
        )
        known = len(frame) == 1 and frame["age_band"].notna().iloc[0]
        expected = {"browsed Q", "known and browsed Q" if known else "unknown, browsed Q"}
        assert expected <= set(names)  # type: ignore[call-overload]
    assert len({tuple(names) for names in matches.values()}) > 1  # type: ignore[arg-type]


def test_a_run_ends_when_it_is_told_to_and_keeps_what_it_read(own: Workspace) -> None:
    log = SqliteLog(own.root)
    code = "from qa_lib.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "stream", "run", "-w", str(own.root), "--clock", "events", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    assert process.stderr is not None
    assert "consuming as" in process.stderr.readline()
    event = {"event_id": "q", "person_id": "1", "event": "browse", "properties": {"item_id": "Q"}}
    log.append(keyed([{**event, "occurred_at": AS_OF.isoformat()}]))
    end = time.monotonic() + 60
    while status(own).live_events < 1:
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["new"] == 1
    assert status(own, log).delta_lag == 0
    assert status(own).members == {}
    log.close()


def test_nothing_consumed_yet_is_said(own: Workspace) -> None:
    with pytest.raises(NothingBuilt, match="Start `qa stream run`"):
        status(own)


def test_a_read_only_workspace_is_not_consumed_into(own: Workspace) -> None:
    reader = Workspace.open(own.root, read_only=True)
    log = SqliteLog(own.root)
    with pytest.raises(ReadOnly, match="qa stream run"):
        LiveStream(reader, log)
    log.close()


def test_changes_go_out_to_kafka_only(own: Workspace) -> None:
    result = CliRunner().invoke(app, ["stream", "run", "--matches-topic", "matches", "-w", str(own.root)])
    assert result.exit_code == 2
    assert "needs --log kafka" in result.output


def test_a_broker_that_is_not_there_is_a_message(own: Workspace, tmp_path: Path) -> None:
    settings = tmp_path / "kafka.yaml"
    settings.write_text("socket.timeout.ms: 1000\n")
    from qa_lib.sources.stream.kafka_log import KafkaLog, read_settings

    log = KafkaLog("127.0.0.1:9", settings=read_settings(settings))
    with pytest.raises(LogUnavailable, match=r"127\.0\.0\.1:9"):
        log.create()
    settings.write_text("- a\n")
    with pytest.raises(SpecError, match="no names and values"):
        read_settings(settings)
    with pytest.raises(SpecError, match="cannot be read"):
        read_settings(tmp_path / "missing.yaml")
