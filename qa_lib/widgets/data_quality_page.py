"""The screen of data quality as HTML: tiles, the table of feeds, one load, its rejected rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from qa_lib.charts import format_value
from qa_lib.charts.html import Html, join, tag
from qa_lib.charts.tiles import Tile, note, table, tiles
from qa_lib.charts.words import say
from qa_lib.sources import Load

_HOURS_AS_DAYS = 72


@dataclass(frozen=True)
class QualityPage:
    """Words and figures of the screen in one language; moments in the workspace's zone."""

    language: str
    zone: ZoneInfo

    def say(self, key: str, **fill: str) -> str:
        """Words in the page's language."""
        return say(key, self.language, **fill)

    def header(self, at: datetime) -> Html:
        """Title, the moment of the ages, and how to go on."""
        return join(
            tag("h2", self.say("quality")),
            note(self.say("quality_as_of", at=f"{self.moment(at)} ({self.zone})")),
            note(self.say("quality_hint")),
        )

    def tiles(self, feeds: pd.DataFrame, every_load: pd.DataFrame) -> Html:
        """How many feeds, how many of them stale, and what became of the newest loads' rows."""
        read, rejected = feeds["read_count"].sum(), feeds["reject_count"].sum()
        made = [
            ("feeds", len(feeds), "count"),
            ("stale_feeds", (feeds["state"] == "stale").sum(), "count"),
            ("rows_read", read, "count"),
            ("rejected_rate", rejected / read if read else None, "rate"),
            ("schema_changes", (every_load["state"] == "schema").sum(), "count"),
        ]
        below = {
            "rejected_rate": f"{format_value(rejected, 'count')} / {format_value(read, 'count')}",
            "rows_read": "",
        }
        return tiles(
            [
                Tile(
                    key,
                    self.say(key),
                    format_value(value, kind),
                    below[key] if key in below else self.say(f"{key}_about"),
                )
                for key, value, kind in made
            ]
        )

    def feeds(self, frame: pd.DataFrame, chosen: str | None) -> Html:
        """Every feed: state, newest row, what became of the rows of its newest load."""
        keys = (
            *("source", "state", "newest_row", "age", "agreed", "last_load"),
            *("rows", "accepted", "reject_count", "new_columns"),
        )
        rows = [self._feed(row) for row in frame.to_dict("records")]
        at = list(frame["feed"]).index(chosen) if chosen in set(frame["feed"]) else None
        return table([self.say(key) for key in keys], rows, words=(0, 1, 9), chosen=at)

    def load_words(self, number: int, loaded_at: datetime, read_count: int) -> str:
        """A load in a list."""
        return f"{number} · {self.moment(loaded_at)} · n={read_count:,}"

    def load(self, feed: str, number: int, load: Load) -> Html:
        """What one load read and what became of it."""
        fates = ("read_count", "new_count", "replaced_count", "left_count", "skipped_count", "reject_count")
        made = [
            Tile(key, self.say("rows" if key == "read_count" else key), f"{getattr(load, key):,}")
            for key in fates
        ]
        lines = [
            f"{self.say('file')} {load.file_name} · {self.say('loaded_at')} {self.moment(load.loaded_at)} · "
            f"{self.say('seconds')} {load.seconds:.1f} s · {self.say('late')} {load.late_count:,}"
        ]
        return join(
            tag("h3", self.say("one_load", feed=feed, n=str(number))),
            [note(line) for line in lines],
            self._named("new_columns", load.new_columns, "warning"),
            self._named("unmapped", load.unmapped, "quiet"),
            tiles(made),
        )

    def examples(self, frame: pd.DataFrame, reason_count: int) -> Html:
        """Some rejected rows, each with its fault."""
        if not reason_count:
            return note(self.say("no_rejects"))
        rows = [
            [f"{row.row_number:,}", str(row.column), str(row.value), str(row.reason)]
            for row in frame.itertuples()
        ]
        heads = [self.say(key) for key in ("row_number", "column", "value", "reject_reason")]
        return join(tag("h3", self.say("rejected_rows")), table(heads, rows, words=(1, 2, 3)))

    def moment(self, at: Any) -> str:
        """A moment in the workspace's zone; a dash where there is none."""
        return "—" if at is None or pd.isna(at) else f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def _named(self, key: str, columns: tuple[str, ...], kind: str) -> Html:
        return note(f"{self.say(key)}: {', '.join(columns)}", kind) if columns else join()

    def _feed(self, row: dict[Any, Any]) -> list[str]:
        label = row[f"label_{self.language}"]
        return [
            f"{label} · {row['feed']}" if label else str(row["feed"]),
            self.say(row["state"]),
            self.moment(row["newest_at"]),
            self._span(row["age_hours"]),
            self._span(row["fresh_hours"]),
            self.moment(row["loaded_at"]),
            *(self._count(row[key]) for key in ("read_count", "accepted_count", "reject_count")),
            "" if pd.isna(row["new_columns"]) else str(row["new_columns"]),
        ]

    @staticmethod
    def _count(value: Any) -> str:
        return "—" if pd.isna(value) else f"{int(value):,}"

    def _span(self, hours: Any) -> str:
        if hours is None or pd.isna(hours):
            return "—"
        if hours > _HOURS_AS_DAYS:
            return self.say("days", n=f"{hours / 24:,.0f}")
        return self.say("hours", n=f"{hours:,.0f}")
