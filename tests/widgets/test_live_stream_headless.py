"""The dashboard of the stream without a browser: figures are the state's, and a workspace without a stream says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from exported_files import expect_every_export

from qa_lib.errors import UnknownName
from qa_lib.live import LiveStream
from qa_lib.live.playground import Playground, copy_workspace
from qa_lib.rules import Event, Last
from qa_lib.rules.matcher import ActiveRule
from qa_lib.widgets.age_clock import AgeClock
from qa_lib.widgets.live_stream import LiveStreamBoard
from qa_lib.workspace import Workspace

FIGURE = re.compile(r'<span class="qa-figure" data-figure="(\w+)">([^<]*)</span>')
BROWSED = ActiveRule("browsed <b>", Event("browse", window=Last(30), operator=">=", value=2))


@pytest.fixture
def played(workspace: Workspace, tmp_path: Path) -> Iterator[Playground]:
    made = Playground(copy_workspace(workspace, tmp_path / "own"))
    yield made
    made.close()


def test_the_figures_are_those_of_the_state(
    played: Playground, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QA_RENDER", "static")
    board = LiveStreamBoard(played.workspace, "en")
    assert "qa stream run" in board.static_html()
    stream = LiveStream(played.workspace, played.log, rules=[BROWSED], clock="events")
    board.refresh()
    assert board.now is not None
    assert board.now.event_count == 0
    played.send("somebody new", "browse", {"item_id": "A"}, times=2)
    poison = played.send_poison()
    stream.run(events=2 + poison)
    played.send("somebody new", "browse", {"item_id": "A"})
    board.refresh()
    told = dict(FIGURE.findall(board.static_html()))
    assert told["event_count"] == "2"
    assert told["stream_lag"] == "1"
    assert told["dead_letter_count"] == str(poison) == "4"
    assert told["people_in"] == "1"
    assert told["members"] == "0"
    assert board.now.newest_age_s is not None
    assert expect_every_export(board, tmp_path / "files") == {"png", "svg", "csv", "html"}
    row = board.now.audiences.iloc[0]
    assert (row["audience"], row["people"], row["entered"], row["left"]) == ("browsed <b>", 1, 1, 0)
    page = board.static_html()
    assert "Nobody consumes" in page
    assert "not JSON" in page
    assert "browsed <b>" not in page
    stream.close()


def test_a_page_has_both_languages_and_refuses_others(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QA_RENDER", raising=False)
    board = LiveStreamBoard(copy_workspace(workspace, tmp_path / "bare"))
    assert "还没有消费过事件流" in board._tiles.value
    board.language = "en"
    assert "No stream was consumed" in board._tiles.value
    with pytest.raises(UnknownName, match="Unknown language 'fr'"):
        board.language = "fr"
    board.stop()


def test_the_clock_tells_every_reading_apart() -> None:
    clock = AgeClock()
    clock.tell(0.25, "{age} s", "stopped {age} s")
    clock.tell(0.25, "{age} s", "stopped {age} s")
    assert (clock.sequence, clock.age_s, clock.fresh) == (2, 0.25, "{age} s")
