"""`tags`: 1,200 behaviour tags of everybody, again after 1 % changed, and one person's whole profile."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from measured import FOLDER, Figure, WrongAnswer, at_most, company
from tag_peers import bench_tags, build_by_hand, by_pandas, refresh_by_hand

from qa_lib.profiles import catalogue
from qa_lib.profiles.kernels import by_event
from qa_lib.profiles.local_time import microseconds
from qa_lib.profiles.lookup import PersonLookup
from qa_lib.profiles.refresh import Base, Refreshed, write_behaviour
from qa_lib.workspace import Column, Columns, Snapshot
from qa_lib.workspace.columns import ColumnsWriter
from qa_lib.workspace.sql import to_frame

#: No slower than SQL by hand, build and refresh together; one person within these milliseconds, 99 of 100 times.
BAR, BAR_PROFILE = 1.0, 5.0
CHANGED = 0.01
LOOKUPS = 2_000
#: A look-up that waited for at most this part of its time counts as undisturbed; of fewer than so many, all count.
QUIET, FEWEST_QUIET = 0.02, 200
#: Every so many tags one in pandas; its time is scaled to all.
_EVERY = {"S": 12, "M": 60, "L": 300}


def run(tier: str, say: Callable[[str], None], people: int | None = None) -> list[Figure]:
    """Seconds of wall clock, one run each after one another; the memory is the process's peak in each."""
    snapshot = company(tier, people)
    events = {e.name: e for e in catalogue(snapshot).events}
    common = {
        (event, prop): [v for v, _ in pairs]
        for name, pairs in snapshot.meta["values"].items()
        for event, _, prop in [name.partition(".")]
    }
    tags = bench_tags(events, common)
    say(f"{len(tags):,} tags of {snapshot.people_count:,} people")
    with _folder() as folder:
        return _measured(tier, say, snapshot, tags, folder)


def _measured(
    tier: str, say: Callable[[str], None], snapshot: Snapshot, tags: tuple[Any, ...], folder: Path
) -> list[Figure]:
    people, as_of = snapshot.people_count, snapshot.as_of
    grouped = by_event(tags)
    peak: dict[str, float] = {}
    took: dict[str, float] = {}
    cpu: dict[str, float] = {}

    def timed(name: str, run: Callable[[], Any]) -> Any:
        _forget_peak()
        at, used = time.perf_counter(), time.process_time()
        found = run()
        took[name], peak[name] = time.perf_counter() - at, _peak_mb()
        cpu[name] = time.process_time() - used
        say(f"{name}: {took[name]:.2f} s ({cpu[name]:.2f} CPU s), peak {peak[name]:,.0f} MB")
        return found

    def ours(
        name: str, array: Callable[[str], Column | None], moment: Any, base: Base | None
    ) -> tuple[Columns, Refreshed]:
        place = folder / name
        place.mkdir()

        def write() -> Refreshed:
            writer = ColumnsWriter(place)
            done = write_behaviour(writer, {}, tags, array, people, moment, snapshot.zone, base=base)
            writer.close()
            return done

        done = timed(name, write)
        return Columns(place), done

    with contextlib.closing(duckdb.connect(str(folder / "peer.duckdb"))) as peer:
        peer.execute("SET TimeZone = 'UTC'")
        peer.execute("SET memory_limit = '8GB'")
        peer.execute("SET enable_progress_bar = false")
        for event in grouped:
            rows = snapshot.cursor().execute(f"SELECT * FROM event_{event}").to_arrow_reader()
            peer.register("given", rows)
            peer.execute(f"CREATE TABLE event_{event} AS SELECT * FROM given")
            peer.unregister("given")
        full, _ = ours("ours", snapshot.columns.array, as_of, None)
        timed("DuckDB by hand", lambda: build_by_hand(peer, grouped, as_of))
        _equal(full, peer, grouped, people)
        again = _sampled_pandas(peer, full, grouped, as_of, people, _EVERY[tier])
        say(f"pandas, scaled from every {_EVERY[tier]}th tag: {again:.1f} s")

        changed = _with_late_events(snapshot, grouped, folder / "changed", people)
        _tell(peer, changed, grouped, people)
        base = Base(full, snapshot.columns.array, as_of, {t.name: t.key for t in tags}, people)
        after, done = ours("ours, 1 % changed", changed.array, as_of, base)
        if max(done.changed_people.values()) > CHANGED * people:
            raise WrongAnswer(f"more people were computed anew than changed: {done.changed_people}")
        timed("DuckDB by hand, 1 % changed", lambda: refresh_by_hand(peer, grouped, as_of))
        _equal(after, peer, grouped, people)
    yesterday = as_of - timedelta(days=1)
    earlier = _until(snapshot, grouped, yesterday, folder / "yesterday")
    before, _ = ours("ours, the day before", earlier.array, yesterday, None)
    base = Base(before, earlier.array, yesterday, {t.name: t.key for t in tags}, people)
    slid, done = ours("ours, a day later", snapshot.columns.array, as_of, base)
    say(f"a day later: {done.patched_tags} tags taken over, people computed anew {done.changed_people}")
    _alike(slid, full)
    lookups, lookups_cpu, waited = _lookups(snapshot, full, tags)
    quiet = lookups[waited <= QUIET * lookups]
    say(f"{len(quiet):,} of {len(lookups):,} look-ups did not wait for a processor")
    total = (took["ours"] + took["ours, 1 % changed"]) / (
        took["DuckDB by hand"] + took["DuckDB by hand, 1 % changed"]
    )
    return [
        *(Figure(name, seconds, "s") for name, seconds in took.items()),
        *(Figure(f"{name}, CPU", seconds, "CPU s") for name, seconds in cpu.items()),
        Figure("pandas, scaled", again, "s", "pandas"),
        *(Figure(f"{name}, peak memory", mb, "MB") for name, mb in peak.items()),
        Figure(
            "ours on disk",
            sum(f.stat().st_size for f in (folder / "ours").iterdir()) / 1e6
            if (folder / "ours").exists()
            else 0.0,
            "MB",
        ),
        at_most("ours : DuckDB by hand, build and refresh", total, "x", "DuckDB", BAR),
        Figure("one person's profile, tags", float(len(tags) + len(snapshot.meta["tags"])), "tags"),
        Figure("one person's profile, p50", float(np.percentile(lookups, 50)), "ms"),
        Figure("one person's profile, p99 of CPU", float(np.percentile(lookups_cpu, 99)), "ms"),
        Figure("one person's profile, p99, waiting counted", float(np.percentile(lookups, 99)), "ms"),
        Figure("one person's profile, share of the time waiting", float(waited.sum() / lookups.sum()), "x"),
        at_most(
            "one person's profile, p99 where the machine gave a processor",
            float(np.percentile(quiet if len(quiet) >= FEWEST_QUIET else lookups, 99)),
            "ms",
            "",
            BAR_PROFILE,
        ),
    ]


def _lookups(snapshot: Snapshot, behaviour: Columns, tags: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Milliseconds by the clock, of CPU, and waiting for one, from an id to every value, of people drawn at random."""
    both = _Beside(snapshot, behaviour, [{"spec": t.spec.to_dict()} for t in tags])
    lookup = PersonLookup(both)  # type: ignore[arg-type]
    found, cpu, waited = [], [], []
    for n in np.random.default_rng(3).integers(0, snapshot.people_count, LOOKUPS).tolist():
        lost = _waited()
        at, used = time.perf_counter(), time.thread_time()
        values = lookup.values(f"P{n:010d}")
        found.append((time.perf_counter() - at) * 1000)
        cpu.append((time.thread_time() - used) * 1000)
        waited.append(min(_waited() - lost, found[-1]))  # the clock is read inside the two readings
        if len(values) != len(lookup.names):
            raise WrongAnswer(f"person {n}: {len(values)} of {len(lookup.names)} tags")
    return np.array(found), np.array(cpu), np.array(waited)


def _waited() -> float:
    """Milliseconds that this thread has waited for a processor, where the system tells; else 0."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e6
    return 0.0


class _Beside:
    """A snapshot and tags that were computed beside it, seen as one."""

    def __init__(self, snapshot: Snapshot, behaviour: Columns, more: list[dict[str, Any]]) -> None:
        self.meta = {"tags": [*snapshot.meta["tags"], *more]}
        self.as_of, self.person_of, self.cursor = snapshot.as_of, snapshot.person_of, snapshot.cursor
        self.columns, self._own, self._more = self, snapshot.columns, behaviour
        self.bitset_names = snapshot.columns.bitset_names
        self.array_names = (*snapshot.columns.array_names, *behaviour.array_names)

    def person(self, n: int) -> dict[str, Any]:
        return self._own.person(n) | self._more.person(n)

    def array(self, name: str) -> Column | None:
        return self._more.array(name) or self._own.array(name)


def _equal(
    ours: Columns, peer: duckdb.DuckDBPyConnection, grouped: Mapping[str, list[Any]], people: int
) -> None:
    """Every value of every tag."""
    for event, tags in grouped.items():
        for first in range(0, len(tags), 40):
            some = tags[first : first + 40]
            columns = ", ".join(f"CAST({t.name} AS DOUBLE) AS {t.name}" for t in some)
            table = peer.execute(f"SELECT person_no, {columns} FROM tags_{event}").fetchnumpy()
            who = np.asarray(table["person_no"])
            for tag in some:
                theirs = np.full(people, np.nan)
                theirs[who] = np.ma.filled(table[tag.name], np.nan)
                _same(tag, ours, np.nan_to_num(theirs) if tag.spec.zero else theirs, "DuckDB")


def _same(tag: Any, ours: Columns, theirs: Any, peer: str) -> None:
    column = ours.array(tag.name)
    assert column is not None
    found = column.values / 10**column.scale
    if column.known is not None:
        found = np.where(column.known, found, np.nan)
    if not np.allclose(found, theirs, rtol=1e-9, atol=1e-9, equal_nan=True):
        where = np.flatnonzero(~np.isclose(found, theirs, rtol=1e-9, atol=1e-9, equal_nan=True))
        raise WrongAnswer(
            f"{tag.name}: person {where[0]} has {found[where[0]]}, {peer} says {theirs[where[0]]}"
        )


def _sampled_pandas(
    peer: duckdb.DuckDBPyConnection,
    ours: Columns,
    grouped: Mapping[str, list[Any]],
    as_of: Any,
    people: int,
    every: int,
) -> float:
    """Seconds for all tags, from every so many of them."""
    seconds = 0.0
    for event, tags in grouped.items():
        frame = to_frame(peer.execute(f"SELECT * FROM event_{event} ORDER BY occurred_at"))
        for name in ("paid_amount",):
            if name in frame:
                frame[name] = frame[name].astype("float64")
        some = tags[::every]
        at = time.perf_counter()
        found = by_pandas(frame, some, as_of, people)
        seconds += (time.perf_counter() - at) * len(tags) / len(some)
        for tag in some:
            _same(tag, ours, found[tag.name], "pandas")
    return seconds


def _with_late_events(
    snapshot: Snapshot, grouped: Mapping[str, list[Any]], place: Path, people: int
) -> Columns:
    """The events with one late event of each kind for 1 % of the people, at its place in time."""
    place.mkdir()
    writer = ColumnsWriter(place)
    rng = np.random.default_rng(11)
    late = rng.choice(people, max(1, int(people * CHANGED)), replace=False)
    end = microseconds(snapshot.as_of)
    for event in grouped:
        at = snapshot.columns.array(f"event_{event}.occurred_at")
        assert at is not None
        moments = np.sort(end - rng.integers(1, 300 * 86_400_000_000, len(late)))
        where = np.searchsorted(at.values, moments)
        copied = rng.integers(0, len(at.values), len(late))  # the properties of some event there is
        for name in snapshot.columns.array_names:
            if not name.startswith(f"event_{event}."):
                continue
            column = snapshot.columns.array(name)
            assert column is not None
            new = {"person_no": late, "occurred_at": moments}.get(name.rpartition(".")[2])
            new = column.values[copied] if new is None else new
            values = np.insert(column.values, where, new.astype(column.values.dtype))
            texts = column.texts if column.kind == "text" else None
            writer.array(name, column.kind, [values], scale=column.scale, texts=texts)
    writer.close()
    return Columns(place)


def _until(snapshot: Snapshot, grouped: Mapping[str, list[Any]], moment: Any, place: Path) -> Columns:
    """The events before a moment."""
    place.mkdir()
    writer = ColumnsWriter(place)
    for event in grouped:
        at = snapshot.columns.array(f"event_{event}.occurred_at")
        assert at is not None
        end = int(np.searchsorted(at.values, microseconds(moment)))
        for name in snapshot.columns.array_names:
            if not name.startswith(f"event_{event}."):
                continue
            column = snapshot.columns.array(name)
            assert column is not None
            known = None if column.known is None else [column.known[:end]]
            texts = column.texts if column.kind == "text" else None
            writer.array(
                name, column.kind, [column.values[:end]], scale=column.scale, texts=texts, known=known
            )
    writer.close()
    return Columns(place)


def _alike(one: Columns, other: Columns) -> None:
    """Every array the same, to the byte."""
    for name in other.array_names:
        mine, theirs = one.array(name), other.array(name)
        assert mine is not None
        assert theirs is not None
        if not np.array_equal(mine.values, theirs.values) or not np.array_equal(
            np.asarray(mine.known), np.asarray(theirs.known)
        ):
            raise WrongAnswer(f"{name}: what was taken over a day later is not what a full build gives")


def _tell(
    peer: duckdb.DuckDBPyConnection, changed: Columns, grouped: Mapping[str, list[Any]], people: int
) -> None:
    """Give the peer the same rows, and tell it who changed."""
    import pandas as pd

    latest: set[int] = set()
    for event in grouped:
        own = peer.execute(f"SELECT * FROM event_{event} LIMIT 0").description
        rows: dict[str, Any] = {}
        for name in (d[0] for d in own):
            column = changed.array(f"event_{event}.{name}")
            assert column is not None
            match column.kind:
                case "text":
                    rows[name] = pd.Categorical.from_codes(column.values.astype(np.int64), list(column.texts))
                case "moment":
                    rows[name] = pd.to_datetime(column.values, unit="us", utc=True)
                case _:
                    rows[name] = column.values if not column.scale else column.values / 10**column.scale
        frame = pd.DataFrame(rows)
        peer.register("given", frame)
        columns = ", ".join(
            f"CAST({d[0]} AS {t}) AS {d[0]}" for d, t in zip(own, _types(peer, event), strict=True)
        )
        before = peer.execute(f"SELECT person_no, count(*) FROM event_{event} GROUP BY 1").fetchnumpy()
        peer.execute(f"CREATE OR REPLACE TABLE event_{event} AS SELECT {columns} FROM given")
        peer.unregister("given")
        counts = np.zeros(people, dtype=np.int64)
        counts[before["person_no"]] = before["count_star()"]
        latest |= set(np.flatnonzero(np.bincount(rows["person_no"], minlength=people) != counts).tolist())
    peer.register("given", pd.DataFrame({"person_no": sorted(latest)}))
    peer.execute("CREATE OR REPLACE TABLE changed AS SELECT * FROM given")
    peer.unregister("given")


def _types(peer: duckdb.DuckDBPyConnection, event: str) -> list[str]:
    rows = peer.execute(
        "SELECT data_type FROM duckdb_columns() WHERE table_name = $t ORDER BY column_index",
        {"t": f"event_{event}"},
    )
    return [r[0] for r in rows.fetchall()]


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="tags-", dir=FOLDER))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    """The most memory of this process since the last time it was forgotten, mapped files counted."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    return 0.0
