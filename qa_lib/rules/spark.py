"""Rules run by an engine that speaks Spark Connect, over a snapshot's tables as Parquet files.

Every condition is printed as Spark SQL, with its values as literals, and many of them are asked in one
query; what comes back are person numbers, and everything above is the same bit algebra as in the workbench.
"""

from __future__ import annotations

import socket
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
from sqlglot import exp

from qa_lib.errors import DataError, SpecError
from qa_lib.rules import bits
from qa_lib.rules.bits import Bits
from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.compile import Compiled, Compiler
from qa_lib.rules.engine import AudienceResolver, Engine, Evaluation
from qa_lib.rules.model import All, Any, Condition, InAudience, Rule, walk
from qa_lib.workspace import Snapshot
from qa_lib.workspace.spark_tables import SparkTables, first_line

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

#: Conditions in one query: enough that starting a query costs little, few enough to plan at once.
_TOGETHER = 32
_PORT = 15_002
_PATIENCE_SECONDS = 30.0


def spark_session(address: str) -> SparkSession:
    """A session of its own with a Spark Connect server; end it with `stop()`.

    Parameters
    ----------
    address
        Such as `sc://127.0.0.1:15002`.

    Raises
    ------
    SpecError
        When this is no such address, or the client is not installed.
    DataError
        When nothing answers there.
    """
    parts = urlsplit(address)
    if parts.scheme != "sc" or not parts.hostname:
        raise SpecError(f"{address!r} is no address of a Spark Connect server; one reads sc://host:{_PORT}.")
    main = sys.modules["__main__"]
    if main.__spec__ is None and not hasattr(main, "__file__") and not hasattr(sys, "ps1"):
        sys.ps1 = (
            ">>> "  # the client takes `python -c` and the like for its own doctests and would end the process
        )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
            from pyspark.sql.connect.session import SparkSession
    except ImportError as error:
        raise SpecError(
            f"The client of Spark Connect is not installed ({error}). Install it with the extra 'spark'."
        ) from error
    try:  # the client itself would try again for minutes
        socket.create_connection((parts.hostname, parts.port or _PORT), _PATIENCE_SECONDS).close()
    except OSError as error:
        raise DataError(f"No Spark Connect server answers at {address}: {error}. Is it running?") from error
    return SparkSession.builder.remote(address).create()


class SparkEngine(Engine):
    """Evaluates rules over a snapshot's exported tables, on the far side of a session.

    Parameters
    ----------
    tables
        The folder that `export_tables` wrote, by the path under which the server reads it (also
        `s3a://…` or `hdfs://…`).
    snapshot
        The snapshot that was exported.

    Raises
    ------
    DataError
        When the tables cannot be read there, or are of another snapshot.
    """

    def __init__(
        self,
        session: SparkSession,
        tables: str,
        snapshot: Snapshot,
        catalogue: Catalogue,
        audiences: AudienceResolver | None = None,
    ) -> None:
        super().__init__(snapshot, catalogue, audiences)
        self.session = session
        self._tables = SparkTables(session, tables)
        self._tables.require(snapshot.version)

    @property
    def tables(self) -> str:
        """The folder, by the path under which the server reads it."""
        return self._tables.folder

    def evaluate(self, rule: Rule) -> Evaluation:
        """Who the rule selects.

        Raises
        ------
        SpecError, UnknownName
            When the rule does not fit the catalogue.
        CannotExchange
            When a pattern in it cannot be said so that the other engine finds the same texts.
        DataError
            When the other engine fails.
        """
        started = time.perf_counter()
        run = self.fetch([rule])
        found = super().evaluate(rule)
        elapsed_ms = (time.perf_counter() - started) * 1000
        return replace(found, elapsed_ms=elapsed_ms, conditions_run=found.conditions_run + run)

    def fetch(self, rules: Sequence[Rule]) -> int:
        """Ask for all conditions of these rules that are not kept yet, many in one query; how many they were."""
        wanted: dict[str, Condition] = {}
        for rule in rules:
            self._require(rule)
            for _, node in walk(rule):
                if not isinstance(node, All | Any | InAudience):
                    wanted.setdefault(node.hash, node)
        with self._lock:
            missing = [leaf for key, leaf in wanted.items() if key not in self._cache]
        for start in range(0, len(missing), _TOGETHER):
            together = missing[start : start + _TOGETHER]
            for leaf, found in zip(together, self._ask(together), strict=True):
                self._keep(leaf.hash, found)
        return len(missing)

    def _found(self, leaf: Condition) -> Bits:
        return self._ask([leaf])[0]

    def sql(self, leaves: Sequence[Condition]) -> str:
        """One query for many conditions: `leaf`, the place in the list, and `person_no`."""
        compiler = Compiler(self.catalogue, self.snapshot.as_of, self.snapshot.zone)
        parts = []
        for number, leaf in enumerate(leaves):
            rows = compiler.condition(leaf).subquery(f"leaf_{number}")
            place = exp.alias_(exp.Literal.number(number), "leaf")
            parts.append(exp.select(place, exp.column("person_no")).from_(rows))
        query = parts[0] if len(parts) == 1 else exp.union(*parts, distinct=False)
        return Compiled(self._tables.bind(query, self._names), compiler.params).text("spark", pretty=False)

    def _ask(self, leaves: Sequence[Condition]) -> list[Bits]:
        from pyspark.errors import PySparkException

        try:
            answer = self.session.sql(self.sql(leaves)).toArrow()
        except PySparkException as error:
            if len(leaves) > 1:  # one after the other, so that the error names the one at fault
                return [self._ask([leaf])[0] for leaf in leaves]
            raise DataError(
                f"The condition {leaves[0].to_json()} could not be run by the Spark Connect server: "
                f"{first_line(error)}"
            ) from error
        places = answer["leaf"].to_numpy()
        people = answer["person_no"].to_numpy()
        order = np.argsort(places, kind="stable")
        ends = np.searchsorted(places[order], np.arange(1, len(leaves)))
        return [bits.from_numbers(part, self.size) for part in np.split(people[order], ends)]

    # -- tables ----------------------------------------------------------------------------------

    @cached_property
    def _names(self) -> frozenset[str]:
        """The tables that rules read."""
        return frozenset({"people", "profile", *(event.table for event in self.catalogue.events)})
