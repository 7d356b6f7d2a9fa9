"""Risk fails closed: by its own rules, and over HTTP from a real server that is slow, broken or fine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from qa_lib.errors import SpecError
from qa_lib.guards import RISK_REASONS, LocalRisk, RiskPolicy, RiskRule, RiskService
from qa_lib.rules import All, Engine, Tag

NOW = datetime(2025, 1, 1, tzinfo=UTC)


class _Service(BaseHTTPRequestHandler):
    """Answers as its server's `mood` says, and notes what it was asked."""

    def do_POST(self) -> None:
        server: Any = self.server
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.asked.append(asked)
        mood = server.mood
        if mood == "slow":
            time.sleep(1.0)
        decided_at = datetime.now(UTC) - timedelta(hours=1 if mood == "stale" else 0)
        answer: dict[str, Any] = {
            "decided_by": "risk v7",
            "decided_at": decided_at.isoformat(),
            "decisions": {p: "deny" if p.startswith("bad") else "allow" for p in asked["person_ids"]},
        }
        if mood == "odd":
            answer["decisions"] = {asked["person_ids"][0]: "allow", asked["person_ids"][1]: True}
        body = {"malformed": b"{'allow'", "no decisions": b"{}", "a list": b"[]"}.get(
            mood, json.dumps(answer).encode()
        )
        try:
            self.send_response({"500": 500, "redirect": 302, "empty": 204}.get(mood, 200))
            if mood == "redirect":
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if mood == "drips":
                for i in range(len(body)):
                    self.wfile.write(body[i : i + 1])
                    time.sleep(0.02)
            else:
                self.wfile.write(body)
        except OSError:
            return  # the asker has gone

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[Any]:
    made: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    made.mood, made.asked = "fine", []
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def service(server: Any, **how: Any) -> RiskService:
    return RiskService(url=f"http://127.0.0.1:{server.server_port}/risk", **{"timeout_seconds": 0.4, **how})


def test_a_service_that_is_fine_allows_and_denies(server: Any) -> None:
    answer = service(server, batch_size=2).decide(["a", "bad-b", "c"], NOW)
    assert answer.denials == (None, "denied", None)
    assert "risk v7" in answer.decided_by
    assert [len(a["person_ids"]) for a in server.asked] == [2, 1]
    assert service(server).decide([], NOW).denials == ()


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("slow", "late"),
        ("drips", "late"),
        ("500", "unavailable"),
        ("redirect", "unavailable"),
        ("empty", "unavailable"),
        ("malformed", "malformed"),
        ("no decisions", "malformed"),
        ("a list", "malformed"),
        ("stale", "stale"),
    ],
)
def test_whatever_is_wrong_denies_everybody_and_asks_no_more(server: Any, mood: str, reason: str) -> None:
    server.mood = mood
    started = time.monotonic()
    answer = service(server, batch_size=1).decide(["a", "b", "c"], NOW)
    assert answer.denials == (reason,) * 3
    assert reason in RISK_REASONS
    assert len(server.asked) == 1
    assert time.monotonic() - started < 10


def test_only_the_word_allow_allows(server: Any) -> None:
    server.mood = "odd"
    assert service(server).decide(["a", "b", "c"], NOW).denials == (None, "malformed", "unknown_person")


def test_a_service_that_is_not_there_denies(server: Any) -> None:
    gone = service(server)
    server.server_close()
    assert gone.decide(["a"], NOW).denials == ("unavailable",)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "http://user:secret@host/", "nonsense"])
def test_an_address_that_cannot_be_says_why(url: str) -> None:
    with pytest.raises(SpecError, match="http or https"):
        RiskService(url=url)


def test_local_rules_deny_whom_they_select(engine: Engine) -> None:
    rule = All(Tag("order_count_365d", ">", 20))
    selected = engine.evaluate(rule)
    assert 0 < selected.count < selected.universe
    people = engine.snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].tolist()
    policy = RiskPolicy(name="Abuse", owner="Risk team", version=3, rules=(RiskRule("many orders", rule),))
    answer = LocalRisk(policy, engine).decide([*people, "nobody"], engine.snapshot.as_of)
    assert answer.denials.count("denied") == selected.count
    assert answer.denials[-1] == "unknown_person"
    assert answer.decided_by == "Abuse v3 (Risk team)"
    assert RiskPolicy.from_json(policy.to_json()) == policy


def test_local_rules_fail_closed(engine: Engine) -> None:
    at = engine.snapshot.as_of
    gone = RiskRule("gone", All(Tag("a_tag_that_is_gone", ">", 1)))
    broken = LocalRisk(RiskPolicy(name="p", owner="o", version=1, rules=(gone,)), engine)
    assert broken.decide(["1"], at).denials == ("unavailable",)
    fine = LocalRisk(RiskPolicy(name="p", owner="o", version=1, max_age_hours=1), engine)
    assert fine.decide(["1"], at + timedelta(hours=2)).denials == ("stale",)
    assert fine.decide(["1"], at - timedelta(hours=1)).denials == ("stale",)
