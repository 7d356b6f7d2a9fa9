"""chDB as a peer of `preview`: the same rules in ClickHouse's SQL over MergeTree tables on disk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from twelve_rules import SQL

_MOMENT = re.compile(r"TIMESTAMPTZ '(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\+00:00'")
_DAY = re.compile(r"DATE '([^']+)'")


class ChdbPeer:
    """The tables in a folder; people in order of number, events in order of time, a column nullable only where it is."""

    def __init__(self, found: dict[str, pa.Table], folder: Path) -> None:
        from chdb import session

        self.session: Any = session.Session(str(folder / "chdb"))
        self.session.query("CREATE DATABASE bench ENGINE = Atomic")
        self.session.query("USE bench")
        self.session.query("SET session_timezone = 'UTC'")
        for name, table in found.items():
            path = folder / f"{name}.parquet"
            schema = pa.schema(
                [field.with_nullable(table.column(i).null_count > 0) for i, field in enumerate(table.schema)]
            )
            pq.write_table(pa.Table.from_arrays(table.columns, schema=schema), path)
            order = "person_no" if name == "person" else "occurred_at"
            self.session.query(
                f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY {order} AS SELECT * FROM "
                f"file('{path}', 'Parquet') SETTINGS schema_inference_make_columns_nullable = 'auto'"
            )
            self.session.query(f"OPTIMIZE TABLE {name} FINAL")
            path.unlink()

    def count(self, rule: str) -> int:
        """How many people a rule of `SQL` selects."""
        return int(str(self.session.query(written(SQL[rule]), "CSV")))

    def close(self) -> None:
        self.session.close()


def written(sql: str) -> str:
    """The SQL for DuckDB in ClickHouse's words."""
    return _DAY.sub(r"toDate32('\1')", _MOMENT.sub(r"toDateTime64('\1', 6, 'UTC')", sql))
