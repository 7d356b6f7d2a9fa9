"""Rows that came later never change an earlier answer, and the machine's own zone changes none."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest

from qa_lib.profiles import EVENT_SOURCES, build, catalogue
from qa_lib.rules import (
    Ago,
    All,
    Any,
    Attribute,
    Engine,
    Event,
    Last,
    Measure,
    Not,
    Rule,
    Sum,
    Tag,
    to_numbers,
)
from qa_lib.sources import FEEDS, land
from qa_lib.sources.journey import ZONE
from qa_lib.tables import INTERACTIONS
from qa_lib.workspace import Snapshot, Workspace

RULES: dict[str, Rule] = {
    "dormant": Tag("lifecycle_stage", "in", ["沉睡 dormant", "流失 lost"]),
    "recent": Tag("last_order_on", "in last", Last(2, "week", calendar=True)),
    "no coupon": Tag("days_since_redemption", "is not set"),
    "browsed, not bought": All(
        Event("browse", window=Last(14)), Not(Event("purchase", window=Last(14), measure=Sum("quantity")))
    ),
    "at most one campaign": Event("receive", operator="<=", value=1),
    "month": Event("visit", window=Ago(0, 1, "month"), measure=Measure("active_days"), value=3),
    "redeemed": Event(
        "redeem", window=Last(10, calendar=True), where=Any(Attribute("campaign_id", "!=", "9"))
    ),
}

MOMENTS = [
    "2017-01-10T05:00:00Z",  # before the first campaign: nothing received or redeemed
    "2017-06-15T04:00:00Z",  # a local midnight
    "2017-08-15T17:31:07.000250Z",  # in the middle of a day
    "2017-03-12T18:00:00Z",  # the day on which New York's clocks went forward
    "2017-11-05T18:30:00.000001Z",  # the day on which they went back
]


def cut_files(files: Mapping[str, Path], as_of: datetime, folder: Path) -> dict[str, Path]:
    """The files as they stood at `as_of`: later baskets, campaigns and redemptions are not there."""
    zone = ZoneInfo(ZONE)

    def begins(day: pd.Timestamp, after: int = 0) -> datetime:
        return datetime.combine(day.date() + timedelta(days=after), datetime.min.time(), tzinfo=zone)

    frames = {name.removeprefix("journey."): pd.read_parquet(path) for name, path in files.items()}
    at = frames["transactions"]["transaction_timestamp"].dt.tz_localize("UTC")
    frames["transactions"] = frames["transactions"][at < pd.Timestamp(as_of)]
    runs = frames["campaign_descriptions"]
    begun = runs.loc[[begins(day) < as_of for day in runs["start_date"]], "campaign_id"]
    for name in ("campaign_descriptions", "campaigns"):
        frames[name] = frames[name][frames[name]["campaign_id"].isin(begun)]
    redeemed = frames["coupon_redemptions"]
    over = [begins(day, after=1) <= as_of for day in redeemed["redemption_date"]]
    frames["coupon_redemptions"] = redeemed[over]
    folder.mkdir(exist_ok=True)
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet")
    return {name: folder / f"{name.removeprefix('journey.')}.parquet" for name in files}


def workspace_as_it_stood(
    whole: Workspace, files: Mapping[str, Path], as_of: datetime, folder: Path
) -> Workspace:
    made = Workspace.create(folder / "w", zone=ZONE)
    for name, path in cut_files(files, as_of, folder / "files").items():
        land(made, FEEDS[name], path)
    seen = pd.concat(map(pd.read_parquet, whole.store.files("interactions")))
    seen = seen[seen["occurred_at"] < pd.Timestamp(as_of)]
    rows = pa.Table.from_pandas(seen, schema=INTERACTIONS.arrow_schema(), preserve_index=False)
    made.replace(INTERACTIONS, rows.to_batches())
    return made


def everything(snapshot: Snapshot) -> dict[str, str]:
    """A digest of every table that a rule may read, and of who each rule selects."""
    engine = Engine(snapshot, catalogue(snapshot))
    tables = ["people", "profile", *(source.type.table for source in EVENT_SOURCES)]
    found = {}
    for name in tables:
        rows = snapshot.cursor().execute(f"SELECT t::VARCHAR FROM {name} t ORDER BY ALL").fetchall()
        found[name] = hashlib.sha256(repr(rows).encode()).hexdigest()
    for name, rule in RULES.items():
        members = to_numbers(engine.evaluate(rule).members[()]).tolist()
        found[name] = hashlib.sha256(repr(members).encode()).hexdigest()
    return found


@pytest.mark.parametrize("as_of", MOMENTS)
def test_what_was_landed_later_never_changes_an_earlier_answer(
    other_workspace: Workspace, company_files: Mapping[str, Path], tmp_path: Path, as_of: str
) -> None:
    moment = datetime.fromisoformat(as_of)
    with_hindsight = build(other_workspace, moment)
    then = build(workspace_as_it_stood(other_workspace, company_files, moment, tmp_path), moment)
    assert everything(then) == everything(with_hindsight)


def test_an_event_at_the_very_moment_is_outside_and_one_microsecond_before_is_inside(
    other_workspace: Workspace,
) -> None:
    snapshot = build(other_workspace)
    row = snapshot.cursor().execute("SELECT epoch_us(occurred_at) FROM event_visit OFFSET 2000 LIMIT 1")
    (at,) = row.fetchone() or (0,)
    moment = datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(microseconds=at)
    counted = {
        after: build(other_workspace, moment + timedelta(microseconds=after))
        .frame("SELECT count(*) AS n FROM event_visit")["n"]
        .iloc[0]
        for after in (0, 1)
    }
    assert counted[1] == counted[0] + 1


PROBE = """
import json, sys
from pathlib import Path
from qa_lib.profiles import build
from qa_lib.sources import FEEDS, generate_interactions, land
from qa_lib.workspace import Workspace
from test_as_of import everything
made = Workspace.create(sys.argv[1], zone="America/New_York")
for path in sorted(Path(sys.argv[2]).glob("*.parquet")):
    land(made, FEEDS[f"journey.{path.stem}"], path)
generate_interactions(made)
print(json.dumps([everything(build(made)), everything(build(made, "2017-08-15T17:31:07Z"))]))
"""


def test_the_machines_own_zone_changes_no_answer(
    workspace: Workspace,
    other_workspace: Workspace,
    company_files: Mapping[str, Path],
    tmp_path: Path,
) -> None:
    here = [everything(build(other_workspace)), everything(build(other_workspace, "2017-08-15T17:31:07Z"))]
    folder = next(iter(company_files.values())).parent
    repository = Path(__file__).parents[2]
    paths = [str(repository), str(repository / "tests"), str(Path(__file__).parent)]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROBE, str(tmp_path / zone.replace("/", "_")), str(folder)],
            env={**os.environ, "TZ": zone, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for zone in ("Asia/Shanghai", "America/Los_Angeles")
    ]
    for process in running:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert json.loads(output) == here
