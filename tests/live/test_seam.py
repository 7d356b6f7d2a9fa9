"""Batch over everything says what batch and stream say together: no event counts twice or not at all."""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from live_helpers import AS_OF, NEWER, RULES, TAG_NAMES, copied, drain, keyed, made_event, opened

from qa_lib.live import LiveProfiles
from qa_lib.live.view import adopt, live_rows
from qa_lib.profiles import build, catalogue, tag_values
from qa_lib.rules import Engine, to_numbers
from qa_lib.sources.stream import DeltaWriter
from qa_lib.tables import INTERACTIONS, STREAM_EVENTS
from qa_lib.workspace import Workspace


def everything(workspace: Workspace, folder: Path, events: list[dict[str, Any]], as_of: datetime) -> Any:
    """A batch build over all events at once: tags and matches by person."""
    import pyarrow as pa

    whole = copied(workspace, folder)
    once = {e["event_id"]: e for e in events}
    rows = [
        {
            "event_id": e["event_id"],
            "event": e["event"],
            "person_id": e["person_id"],
            "occurred_at": datetime.fromisoformat(e["occurred_at"]),
            "properties": json.dumps(e["properties"]),
            "log_partition": "none",
            "log_offset": n,
            "arrived_at": AS_OF,
        }
        for n, e in enumerate(once.values())
    ]
    table = pa.Table.from_pylist(rows, schema=STREAM_EVENTS.arrow_schema())
    whole.append(STREAM_EVENTS, table.to_batches(), once="everything")
    snapshot = build(whole, as_of)
    ids = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].tolist()
    tags = tag_values(snapshot, *TAG_NAMES)
    engine = Engine(snapshot, catalogue(snapshot))
    matched: dict[str, set[str]] = {one: set() for one in ids}
    for rule in RULES:
        for number in to_numbers(engine.evaluate(rule.rule).members[()]).tolist():
            matched[ids[number]].add(rule.name)
    values = dict(zip(ids, tags.to_dict("records"), strict=True))
    return values, matched


def number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)


@pytest.mark.parametrize(
    "seed", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)]
)
def test_batch_and_stream_say_what_batch_over_everything_says(
    workspace: Workspace, tmp_path: Path, seed: int
) -> None:
    """Duplicates, disorder, late events, restarts, two newer snapshots; events beyond each cut-off."""
    draw = random.Random(seed)
    own = copied(workspace, tmp_path / "own")
    build(own)
    stream = opened(own)
    sent: list[dict[str, Any]] = []
    for part in range(6):
        # order lines of one moment and one order now and then, as a basket is
        new = [made_event(draw, part * 150 + n, late_days=25, ahead_days=4) for n in range(150)]
        for one, other in itertools.pairwise(new):
            if one["event"] == other["event"] == "purchase" and draw.random() < 0.5:
                same = ("person_id", "occurred_at")
                other |= {k: one[k] for k in same}
                other["properties"]["order_id"] = one["properties"]["order_id"]
                other["properties"]["item_id"] = "D" if one["properties"]["item_id"] != "D" else "E"
        again = [draw.choice(sent) for _ in range(20)] if sent else []
        mixed = new + again
        draw.shuffle(mixed)
        stream.log.append(keyed(mixed))
        sent += new
        before = stream.consumer.total.read
        drain(stream, before + len(mixed))
        if part in (1, 3):  # a nightly build, while the stream goes on
            DeltaWriter(own, stream.state).write()
            stream.log.append(keyed([late := made_event(draw, 10_000 + part, late_days=20, ahead_days=0)]))
            sent.append(late)
            drain(
                stream, before + len(mixed) + 1
            )  # occurred before the build's moment, arrived after its reading
            build(own, AS_OF if part == 1 else AS_OF + timedelta(days=1))
            DeltaWriter(
                own, stream.state
            ).write()  # the late one follows in a version that the build has not read
            live_before = stream.state.rows("SELECT count(*) FROM events")[0][0]
            adopt(own, stream.state)
            assert stream.state.rows("SELECT count(*) FROM events")[0][0] < live_before
        if part in (2, 4):  # a restart
            stream.consumer.close()
            stream.close()
            stream = opened(own)
    assert 0 < stream.state.rows("SELECT count(*) FROM events")[0][0] < len(sent)
    as_of = AS_OF + timedelta(days=3)
    values, matched = everything(workspace, tmp_path / "everything", sent, as_of)
    profiles = LiveProfiles(own, rules=RULES)
    counts = Counter((e["person_id"], e["event"]) for e in sent)
    landed = own.read(INTERACTIONS)
    counts.update(zip(landed["person_id"], landed["event"], strict=True))
    touched = sorted({e["person_id"] for e in sent})
    found_rules: Counter[str] = Counter()
    for person in [*touched, *sorted(set(values) - set(touched))[:40]]:
        now = profiles.lookup(person, as_of)
        if person not in values:  # all that happened to them lies after the moment
            continue
        for name in TAG_NAMES:
            assert number(now.tags[name]) == pytest.approx(number(values[person][name])), (person, name)
        assert set(now.matches) == matched[person], person
        found_rules.update(now.matches)
    assert len(found_rules) == len(RULES)
    # the plainest oracle: how often somebody did something, in whichever view
    view = profiles._view
    for person in touched:
        with stream.state.reading() as con:
            rows = live_rows(con, [person])[person]
        logs = view.with_rows(view.batch([person])[0], rows).events
        for kind in ("browse", "cart", *NEWER):
            assert (len(logs[kind].times) if kind in logs else 0) == counts[person, kind], (person, kind)
    profiles.close()
    stream.consumer.close()
    stream.close()
