"""Which snapshots a run has read: written down where `QA_READS` says, so that what is kept can name its data."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qa_lib.workspace.state import Published

READS = "QA_READS"


def note_read(published: Published) -> None:
    """Add a snapshot to the file that the environment names; do nothing where it names none."""
    if path := os.environ.get(READS):
        stamp = {
            "snapshot": published.version,
            "as_of": published.as_of.isoformat(),
            "table_versions": dict(published.table_versions),
            "library_version": published.library_version,
        }
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(stamp) + "\n")


def read_notes(path: str | Path) -> list[Mapping[str, Any]]:
    """The snapshots that were noted, each once, in the order in which they were first read."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:  # nothing was read
        return []
    return [json.loads(line) for line in dict.fromkeys(lines)]
