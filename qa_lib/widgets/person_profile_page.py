"""The screen of one person as HTML: tiles, tags by group, events, messages, identifiers, audiences and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from qa_lib.audiences import Explanation
from qa_lib.charts.html import Html, join, tag
from qa_lib.charts.tiles import Tile, note, table, tiles
from qa_lib.charts.words import pick, say
from qa_lib.identity import KINDS
from qa_lib.rules import EventType
from qa_lib.widgets.masking import masked_text, shown_id
from qa_lib.widgets.person_profile_figures import value_text
from qa_lib.workspace import Snapshot

#: Rows of a list that are shown at once.
ROWS = 15
_MOST_PROPERTIES = 6


@dataclass(frozen=True)
class ProfilePage:
    """Words and figures of the screen in one language; moments in the workspace's zone."""

    language: str
    zone: ZoneInfo

    def say(self, key: str, **fill: str) -> str:
        """Words in the page's language."""
        return say(key, self.language, **fill)

    def header(self, snapshot: Snapshot, person: str | None) -> Html:
        """Title with the masked id, which snapshot, how to go on."""
        at = f"{snapshot.as_of.astimezone(self.zone):%Y-%m-%d %H:%M} ({self.zone})"
        title = self.say("profile") + (f" · {shown_id(person)}" if person else "")
        return join(
            tag("h2", title),
            note(f"{self.say('snapshot')} {snapshot.version} · {self.say('as_of')} {at}"),
            note(
                self.say("profile_hint") if person else self.say("profile_empty"),
                "quiet" if person else "warning",
            ),
        )

    def tiles(
        self, profile: pd.DataFrame, elapsed: float, events: int, audiences: pd.DataFrame, first_seen: Any
    ) -> Html:
        """How much is known of the person, and how fast it was read."""
        known = int(profile["value"].notna().sum())
        return tiles(
            [
                Tile("first_seen", self.say("first_seen"), self.moment(first_seen)[:10]),
                Tile(
                    "tags_with_value",
                    self.say("tags_with_value"),
                    f"{known:,}",
                    self.say("of_tags", n=f"{len(profile):,}"),
                ),
                Tile("event_count", self.say("event_count"), f"{events:,}", self.say("event_count_about")),
                Tile(
                    "audience_count",
                    self.say("audience_count"),
                    f"{(audiences['is_in'] == True).sum():,}",  # noqa: E712 none is neither
                    self.say("of_audiences", n=f"{len(audiences):,}"),
                ),
                Tile("lookup_ms", self.say("lookup_ms"), f"{elapsed:,.1f} ms", self.say("lookup_about")),
            ]
        )

    def tags(self, profile: pd.DataFrame, search: str) -> Html:
        """The tags with a value, a table for each group; `search` keeps those with every word in a name or value."""
        words = search.casefold().split()
        shown = profile[profile["value"].notna()]
        texts = {
            row["name"]: value_text(row["value"], self.language, row["unit"])
            for row in shown.to_dict("records")
        }
        if words:
            fits = [
                all(
                    w in f"{r['name']} {r['label_zh']} {r['label_en']} {texts[r['name']]}".casefold()
                    for w in words
                )
                for r in shown.to_dict("records")
            ]
            shown = shown[fits]
        made = []
        for group, rows in shown.groupby(f"group_{self.language}", sort=False):
            cells = [
                [r[f"label_{self.language}"], texts[r["name"]], r["window"]] for r in rows.to_dict("records")
            ]
            heads = [str(group), self.say("value"), self.say("tag_window")]
            made.append(tag("div", table(heads, cells, words=(0, 2))))
        nothing = note(self.say("nothing_fits")) if shown.empty else join()
        left = int(profile["value"].isna().sum())
        return join(
            tag("h3", self.say("tags_of")),
            nothing,
            tag("div", made, class_="qa-pictures"),
            note(self.say("no_value_left", n=f"{left:,}")) if left and not words else join(),
        )

    def events(self, frame: pd.DataFrame, types: Mapping[str, EventType], event: str | None) -> Html:
        """The newest events, each with its properties in words."""
        head = tag(
            "h3", self.say("events_of") + (f" · {pick(types[event].label, self.language)}" if event else "")
        )
        if frame.empty:
            return join(head, note(self.say("no_events")))
        rows = [
            [
                self.moment(row["occurred_at"]),
                pick(types[row["event"]].label, self.language),
                self._properties(types[row["event"]], row["properties"]),
            ]
            for row in frame.head(ROWS).to_dict("records")
        ]
        heads = [self.say(k) for k in ("moment", "choose_event", "what")]
        return join(head, table(heads, rows, words=(0, 1, 2)))

    def sends(self, frame: pd.DataFrame) -> Html:
        """Messages to the person, and why one was not sent."""
        head = tag("h3", self.say("sends_of"))
        if frame.empty:
            return join(head, note(self.say("no_sends")))
        rows = [
            [
                self.moment(row["sent_at"]) if pd.notna(row["sent_at"]) else self.say("not_recorded_time"),
                str(row["campaign_id"]),
                self._text(row["channel"]),
                self.say(f"send_{row['status']}"),
                self._text(row["reason"]),
            ]
            for row in frame.head(ROWS).to_dict("records")
        ]
        heads = [self.say(k) for k in ("moment", "campaign", "channel", "state", "why_not_sent")]
        left = len(frame) - ROWS
        more = note(self.say("more_rows", n=f"{left:,}")) if left > 0 else join()
        return join(head, table(heads, rows, words=range(5)), more)

    def identifiers(self, frame: pd.DataFrame) -> Html:
        """The identifiers, masked."""
        head = tag("h3", self.say("identifiers_of"))
        if frame.empty:
            return join(head, note(self.say("no_identifiers")))
        rows = [
            [pick(KINDS[r["kind"]].label, self.language), masked_text(r["value"]), self.moment(r["since_at"])]
            for r in frame.to_dict("records")
        ]
        return join(head, table([self.say(k) for k in ("kind", "value", "since")], rows, words=(0, 1, 2)))

    def audiences(self, frame: pd.DataFrame, chosen: str | None) -> Html:
        """Every saved audience, whether the person is in it."""
        head = tag("h3", self.say("audiences_of"))
        if frame.empty:
            return join(head, note(self.say("no_audiences"), "warning"))
        words = {True: "is_in", False: "is_out"}
        rows = [
            [
                row["name"],
                f"v{row['version']}",
                self.say(words[row["is_in"]]) if row["is_in"] in words else row["problem"],
            ]
            for row in frame.to_dict("records")
        ]
        at = list(frame["name"]).index(chosen) if chosen in set(frame["name"]) else None
        heads = [self.say("choose_audience"), "", self.say("state")]
        return join(head, table(heads, rows, words=(0, 1, 2), chosen=at))

    def why(self, audience: str, found: Explanation) -> Html:
        """Each condition: whether it holds, what was found, which of them decide; and the events that counted."""
        key = "in_audience" if found.is_in else "out_of_audience"
        decide = found.reasons[0] if found.reasons else ()
        rows = [
            [
                "　" * len(node.path)
                + pick(node.sentence if node.kind not in ("all", "any") else node.words, self.language),
                self.say("yes") if node.is_true else self.say("no"),
                self.say("decides") if node.path in decide else "",
                pick(node.words, self.language) if node.kind not in ("all", "any") else "",
            ]
            for node in found.nodes
        ]
        heads = [self.say(k) for k in ("condition_words", "holds", "decides", "evidence_of")]
        events = found.events()
        counted = (
            events[events["is_counted"].astype(bool)].sort_values("occurred_at", ascending=False).head(ROWS)
        )
        lines = [
            [self.moment(row["occurred_at"]), str(row["event"]), self._plain(row["properties"])]
            for row in counted.to_dict("records")
        ]
        event_heads = [self.say(k) for k in ("moment", "choose_event", "what")]
        return join(
            tag("h3", self.say(key, name=audience)),
            table(heads, rows, words=(0, 1, 2, 3)),
            tag("h3", self.say("counted_events")) if lines else join(),
            table(event_heads, lines, words=(0, 1, 2)) if lines else join(),
        )

    def moment(self, at: Any) -> str:
        """A moment in the workspace's zone; a dash where there is none."""
        return "—" if at is None or pd.isna(at) else f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def _properties(self, event: EventType, values: Mapping[str, Any]) -> str:
        shown = []
        for prop in event.properties:
            value = values.get(prop.name)
            if value is not None and not pd.isna(value):
                shown.append(
                    f"{pick(prop.label, self.language)} {value_text(value, self.language, prop.unit)}"
                )
        return " · ".join(shown[:_MOST_PROPERTIES])

    def _plain(self, values: Mapping[str, Any]) -> str:
        shown = [f"{k} {value_text(v, self.language)}" for k, v in values.items() if v is not None]
        return " · ".join(shown[:_MOST_PROPERTIES])

    @staticmethod
    def _text(value: Any) -> str:
        return "—" if value is None or pd.isna(value) else str(value)
