"""People and events as of a moment, whether published or being built."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from qa_lib.workspace import Column, Draft
from qa_lib.workspace.sql import to_frame

if TYPE_CHECKING:
    import pandas as pd


class Arrays(Protocol):
    """Columns by their names."""

    def array(self, name: str) -> Column | None: ...


class Moment(Protocol):
    """What functions over everybody read: a `Snapshot`, or a draft through `OfDraft`."""

    @property
    def as_of(self) -> datetime: ...
    @property
    def zone(self) -> ZoneInfo: ...
    @property
    def people_count(self) -> int: ...
    @property
    def columns(self) -> Arrays: ...

    def frame(self, sql: str, params: Mapping[str, Any] | None = None) -> pd.DataFrame: ...


class OfDraft:
    """A draft whose people and events are there, read as a snapshot is."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.as_of, self.zone = draft.as_of, draft.zone

    @cached_property
    def people_count(self) -> int:
        return int(self._draft.connection.execute("SELECT count(*) FROM people").fetchall()[0][0])

    @property
    def columns(self) -> Arrays:
        return self

    def array(self, name: str) -> Column | None:
        return self._draft.columns.column(name)

    def frame(self, sql: str, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        return to_frame(self._draft.connection.execute(sql, params))
