"""A workspace with everything the data screens show: loads with faults, resolved people, saved audiences."""

from __future__ import annotations

import shutil
from pathlib import Path

from qa_lib.audiences import Audience, AudienceLibrary
from qa_lib.jobs.build import resolve_and_build
from qa_lib.jobs.example_drops import drop_sources, write_drops
from qa_lib.rules import All, Event, InAudience, Last, Tag
from qa_lib.sources import load_source, write_source
from qa_lib.workspace import Workspace

EARLIER = "2017-10-01T04:00:00Z"
BUYERS, QUIET, BOTH = "buyers <b>& co</b>", "quiet for a month", "buyers again"
TILLS = "tills.order_lines"
#: What a database does not end before it is interrupted.
ENDLESS = "SELECT count(*) FROM range(10_000_000) a, range(10_000_000) b WHERE a.range * b.range % 7 = 3"


def screens_world(workspace: Workspace, folder: Path) -> Workspace:
    """A copy of the made-up company, resolved and built at two moments, with saved audiences and faulty loads."""
    root = folder / "workspace"
    shutil.copytree(workspace.root, root)
    made = Workspace.open(root, read_only=False)
    resolve_and_build(made, EARLIER)
    resolve_and_build(made)
    library = AudienceLibrary(made)
    library.save(Audience(name=BUYERS, rule=All(Tag("order_count_365d", ">=", 3))), "li")
    quiet = All(Event("visit", window=Last(30, "day"), operator="=", value=0))
    library.save(Audience(name=QUIET, rule=quiet), "li")
    both = All(InAudience(BUYERS), Tag("average_order_value", ">", 20))
    library.save(Audience(name=BOTH, rule=both), "wang")
    _add_loads(made, folder / "drops")
    return made


def _add_loads(workspace: Workspace, folder: Path, people: int = 2_000) -> None:
    """Two weeks of drops of four sources: as agreed, then with the faults that real ones have."""
    sources = drop_sources(folder)
    for week in (1, 2):
        write_drops(folder, week, people=people)
        for source in sources.values():
            write_source(workspace, source)
            load_source(workspace, source)
