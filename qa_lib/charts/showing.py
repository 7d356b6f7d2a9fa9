"""How a chart comes to the screen: live and offline in JupyterLab and Voila, as SVG in a report."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import altair as alt
import pandas as pd

from qa_lib.charts.html import is_static
from qa_lib.charts.theme import NAME
from qa_lib.errors import DataError, UnknownName, did_you_mean

#: More rows than this are drawn as a blot, and sent to the browser slowly.
ROW_LIMIT = 5_000

#: What somebody chose in a chart: one dictionary of the selection's fields per chosen mark.
Picked = list[dict[str, Any]]
AnyChart = alt.Chart | alt.LayerChart | alt.HConcatChart | alt.VConcatChart | alt.ConcatChart | alt.FacetChart

# Vega's own menu may save the picture; "open in editor" would leave the machine. A view has a menu of ours.
_MENU = {"export": True, "source": False, "compiled": False, "editor": False}
#: A chart that is shown alone does not know its reader's language.
_MENU_WORDS = {
    "CLICK_TO_VIEW_ACTIONS": "菜单 · Menu",
    "PNG_ACTION": "存为 PNG · Save as PNG",
    "SVG_ACTION": "存为 SVG · Save as SVG",
}
# Vega's style sheet lets the menu float over the picture's corner; here it unfolds below. The doubled class
# weighs more than that sheet, which comes later.
_MENU_BELOW = """
.vega-embed.vega-embed.has-actions { padding-right: 0; }
.vega-embed.vega-embed.has-actions details > summary { position: static; width: max-content; margin: 2px 0; }
.vega-embed.vega-embed.has-actions details > .vega-actions { position: static; width: max-content; margin-top: 4px; }
.vega-embed.vega-embed.has-actions details > .vega-actions::before,
.vega-embed.vega-embed.has-actions details > .vega-actions::after { content: none; }
"""


class _Chart(alt.JupyterChart):
    """Altair's widget with Vega's menu below the picture."""

    _css = alt.JupyterChart._css + _MENU_BELOW


# Altair's theme is one for the whole process: two threads that draw at once would take it from each other.
_DRAWING = threading.RLock()


@contextmanager
def _in_theme() -> Iterator[None]:
    with _DRAWING, alt.theme.enable(NAME):
        yield


def check_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame itself, when it is small enough to draw.

    Raises
    ------
    DataError
        Over 5,000 rows.
    """
    if len(frame) > ROW_LIMIT:
        raise DataError(
            f"{len(frame):,} rows are too many to draw, at most {ROW_LIMIT:,} can be. "
            "Aggregate first: count or sum by day, week, band or segment in the query."
        )
    return frame


def to_svg(chart: AnyChart) -> str:
    """The chart as SVG text, in the theme; Chinese needs a font with Chinese on the reader's machine."""
    return drawn_as(chart, "svg").decode()


def drawn_as(chart: AnyChart, format: Literal["svg", "png"], scale: float = 1) -> bytes:
    """The chart's file in the theme; `scale` is pixels for each unit of the drawing."""
    out = io.BytesIO() if format == "png" else io.StringIO()
    with _in_theme():
        chart.save(out, format=format, scale_factor=scale)
    made = out.getvalue()
    return made.encode() if isinstance(made, str) else made


class Picture:
    """A chart as SVG, for reports that run no script."""

    def __init__(self, chart: AnyChart) -> None:
        self.svg = to_svg(chart)
        self.words = _title(chart)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": self.words}

    def __repr__(self) -> str:
        return f"Picture({self.words!r})"


class Live:
    """A chart in the browser whose selections come back to Python.

    Parameters
    ----------
    on_select
        What to call when a selection changes, by the name of the selection's parameter: it gets a list
        of dictionaries, one for each chosen mark, empty when the selection was cleared.
    menu
        Give the chart Vega's own menu that saves it; a chart in a view has the view's (`widgets.exports`).

    Raises
    ------
    UnknownName
        When the chart has no selection of that name.
    """

    def __init__(
        self,
        chart: AnyChart,
        on_select: Mapping[str, Callable[[Picked], None]] | None = None,
        *,
        menu: bool = False,
    ) -> None:
        _Chart.enable_offline()  # once per kernel; later calls do nothing
        self._on_select = dict(on_select or {})
        with _in_theme():
            embed = {"actions": _MENU if menu else False, "renderer": "svg", "i18n": _MENU_WORDS}
            self.widget = _Chart(chart, embed_options=embed)
        self._attach()

    def update(self, chart: AnyChart) -> None:
        """Show another chart in the same place; the callbacks stay."""
        with _in_theme():
            self.widget.chart = chart
        self._attach()  # Altair gives the new chart new selections, which nobody listens to yet

    def _attach(self) -> None:
        known = self.widget.selections.trait_names()
        for name, callback in self._on_select.items():
            if name not in known:
                raise UnknownName(f"The chart has no selection {name!r}.{did_you_mean(name, known)}")
            self.widget.selections.observe(_told(callback), name)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)


def show(chart: AnyChart) -> Live | Picture:
    """The chart, ready to display: live without any request to the network, or an SVG in a report."""
    return Picture(chart) if is_static() else Live(chart, menu=True)


def interactive(
    chart: AnyChart, on_select: Mapping[str, Callable[[Picked], None]] | None = None
) -> Live | Picture:
    """As `show`, with callbacks by name of the selection; a report has nobody to select."""
    return Picture(chart) if is_static() else Live(chart, on_select, menu=True)


def _told(callback: Callable[[Picked], None]) -> Callable[[Any], None]:
    def observer(change: Any) -> None:
        value = change["new"].value
        callback([dict(v) for v in value] if isinstance(value, list) else [dict(value)] if value else [])

    return observer


def _title(chart: AnyChart) -> str:
    title = getattr(chart, "title", None)
    text = getattr(title, "text", title)
    return text if isinstance(text, str) else "chart"
