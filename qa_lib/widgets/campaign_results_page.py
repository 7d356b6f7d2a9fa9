"""The campaign dashboard as HTML: header, filters, tiles and table, the same live and in a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from qa_lib.charts import format_value
from qa_lib.charts.html import Html, figure, join, tag
from qa_lib.charts.tiles import Tile, note, table, tiles
from qa_lib.charts.words import pick, say
from qa_lib.measure import EVIDENCE, METRICS, GainKind, NoFigure
from qa_lib.workspace import Snapshot

#: The tiles in order; those that were not recorded come in a row of their own below.
TILES = (
    "targeted",
    "redeemers",
    "redemption_rate",
    "redemptions",
    "revenue_of_redeemer_baskets",
    "basket_value",
    "sent",
    "reached",
    "reach_rate",
    "open_rate",
    "click_rate",
    "converters",
    "conversion_rate",
    "revenue",
    "gain",
    "cost",
    "roas",
    "roi",
    "incremental_redemptions",
)
_COLUMNS = TILES[:6]


@dataclass(frozen=True)
class ResultsPage:
    """Words and figures of the dashboard in one language and currency."""

    language: str
    currency: str

    def say(self, key: str, **names: str) -> str:
        """Words in the page's language."""
        return say(key, self.language, **names)

    def text(self, key: str, value: Any) -> str:
        """A figure as text; one that is not there says so, and is never 0."""
        if isinstance(value, NoFigure):
            return pick(value.shown, self.language)
        one = METRICS[key.removesuffix("_low").removesuffix("_high")]
        return format_value(value, one.format, currency=self.currency)

    def header(self, snapshot: Snapshot, campaigns: pd.DataFrame) -> Html:
        """Title, what the figures are evidence of, and where they come from."""
        at = snapshot.as_of.astimezone(snapshot.zone)
        short = campaigns.loc[~campaigns["is_complete"], "campaign_id"]
        line = (
            f"{self.say('snapshot')} {snapshot.version} · {self.say('as_of')} {at:%Y-%m-%d %H:%M} "
            f"({snapshot.zone}) · {self.say('incomplete')}: {len(short)} / {len(campaigns)} "
            f"({', '.join(short) or self.say('none')})"
        )
        first, second = (EVIDENCE.zh, EVIDENCE.en) if self.language == "zh" else (EVIDENCE.en, EVIDENCE.zh)
        return join(
            tag("h2", self.say("dashboard")),
            note(join(first, tag("br"), tag("span", second, class_="qa-second")), "evidence"),
            note(line),
        )

    def filters(self, chosen: Sequence[str]) -> Html:
        """The active filters in words."""
        shown = [tag("span", text, class_="qa-chip") for text in chosen] or [join(self.say("no_filter"))]
        return note(join(self.say("filters"), ": ", shown, " ", self.say("filter_note")))

    def tiles(self, found: Mapping[str, Any], gain: GainKind | None = None) -> Html:
        """The figures; those that were not recorded are grey and say why. `gain` is what ROI counts as gain."""
        made = [self._tile(key, found, gain) for key in TILES]
        return join(
            tiles([t for t in made if t.is_recorded]),
            tiles([t for t in made if not t.is_recorded]),
        )

    def table(self, frame: pd.DataFrame, campaign: str | None) -> Html:
        """The campaigns as a table, the chosen one marked."""
        heads = [self.say(k) for k in ("campaign", "campaign_type", "starts_on", "ends_on")]
        for key in _COLUMNS:
            heads.append(pick(METRICS[key].label, self.language))
            if METRICS[key].has_interval:
                heads.append(self.say("interval"))
        heads.append(self.say("note"))
        names = list(frame["campaign_id"])
        return table(
            heads,
            [self._row(row) for _, row in frame.iterrows()],
            words=(0, 1, 2, 3, len(heads) - 1),
            chosen=names.index(campaign) if campaign in names else None,
        )

    def warning(self, campaign: str, words: str) -> Html:
        """Why a campaign's figures are not complete."""
        return note(f"{self.say('campaign')} {campaign}: {words}", "warning")

    def _tile(self, key: str, found: Mapping[str, Any], gain: GainKind | None) -> Tile:
        one, value = METRICS[key], found[key]
        label, about = pick(one.label_of(gain), self.language), pick(one.definition, self.language)
        if isinstance(value, NoFigure):
            reason = pick(value.reason, self.language)
            return Tile(key, label, self.text(key, value), reason, f"{reason} {about}", is_recorded=False)
        below: str | Html = ""
        if one.has_interval:
            ends = [
                figure(f"{key}_{end}", self.text(f"{key}_{end}", found[f"{key}_{end}"]))
                for end in ("low", "high")
            ]
            below = join(self.say("interval"), " ", ends[0], " – ", ends[1])
        elif key == "revenue_of_redeemer_baskets":
            below = self.say("not_attributed")
        return Tile(key, label, self.text(key, value), below, about)

    def _row(self, row: pd.Series) -> list[str]:
        cells = [
            row["campaign_id"],
            row["campaign_type"],
            f"{row['starts_on']:%Y-%m-%d}",
            f"{row['ends_on']:%Y-%m-%d}",
        ]
        for key in _COLUMNS:
            cells.append(self.text(key, row[key]))
            if METRICS[key].has_interval:
                low, high = (self.text(f"{key}_{end}", row[f"{key}_{end}"]) for end in ("low", "high"))
                cells.append(f"{low} – {high}")
        return [*cells, row[f"notes_{self.language}"] or self.say("complete")]
