"""Consent and suppression: newest entry holds, suppression wins, and an opt-out that returned is seen."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qa_lib.errors import ReadOnly, SpecError
from qa_lib.guards import EVERY_CHANNEL, GuardState
from qa_lib.workspace import Workspace

ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["grant", "opt_out", "suppress", "lift"]),
        st.sampled_from([EVERY_CHANNEL, "sms", "email"]),
    ),
    max_size=8,
)


def expected(entries: list[tuple[str, str]], channel: str, is_marketing: bool) -> str:
    """Replay the entries by hand."""
    consent: dict[str, bool] = {}
    stopped: dict[str, bool] = {}
    for verb, of in entries:
        (consent if verb in ("grant", "opt_out") else stopped)[of] = verb in ("grant", "suppress")
    if stopped.get("*") or stopped.get(channel):
        return "suppressed"
    if not is_marketing:
        return "allowed"
    if consent.get("*") is False or consent.get(channel) is False:
        return "no_consent"
    return "allowed" if consent.get("*") or consent.get(channel) else "no_consent"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=ENTRIES, others=ENTRIES)
def test_verdicts_are_those_of_a_replay(
    fresh_workspace: Workspace, entries: list[tuple[str, str]], others: list[tuple[str, str]]
) -> None:
    state = GuardState(fresh_workspace)
    test_verdicts_are_those_of_a_replay.count = count = (  # type: ignore[attr-defined]
        getattr(test_verdicts_are_those_of_a_replay, "count", 0) + 1
    )
    one, other = f"one-{count}", f"other-{count}"
    for person, told in ((one, entries), (other, others)):
        for verb, of in told:
            how = {"channel": of, "source": "test"}
            getattr(state, verb)(person, **how)
    for channel in ("sms", "email", "push"):
        for is_marketing in (True, False):
            mine, its = (expected(told, channel, is_marketing) for told in (entries, others))
            assert state.verdicts([one, other], channel, is_marketing=is_marketing) == [mine, its]
            strictest = min((mine, its), key=["suppressed", "no_consent", "allowed"].index)
            assert state.verdicts([(one, other)], channel, is_marketing=is_marketing) == [strictest]


def test_nobody_has_consented_to_marketing_and_everybody_gets_a_receipt(fresh_workspace: Workspace) -> None:
    state = GuardState(fresh_workspace)
    assert state.verdicts(["a"], "sms") == ["no_consent"]
    assert state.verdicts(["a"], "sms", is_marketing=False) == ["allowed"]
    assert state.verdicts([], "sms") == []


def test_many_people_read_alike_by_index_and_by_one_pass(fresh_workspace: Workspace) -> None:
    state = GuardState(fresh_workspace)
    people = [f"p{i}" for i in range(1_200)]
    state.grant(people, source="import")
    state.opt_out(people[::3], channel="sms")
    whole = state.verdicts(people, "sms")
    assert whole == [v for i in range(0, 1_200, 400) for v in state.verdicts(people[i : i + 400], "sms")]
    assert whole.count("no_consent") == 400


def test_an_opt_out_that_returned_is_seen_by_the_next_decision_of_every_thread(
    fresh_workspace: Workspace,
) -> None:
    GuardState(fresh_workspace).grant([f"{t}-{i}" for t in range(4) for i in range(15)], source="import")
    wrong: list[str] = []

    def opt_out_and_look(thread: int) -> None:
        mine, another = GuardState(fresh_workspace), GuardState(Workspace.open(fresh_workspace.root))
        for i in range(15):
            person = f"{thread}-{i}"
            mine.opt_out(person)
            if another.verdicts([person], "sms") != ["no_consent"]:
                wrong.append(person)

    threads = [threading.Thread(target=opt_out_and_look, args=(t,)) for t in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_opt_out_of_another_process_is_seen_once_it_said_so(fresh_workspace: Workspace) -> None:
    state = GuardState(fresh_workspace)
    state.grant([f"{p}-{i}" for p in range(2) for i in range(10)], source="import")
    code = (
        "import sys\nfrom qa_lib.guards import GuardState\nfrom qa_lib.workspace import Workspace\n"
        "state = GuardState(Workspace.open(sys.argv[1]))\n"
        "for i in range(10):\n"
        "    state.opt_out(f'{sys.argv[2]}-{i}', channel='sms')\n"
        "    print(f'{sys.argv[2]}-{i}', flush=True)\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(fresh_workspace.root), str(p)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for p in range(2)
    ]
    told = 0
    for process in running:
        assert process.stdout is not None
        for line in process.stdout:
            assert state.verdicts([line.strip()], "sms") == ["no_consent"], line
            told += 1
        process.stdout.close()
        assert process.wait() == 0
    assert told == 20


def test_what_a_caller_records_in_its_own_transaction_goes_back_with_it(fresh_workspace: Workspace) -> None:
    state = GuardState(fresh_workspace)
    state.grant(["a", "b"])
    engine = fresh_workspace.state.engine

    def both(commit: bool) -> list[str]:
        with engine.connect() as con:
            state.opt_out("a", connection=con)
            state.suppress("b", source="receipt", connection=con)
            seen = state.verdicts(["a", "b"], "sms", connection=con)
            (con.commit if commit else con.rollback)()
        return list(seen)

    assert both(commit=False) == ["no_consent", "suppressed"]
    assert state.verdicts(["a", "b"], "sms") == ["allowed", "allowed"]
    assert both(commit=True) == state.verdicts(["a", "b"], "sms")


def test_history_is_kept_and_a_read_only_workspace_refuses(fresh_workspace: Workspace) -> None:
    state = GuardState(fresh_workspace)
    state.grant("a", source="form")
    state.opt_out("a", channel="sms", source="reply R")
    history = state.history("a")
    assert history[["channel", "kind", "state", "source"]].values.tolist() == [
        ["*", "consent", True, "form"],
        ["sms", "consent", False, "reply R"],
    ]
    closed = GuardState(Workspace.open(fresh_workspace.root, read_only=True))
    assert closed.verdicts(["a"], "sms") == ["no_consent"]
    with pytest.raises(ReadOnly, match="read-only"):
        closed.opt_out("b")
    with pytest.raises(SpecError, match="source"):
        state.suppress("b", source="")
