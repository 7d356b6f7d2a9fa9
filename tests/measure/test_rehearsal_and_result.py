"""The rehearsal of a campaign beside its result, cell by cell from the figures of either origin."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest
from origin_oracle import KEYS, Company, whole

from qa_lib.errors import SpecError, UnknownName
from qa_lib.measure import METRICS, campaign_metrics, rehearsal_and_result
from qa_lib.measure.side_by_side import SIDE_BY_SIDE
from qa_lib.workspace import Snapshot


@pytest.fixture(scope="module")
def both(company: Company) -> Snapshot:
    """A snapshot with rehearsal, replay and observation of the same campaigns."""
    snapshot = company.snapshot
    for origin in ("observed", "replayed", "simulated"):
        rows, _ = whole(company, origin)
        snapshot = rows.write(company.workspace, snapshot)
    return snapshot


@pytest.mark.parametrize("result", ["observed", "replayed"])
@pytest.mark.parametrize("by", [(), ("channel",), ("age_band",)])
def test_every_cell_is_that_of_the_figures_of_its_origin(
    both: Snapshot, result: str, by: tuple[str, ...]
) -> None:
    frame = rehearsal_and_result(both, "own-1", result=result, by=by, metrics=KEYS, level=0.8)  # type: ignore[arg-type]
    chosen = {"by": by, "campaigns": ["own-1"], "metrics": KEYS, "level": 0.8}
    sides = {
        origin: campaign_metrics(both, origin=origin, **chosen)  # type: ignore[arg-type]
        for origin in ("simulated", result)
    }
    if by:
        sides = {origin: side.set_index(list(by)) for origin, side in sides.items()}
        names = set(sides["simulated"].index) | set(sides[result].index)
        assert set(frame[by[0]]) == names
        assert len(frame) == len(names) * len(KEYS)
    for _, row in frame.iterrows():
        group = row[by[0]] if by else 0
        came = sides[result].loc[group] if group in sides[result].index else None
        seen = sides["simulated"].loc[group] if group in sides["simulated"].index else None
        key = row["metric"]
        assert row["format"] == METRICS[key].format
        assert row["label_zh"].startswith(METRICS[key].label.zh)
        if came is None or pd.isna(came[key]):
            assert pd.isna(row["result"])
            assert "result: " in row["note_en"]
            assert len(row["note_zh"]) > len("结果：")
        else:
            assert row["result"] == came[key]
            assert isinstance(row["result"], Decimal) == (row["format"] == "amount")
        for column, end in (("rehearsed", ""), ("rehearsed_low", "_low"), ("rehearsed_high", "_high")):
            if seen is None or pd.isna(seen[key]):
                assert pd.isna(row[column])
                assert "rehearsal: " in row["note_en"]
            else:
                assert row[column] == seen[f"{key}{end}"]
        if pd.isna(row["result"]) or pd.isna(row["rehearsed"]):
            assert pd.isna(row["is_within"])
        else:
            low, high = row["rehearsed_low"] - 1e-6, row["rehearsed_high"] + 1e-6
            assert row["is_within"] == (low <= float(row["result"]) <= high)


def test_the_usual_metrics_come_in_order_and_roi_says_what_gain_is(both: Snapshot) -> None:
    frame = rehearsal_and_result(both, "own-1").set_index("metric")
    assert tuple(frame.index) == SIDE_BY_SIDE
    assert "gain is" in frame.loc["roi", "label_en"]
    assert frame.loc["targeted", "rehearsed_low"] == frame.loc["targeted", "rehearsed_high"]


def test_a_cent_on_the_end_of_the_band_is_inside(company: Company) -> None:
    observed, _ = whole(company, "observed")
    rehearsed, _ = whole(company, "simulated")
    for rows in (observed, rehearsed):
        rows.campaigns[0]["fixed_cost_amount"] = Decimal("33.33")
    observed.write(company.workspace, company.snapshot)
    snapshot = rehearsed.write(company.workspace, company.snapshot)
    row = rehearsal_and_result(snapshot, "own-1", metrics=("fixed_cost",)).iloc[0]
    assert (row["result"], bool(row["is_within"])) == (Decimal("33.33"), True)


def test_an_open_window_and_a_missing_side_are_said(both: Snapshot) -> None:
    still_open = rehearsal_and_result(both, "own-2", metrics=("converters",)).iloc[0]
    assert "window still open" in still_open["note_en"]
    assert "窗口未结束" in still_open["note_zh"]
    to_come = rehearsal_and_result(both, "own-3", metrics=("sent",)).iloc[0]
    assert pd.isna(to_come["result"])
    assert to_come["note_en"] == "result: nothing was observed yet"
    assert pd.isna(to_come["is_within"])
    assert to_come["rehearsed"] > 0
    feed = rehearsal_and_result(both, "1", metrics=("targeted",)).iloc[0]
    assert feed["note_en"].startswith("rehearsal: there is no rehearsal")
    assert feed["result"] > 0


def test_names_that_are_not_there_are_refused_side_by_side(both: Snapshot) -> None:
    with pytest.raises(UnknownName, match="neither a rehearsal nor rows of origin 'observed'"):
        rehearsal_and_result(both, "own-9")
    with pytest.raises(UnknownName, match="Unknown metric 'roy'"):
        rehearsal_and_result(both, "own-1", metrics=("roy",))
    with pytest.raises(SpecError, match="'observed' or 'replayed'"):
        rehearsal_and_result(both, "own-1", result="simulated")  # type: ignore[arg-type]
