"""A snapshot that is being built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from qa_lib.workspace.columns import ColumnsWriter


@dataclass
class Draft:
    """A snapshot that is being built: a writable DuckDB file in which the shared tables are views.

    In them `person_id` is the resolved person, as `qa_lib.workspace.people` says. `columns` takes the
    bitsets and arrays that are kept beside the file.
    """

    connection: duckdb.DuckDBPyConnection
    as_of: datetime
    zone: ZoneInfo
    table_versions: Mapping[str, int]
    meta: dict[str, Any] = field(default_factory=dict)
    columns: ColumnsWriter = field(kw_only=True)
