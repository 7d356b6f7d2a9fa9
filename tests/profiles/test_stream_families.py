"""Families marked for the stream are measured as of any moment as a build of that moment measures them."""

from __future__ import annotations

import pandas as pd
import pytest

from qa_lib.live.view import LiveView
from qa_lib.profiles import BehaviourFamily, FamilyMeasure, build, stream_tags, tag_values, tags
from qa_lib.profiles.behaviour import STREAMED, write_families
from qa_lib.profiles.local_time import microseconds
from qa_lib.rules.windows import Ever, Last
from qa_lib.workspace import Workspace

PROPERTIES = {
    "sum": "paid_amount",
    "avg": "paid_amount",
    "min": "paid_amount",
    "max": "quantity",
    "distinct": "item_id",
}
FAMILY = BehaviourFamily(
    name="now", label_zh="此刻", label_en="Now", event="purchase", by="department", top=2, whole=True,
    windows=(Last(21, "day"), Ever()), refresh="both",
    measures=tuple(FamilyMeasure(kind, PROPERTIES.get(kind)) for kind in sorted(STREAMED)),
)  # fmt: skip
EARLY, LATER = "2017-08-20T10:00:00Z", "2017-09-05T04:00:00Z"


def test_what_is_measured_now_is_what_a_build_of_the_moment_says(other_workspace: Workspace) -> None:
    file = write_families(other_workspace.root / "tag_families", [FAMILY])
    snapshots = [build(other_workspace, moment) for moment in (EARLY, LATER)]
    file.unlink()
    listed = tags(snapshots[1])
    names = listed.loc[listed["family"] == "now", "name"].tolist()
    assert set(listed.loc[listed["family"] == "now", "refresh"]) == {"both"}
    assert [t.name for t in stream_tags(snapshots[1])] == names
    assert len(names) == 2 * 3 * len(STREAMED)
    view = LiveView(other_workspace, snapshots[1])
    ids = snapshots[0].frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].tolist()[::9]
    people = view.batch(ids)
    for snapshot in snapshots:
        all_ids = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"]
        expected = tag_values(snapshot, *names).set_axis(all_ids)
        for one, person in zip(ids, people, strict=True):
            found = view.tags.values(person, microseconds(snapshot.as_of))
            for name in names:
                value = expected.loc[one, name]
                if pd.isna(value):
                    assert found[name] is None, name
                else:
                    assert float(found[name]) == pytest.approx(float(value), rel=1e-12), (one, name)
