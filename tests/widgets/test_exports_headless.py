"""Every view exports everything that it offers, from Python and by the browser's message."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from exported_files import expect_every_export
from screens_world import BOTH, BUYERS, QUIET, TILLS

from qa_lib.audiences import AudienceService
from qa_lib.charts.exporting import MEDIA, Export, table_export
from qa_lib.rules import All, Tag, read_rule
from qa_lib.tables import Label
from qa_lib.widgets import AudienceLibrary, DataQuality, IdentityReview, PersonProfile, TagCatalogue
from qa_lib.widgets.audience_workbench import AudienceWorkbench
from qa_lib.widgets.campaign_results import CampaignResults
from qa_lib.widgets.exports import ExportMenu, file_stem
from qa_lib.widgets.masking import masked_text
from qa_lib.workspace import Snapshot, Workspace

RULE = All(Tag("order_count_365d", ">", 10))


class Small:
    """A view with one table, one export that fails, and nothing else."""

    export_stem = "small"

    @property
    def exports(self) -> list[Export]:
        def broken() -> bytes:
            raise ZeroDivisionError("by zero")

        people = table_export("people", Label("人", "People"), lambda: pd.DataFrame({"a": [1]}))
        return [people, Export("broken", Label("坏", "Broken"), {"csv": broken})]


@pytest.fixture(scope="module")
def views(snapshot: Snapshot) -> dict[str, Any]:
    """The views of one snapshot; the review is tested beside its own fixtures."""
    return {
        "workbench": AudienceWorkbench(snapshot, RULE),
        "results": CampaignResults(snapshot, language="en"),
    }


def told(menu: ExportMenu, content: Any) -> tuple[dict[str, Any], bytes]:
    """What the browser hears after it sent this."""
    heard: list[tuple[dict[str, Any], Any]] = []
    menu.send = lambda content, buffers=None: heard.append((content, buffers))  # type: ignore[method-assign]
    menu._handle_custom_msg(content, [])
    answer, buffers = heard[-1] if heard else ({}, None)
    return answer, b"".join(buffers or [])


@pytest.fixture(scope="module")
def screens(screens_workspace: Workspace) -> dict[str, Any]:
    """The screens of data, identity, tags, people and audiences, each with something chosen."""
    library = AudienceLibrary(AudienceService(screens_workspace), language="en")
    library.show_audience(BUYERS)
    library.compare(BUYERS, 1, 1)
    library.overlap(BUYERS, QUIET, BOTH)
    catalogue = TagCatalogue(screens_workspace, tag="average_order_value", language="en")
    catalogue.against = next(iter(catalogue.others))
    identity = IdentityReview(screens_workspace, language="en")
    identity.person = identity.people[0]
    profile = PersonProfile(screens_workspace, language="en")
    profile.number = 3
    quality = DataQuality(screens_workspace, language="en", feed=TILLS)
    return {
        "library": library,
        "catalogue": catalogue,
        "identity": identity,
        "profile": profile,
        "quality": quality,
    }


@pytest.mark.parametrize("name", ["library", "catalogue", "identity", "profile", "quality"])
def test_a_screen_exports_all_that_it_offers(screens: dict[str, Any], name: str, tmp_path: Path) -> None:
    screen = screens[name]
    assert expect_every_export(screen, tmp_path) >= {"png", "svg", "csv", "html"}
    menu = screen._menu if name == "library" else screen._live._menu
    assert [row["key"] for row in menu.rows] == [one.key for one in screen.exports]


def test_screens_export_what_they_show(screens: dict[str, Any]) -> None:
    def table(name: str, key: str) -> pd.DataFrame:
        return pd.read_csv(io.BytesIO(screens[name].export(key, "csv").data), dtype=str)

    catalogue, quality = screens["catalogue"], screens["quality"]
    assert list(table("catalogue", "tags")["name"]) == list(catalogue.found["name"])
    assert list(table("catalogue", "drift")["name"]) == list(catalogue.drift["name"])
    assert list(table("quality", "feeds")["feed"]) == list(quality.feeds["feed"])
    assert table("library", "shelf").set_index("name")["newest"].to_dict() == dict.fromkeys(
        [BUYERS, QUIET, BOTH], "1"
    )
    counts = screens["library"].chart.frame["people_count"]
    assert list(table("library", "overlap")["people_count"]) == list(counts.astype(str))
    assert list(table("profile", "profile")["name"]) == list(screens["profile"].profile["name"])


def test_no_identifier_leaves_a_screen_in_clear(screens: dict[str, Any], tmp_path: Path) -> None:
    identity = screens["identity"]
    values = {value for found in identity.queue["identifiers"] for _, value in found}
    values |= {value for _, value in identity.members}
    assert len(values) > 10
    for one in (*identity.exports, *screens["profile"].exports):
        for format in one.formats:
            text = one.formats[format]().decode("utf-8", errors="replace")
            for value in values:
                assert value not in text or value in masked_text(value) or len(value) < 6, (one.key, value)


def test_a_screen_offers_what_there_is(screens_workspace: Workspace) -> None:
    quality = DataQuality(screens_workspace)
    assert "loads" not in {one.key for one in quality.exports}
    quality.feed = TILLS
    assert {"loads", "rejects", "history_chart"} <= {row["key"] for row in quality._live._menu.rows}
    empty = PersonProfile(screens_workspace)
    assert [one.key for one in empty.exports] == ["page"]


@pytest.mark.parametrize("name", ["workbench", "results"])
def test_a_view_exports_all_that_it_offers(views: dict[str, Any], name: str, tmp_path: Path) -> None:
    assert expect_every_export(views[name], tmp_path) >= {"png", "svg", "csv", "html"}


def test_files_hold_what_the_view_shows(views: dict[str, Any]) -> None:
    results, bench = views["results"], views["workbench"]
    csv = pd.read_csv(io.BytesIO(results.export("campaigns", "csv").data), dtype={"campaign_id": str})
    assert list(csv["campaign_id"]) == list(results.campaigns["campaign_id"])
    assert list(csv["targeted"]) == list(results.campaigns["targeted"])
    assert read_rule(json.loads(bench.export("rule", "json").data)) == RULE
    assert f">{bench.evaluation.count:,}<" in bench.export("page", "html").data.decode()


def test_a_rule_with_a_fault_is_told_in_words(snapshot: Snapshot) -> None:
    bench = AudienceWorkbench(snapshot, RULE)
    faulty = {"kind": "tag", "field": "nope", "operator": "=", "value": 1}
    bench.builder.set_state({"value": faulty, "seq": 1})
    answer, data = told(bench._menu, {"seq": 1, "key": "breakdown", "format": "csv"})
    assert "nope" in answer["error"]["en"]
    assert data == b""


def test_the_browser_gets_the_file_under_its_number() -> None:
    menu = ExportMenu(Small(), language="en")
    assert menu.rows[0] == {"key": "people", "label": {"zh": "人", "en": "People"}, "formats": ["csv"]}
    answer, data = told(menu, {"seq": 7, "key": "people", "format": "csv"})
    assert answer == {"seq": 7, "name": "small-people.csv", "type": MEDIA["csv"]}
    assert data.decode("utf-8-sig").split() == ["a", "1"]


@pytest.mark.parametrize(
    "forged",
    [
        {"seq": 1, "key": "../../etc/passwd", "format": "csv"},
        {"seq": 1, "key": "people", "format": "__class__"},
        {"seq": 1, "key": ["people"], "format": {"a": 1}},
        {"seq": 1},
    ],
)
def test_a_forged_message_gets_words_and_no_file(forged: dict[str, Any]) -> None:
    answer, data = told(ExportMenu(Small()), forged)
    assert set(answer) == {"seq", "error"}
    assert data == b""


@pytest.mark.parametrize("noise", [None, "csv", 7, [], {"key": "people", "format": "csv"}, {"seq": "1"}])
def test_noise_is_not_answered(noise: Any) -> None:
    assert told(ExportMenu(Small()), noise) == ({}, b"")


def test_a_fault_of_ours_is_told_and_raised() -> None:
    menu = ExportMenu(Small())
    heard: list[Any] = []
    menu.send = lambda content, buffers=None: heard.append(content)  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        menu._asked(menu, {"seq": 1, "key": "broken", "format": "csv"}, [])
    assert "by zero" in heard[0]["error"]["en"]


def test_names_of_files_are_names_everywhere() -> None:
    assert file_stem("a/b: 高潜 <x>") == "a-b-高潜-x"
    assert file_stem("///") == "view"
