"""The tags of families computed by an engine that speaks Spark Connect, over a snapshot's exported tables.

What comes out are tables too: `tags_EVENT.parquet`, a row per person and a column per tag, and `tag_catalogue`,
which says what each is. Nothing but the catalogue passes through this machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from qa_lib.errors import SpecError
from qa_lib.profiles.behaviour import FOLDER, BehaviourTag, expand, read_families
from qa_lib.profiles.behaviour_build import META, SPELT
from qa_lib.profiles.events import EVENT_SOURCES
from qa_lib.profiles.families_sql import family_query
from qa_lib.profiles.kernels import by_event
from qa_lib.rules.dialects import in_dialect
from qa_lib.workspace import STAMP, Snapshot, Workspace
from qa_lib.workspace.spark_tables import SparkTables, write_parquet

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

CATALOGUE = "tag_catalogue"


@dataclass(frozen=True)
class BuiltTags:
    """What a build wrote: the tags, the folder, and the seconds that each kind of event took."""

    tags: tuple[BehaviourTag, ...]
    folder: str
    seconds: Mapping[str, float]


def workspace_tags(workspace: Workspace, snapshot: Snapshot) -> tuple[BehaviourTag, ...]:
    """The tags that the workspace's families give over a snapshot, as its build names them.

    Raises
    ------
    SpecError
        When there is no family, or one does not fit.
    """
    events = {s.type.name: s.type for s in EVENT_SOURCES}
    families = read_families(workspace.root / FOLDER, events)
    if not families:
        raise SpecError(
            f"There is no family of tags in {workspace.root / FOLDER}. Declare one, or put the standard set there "
            "with `qa_lib.profiles.write_standard`."
        )
    common = {
        (event, prop): [str(value) for value, _ in pairs]
        for name, pairs in snapshot.meta["values"].items()
        for event, _, prop in [name.partition(".")]
        if prop
    }
    taken = [entry["spec"]["name"] for entry in snapshot.meta["tags"] if "family" not in entry]
    spelt = snapshot.meta.get(META, {}).get(SPELT, {})
    return expand(families, events, common, taken, spelt=spelt)


def spark_family_sql(
    tags: Sequence[BehaviourTag], as_of: datetime, zone: ZoneInfo, tables: SparkTables
) -> str:
    """The query of all tags over one kind of event, as the session runs it."""
    table = f"event_{tags[0].event}"
    query = family_query(tags, as_of, zone, table=table)
    return in_dialect(tables.bind(query, {"people", table}), "spark").sql(dialect="spark")


def build_tags_on(
    session: SparkSession,
    tables: str,
    out: str,
    tags: Sequence[BehaviourTag],
    *,
    version: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> BuiltTags:
    """Compute the tags on the server and let it write them.

    Parameters
    ----------
    tables
        The folder that `export_tables` wrote, by the path under which the server reads it.
    out
        A folder that the server writes, and that is not there. Its table `snapshot` comes last: without it
        the build was cut off.
    version
        The snapshot that the tables must be of; None takes any.

    Raises
    ------
    SpecError
        When there is no tag.
    DataError
        When the tables cannot be read, are of another snapshot, or the server fails.
    """
    if not tags:
        raise SpecError("No tag was given. Expand families first, see `qa_lib.profiles.behaviour.expand`.")
    say = progress or (lambda _: None)
    source, target = SparkTables(session, tables), out.rstrip("/")
    stamp = source.stamp()
    if version is not None:
        source.require(version)
    as_of, zone = stamp["as_of"], ZoneInfo(stamp["zone"])
    seconds: dict[str, float] = {}
    for event, of_event in by_event(tags).items():
        say(f"{len(of_event):,} tags over {event}")
        started = time.perf_counter()
        frame = session.sql(spark_family_sql(of_event, as_of, zone, source))
        write_parquet(frame, f"{target}/tags_{event}.parquet", f"The tags over {event!r}")
        seconds[event] = time.perf_counter() - started
    rows = [_described(tag) for tag in tags]
    write_parquet(session.createDataFrame(rows), f"{target}/{CATALOGUE}.parquet", "The catalogue of the tags")
    write_parquet(source.read(STAMP), f"{target}/{STAMP}.parquet", "The stamp of the tags")
    return BuiltTags(tuple(tags), target, seconds)


def _described(tag: BehaviourTag) -> dict[str, Any]:
    """The row of a tag in the catalogue."""
    spec = tag.spec
    return {
        "name": tag.name, "event": tag.event, "family": tag.family, "type": spec.type, "unit": spec.unit,
        "window": spec.window, "zero": spec.zero, "label_zh": spec.label_zh, "label_en": spec.label_en,
        "owner": spec.owner, "version": spec.version, "key": tag.key,
    }  # fmt: skip
