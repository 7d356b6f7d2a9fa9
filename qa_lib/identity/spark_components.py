"""Connected components by an engine that speaks Spark Connect, in rounds of large stars and small stars.

Each round every node points its larger neighbours, then all its smaller ones, to the smallest it knows, until
each points to the smallest of its component. Chains shrink by more than half in a round and pairs never grow
in number. After Kiveris, Lattanzi, Mirrokni, Rastogi and Vassilvitskii (2014), "Connected Components in
MapReduce and Beyond", SoCC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from qa_lib.errors import DataError
from qa_lib.workspace.spark_tables import read_answer, write_parquet

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession
    from pyspark.sql.dataframe import DataFrame

#: A chain of n links takes about log2(n) rounds; more than this means that something else is wrong.
_MOST_ROUNDS = 100

_LARGE_STAR = """
WITH both_ways AS (SELECT a, b FROM {pairs} UNION ALL SELECT b AS a, a AS b FROM {pairs}),
smallest AS (SELECT a, least(a, min(b)) AS least_node FROM both_ways GROUP BY a)
SELECT DISTINCT both_ways.b AS a, smallest.least_node AS b
FROM both_ways JOIN smallest ON both_ways.a = smallest.a
WHERE both_ways.b > both_ways.a
"""
_SMALL_STAR = """
WITH smallest AS (SELECT a, min(b) AS least_node FROM {pairs} GROUP BY a)
SELECT a, least_node AS b FROM smallest
UNION
SELECT {pairs}.b AS a, smallest.least_node AS b
FROM {pairs} JOIN smallest ON {pairs}.a = smallest.a
WHERE {pairs}.b <> smallest.least_node
"""
#: Whoever still points to more than one, or to one that points on.
_UNFINISHED = """
SELECT count(*) - count(DISTINCT {pairs}.a) + count(onward.a) AS n
FROM {pairs} LEFT JOIN (SELECT DISTINCT a FROM {pairs}) onward ON {pairs}.b = onward.a
"""


class Workbench:
    """A folder of a server for what stands between steps: each result is written there and read again.

    Without that a query would grow with every round. The folder may go once the work is done.
    """

    def __init__(self, session: SparkSession, folder: str) -> None:
        self.session, self.folder = session, folder.rstrip("/")
        self._prefix = f"qa_{uuid4().hex[:12]}_"

    def name(self, view: str) -> str:
        """The name of a view in the session."""
        return self._prefix + view

    def show(self, view: str, frame: DataFrame) -> str:
        """Give a result a name."""
        frame.createOrReplaceTempView(self.name(view))
        return self.name(view)

    def keep(self, view: str, sql: str | DataFrame) -> str:
        """Run a query, keep what it gives, and give that a name."""
        frame = self.session.sql(sql) if isinstance(sql, str) else sql
        path = f"{self.folder}/{self._prefix}{view}.parquet"
        write_parquet(frame, path, f"The step {view!r}")
        # a table without rows may not say its columns
        return self.show(view, self.session.read.schema(frame.schema).parquet(path))

    def number(self, sql: str, what: str) -> int:
        """The one whole number that a query gives."""
        return int(read_answer(self.session.sql(sql), what).column(0)[0].as_py())


def components_on(bench: Workbench, pairs: str) -> tuple[str, int]:
    """The smallest node of each component, by a server.

    Parameters
    ----------
    pairs
        A view with `a` and `b`, whole numbers: the two ends of each link, in any order, as often as they come.

    Returns
    -------
    (view, rounds)
        The view has `a`, a node, and `b`, the smallest node of its component, for every node that has a
        smaller one; and how many rounds it took.

    Raises
    ------
    DataError
        When the server fails.
    """
    now = bench.keep(
        "pairs_0", f"SELECT DISTINCT least(a, b) AS a, greatest(a, b) AS b FROM {pairs} WHERE a <> b"
    )
    for done in range(1, _MOST_ROUNDS + 1):
        large = bench.keep(f"large_{done}", _LARGE_STAR.format(pairs=now))
        now = bench.keep(f"pairs_{done}", _SMALL_STAR.format(pairs=large))
        if bench.number(_UNFINISHED.format(pairs=now), "What is not connected yet") == 0:
            return now, done
    raise DataError(
        f"Components were not found in {_MOST_ROUNDS} rounds. Is something else writing to '{bench.folder}'?"
    )
