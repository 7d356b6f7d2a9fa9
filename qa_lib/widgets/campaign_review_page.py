"""The review of one campaign as HTML: header, plan, figures and tables, the same live and in a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from qa_lib.campaigns import REASONS, Plan
from qa_lib.charts import format_value
from qa_lib.charts.html import Html, figure, join, tag
from qa_lib.charts.review_parts import figure_text
from qa_lib.charts.tiles import Tile, note, table, tiles
from qa_lib.charts.words import pick, say
from qa_lib.measure import evidence
from qa_lib.tables import Label
from qa_lib.widgets.campaign_review_state import SHORT, Standing
from qa_lib.workspace import Snapshot


@dataclass(frozen=True)
class ReviewPage:
    """Words and figures of the review in one language and currency."""

    language: str
    currency: str

    def say(self, key: str, **names: str) -> str:
        """Words in the page's language."""
        return say(key, self.language, **names)

    def pick(self, row: pd.Series, what: str) -> str:
        """`label` or `note` of a row in the page's language."""
        value = row[pick((f"{what}_zh", f"{what}_en"), self.language)]
        return "" if pd.isna(value) else str(value)

    def text(self, row: pd.Series, column: str) -> str:
        """A figure of a row as text; one that is not there is a dash, never 0."""
        return figure_text(row[column], row["format"], self.currency)

    def header(self, standing: Standing, learnt_from: Label | None) -> Html:
        """The campaign, where its figures come from, what they are evidence of, and what is missing."""
        plan, snapshot = standing.plan, standing.snapshot
        shown = standing.outcome or standing.rehearsal
        lines = [
            f"{self.say('plan')} {plan.hash[:SHORT]} · {self.say('planned_as_of')} {_moment(snapshot, plan.as_of)} · "
            f"{self.say('window')} {_moment(snapshot, plan.campaign.schedule.starts_at)} – "
            f"{_moment(snapshot, plan.campaign.schedule.ends_at)}",
            f"{self.say('snapshot')} {snapshot.version} · {self.say('as_of')} {_moment(snapshot, snapshot.as_of)} "
            f"({snapshot.zone})",
        ]
        if shown is not None and shown.goal:
            lines.append(f"{self.say('goal')}: {shown.goal}")
        if learnt_from is not None:
            lines.append(f"{self.say('learnt_from')}: {pick(learnt_from, self.language)}")
        return join(
            tag("h2", f"{self.say('review')} · {plan.campaign.name}"),
            note(join(self._claim("rehearsed", "simulated")), "evidence"),
            note(join(self._claim(f"result_{standing.result}", standing.result)), "evidence"),
            [note(line) for line in lines],
            [note(words, "warning") for words in standing.told(self.language)],
        )

    def empty(self, snapshot: Snapshot) -> Html:
        """The head of a page without a plan: what to do next."""
        return join(
            tag("h2", self.say("review")),
            note(self.say("tell_no_plan"), "warning"),
            note(
                f"{self.say('snapshot')} {snapshot.version} · {self.say('as_of')} "
                f"{_moment(snapshot, snapshot.as_of)} ({snapshot.zone})"
            ),
        )

    def plan(self, plan: Plan) -> Html:
        """What the plan sends and costs, and why the others are not sent to."""
        worst = plan.worst_case_amount
        shown = [
            Tile(
                "send_count",
                self.say("to_be_sent"),
                format_value(plan.send_count, "count"),
                self.say("of_audience", count=format_value(plan.audience_count, "count")),
            ),
            self._cost("message_cost", plan.message_cost_amount),
            self._cost("expected_cost", plan.expected_cost_amount),
            self._cost("worst_case", worst)
            if worst is not None
            else Tile(
                "worst_case", self.say("worst_case"), self.say("unbounded"), self.say("unbounded_about")
            ),
        ]
        reasons = [
            [pick(REASONS[name], self.language), format_value(count, "count")]
            for name, count in plan.reasons.items()
        ]
        kept_back = (
            table([self.say("reason"), self.say("people")], reasons)
            if reasons
            else note(self.say("nobody_kept_back"))
        )
        return join(tag("h3", self.say("plan")), tiles(shown), kept_back)

    def figures(self, frame: pd.DataFrame, chosen: Sequence[str]) -> Html:
        """Every metric as a tile: the result and below it the rehearsal; grey with the reason when neither."""
        title = self.say("title_review_dots") + "".join(f" · {words}" for words in chosen)
        made = [self._tile(row) for _, row in frame.iterrows()]
        return join(
            tag("h3", title),
            tiles([t for t in made if t.is_recorded]),
            tiles([t for t in made if not t.is_recorded]),
            note(self.say("tell_nobody"), "warning") if frame.empty and chosen else join(),
        )

    def table(self, frame: pd.DataFrame) -> Html:
        """Every metric: rehearsed, band, result, whether it is in the band, and the note."""
        heads = [self.say("metric"), *self._heads(), self.say("note")]
        rows = [
            [self.pick(row, "label"), *self._cells(row), self.pick(row, "note")]
            for _, row in frame.iterrows()
        ]
        return join(
            tag("h3", self.say("every_figure")), table(heads, rows, words=(0, len(heads) - 2, len(heads) - 1))
        )

    def channels(self, frame: pd.DataFrame) -> Html:
        """The figures by channel."""
        heads = [self.say("channel"), self.say("metric"), *self._heads(), self.say("note")]
        rows = [
            [
                str(row["channel"]),
                self.pick(row, "label"),
                *self._cells(row),
                self.pick(row, "note"),
            ]
            for _, row in frame.iterrows()
        ]
        words = (0, 1, len(heads) - 2, len(heads) - 1)
        return join(tag("h3", self.say("by_channel")), table(heads, rows, words=words))

    def _claim(self, whose: str, origin: str) -> Iterator[str | Html]:
        """What figures of that origin are evidence of, in both languages, the page's own first."""
        languages = ("zh", "en") if self.language == "zh" else ("en", "zh")
        for language in languages:
            words = say("whose_evidence", language, whose=say(whose, language), claim="")
            claim = words + pick(evidence(origin), language)  # type: ignore[arg-type]
            yield (
                claim
                if language == self.language
                else join(tag("br"), tag("span", claim, class_="qa-second"))
            )

    def _cost(self, key: str, value: Any) -> Tile:
        text = format_value(value, "amount", currency=self.currency)
        return Tile(key, self.say(key), text, self.say(f"{key}_about"))

    def _tile(self, row: pd.Series) -> Tile:
        key, label, about = str(row["metric"]), self.pick(row, "label"), self.pick(row, "note")
        rehearsed, result = self.text(row, "rehearsed"), self.text(row, "result")
        if pd.isna(row["result"]) and pd.isna(row["rehearsed"]):
            return Tile(key, label, "—", about, is_recorded=False)
        if pd.isna(row["result"]):
            return Tile(
                f"{key}_rehearsed", f"{label} · {self.say('rehearsed')}", rehearsed, self._band(row), about
            )
        if pd.isna(row["rehearsed"]):
            return Tile(key, label, result, about, about)
        mean = join(self.say("rehearsed"), " ", figure(f"{key}_rehearsed", rehearsed))
        return Tile(key, label, result, join(mean, tag("br"), self._band(row)), about)

    def _band(self, row: pd.Series) -> Html:
        if pd.isna(row["rehearsed_low"]):
            return join()
        ends = [
            figure(f"{row['metric']}_rehearsed_{end}", self.text(row, f"rehearsed_{end}"))
            for end in ("low", "high")
        ]
        return join(self.say("interval"), " ", ends[0], " – ", ends[1])

    def _heads(self) -> list[str]:
        return [self.say(key) for key in ("rehearsed", "interval", "result", "compared")]

    def _cells(self, row: pd.Series) -> list[str]:
        low, high = (self.text(row, f"rehearsed_{end}") for end in ("low", "high"))
        inside = row["is_within"]
        verdict = "not_compared" if pd.isna(inside) else "within" if inside else "outside"
        return [
            self.text(row, "rehearsed"),
            "—" if pd.isna(row["rehearsed_low"]) else f"{low} – {high}",
            self.text(row, "result"),
            self.say(verdict),
        ]


def _moment(snapshot: Snapshot, moment: Any) -> str:
    return f"{moment.astimezone(snapshot.zone):%Y-%m-%d %H:%M}"
