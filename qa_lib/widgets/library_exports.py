"""What can be taken away from the audience library: the list, versions, what changed, the overlap, the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qa_lib.charts import to_svg, upset_bars
from qa_lib.charts.exporting import Export, chart_export, page_export, table_export
from qa_lib.charts.html import Html, join, picture
from qa_lib.charts.tiles import page
from qa_lib.charts.words import pick
from qa_lib.tables import Label
from qa_lib.widgets.exports import LABELS
from qa_lib.widgets.library_page import library_page

if TYPE_CHECKING:
    from qa_lib.widgets.audience_library import AudienceLibrary

TITLE = Label("人群库", "Audience library")


def library_exports(library: AudienceLibrary) -> list[Export]:
    """What there is now: an overlap, versions and a comparison only once they were asked for."""
    panel, overlap, compared = library.panel, library.chart.frame, library.compared
    made = []
    if overlap is not None:
        made += [
            chart_export(
                "overlap_chart", LABELS["overlap"], lambda: upset_bars(overlap, language=library.language)
            ),
            table_export("overlap", LABELS["overlap"], lambda: overlap),
        ]
    if panel.shelf:
        made.append(table_export("shelf", LABELS["shelf"], lambda: pd.DataFrame(panel.shelf)))
    if panel.opened:
        made.append(table_export("versions", LABELS["versions"], lambda: _versions(library)))
    if compared is not None and len(compared.by_change):
        made.append(table_export("changes", LABELS["changes"], lambda: compared.by_change))
    whole = page_export(
        LABELS["page"],
        lambda: pick(TITLE, library.language),
        library.static_html,
        lambda: library.language,
    )
    return [*made, whole]


def library_html(library: AudienceLibrary) -> Html:
    """The list, the versions of the open audience and the overlap that was asked last, without script."""
    panel, overlap, language = library.panel, library.chart.frame, library.language
    made = library_page(panel.shelf, panel.opened, panel.about, language)
    if overlap is None:
        return made
    words = pick(LABELS["overlap"], language)
    return join(made, page(picture(to_svg(upset_bars(overlap, language=language)), words)))


def _versions(library: AudienceLibrary) -> pd.DataFrame:
    """The listed versions of the open audience, each with what it says."""
    opened = library.panel.opened
    rows = [
        {**{key: value for key, value in row.items() if key != "sentence"}, **_says(row["sentence"])}
        for row in opened["versions"]
    ]
    return pd.DataFrame(rows).assign(audience=opened["name"])


def _says(sentence: dict[str, str]) -> dict[str, str]:
    return {f"sentence_{language}": words for language, words in sentence.items()}
