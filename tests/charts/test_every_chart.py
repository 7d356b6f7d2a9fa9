"""Every chart draws, in both languages, in words, and refuses more rows than can be seen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any as AnyValue

import altair as alt
import numpy as np
import pandas as pd
import pytest
from review_frames import FIGURES, PLAN, RESULT, SEGMENTS, SIMULATED

from qa_lib import charts
from qa_lib.audiences import explain_count, overlap_counts, top_differing, upset_counts
from qa_lib.charts.words import say
from qa_lib.errors import DataError, UnknownName
from qa_lib.measure import campaign_metrics, redemptions_over_time, spend_over_time
from qa_lib.profiles import tags
from qa_lib.rules import All, Any, Event, Last, Not, Tag
from qa_lib.rules.bits import from_numbers
from qa_lib.simulate import backtest
from qa_lib.workspace import Snapshot

Draw = Callable[[Snapshot, str], AnyValue]
COVERAGE = pd.DataFrame(
    {
        "column": ["campaign_id", "channel"],
        "row_count": 1_220,
        "recorded_count": [1_220, 0],
        "recorded_rate": [1.0, 0.0],
    }
)
LOADS = pd.DataFrame(
    {
        "feed": ["crm.members.links.mobile", "<b>&"],
        "file": ["members", "b.csv"],
        "read_count": [100, 0],
        "new_count": [60, 0],
        "replaced_count": [10, 0],
        "left_count": [20, 0],
        "skipped_count": [5, 0],
        "reject_count": [5, 0],
        "late_count": [3, 0],
    }
)
RATES = pd.DataFrame({"at": [-2.0, -1.0], "rate": [9_950.0, 10_020.0]})
VIEWS = pd.DataFrame(
    {
        "moment": ["before", "before", "after", "after"],
        "event": "browse",
        "view": ["batch", "live"] * 2,
        "event_count": [3, 2, 5, 0],
    }
)
LOOKS = pd.DataFrame(
    {"seconds": [0.0, 1.0, 2.0], "acknowledged": [0, 40, 90], "killed": [False, True, False]}
)
ENTERED = pd.DataFrame(
    {"audience": ["<b>", "dormant"], "people": [1_200, 3], "entered": [40, 0], "left": [2, 1]}
)
REASONS = pd.DataFrame(
    {
        "feed": "pos.lines",
        "column": ["paid", "paid"],
        "reason": ["not an amount", "empty"],
        "reject_count": [40, 2],
        "example": ["<b>", None],
    }
)
MOVES = pd.DataFrame(
    {
        "column": ["channel", "store_id"],
        "row_count": 1_000,
        "recorded_rate": [0.4, 1.0],
        "recorded_rate_before": [0.9, None],
        "drift": [0.61, None],
        "distinct_count": [3, 40],
        "low": ["a", "1"],
        "high": ["z", "9"],
        "needs_look": [True, False],
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
SETS = {
    "常客": from_numbers(np.array([1, 2, 3, 4, 5]), 64),
    "vip.a[0] <b>": from_numbers(np.array([4, 5, 6]), 64),
    "nobody": from_numbers(np.array([], dtype=np.int64), 64),
}
REGULARS = All(
    Tag("order_count_365d", ">", 10),
    Event("visit", window=Last(60, "day")),
    Not(Any(Tag("is_fuel_buyer", "=", True), Event("cart", window=Last(7, "day")))),
)
OVER_TIME = pd.DataFrame(
    {
        "as_of": pd.to_datetime(["2017-06-01T04:00Z", "2017-09-01T04:00Z", "2018-01-01T05:00Z"], utc=True),
        "count": [120, 180, 160],
        "universe": [480, 490, 500],
        "share": [0.25, 0.367, 0.32],
        "source": ["events", "events", "snapshot"],
        "snapshot": "20180101T050000Z-0123456789ab",
    }
)
CHARTS: dict[str, Draw] = {
    "title_overlap": lambda _, lang: charts.overlap_heat_map(overlap_counts(SETS), language=lang),
    "title_upset": lambda _, lang: charts.upset_bars(upset_counts(SETS), language=lang, most=2),
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
    "title_loads": lambda _, lang: charts.load_bars(LOADS, language=lang),
    "title_rejects": lambda _, lang: charts.reject_bars(REASONS, language=lang),
    "title_moves": lambda _, lang: charts.column_moves(MOVES, "", language=lang),
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
    "title_plan_funnel": lambda s, lang: charts.plan_funnel(PLAN, language=lang),
    "title_review_dots": lambda s, lang: charts.review_dots(FIGURES, language=lang),
    "title_review_converters": lambda s, lang: charts.review_lines(SIMULATED, RESULT, language=lang),
    "title_review_revenue": lambda s, lang: charts.review_lines(
        SIMULATED, RESULT, language=lang, what="revenue"
    ),
    "title_review_segments": lambda s, lang: charts.review_segments(
        SEGMENTS, "age_band", "", language=lang, selected="45-54"
    ),
    "title_cuts": lambda s, lang: charts.cut_waterfall(
        explain_count(s, REGULARS), language=lang, title="<b>"
    ),
    "title_differing": lambda s, lang: charts.differing_tags(top_differing(s, REGULARS), language=lang),
    "title_membership": lambda s, lang: charts.membership_line(OVER_TIME, language=lang),
    "title_rate": lambda s, lang: charts.rate_line(RATES, language=lang),
    "title_entered": lambda s, lang: charts.entered_bars(ENTERED, language=lang),
    "title_views": lambda s, lang: charts.view_bars(VIEWS, language=lang),
    "title_survival": lambda s, lang: charts.survival_line(LOOKS, language=lang),
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


def test_a_waterfall_of_an_or_adds_and_names_only_the_parts(snapshot: Snapshot) -> None:
    rule = Any(Tag("order_count_365d", ">", 30), All(Event("cart"), Tag("is_fuel_buyer", "=", True)))
    frame = explain_count(snapshot, rule)
    spec = charts.cut_waterfall(frame, language="en").to_dict()
    rows = next(iter(spec["datasets"].values()))
    assert [row["name"].split(" ")[0] for row in rows] == ["nobody", "1.", "2."]
    assert "added by the step" in json.dumps(spec)
    assert rows[-1]["remaining_count"] == rows[-1]["low"] + rows[-1]["change_count"]


def test_empty_frames_draw_empty_charts(snapshot: Snapshot) -> None:
    frame = campaign_metrics(snapshot).iloc[:0]
    assert charts.to_svg(charts.campaign_bars(frame))
    assert charts.to_svg(charts.campaign_calendar(frame))
    assert charts.to_svg(charts.differing_tags(top_differing(snapshot, REGULARS, 0)))
    assert charts.to_svg(charts.membership_line(OVER_TIME.iloc[:0]))
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


def test_many_audiences_and_none_are_drawn_too() -> None:
    many = {f"s{i}": bits for i, bits in enumerate([*SETS.values()] * 8)}
    assert charts.to_svg(charts.overlap_heat_map(overlap_counts(many))).count("</text>") > 24 * 24
    assert charts.to_svg(charts.overlap_heat_map(overlap_counts({})))
    assert charts.to_svg(charts.upset_bars(upset_counts({})))


def test_combinations_that_are_not_shown_are_counted() -> None:
    spec = json.dumps(charts.upset_bars(upset_counts(SETS), language="en", most=1).to_dict())
    assert "Combinations not shown: 3 people" in spec
    assert "nobody \\u00b7 0" in spec
