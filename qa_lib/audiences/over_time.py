"""The size of an audience at past moments: from the snapshots of then, or from the events recorded since.

What people did is dated, so a rule over events alone can be asked of any moment before the snapshot's. Tags,
attributes and saved audiences are known only as of the moments for which a snapshot was built.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import pandas as pd

from qa_lib.audiences.audience import Audience
from qa_lib.audiences.evaluate import engine_of, evaluate
from qa_lib.errors import AsOfOutside
from qa_lib.rules import All, Any, Attribute, Bits, Engine, Event, Lifecycle, RandomSplit, Rule, Sequence, Tag
from qa_lib.rules.bits import count, from_numbers, intersection
from qa_lib.rules.model import walk
from qa_lib.workspace import Snapshot, Workspace, read_moment

#: The conditions that dated events, or nothing but the person's id, decide.
_DATED = (All, Any, Event, Sequence, Lifecycle, RandomSplit)

_KNOWN = """
SELECT person_no FROM people
WHERE first_seen_at IS NULL OR first_seen_at < $moment{undated}
"""


def membership_over_time(
    workspace: Workspace, rule: Audience | Rule, moments: Iterable[datetime | str] | None = None
) -> pd.DataFrame:
    """The size of an audience at past moments.

    Where a snapshot was built as of the moment, it answers. Else, if every condition is about events (or a
    random split), the current snapshot's events answer, cut at the moment, among the people known by then.

    Parameters
    ----------
    moments
        Past moments; when not given, those of all snapshots that are there.

    Returns
    -------
    pandas.DataFrame
        One row per moment, ascending: `as_of` (UTC), `count`, `universe` (people known then, of an audience
        with a base those in the base), `share`,
        `source` (`snapshot` or `events`), `snapshot` (the version that was read).

    Raises
    ------
    AsOfOutside
        For a moment after the current snapshot's, or one without a snapshot when the rule names a tag, an
        attribute or a saved audience.
    SpecError, UnknownName
        When the rule does not fit a snapshot.
    NothingBuilt
        When there is no snapshot.

    Notes
    -----
    A snapshot holds what was known when it was built. Events are read as they are known now: orders that came
    late, and people merged since, are in. A basket of several lines at different times counts from its
    first line and with all of them.
    """
    current = workspace.snapshot()
    built = {p.as_of for p in workspace.snapshots()}
    wanted = built if moments is None else {read_moment(m) for m in moments}
    rows = []
    for moment in sorted(wanted):
        if moment in built:
            snapshot = workspace.snapshot(moment)
            found = evaluate(snapshot, rule)
            size, universe, source = found.count, found.universe, "snapshot"
        else:
            whole = rule.whole if isinstance(rule, Audience) else rule
            _answerable(whole, moment, current)
            snapshot, source = current, "events"
            known = _known(current, moment)
            cut = Engine(_cut(current, moment), engine_of(current).catalogue)
            size = count(intersection([cut.evaluate(whole).members[()], known]))
            universe = count(known)
        rows.append(
            {
                "as_of": moment,
                "count": size,
                "universe": universe,
                "share": size / universe if universe else 0.0,
                "source": source,
                "snapshot": snapshot.version,
            }
        )
    frame = pd.DataFrame(rows, columns=["as_of", "count", "universe", "share", "source", "snapshot"])
    return frame.assign(as_of=pd.to_datetime(frame["as_of"], utc=True))


def _answerable(rule: Rule, moment: datetime, current: Snapshot) -> None:
    """Refuse what the events recorded since cannot tell of a moment."""
    if moment > current.as_of:
        raise AsOfOutside(
            f"{moment.isoformat()} lies after the current snapshot's {current.as_of.isoformat()}; nothing is "
            f"known of it. Land newer data and build with `qa build --as-of {moment.isoformat()}`."
        )
    for path, node in walk(rule):
        if isinstance(node, _DATED):
            continue
        if isinstance(node, Attribute | Tag):
            what = f"The {node.kind} '{node.field}'"
        else:
            what = f"The saved audience '{node.audience}'"
        raise AsOfOutside(
            f"{what} (at {'.'.join(map(str, path)) or 'the root'} of the rule) is not known as of "
            f"{moment.isoformat()}: only events are dated, tags of the past need a snapshot. Build it with "
            f"`qa build --as-of {moment.isoformat()}`, or ask for moments of snapshots that are there."
        )


def _cut(snapshot: Snapshot, moment: datetime) -> Snapshot:
    """The same data with every window ending at an earlier moment."""
    other = copy.copy(snapshot)
    other.published = replace(snapshot.published, as_of=moment)
    return other


def _known(snapshot: Snapshot, moment: datetime) -> Bits:
    """The people whom a snapshot built as of the moment would hold; undated evidence is known always."""
    has_undated = "demographics" in snapshot.table_versions
    undated = " OR person_id IN (SELECT person_id FROM demographics)" if has_undated else ""
    people = snapshot.frame(_KNOWN.format(undated=undated), {"moment": moment})
    return from_numbers(people["person_no"].to_numpy(dtype=int), snapshot.people_count)
