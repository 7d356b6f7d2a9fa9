"""What `bench_start` runs in processes of its own: `python start_in_python.py ours|pandas FOLDER`.

It prints one JSON object: milliseconds by step, and the answer, so that both are held equal.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def ours(folder: Path) -> dict[str, float]:
    """Import, open the workspace, preview a rule: everything that a bare prompt needs."""
    at = [time.perf_counter()]

    def step() -> float:
        at.append(time.perf_counter())
        return (at[-1] - at[-2]) * 1000

    import qa_lib

    found = {"import": step()}
    workspace = qa_lib.Workspace.open(folder, read_only=True)
    workspace.snapshot()
    found["open"] = step()
    rule = qa_lib.read_rule((folder / "start_rule.json").read_text(encoding="utf-8"))
    seen = qa_lib.preview(workspace, qa_lib.Audience(name="first", rule=rule))
    found["preview"] = step()
    return {**found, "all": (at[-1] - at[0]) * 1000, "answer": seen.count}


def pandas(folder: Path) -> dict[str, float]:
    """The same people by pandas, from Parquet files that hold the rule's columns and no others."""
    started = time.perf_counter()
    import pandas as pd

    imported = time.perf_counter()
    given = json.loads((folder / "start_frames.json").read_text(encoding="utf-8"))
    people = pd.read_parquet(folder / "start_people.parquet")
    browsed = pd.read_parquet(folder / "start_browse.parquet")
    bought = pd.read_parquet(folder / "start_purchase.parquet")
    since = pd.Timestamp(given["since"])
    browsed = browsed[(browsed["occurred_at"] >= since) & (browsed["item_id"] == given["item"])]
    bought = bought[bought["occurred_at"] >= since]
    chosen = people[
        people["person_no"].isin(browsed["person_no"])
        & ~people["person_no"].isin(bought["person_no"])
        & (people["average_order_value"] > 500)
    ]
    end = time.perf_counter()
    return {
        "import": (imported - started) * 1000,
        "count": (end - imported) * 1000,
        "all": (end - started) * 1000,
        "answer": len(chosen),
    }


if __name__ == "__main__":
    print(json.dumps({"ours": ours, "pandas": pandas}[sys.argv[1]](Path(sys.argv[2]))))
