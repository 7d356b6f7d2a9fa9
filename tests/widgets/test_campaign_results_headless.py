"""The campaign dashboard without a browser: state in traits, linked figures, the same page in a report."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from qa_lib.charts import format_value
from qa_lib.errors import UnknownName
from qa_lib.measure import METRICS, NotRecorded, campaign_figures
from qa_lib.widgets.campaign_results import CampaignResults
from qa_lib.widgets.campaign_results_page import TILES
from qa_lib.workspace import Snapshot

FIGURE = re.compile(r'<span class="qa-figure" data-figure="(\w+)">([^<]*)</span>')


@pytest.fixture
def results(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> CampaignResults:
    monkeypatch.delenv("QA_RENDER", raising=False)
    return CampaignResults(snapshot, "en")


@pytest.fixture
def static(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> CampaignResults:
    monkeypatch.setenv("QA_RENDER", "static")
    return CampaignResults(snapshot, "en")


def shown(html: str) -> dict[str, str]:
    return dict(FIGURE.findall(html))


def click(results: CampaignResults, which: str, trait: str, field: str) -> Callable[..., None]:
    """What the browser sends when marks are chosen in a chart."""
    live = getattr(results._live, which)

    def send(*values: str) -> None:
        store = [{"unit": "", "fields": [{"field": field, "type": "E"}], "values": [v]} for v in values]
        chosen = {"vlPoint": {"or": [{field: v} for v in values]}} if values else {}
        live.widget._vl_selections = {trait: {"value": chosen, "store": store}}

    return send


def test_choosing_a_campaign_and_a_segment_filters_every_figure(
    results: CampaignResults, snapshot: Snapshot
) -> None:
    assert results.figures == campaign_figures(snapshot)
    results.campaign = "5"
    assert results.figures == campaign_figures(snapshot, campaigns=["5"])
    results.segment_tag = "age_band"
    results.segment = "45-54"
    both = campaign_figures(snapshot, campaigns=["5"], segment={"age_band": "45-54"})
    assert results.figures == both
    assert results.segments["targeted"].sum() == campaign_figures(snapshot, campaigns=["5"])["targeted"]
    assert len(results.campaigns) > 1  # the chosen campaign is marked, the others stay to choose from
    assert results.over_time["redemptions"].sum() == both["redemptions"]
    results.campaign = None
    results.segment = None
    assert results.figures == campaign_figures(snapshot)


def test_another_tag_clears_the_segment(results: CampaignResults) -> None:
    results.segment = results.segments["rfm_segment"].iloc[0]
    results.segment_tag = "age_band"
    assert results.segment is None
    assert results.segments["age_band"].iloc[0] == "19-24"


def test_a_click_chooses_and_a_second_click_clears(results: CampaignResults) -> None:
    send = click(results, "_campaigns", "campaign", "campaign_id")
    send("5")
    assert results.campaign == "5"
    send("5")  # the browser tells what is preset when it has drawn
    assert results.campaign == "5"
    send("5", "2")
    assert results.campaign == "2"
    send("2")
    send()
    assert results.campaign is None
    value = results.segments["rfm_segment"].iloc[0]
    click(results, "_detail", "segment", "segment")(value)
    assert results.segment == value


def test_a_forged_click_changes_nothing_and_is_said(results: CampaignResults) -> None:
    click(results, "_campaigns", "campaign", "campaign_id")("<script>alert(1)</script>")
    assert results.campaign is None
    assert results._live is not None
    assert "Unknown campaign '&lt;script&gt;" in results._live._message.value
    assert "<script" not in results._live._message.value


def test_lists_and_chips_do_the_same_for_the_keyboard(results: CampaignResults) -> None:
    assert results._live is not None
    controls = results._live._controls
    controls["campaign"].value = "5"
    assert results.campaign == "5"
    controls["segment_tag"].value = "age_band"
    controls["segment"].value = "45-54"
    assert results.segment == "45-54"
    chips = [c for c in results._live._chips.children if hasattr(c, "click")]
    assert [c.description for c in chips] == ["Campaign: 5  ×", "Age band: 45-54  ×"]
    for chip in chips:
        chip.click()
    assert (results.campaign, results.segment) == (None, None)
    assert controls["campaign"].value == ""
    controls["language"].value = "zh"
    assert results.language == "zh"


def test_names_that_are_not_there_are_refused(results: CampaignResults, snapshot: Snapshot) -> None:
    for trait, value in (
        ("campaign", "99"),
        ("segment", "x"),
        ("segment_tag", "person_no"),
        ("language", "fr"),
    ):
        with pytest.raises(UnknownName, match="Unknown"):
            setattr(results, trait, value)
    with pytest.raises(UnknownName):
        CampaignResults(snapshot, "fr")


def test_the_tiles_show_every_figure_as_it_is_written_everywhere(results: CampaignResults) -> None:
    results.campaign = "5"
    assert results._live is not None
    texts = shown(results._live._tiles.value)
    for key, value in results.figures.items():
        one = METRICS[key.removesuffix("_low").removesuffix("_high")]
        if one.key not in TILES or (key != one.key and isinstance(value, NotRecorded)):
            continue
        expected = "not recorded" if isinstance(value, NotRecorded) else format_value(value, one.format)
        assert texts[key] == expected, key


def test_a_report_shows_the_same_figures_without_script(
    static: CampaignResults, results: CampaignResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_RENDER", "static")
    static.campaign = "6"
    results.campaign = "6"
    bundle = static._repr_mimebundle_()
    html = bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" not in bundle
    assert "<script" not in html
    assert html.count("data:image/svg+xml;base64,") == 2
    assert results._live is not None
    assert shown(html) == shown(results._live._tiles.value)
    assert "window still open (ends 2018-01-21)" in html


def test_what_the_figures_are_evidence_of_is_always_said(static: CampaignResults, snapshot: Snapshot) -> None:
    for language in ("en", "zh"):
        static.language = language
        html = static.static_html()
        assert "these data have no holdout; nothing here says what a campaign caused" in html
        assert "仅为描述" in html
        assert snapshot.version in html
        assert "1 / 6 (6)" in html


def test_words_follow_the_language(results: CampaignResults) -> None:
    assert results._live is not None
    assert "Redemption rate" in results._live._tiles.value
    results.language = "zh"
    assert "核销率" in results._live._tiles.value
    assert "未记录" in results._live._tiles.value
    assert results.campaigns_chart().title.text == "各活动核销率"
