"""A folder of Parquet tables as a Spark Connect server sees it: read under names of its own, asked, written to."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from qa_lib.errors import DataError
from qa_lib.workspace.export import STAMP

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql.connect.session import SparkSession
    from pyspark.sql.dataframe import DataFrame
    from sqlglot import exp


class SparkTables:
    """The tables that `export_tables` wrote, on the far side of a session.

    Parameters
    ----------
    folder
        By the path under which the server reads it (also `s3a://…` or `hdfs://…`).
    """

    def __init__(self, session: SparkSession, folder: str) -> None:
        self.session = session
        self.folder = folder.rstrip("/")
        self._seen: dict[str, str] = {}

    def stamp(self) -> dict[str, Any]:
        """Of which snapshot the tables are: `version`, `as_of`, `zone` and `people_count`.

        Raises
        ------
        DataError
            When the server cannot read it.
        """
        from pyspark.errors import PySparkException

        why = "it holds nothing."
        try:
            found = self.read(STAMP).toArrow().to_pylist()
        except PySparkException as error:
            found, why = [], first_line(error)
        if not found:
            raise DataError(
                f"The Spark Connect server cannot read '{self.folder}/{STAMP}.parquet': {why} "
                "Name a folder that `export_tables` wrote, by a path that the server can read."
            )
        stamp: dict[str, Any] = found[0]
        return stamp

    def require(self, version: str) -> None:
        """Refuse tables of another snapshot.

        Raises
        ------
        DataError
            When they are, or cannot be read.
        """
        stamp = self.stamp()
        if stamp["version"] != version:
            raise DataError(
                f"The tables in '{self.folder}' are of the snapshot {stamp['version']}, the question is asked "
                f"of {version}. Export that one."
            )

    def read(self, name: str) -> DataFrame:
        """One table; the server looks for it when it is asked."""
        return self.session.read.parquet(f"{self.folder}/{name}.parquet")

    def view(self, name: str) -> str:
        """The table's name in this session, which no other folder has."""
        if name not in self._seen:
            digest = hashlib.sha256(self.folder.encode()).hexdigest()[:16]
            self.read(name).createOrReplaceTempView(f"qa_{digest}_{name}")
            self._seen[name] = f"qa_{digest}_{name}"
        return self._seen[name]

    def bind(self, query: exp.Expr, names: Collection[str]) -> exp.Expr:
        """Put the session's names in the place of these tables; `query` itself is changed."""
        from sqlglot import exp

        for table in query.find_all(exp.Table):
            if table.name in names:
                alias = table.alias or table.name
                table.set("this", exp.to_identifier(self.view(table.name)))
                table.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
        return query


def write_parquet(frame: DataFrame, path: str, what: str) -> None:
    """Let the server write a result as one table; it must not be there.

    Raises
    ------
    DataError
        With `what` it was, when the server fails or something is there already.
    """
    from pyspark.errors import PySparkException

    try:
        frame.write.mode("error").parquet(path)
    except PySparkException as error:
        raise DataError(
            f"{what} could not be written to '{path}' by the Spark Connect server: {first_line(error)}"
        ) from error


def read_answer(frame: DataFrame, what: str) -> pa.Table:
    """What the server answers.

    Raises
    ------
    DataError
        With `what` was asked, when the server fails.
    """
    from pyspark.errors import PySparkException

    try:
        return frame.toArrow()
    except PySparkException as error:
        raise DataError(
            f"{what} could not be read from the Spark Connect server: {first_line(error)}"
        ) from error


def first_line(error: Exception) -> str:
    """The first line of what a server says."""
    return (str(error).splitlines() or [type(error).__name__])[0]
