"""Links to groups of identifiers by an engine that speaks Spark Connect: the groups of `group_links`.

The server numbers identifiers, joins hashes to what they are of, sets shared identifiers aside and finds the
components. Only groups in which identifiers meet that one person cannot both have come to this machine, where
`group_links` takes their links one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from qa_lib.errors import DataError
from qa_lib.identity.graph import Policy, group_links
from qa_lib.identity.kinds import KINDS, kind
from qa_lib.identity.spark_components import Workbench, components_on
from qa_lib.tables import LINKS
from qa_lib.workspace.spark_tables import read_answer, write_parquet

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

_HASH = {"sha256": "sha2({0}, 256)", "md5": "md5({0})"}
#: The links of contested groups that this machine takes.
MOST_CONTESTED_LINKS = 5_000_000


@dataclass(frozen=True)
class SparkGroups:
    """What was written to `folder/groups.parquet`, counted; `rounds` of stars, `contested` groups taken here."""

    folder: str
    identifiers: int
    groups: int
    shared: int
    held: int
    contested: int
    rounds: int


def group_links_on(
    session: SparkSession,
    links: str,
    out: str,
    policy: Policy | None = None,
    *,
    most_contested_links: int = MOST_CONTESTED_LINKS,
) -> SparkGroups:
    """Identifiers in groups, as `group_links` has them without undone merges and splits.

    The server writes `out/groups.parquet`: `kind, value, group` (a number; -1 for a shared identifier) and
    `is_held` (in a group over the size cap), and `out/asked.parquet`, which says of what. What stands in `out/work` may go afterwards.

    Parameters
    ----------
    links
        A Parquet table with the columns of `links`, normalised, by the path under which the server reads it.
    out
        A folder that is not there.
    most_contested_links
        More links in contested groups than this are refused: they are taken one by one, on this machine.

    Raises
    ------
    UnknownName
        For a kind that is not declared.
    DataError
        When the server fails, or too much is contested: then the degree caps are too high, or a kind is said
        to be single that is not.
    """
    policy = policy or Policy()
    bench = Workbench(session, f"{out.rstrip('/')}/work")
    given = bench.show("links", session.read.parquet(links))
    kinds = read_answer(
        session.sql(f"SELECT left_kind AS kind FROM {given} UNION SELECT right_kind AS kind FROM {given}"),
        f"The kinds of the links in '{links}'",
    )
    names = sorted(kind(name).name for name in kinds.column("kind").to_pylist())
    asked = {
        "links": links,
        "policy": policy.model_dump_json(),
    }  # written first: a folder in use is refused at once
    write_parquet(session.createDataFrame([asked]), f"{out.rstrip('/')}/asked.parquet", "What was asked")
    nodes = _numbered(bench, given, names)
    ends = bench.keep(
        "ends",
        f"""SELECT l.same_as AS a, r.same_as AS b, given.* FROM {given} given
        JOIN {nodes} l ON l.kind = left_kind AND l.value = left_value
        JOIN {nodes} r ON r.kind = right_kind AND r.value = right_value""",
    )
    shared = _shared(bench, nodes, ends, policy, names)
    used = bench.keep(
        "used",
        f"""SELECT a, b FROM {ends}
        WHERE a <> b AND a NOT IN (SELECT node FROM {shared}) AND b NOT IN (SELECT node FROM {shared})""",
    )
    stars, rounds = components_on(bench, used)
    placed = bench.keep(
        "placed",
        f"""SELECT n.node, n.kind, n.value, n.same_as, coalesce(s.b, n.same_as) AS component,
        x.node IS NOT NULL AS is_shared
        FROM {nodes} n LEFT JOIN {stars} s ON n.same_as = s.a LEFT JOIN {shared} x ON n.same_as = x.node""",
    )
    settled, contested = _settle(bench, placed, ends, policy, names, most_contested_links)
    final = f"""
    WITH grouped AS (
        SELECT p.kind, p.value, CASE WHEN p.is_shared THEN -1 ELSE coalesce(s.component, p.component) END AS `group`
        FROM {placed} p LEFT JOIN {settled} s ON p.same_as = s.node
    ), sizes AS (SELECT `group`, count(*) AS size FROM grouped GROUP BY `group`)
    SELECT g.kind, g.value, g.`group`, g.`group` >= 0 AND z.size > {policy.size_cap} AS is_held
    FROM grouped g JOIN sizes z ON g.`group` = z.`group`"""
    write_parquet(session.sql(final), f"{out.rstrip('/')}/groups.parquet", "The groups")
    found = bench.show("groups", session.read.parquet(f"{out.rstrip('/')}/groups.parquet"))
    counts = read_answer(
        session.sql(
            f"""SELECT count(*) AS identifiers, count(DISTINCT CASE WHEN `group` >= 0 THEN `group` END) AS groups,
            count(CASE WHEN `group` < 0 THEN 1 END) AS shared, count(CASE WHEN is_held THEN 1 END) AS held
            FROM {found}"""
        ),
        "The counts of the groups",
    ).to_pylist()[0]
    return SparkGroups(out.rstrip("/"), **counts, contested=contested, rounds=rounds)


def _numbered(bench: Workbench, given: str, names: list[str]) -> str:
    """Every identifier with a number of its own, and that of the clear one whose hash it is."""
    alone = bench.keep(
        "identifiers",
        f"""SELECT monotonically_increasing_id() AS node, kind, value FROM (
        SELECT left_kind AS kind, left_value AS value FROM {given}
        UNION SELECT right_kind AS kind, right_value AS value FROM {given}) both_ends""",
    )
    joins = [
        f"""SELECT h.node, c.node AS clear FROM {alone} h JOIN {alone} c
        ON h.kind = '{name}' AND c.kind = '{KINDS[name].hash_of}'
        AND h.value = {_HASH[str(KINDS[name].algorithm)].format("c.value")}"""
        for name in names
        if KINDS[name].hash_of in names
    ]
    if not joins:
        return bench.keep("nodes", f"SELECT node, kind, value, node AS same_as FROM {alone}")
    return bench.keep(
        "nodes",
        f"""SELECT n.node, n.kind, n.value, coalesce(h.clear, n.node) AS same_as
        FROM {alone} n LEFT JOIN ({" UNION ALL ".join(joins)}) h ON n.node = h.node""",
    )


def _shared(bench: Workbench, nodes: str, ends: str, policy: Policy, names: list[str]) -> str:
    """Identifiers beside more others than their kind's cap."""
    caps = {name: policy.degree_caps.get(name, KINDS[name].degree_cap) for name in names}
    cap = " ".join(f"WHEN '{name}' THEN {most}" for name, most in caps.items())
    return bench.keep(
        "shared",
        f"""WITH pairs AS (SELECT DISTINCT least(a, b) AS a, greatest(a, b) AS b FROM {ends} WHERE a <> b),
        degrees AS (SELECT node, count(*) AS degree FROM
            (SELECT a AS node FROM pairs UNION ALL SELECT b AS node FROM pairs) beside GROUP BY node)
        SELECT n.node FROM {nodes} n JOIN degrees d ON n.node = d.node
        WHERE d.degree > CASE n.kind {cap or "WHEN '' THEN 0"} END""",
    )


def _settle(
    bench: Workbench, placed: str, ends: str, policy: Policy, names: list[str], most: int
) -> tuple[str, int]:
    """The groups of contested components, by `group_links` here: `node, component`; and how many there were."""
    single = [n for n in names if policy.single_kinds.get(n, KINDS[n].is_single)]
    listed = ", ".join(f"'{n}'" for n in single) or "''"
    contested = bench.keep(
        "contested",
        f"""SELECT DISTINCT component FROM (SELECT component, kind FROM {placed}
        WHERE kind IN ({listed}) AND node = same_as AND NOT is_shared
        GROUP BY component, kind HAVING count(*) > 1) met""",
    )
    inside = bench.show(
        "inside",
        bench.session.sql(
            f"""SELECT {", ".join(f"e.{c}" for c in LINKS.column_names)} FROM {ends} e
            JOIN {placed} l ON e.a = l.node JOIN {placed} r ON e.b = r.node
            JOIN {contested} c ON l.component = c.component
            WHERE NOT l.is_shared AND NOT r.is_shared"""
        ),
    )
    number = bench.number(f"SELECT count(*) FROM {contested}", "The number of contested groups")
    count = bench.number(f"SELECT count(*) FROM {inside}", "The number of links in contested groups")
    if count > most:
        raise DataError(
            f"{number:,} groups with {count:,} links hold identifiers that one person cannot both have; at most "
            f"{most:,} links are taken one by one here. Lower the degree caps, or say in the policy which kinds "
            "a person may have several of."
        )
    session = bench.session
    if not count:
        empty = f"SELECT node, component FROM {placed} WHERE node < 0"
        return bench.show("settled", session.sql(empty)), number
    rows = read_answer(session.sql(f"SELECT * FROM {inside}"), "The links of contested groups").to_pandas()
    found = group_links(rows, policy)
    frame = found.nodes[found.nodes["group"] >= 0][["kind", "value", "group"]]
    first = frame.drop_duplicates("group").set_index("group")
    told = pd.DataFrame(
        {
            "kind": frame["kind"].astype(str),
            "value": frame["value"].astype(str),
            "of_kind": frame["group"].map(first["kind"].astype(str)).astype(str),
            "of_value": frame["group"].map(first["value"].astype(str)).astype(str),
        }
    )
    sent = bench.show("told", session.createDataFrame(told.to_dict("records")))
    settled = f"""SELECT n.same_as AS node, min(o.same_as) AS component FROM {sent} t
    JOIN {placed} n ON n.kind = t.kind AND n.value = t.value
    JOIN {placed} o ON o.kind = t.of_kind AND o.value = t.of_value
    GROUP BY n.same_as"""
    return bench.keep("settled", settled), number
