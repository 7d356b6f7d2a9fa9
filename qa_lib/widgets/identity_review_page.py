"""The review of identities as HTML: tiles, the chain of evidence, the queue, the history; values are masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from qa_lib.charts.html import Html, join, tag
from qa_lib.charts.tiles import Tile, note, table, tiles
from qa_lib.charts.words import pick, say
from qa_lib.identity import KINDS, Explanation
from qa_lib.widgets.masking import masked_text, shown_id

#: Rows of a table that are shown at once.
ROWS = 12


@dataclass(frozen=True)
class IdentityPage:
    """Words and figures of the screen in one language; moments in the workspace's zone."""

    language: str
    zone: ZoneInfo

    def say(self, key: str, **fill: str) -> str:
        """Words in the page's language."""
        return say(key, self.language, **fill)

    def kind(self, name: str) -> str:
        """What a kind of identifier is called."""
        return pick(KINDS[name].label, self.language)

    def identifier(self, one: tuple[str, str]) -> str:
        """An identifier, masked."""
        return f"{self.kind(one[0])} {masked_text(one[1])}"

    def header(self, last_at: pd.Timestamp | None) -> Html:
        """Title, how far the record reaches, how to go on."""
        return join(
            tag("h2", self.say("identity")),
            note(self.say("last_resolved", at=f"{self.moment(last_at)} ({self.zone})")),
            note(self.say("identity_hint")),
        )

    def tiles(self, counts: Mapping[str, int]) -> Html:
        """How many people, identifiers, merges, splits, and what waits for a review."""
        people = counts["people_resolved"]
        mean = counts["identifiers"] / people if people else 0
        below = {
            "people_resolved": "",
            "identifiers": self.say("per_person", n=f"{mean:.1f}"),
            "merges": self.say("undone_about", n=f"{counts['merges_undone']:,}"),
            "splits": self.say("undone_about", n=f"{counts['splits_undone']:,}"),
            "waiting": self.say("decided_about", n=f"{counts['decided']:,}"),
        }
        return tiles([Tile(key, self.say(key), f"{counts[key]:,}", words) for key, words in below.items()])

    def why(self, found: Explanation) -> Html:
        """The chain of evidence, a row a step."""
        answer = pick(found.answer, self.language)
        values = {str(v) for c in ("from_value", "to_value") for v in found.path[c]}
        for value in sorted(values, key=len, reverse=True):
            answer = answer.replace(value, masked_text(value))
        rows = [
            [
                self.identifier((row["from_kind"], row["from_value"])),
                self.identifier((row["to_kind"], row["to_value"])),
                str(row["source"]),
                self.moment(row["observed_at"]),
                str(row[f"status_{self.language}"]),
            ]
            for row in found.path.to_dict("records")
        ]
        heads = [self.say(k) for k in ("choose_one", "choose_other", "source", "moment", "status")]
        return join(
            tag("h3", self.say("why_one")),
            note(answer),
            table(heads, rows, words=range(5)) if rows else join(),
        )

    def queue(self, frame: pd.DataFrame, chosen: str | None) -> Html:
        """What was set aside: the chosen one first."""
        if frame.empty:
            return join(tag("h3", self.say("queue")), note(self.say("queue_empty")))
        at = _window(list(frame["change_id"]), chosen)
        rows = [
            [
                row["change_id"],
                self.say(f"cause_{row['cause']}"),
                " – ".join(self.identifier(i) for i in row["identifiers"]),
                self.moment(row["changed_at"]),
                self.verdict(row["decision"]),
                str(row["reason"]),
            ]
            for row in frame.iloc[at : at + ROWS].to_dict("records")
        ]
        heads = [
            self.say(k)
            for k in (
                "choose_quarantine",
                "choose_cause",
                "identifiers",
                "moment",
                "decision",
                "reject_reason",
            )
        ]
        return join(
            tag("h3", self.say("queue")),
            table(heads, rows, words=range(6), chosen=_chosen(rows, chosen)),
            self._more(len(frame)),
        )

    def queue_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What was set aside as a table to take away, its identifiers masked."""
        masked = [" – ".join(self.identifier(i) for i in found) for found in frame["identifiers"]]
        columns = ["change_id", "cause", "identifiers", "changed_at", "decision", "decision_id", "reason"]
        return frame.assign(identifiers=masked)[columns]

    def history_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The history as a table to take away, the ids of sources masked."""
        people = {name: frame[name].map(shown_id) for name in ("person_id", "other_person_id")}
        columns = ["change_id", "change", "changed_at", *people, "cause", "reason", "undone_at"]
        return frame.assign(**people)[columns]

    def verdict(self, decision: Any) -> str:
        """A decision in words."""
        words = {"accept": "accepted_as_one", "apart": "kept_apart"}
        return self.say(words.get(decision, "not_decided"))

    def history(self, frame: pd.DataFrame, chosen: str | None) -> Html:
        """Merges, splits, decisions and undos, the chosen one first."""
        if frame.empty:
            return join(tag("h3", self.say("history")), note(self.say("history_empty")))
        at = _window(list(frame["change_id"]), chosen)
        rows = [
            [
                row["change_id"],
                self.say(f"change_{row['change']}"),
                self.moment(row["changed_at"]),
                shown_id(row["person_id"]),
                shown_id(row["other_person_id"]),
                self.say("stands") if pd.isna(row["undone_at"]) else self.say("undone"),
                str(row["reason"]),
            ]
            for row in frame.iloc[at : at + ROWS].to_dict("records")
        ]
        keys = ("choose_change", "identity_change", "moment", "kept_person", "other_person", "state")
        heads = [*(self.say(k) for k in keys), self.say("reject_reason")]
        return join(
            tag("h3", self.say("history")),
            table(heads, rows, words=range(7), chosen=_chosen(rows, chosen)),
            self._more(len(frame)),
        )

    def moment(self, at: Any) -> str:
        """A moment in the workspace's zone; a dash where there is none."""
        return "—" if at is None or pd.isna(at) else f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def _more(self, count: int) -> Html:
        return note(self.say("more_rows", n=f"{count - ROWS:,}")) if count > ROWS else join()


def _window(ids: Sequence[str], chosen: str | None) -> int:
    """Where the shown rows begin, so that the chosen one is among them."""
    at = ids.index(chosen) if chosen in ids else 0
    return at if at >= ROWS else 0


def _chosen(rows: Sequence[Sequence[str]], chosen: str | None) -> int | None:
    return next((i for i, row in enumerate(rows) if row[0] == chosen), None)
