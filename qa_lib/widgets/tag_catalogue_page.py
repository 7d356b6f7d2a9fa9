"""The catalogue of tags as HTML: tiles, the list, everything about one tag."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from qa_lib.charts.format import format_value, symbol
from qa_lib.charts.html import Html, join, tag
from qa_lib.charts.tiles import Tile, note, table, tiles
from qa_lib.charts.words import say
from qa_lib.rules import Rule
from qa_lib.workspace import Snapshot

#: Tags of the list that are shown at once.
ROWS = 14


@dataclass(frozen=True)
class CataloguePage:
    """Words and figures of the screen in one language."""

    language: str
    zone: ZoneInfo

    def say(self, key: str, **fill: str) -> str:
        """Words in the page's language."""
        return say(key, self.language, **fill)

    def header(self, snapshot: Snapshot) -> Html:
        """Title, which snapshot, how to go on."""
        at = f"{snapshot.as_of.astimezone(self.zone):%Y-%m-%d %H:%M} ({self.zone})"
        return join(
            tag("h2", self.say("catalogue")),
            note(f"{self.say('snapshot')} {snapshot.version} · {self.say('as_of')} {at}"),
            note(self.say("catalogue_hint")),
        )

    def tiles(self, found: pd.DataFrame, all_count: int, used: Mapping[str, Any], moved: int | None) -> Html:
        """How many tags were found, how well they cover, how many are in use."""
        in_use = sum(name in used for name in found["name"])
        coverage = found["coverage_rate"].mean() if len(found) else None
        made = [
            Tile(
                "tags_found",
                self.say("tags_found"),
                f"{len(found):,}",
                self.say("of_all_tags", n=f"{all_count:,}"),
            ),
            Tile("families", self.say("families"), f"{found['family'].nunique():,}"),
            Tile("mean_coverage", self.say("mean_coverage"), format_value(coverage, "rate")),
            Tile("used_tags", self.say("used_tags"), f"{in_use:,}", self.say("used_tags_about")),
        ]
        if moved is not None:
            made.append(
                Tile("moved_tags", self.say("moved_tags"), f"{moved:,}", self.say("moved_tags_about"))
            )
        return join(tiles(made), note(self.say("catalogue_none"), "warning") if found.empty else join())

    def list(self, found: pd.DataFrame, used: Mapping[str, Any], chosen: str | None) -> Html:
        """The tags that were found, the chosen one among those shown."""
        if found.empty:
            return join()
        names = list(found["name"])
        start = names.index(chosen) if chosen in names and names.index(chosen) >= ROWS else 0
        part = found.iloc[start : start + ROWS]
        rows = [
            [
                row[f"label_{self.language}"],
                row["name"],
                row[f"family_{self.language}"],
                self.say(f"type_{row['type']}"),
                row["unit"],
                row["window"],
                format_value(row["coverage_rate"], "rate"),
                f"{len(used.get(row['name'], ())):,}",
            ]
            for row in part.to_dict("records")
        ]
        heads = [
            *(
                self.say(k)
                for k in ("tag", "column", "family", "type", "unit", "tag_window", "coverage", "used_in")
            )
        ]
        at = list(part["name"]).index(chosen) if chosen in set(part["name"]) else None
        left = len(found) - ROWS
        return join(
            table(heads, rows, words=(0, 1, 2, 3, 4, 5), chosen=at),
            note(self.say("more_rows", n=f"{left:,}")) if left > 0 else join(),
        )

    def tag(
        self,
        row: Mapping[str, Any],
        summary: Mapping[str, Any],
        used: Sequence[str],
        drifted: Mapping[str, Any] | None,
    ) -> Html:
        """Everything about one tag."""
        made = [
            Tile("tag_people", self.say("people"), f"{row['people_count']:,}"),
            Tile("tag_coverage", self.say("coverage"), format_value(row["coverage_rate"], "rate")),
            *(Tile(f"tag_{key}", self.say(key), self._value(v, row["unit"])) for key, v in summary.items()),
        ]
        fresh = row["fresh_at"]
        lines = [
            f"{self.say('family')} {row[f'family_{self.language}']} · {self.say('type')} "
            f"{self.say('type_' + row['type'])} · {self.say('unit')} {row['unit'] or '—'} · "
            f"{self.say('tag_window')} {row['window']} · {self.say('owner')} {row['owner']} · "
            f"{self.say('refresh')} {row['refresh']} · v{row['version']}",
            f"{self.say('lineage')}: {row['lineage'] or '—'} → {row['family']} → {row['name']}"
            + (f" · {self.say('fresh_at')} {str(fresh)[:16].replace('T', ' ')}" if fresh else ""),
        ]
        words = row[f"description_{self.language}"]
        return join(
            tag("h3", f"{row[f'label_{self.language}']} · {row['name']}"),
            note(words) if words else join(),
            tiles(made),
            [note(line) for line in lines],
            note(f"{self.say('used_in')}: {'、'.join(used)}" if used else self.say("used_nowhere")),
            note(self._drift(drifted), "warning" if drifted["verdict"] == "moved" else "quiet")
            if drifted
            else join(),
        )

    def condition(self, condition: Rule, words: str) -> Html:
        """A condition on the tag: as a sentence and as JSON."""
        text = json.dumps(condition.to_dict(), ensure_ascii=False)
        return join(
            note(f"{self.say('condition_json')}: {words}"),
            tag("pre", text, style="white-space: pre-wrap; margin: 2px 0"),
        )

    def _drift(self, row: Mapping[str, Any]) -> str:
        return self.say(
            "drift_of_tag",
            before=str(row["before"]),
            psi=f"{row['psi']:.3f}",
            verdict=self.say(f"verdict_{row['verdict']}"),
            was=format_value(row["coverage_before"], "rate"),
            now=format_value(row["coverage_now"], "rate"),
        )

    @staticmethod
    def _value(value: Any, unit: str) -> str:
        if isinstance(value, float):
            money = len(unit) == 3 and unit.isupper()
            return f"{symbol(unit) if money else ''}{value:,.2f}"
        return f"{value:,}" if isinstance(value, int) else str(value)
