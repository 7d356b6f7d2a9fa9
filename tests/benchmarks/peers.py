"""The peers: hand-written DuckDB on native tables, Polars and pandas, over the same people and events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from qa_lib.sources.synthetic import AS_OF
from qa_lib.sources.synthetic_words import ATTRIBUTES
from qa_lib.workspace import Snapshot, quoted

EVENTS = ("browse", "cart", "purchase")


def tables(snapshot: Snapshot, tags: Iterable[str]) -> dict[str, pa.Table]:
    """`person` with every attribute and these tags as columns, and the three kinds of events."""
    tags = tuple(tags)
    columns = ", ".join(map(quoted, ("person_no", *(a.name for a in ATTRIBUTES), *tags)))
    cursor = snapshot.cursor(packed=tags)
    found = {"person": cursor.execute(f"SELECT {columns} FROM profile ORDER BY person_no").to_arrow_table()}
    for event in EVENTS:
        found[f"event_{event}"] = cursor.execute(f"SELECT * FROM event_{event}").to_arrow_table()
    return found


def native_duckdb(found: dict[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    """The tables as native ones in memory, events in order of time: the strongest form of this peer."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    for name, table in found.items():
        connection.register("given", table)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        connection.unregister("given")
    return connection


class PolarsPeer:
    """Polars, in memory."""

    def __init__(self, found: dict[str, pa.Table]) -> None:
        import polars as pl

        self.pl = pl
        self.frames = {name: pl.from_arrow(table) for name, table in found.items()}
        self.people = self.frames["person"]["person_no"]

    def field(self, name: str) -> Any:
        return (
            self.frames["person"][name].fill_null(False)
            if name.startswith("is_")
            else self.frames["person"][name]
        )

    def between(self, name: str, low: int, high: int) -> Any:
        return self.field(name).is_between(low, high)

    def among(self, name: str, values: tuple[str, ...]) -> Any:
        return self.field(name).is_in(list(values))

    def day(self, day: date) -> Any:
        return day

    def _events(self, event: str, days: int, item: str | None = None) -> Any:
        pl, frame = self.pl, self.frames[f"event_{event}"]
        keep = pl.col("occurred_at") >= AS_OF - timedelta(days=days)
        if item:
            keep &= pl.col("item_id") == item
        return frame.filter(keep)

    def did(self, event: str, days: int, item: str | None = None) -> Any:
        return self.people.is_in(self._events(event, days, item)["person_no"].unique().implode())

    def _spread(self, grouped: Any) -> Any:
        one = (
            self.frames["person"]
            .select("person_no")
            .join(grouped, on="person_no", how="left", maintain_order="left")
        )
        return one["measured"].fill_null(0)

    def count(self, event: str, days: int) -> Any:
        return self._spread(
            self._events(event, days).group_by("person_no").agg(self.pl.len().alias("measured"))
        )

    def total(self, event: str, days: int) -> Any:
        amount = self.pl.col("paid_amount").sum().alias("measured")
        return self._spread(self._events(event, days).group_by("person_no").agg(amount))

    def selected(self, mask: Any) -> int:
        return int(mask.sum())


class PandasPeer:
    """pandas, in memory; amounts as doubles, which these sums of cents can bear."""

    def __init__(self, found: dict[str, pa.Table]) -> None:
        self.frames = {}
        for name, table in found.items():
            for i, field in enumerate(table.schema):
                if pa.types.is_decimal(field.type):
                    table = table.set_column(i, field.name, table.column(i).cast(pa.float64()))
            self.frames[name] = table.to_pandas(date_as_object=False)
        self.size = len(self.frames["person"])

    def field(self, name: str) -> Any:
        return self.frames["person"][name].to_numpy()

    def between(self, name: str, low: int, high: int) -> Any:
        values = self.field(name)
        return (values >= low) & (values <= high)

    def among(self, name: str, values: tuple[str, ...]) -> Any:
        return self.frames["person"][name].isin(values).to_numpy()

    def day(self, day: date) -> Any:
        return np.datetime64(day)

    def _events(self, event: str, days: int, item: str | None = None) -> Any:
        import pandas as pd

        frame = self.frames[f"event_{event}"]
        keep = frame["occurred_at"] >= pd.Timestamp(AS_OF - timedelta(days=days))
        if item:
            keep &= frame["item_id"] == item
        return frame[keep]

    def did(self, event: str, days: int, item: str | None = None) -> Any:
        return (
            self.frames["person"]["person_no"]
            .isin(self._events(event, days, item)["person_no"].unique())
            .to_numpy()
        )

    def count(self, event: str, days: int) -> Any:
        counts = self._events(event, days).groupby("person_no").size()
        return counts.reindex(np.arange(self.size), fill_value=0).to_numpy()

    def total(self, event: str, days: int) -> Any:
        sums = self._events(event, days).groupby("person_no")["paid_amount"].sum().round(2)
        return sums.reindex(np.arange(self.size), fill_value=0).to_numpy()

    def selected(self, mask: Any) -> int:
        return int(mask.sum())
