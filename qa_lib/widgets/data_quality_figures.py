"""The frames behind the screen of data quality: feeds, their loads, and what one load brought."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.sources import (
    Load,
    column_report,
    load_report,
    loads,
    read_sources,
    reject_reasons,
    rejected_rows,
)
from qa_lib.widgets.masking import masked_value
from qa_lib.workspace import Workspace

#: How many rejected rows are shown as examples.
EXAMPLES = 12
_NEVER = "never"


class QualityFigures:
    """What every load left behind, read once.

    Parameters
    ----------
    at
        The moment for the age of rows.
    """

    def __init__(self, workspace: Workspace, at: datetime) -> None:
        self._workspace = workspace
        self.at = at.astimezone(UTC)
        self._loads: dict[str, list[Load]] = {}
        for load in loads(workspace):
            self._loads.setdefault(load.feed, []).append(load)
        self._labels = {
            feed.name: (source.label_zh, source.label_en)
            for source in read_sources(workspace).values()
            for feed in source.feeds
        }

    @property
    def names(self) -> list[str]:
        """Every feed that is declared or was loaded."""
        return sorted({*self._labels, *self._loads})

    def feeds(self) -> pd.DataFrame:
        """Every feed and its newest load.

        Returns
        -------
        pandas.DataFrame
            The columns of `qa_lib.sources.load_report` and `label_zh`, `label_en` (empty where the feed is not
            declared in the workspace), `load_count`, `accepted_count` (rows that are in the table: new,
            replaced or there already), `state` (`fresh`, `stale`, `no_contract`, `never`), by name.
        """
        report = load_report(self._workspace, as_of=self.at).set_index("feed")
        frame = report.reindex(pd.Index(self.names, name="feed")).reset_index()
        labels = [self._labels.get(name, ("", "")) for name in self.names]
        frame["label_zh"], frame["label_en"] = ([pair[i] for pair in labels] for i in (0, 1))
        frame["load_count"] = [len(self._loads.get(name, [])) for name in self.names]
        frame["accepted_count"] = frame[["new_count", "replaced_count", "left_count"]].sum(axis=1)
        frame["state"] = [
            _NEVER if count == 0 else {True: "fresh", False: "stale"}.get(fresh, "no_contract")
            for count, fresh in zip(frame["load_count"], frame["is_fresh"], strict=True)
        ]
        return frame

    def every_load(self) -> pd.DataFrame:
        """`feed`, `number`, `loaded_at`, `read_count`, `reject_count`, `new_columns` (tuple), `state`, a row a load."""
        rows = [
            {
                "feed": name,
                "number": number,
                "loaded_at": load.loaded_at,
                "read_count": load.read_count,
                "reject_count": load.reject_count,
                "new_columns": load.new_columns,
                "state": "schema" if load.new_columns else "rejects" if load.reject_count else "clean",
            }
            for name in sorted(self._loads)
            for number, load in enumerate(self._loads[name], start=1)
        ]
        columns = ["feed", "number", "loaded_at", "read_count", "reject_count", "new_columns", "state"]
        return pd.DataFrame(rows, columns=columns)

    def history(self, feed: str) -> pd.DataFrame:
        """All loads of a feed from `qa_lib.sources.load_report`, with `number`."""
        frame = load_report(self._workspace, feed=feed, as_of=self.at)
        frame.insert(0, "number", range(1, len(frame) + 1))
        return frame

    def count_of(self, feed: str) -> int:
        """How often a feed was loaded."""
        return len(self._loads.get(feed, []))

    def load(self, feed: str, number: int | None) -> Load:
        """One load of a feed, the newest when no number is given.

        Raises
        ------
        UnknownName
            For a feed or load that is not there.
        """
        found = self._loads.get(feed)
        if not found:
            raise UnknownName(f"The feed {feed!r} was never loaded.{did_you_mean(feed, self._loads)}")
        if number is not None and not 1 <= number <= len(found):
            raise UnknownName(f"The feed {feed!r} has no load {number}; it has {len(found)}.")
        return found[(number or len(found)) - 1]

    def reasons(self, feed: str, number: int | None) -> pd.DataFrame:
        """Why a load rejected rows; the example is masked."""
        frame = reject_reasons(self._workspace, load=self.load(feed, number))
        frame["example"] = [masked_value(v) for v in frame["example"]]
        return frame

    def examples(self, feed: str, number: int | None) -> pd.DataFrame:
        """Some rejected rows of a load with their values masked; see `qa_lib.sources.rejected_rows`."""
        frame = rejected_rows(self._workspace, self.load(feed, number), EXAMPLES)
        frame["value"] = [masked_value(v) for v in frame["value"]]
        return frame

    def columns(self, feed: str, number: int | None) -> pd.DataFrame:
        """The columns of a load beside the load before, without their extreme values."""
        frame = column_report(self._workspace, feed, number)
        return frame.assign(
            low=[masked_value(v) for v in frame["low"]], high=[masked_value(v) for v in frame["high"]]
        )
