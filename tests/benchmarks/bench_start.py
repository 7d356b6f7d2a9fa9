"""`start`: import, open, first preview, an edit's way to its count, a dashboard's way to its first figure."""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from measured import Figure, at_most, company, equal
from peers import tables
from twelve_rules import ITEM, RULES

from qa_lib.rules import All, Attribute
from qa_lib.sources.synthetic import AS_OF
from qa_lib.widgets.rule_builder import RuleBuilder
from qa_lib.workspace import Snapshot

IMPORT_BAR = 400.0
EDITS = 60
_ROUNDS = {"S": 7, "M": 5, "L": 3}
_SCRIPT = Path(__file__).with_name("start_in_python.py")


def run(tier: str, say: Callable[[str], None], people: int | None = None) -> list[Figure]:
    """Processes of their own for what starts; the browser's part needs Chromium and is left out without."""
    snapshot = company(tier, people)
    _frames(snapshot)
    took = _processes(snapshot, _ROUNDS[tier] if people is None else 1)
    say(f"import ms, each process: {', '.join(f'{ms:.0f}' for ms in took['ours']['import'])}")
    middle = {who: {step: statistics.median(ms) for step, ms in by.items()} for who, by in took.items()}
    figures = [
        at_most("import qa_lib", middle["ours"]["import"], "ms", "", IMPORT_BAR),
        Figure("open the workspace", middle["ours"]["open"], "ms"),
        Figure("first preview of R5, with its breakdown and sample", middle["ours"]["preview"], "ms"),
        Figure("import, open, preview", middle["ours"]["all"], "ms"),
        Figure("import pandas", middle["pandas"]["import"], "ms", "pandas"),
        Figure("import pandas, read Parquet, count R5", middle["pandas"]["all"], "ms", "pandas"),
    ]
    edits = sorted(_edits(snapshot))
    figures += [
        Figure("an edit in Python to its counts, p50", statistics.median(edits), "ms"),
        Figure("an edit in Python to its counts, p95", edits[int(0.95 * len(edits))], "ms"),
    ]
    if people is None:  # a small run is for equal answers
        figures += _in_browser(snapshot, say)
    return figures


def _frames(snapshot: Snapshot) -> None:
    """Beside the workspace the rule, and for pandas the columns that it reads."""
    folder = snapshot.root
    (folder / "start_rule.json").write_text(RULES["R5"].to_json(), encoding="utf-8")
    since = (AS_OF - timedelta(days=30)).isoformat()
    (folder / "start_frames.json").write_text(json.dumps({"since": since, "item": ITEM}), encoding="utf-8")
    if (folder / "start_purchase.parquet").exists():
        return
    found = tables(snapshot, ())
    pq.write_table(
        found["person"].select(["person_no", "average_order_value"]), folder / "start_people.parquet"
    )
    pq.write_table(
        found["event_browse"].select(["person_no", "occurred_at", "item_id"]), folder / "start_browse.parquet"
    )
    pq.write_table(
        found["event_purchase"].select(["person_no", "occurred_at"]), folder / "start_purchase.parquet"
    )


def _processes(snapshot: Snapshot, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Milliseconds by contender and step, a process a round; the first round is thrown away."""
    took: dict[str, dict[str, list[float]]] = {"ours": {}, "pandas": {}}
    for number in range(rounds + 1):
        told: dict[str, dict[str, float]] = {}
        for who in took:
            command = [sys.executable, str(_SCRIPT), who, str(snapshot.root.absolute())]
            told[who] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        equal("the first preview", {who: one.pop("answer") for who, one in told.items()})
        for who, steps in told.items():
            for step, ms in steps.items() if number else ():
                took[who].setdefault(step, []).append(ms)
    return took


def _edits(snapshot: Snapshot) -> list[float]:
    """Milliseconds from a value set to the rule builder's answer, each time a condition never seen."""
    builder = RuleBuilder(snapshot, All(RULES["R2"], RULES["R5"]))
    found = []
    for number in range(EDITS):
        rule = All(RULES["R2"], RULES["R5"], Attribute("income_amount", ">", 50_000 + number)).to_dict()
        started = time.perf_counter()
        builder.value = rule
        found.append((time.perf_counter() - started) * 1000)
        assert builder.result["count"] is not None, builder.result["problems"]
    return found


def _in_browser(snapshot: Snapshot, say: Callable[[str], None]) -> list[Figure]:
    if importlib.util.find_spec("playwright") is None:
        say("start: playwright is not installed, so nothing is measured in a browser")
        return []
    import start_in_browser

    try:
        path = start_in_browser.chromium()
    except RuntimeError as error:
        say(f"start: {error}")
        return []
    found: Any = start_in_browser.measure(snapshot.root, path, say)
    return list(found)
