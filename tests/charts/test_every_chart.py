"""Every chart draws, in both languages, in words, and refuses more rows than can be seen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import altair as alt
import pandas as pd
import pytest

from qa_lib import charts
from qa_lib.charts.words import say
from qa_lib.errors import DataError, UnknownName
from qa_lib.measure import campaign_metrics, redemptions_over_time, spend_over_time
from qa_lib.profiles import tags
from qa_lib.simulate import backtest
from qa_lib.workspace import Snapshot

Draw = Callable[[Snapshot, str], Any]
COVERAGE = pd.DataFrame(
    {
        "column": ["campaign_id", "channel"],
        "row_count": 1_220,
        "recorded_count": [1_220, 0],
        "recorded_rate": [1.0, 0.0],
    }
)
SHARES = pd.DataFrame(
    {
        "value": ["45-54", "<b>&"],
        "audience_rate": [0.6, 0.4],
        "base_rate": [0.5, 0.5],
        "tgi": [120.0, 80.0],
        "tgi_low": [105.0, 60.0],
        "tgi_high": [140.0, 101.0],
        "audience_count": [60, 40],
    }
)
CHARTS: dict[str, Draw] = {
    "title_campaigns": lambda s, lang: charts.campaign_bars(campaign_metrics(s), language=lang, selected="5"),
    "title_over_time_week": lambda s, lang: charts.redemption_lines(
        redemptions_over_time(s, split=("campaign_type",)), language=lang
    ),
    "title_over_time_day": lambda s, lang: charts.redemption_lines(
        redemptions_over_time(s, by="day"), by="day", language=lang
    ),
    "title_calendar": lambda s, lang: charts.campaign_calendar(campaign_metrics(s), language=lang),
    "title_segments": lambda s, lang: charts.segment_bars(
        campaign_metrics(s, by=("age_band",)), "age_band", "", language=lang
    ),
    "title_heat": lambda s, lang: charts.campaign_heat_map(
        campaign_metrics(s, by=("campaign_type", "rfm_segment")), "rfm_segment", "", language=lang
    ),
    "title_histogram": lambda s, lang: charts.histogram(
        s.frame("SELECT average_order_value AS v FROM profile")["v"], "", unit="USD", language=lang
    ),
    "title_coverage": lambda s, lang: charts.column_coverage_bars(COVERAGE, "", language=lang),
    "title_tags": lambda s, lang: charts.tag_coverage_bars(tags(s), language=lang),
    "title_rfm": lambda s, lang: charts.rfm_cube(
        s.frame("SELECT rfm_segment, count(*) AS people_count FROM profile GROUP BY ALL"), language=lang
    ),
    "title_spend_week": lambda s, lang: charts.spend_line(spend_over_time(s), language=lang),
    "title_backtest": lambda s, lang: charts.backtest_bands(
        backtest(s, least_training_campaigns=2, draw_count=100).campaigns, language=lang
    ),
    "title_backtest_calibration": lambda s, lang: charts.calibration_dots(
        backtest(s, least_training_campaigns=2, draw_count=100).calibration, language=lang
    ),
    "title_breakdown": lambda s, lang: charts.breakdown_dumbbells(SHARES, "", language=lang),
}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_draws_with_its_title_in_words(snapshot: Snapshot, name: str, language: str) -> None:
    chart = CHARTS[name](snapshot, language)
    svg = charts.to_svg(chart)
    spec = json.dumps(chart.to_dict(), ensure_ascii=False)
    assert say(name, language, name="") in spec
    assert svg.startswith("<svg")
    assert "NaN" not in svg
    # Vega names clips clip0, clip1 … in every chart: on a page with two, one would cut the other's marks
    assert "clip-path" not in svg
    assert "e+" not in "".join(part.split("<")[0] for part in svg.split("<text")[1:])
    assert "http" not in svg.replace("http://www.w3.org", "")


def test_the_words_of_a_chart_exist_in_both_languages() -> None:
    from qa_lib.charts.words import _WORDS

    for key, label in _WORDS.items():
        assert label.zh, key
        assert label.en, key
    with pytest.raises(UnknownName, match="Unknown language 'fr'"):
        say("campaign", "fr")


def test_too_many_rows_are_refused_with_the_way_on() -> None:
    many = pd.DataFrame({"starts_on": pd.date_range("2017-01-01", periods=5_001, freq="h")})
    with pytest.raises(DataError, match=r"5,001 rows are too many.*Aggregate first"):
        charts.spend_line(many)


def test_a_histogram_counts_everybody_once_and_says_who_has_no_value() -> None:
    values = pd.Series([1.0, 2.0, 2.0, None, 1_000_000.0] + [3.0] * 200)
    spec = charts.histogram(values, "x", language="en", bins=5).to_dict()
    data = next(iter(spec["datasets"].values()))
    assert sum(row["people"] for row in data) == 204
    assert "Not recorded: 1" in json.dumps(spec["title"])
    with pytest.raises(DataError, match="Nobody has a value"):
        charts.histogram([float("nan")], "x")


def test_an_incomplete_campaign_is_drawn_hollow_and_colours_stay_with_their_types(snapshot: Snapshot) -> None:
    frame = campaign_metrics(snapshot)
    part = frame[frame["campaign_type"] == "Type C"]
    spec = charts.campaign_bars(part, types=["Type A", "Type B", "Type C"]).to_dict()
    assert spec["layer"][0]["encoding"]["color"]["scale"]["domain"] == ["Type A", "Type B", "Type C"]
    assert "is_complete" in json.dumps(spec["layer"][0]["encoding"]["fillOpacity"])


def test_a_campaign_without_recorded_redemptions_is_drawn_without_a_rate(snapshot: Snapshot) -> None:
    frame = campaign_metrics(snapshot)
    rates = ["redemption_rate", "redemption_rate_low", "redemption_rate_high"]
    frame.loc[frame["campaign_id"] == "2", [*rates, "redeemers", "redemptions"]] = pd.NA
    frame.loc[frame["campaign_id"] == "2", "revenue_of_redeemer_baskets"] = None
    svg = charts.to_svg(charts.campaign_bars(frame))
    assert "— · n=" in svg
    assert "nan" not in svg.lower()


def test_empty_frames_draw_empty_charts(snapshot: Snapshot) -> None:
    frame = campaign_metrics(snapshot).iloc[:0]
    assert charts.to_svg(charts.campaign_bars(frame))
    assert charts.to_svg(charts.campaign_calendar(frame))
    result = backtest(snapshot, least_training_campaigns=2, draw_count=100)
    assert charts.to_svg(charts.backtest_bands(result.campaigns.iloc[:0]))
    assert charts.to_svg(charts.calibration_dots(result.calibration.iloc[:0]))
    over_time = redemptions_over_time(snapshot, split=("campaign_type",)).iloc[:0]
    assert charts.to_svg(charts.redemption_lines(over_time))


def test_importing_changes_nothing_global() -> None:
    code = (
        "import sys, qa_lib; assert 'altair' not in sys.modules; import altair as alt; before = alt.theme.active;"
        "import qa_lib.charts; assert alt.theme.active == before; assert not alt.JupyterChart._is_offline"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_theme_is_in_force_only_while_a_chart_is_shown(snapshot: Snapshot) -> None:
    before = alt.theme.active
    svg = charts.to_svg(charts.spend_line(spend_over_time(snapshot)))
    assert "Noto Sans CJK SC" in svg
    assert alt.theme.active == before
