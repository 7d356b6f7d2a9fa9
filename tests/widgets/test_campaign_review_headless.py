"""A campaign's review without a browser: the numbers of the frames, empty states in words, the static page."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from exported_files import expect_every_export
from rehearsed_campaign import NAME, carried_out, copied, planned, rehearsed

from qa_lib.campaigns import Plan
from qa_lib.charts import format_value
from qa_lib.charts.review_parts import figure_text
from qa_lib.errors import NothingBuilt, UnknownName
from qa_lib.measure import conversions_over_time, evidence, rehearsal_and_result
from qa_lib.tables import Label
from qa_lib.widgets.campaign_review import CampaignReview, review_campaign
from qa_lib.workspace import Workspace

FIGURE = re.compile(r'<span class="qa-figure" data-figure="(\w+)">([^<]*)</span>')


@pytest.fixture(scope="module")
def bare(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Plan]:
    """A workspace with the campaign's plan and nothing else of it."""
    made = copied(workspace, tmp_path_factory.mktemp("bare") / "workspace")
    return made, planned(made)


@pytest.fixture(scope="module")
def full(bare: tuple[Workspace, Plan], tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Plan]:
    """The same, rehearsed and carried out."""
    made = copied(bare[0], tmp_path_factory.mktemp("full") / "workspace")
    rehearsed(made, bare[1])
    carried_out(made, bare[1])
    return made, bare[1]


@pytest.fixture
def own(bare: tuple[Workspace, Plan], tmp_path: Path) -> tuple[Workspace, Plan]:
    """The plan in a workspace of the test's own."""
    return copied(bare[0], tmp_path / "workspace"), bare[1]


@pytest.fixture
def review(full: tuple[Workspace, Plan], monkeypatch: pytest.MonkeyPatch) -> CampaignReview:
    monkeypatch.delenv("QA_RENDER", raising=False)
    return CampaignReview(*full, language="en", segment_tag="age_band")


def shown(html: str) -> dict[str, str]:
    return dict(FIGURE.findall(html))


def live_html(review: CampaignReview) -> str:
    live = review._live
    assert live is not None
    return "".join(part.value for part in (live._header, live._plan, live._tiles, live._tables))


def test_the_tiles_show_the_numbers_of_the_frame(
    review: CampaignReview, full: tuple[Workspace, Plan]
) -> None:
    frame = rehearsal_and_result(full[0].live_snapshot(), NAME, result="observed")
    pd.testing.assert_frame_equal(review.figures, frame)
    texts = shown(live_html(review))
    for _, row in frame.iterrows():
        key = row["metric"]
        assert texts[key] == figure_text(row["result"], row["format"], "USD"), key
        for column in ("rehearsed", "rehearsed_low", "rehearsed_high"):
            assert texts[f"{key}_{column}"] == figure_text(row[column], row["format"], "USD"), (key, column)


def test_the_plan_shows_whom_it_sends_to_and_what_it_costs(
    review: CampaignReview, full: tuple[Workspace, Plan]
) -> None:
    plan, texts = full[1], shown(live_html(review))
    assert texts["send_count"] == f"{plan.send_count:,}"
    assert texts["message_cost"] == format_value(plan.message_cost_amount, "amount")
    assert plan.worst_case_amount is not None
    assert texts["worst_case"] == format_value(plan.worst_case_amount, "amount")
    assert "No consent" in live_html(review)
    assert plan.hash[:12] in live_html(review)
    review.segment = review.segment_values[0]
    assert shown(live_html(review))["send_count"] == f"{plan.send_count:,}"  # the plan stays whole


def test_choosing_a_segment_filters_figures_lines_and_tables(
    review: CampaignReview, full: tuple[Workspace, Plan]
) -> None:
    snapshot, value = full[0].live_snapshot(), "45-54"
    everybody = review.segments
    review.segment = value
    where = {"age_band": value}
    pd.testing.assert_frame_equal(
        review.figures, rehearsal_and_result(snapshot, NAME, result="observed", segment=where)
    )
    for frame, origin in zip(review.over_time, ("simulated", "observed"), strict=True):
        assert frame is not None
        pd.testing.assert_frame_equal(
            frame, conversions_over_time(snapshot, campaign=NAME, origin=origin, by="day", segment=where)
        )
    assert set(review.channels["channel"]) == {"sms"}
    assert review.segments is everybody  # the chosen one is marked, the others stay to choose from
    assert f"Age band: {value}" in live_html(review)
    assert review.lines_chart().vconcat[0].title.text.endswith(f"Age band: {value}")
    review.segment_tag = "rfm_segment"
    assert review.segment is None


def test_a_click_and_the_lists_choose_the_same(review: CampaignReview) -> None:
    assert review._live is not None
    controls, chart = review._live._controls, review._live._charts["segments"][0]
    controls["segment"].value = "45-54"
    assert review.segment == "45-54"
    controls["segment"].value = ""
    assert review.segment is None
    store = [{"unit": "", "fields": [{"field": "segment", "type": "E"}], "values": ["19-24"]}]
    chart.widget._vl_selections = {
        "segment": {"value": {"vlPoint": {"or": [{"segment": "19-24"}]}}, "store": store}
    }
    assert review.segment == "19-24"
    assert controls["segment"].value == "19-24"
    controls["language"].value = "zh"
    assert review.language == "zh"
    assert "排练与结果" in live_html(review)


def test_a_forged_segment_changes_nothing_and_is_said(review: CampaignReview) -> None:
    assert review._live is not None
    review._live._picked([{"segment": "<script>alert(1)</script>"}])
    assert review.segment is None
    assert "&lt;script&gt;" in review._live._message.value


def test_names_that_are_not_there_are_refused(review: CampaignReview, full: tuple[Workspace, Plan]) -> None:
    for trait, value in (("segment", "x"), ("segment_tag", "person_no"), ("language", "fr")):
        with pytest.raises(UnknownName, match="Unknown"):
            setattr(review, trait, value)
    with pytest.raises(UnknownName, match="Unknown result 'simulated'"):
        CampaignReview(*full, result="simulated")  # type: ignore[arg-type]
    with pytest.raises(NothingBuilt, match=r"No plan of the campaign 'autumn' is kept"):
        review_campaign(full[0], "autumn")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_static_page_shows_the_same_figures_and_a_name_with_markup_as_text(
    full: tuple[Workspace, Plan], review: CampaignReview, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("QA_RENDER", "static")
    learnt = Label("由 9 个活动学得", "Learnt from 9 campaigns")
    static = CampaignReview(*full, language=language, segment_tag="age_band", learnt_from=learnt)
    bundle = static._repr_mimebundle_()
    html = bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" not in bundle
    assert "<script" not in html
    assert html.count("data:image/svg+xml;base64,") == 4
    assert shown(html) == shown(live_html(review))
    assert "spring &lt;b&gt;&amp; co&lt;/b&gt;" in html
    assert "<b>" not in html
    assert learnt[language == "en"] in html
    for origin in ("simulated", "observed"):
        for claim in evidence(origin):
            assert claim in html  # in both languages, always


def test_a_finished_review_asks_for_nothing_more_and_names_its_goal(review: CampaignReview) -> None:
    assert 'class="qa-warning"' not in live_html(review)
    assert "购买 · purchase" in live_html(review)


@pytest.mark.parametrize(
    ("language", "not_rehearsed", "no_result"),
    [
        ("en", "This plan was not rehearsed", "There is no result of this campaign yet"),
        ("zh", "这个计划还没有排练", "这次活动还没有结果"),
    ],
)
def test_a_plan_alone_shows_the_plan_and_what_to_do_next(
    bare: tuple[Workspace, Plan],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    not_rehearsed: str,
    no_result: str,
) -> None:
    monkeypatch.delenv("QA_RENDER", raising=False)
    review = CampaignReview(*bare, language=language)
    html = live_html(review)
    assert not_rehearsed in html
    assert no_result in html
    assert f"qa simulate {bare[1].hash[:12]}" in html
    assert f"qa send {bare[1].hash[:12]}" in html
    assert review.figures.empty
    assert review.over_time == (None, None)
    assert set(shown(html)) == {"send_count", "message_cost", "expected_cost", "worst_case"}
    assert "qa-picture" in CampaignReview(*bare, language=language).static_html()
    assert "--replay" in live_html(CampaignReview(*bare, language=language, result="replayed"))


def test_a_rehearsal_without_a_result_shows_its_bands(own: tuple[Workspace, Plan]) -> None:
    rehearsed(*own)
    review = CampaignReview(*own, language="en", segment_tag="age_band")
    assert review.figures["result"].isna().all()
    assert review.over_time.result is None
    texts = shown(live_html(review))
    assert "reached" not in texts
    assert texts["reached_rehearsed"]
    assert "There is no result of this campaign yet" in live_html(review)
    assert review.static_html().count("data:image/svg+xml") == 4


def test_a_result_without_a_rehearsal_is_shown_without_bands(own: tuple[Workspace, Plan]) -> None:
    carried_out(*own, "replayed")
    review = CampaignReview(*own, language="en", result="replayed")
    assert review.figures["rehearsed"].isna().all()
    assert review.over_time.simulated is None
    assert shown(live_html(review))["sent"] == f"{own[1].send_count:,}"
    assert "This plan was not rehearsed" in live_html(review)
    assert review_campaign(own[0]).result == "replayed"


def test_an_open_window_and_another_plan_are_said(own: tuple[Workspace, Plan]) -> None:
    rehearsed(*own, plan_hash="f" * 64)
    carried_out(*own, plan_hash="e" * 64, ends_on=date(2018, 3, 1))
    html = live_html(CampaignReview(*own, language="en"))
    assert "The rehearsal that is kept is of another plan, ffffffffffff" in html
    assert "by another plan, eeeeeeeeeeee" in html
    assert "window is still open (ends 2018-03-01)" in html


def test_without_any_plan_the_page_says_how_to_make_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QA_RENDER", raising=False)
    review = review_campaign(workspace, language="en")
    assert review.plan is None
    assert "Make one with `qa plan CAMPAIGN`" in live_html(review)
    assert "data:image/svg+xml" in review.static_html()
    review.language = "zh"
    assert "还没有计划" in live_html(review)


def test_reviewing_writes_nothing(full: tuple[Workspace, Plan]) -> None:
    before = {p: p.stat().st_mtime_ns for p in (Path(full[0].root) / "tables").rglob("*") if p.is_file()}
    CampaignReview(Workspace.open(full[0].root, read_only=True), full[1]).static_html()
    assert review_campaign(Workspace.open(full[0].root, read_only=True)).plan == full[1]
    after = {p: p.stat().st_mtime_ns for p in (Path(full[0].root) / "tables").rglob("*") if p.is_file()}
    assert after == before


def test_a_review_exports_all_that_it_offers(
    review: CampaignReview, bare: tuple[Workspace, Plan], tmp_path: Path
) -> None:
    assert expect_every_export(review, tmp_path) == {"png", "svg", "csv", "html"}
    without = CampaignReview(bare[0], None)
    assert [one.key for one in without.exports] == ["page"]
    assert expect_every_export(without, tmp_path) == {"html"}
