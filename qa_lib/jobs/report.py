"""An executed notebook as one HTML file that opens offline and asks the network for nothing."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import nbformat

from qa_lib.charts.html import tag

# Charts first, then tables and words. What only lives with a running kernel is not in the list, and
# neither is JavaScript: a scheduled report is read from an e-mail or a file share.
_SHOWN = ["image/svg+xml", "image/png", "image/jpeg", "text/html", "text/markdown", "text/plain"]
_WIDGET = "application/vnd.jupyter.widget-view+json"
_STATIC_NOTE = str(
    tag(
        "p",
        "此处为交互控件，请在 JupyterLab 或 Voila 中打开。 "
        "An interactive control stands here: open the notebook in JupyterLab or Voila.",
        class_="qa-note",
    )
)


def notebook_title(notebook: nbformat.NotebookNode, otherwise: str = "") -> str:
    """The words of the first heading in the notebook's markdown cells, or `otherwise`."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if heading := re.match(r"#{1,6}\s+(.*?)\s*#*$", line.strip()):
                    return re.sub(r"[*_`]", "", heading[1])
    return otherwise


def to_html(notebook: nbformat.NotebookNode, *, name: str = "", show_code: bool = False) -> str:
    """A self-contained HTML page of an executed notebook.

    Parameters
    ----------
    notebook
        With its outputs. It is left as it is.
    name
        The page's title where the notebook has no heading.
    show_code
        Show the code cells too.

    Returns
    -------
    str
        A page with its styles and images inside and without scripts of its own. Charts show where
        they were drawn as SVG or PNG (`QA_RENDER=static`); a live widget leaves a note in its place.
    """
    from nbconvert.exporters import HTMLExporter  # half a second to import, and only a run needs it

    page = copy.deepcopy(notebook)
    title = notebook_title(page, otherwise=name)
    page.metadata["title"] = title
    page.metadata.pop("widgets", None)
    for cell in page.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if _WIDGET in data and not any(kind in data for kind in _SHOWN[:4]):
                output["data"] = nbformat.from_dict({"text/html": _STATIC_NOTE})
    exporter = HTMLExporter(
        template_name="lab",
        extra_template_paths=[str(Path(__file__).parent)],
        template_file="report.html.j2",
        exclude_input=not show_code,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        require_js_url="",
        mathjax_url="",
        jquery_url="",
        mermaid_js_url="",
        mermaid_layout_elk_js_url="",
        jupyter_widgets_base_url="",
        language_code="zh" if re.search(r"[\u4e00-\u9fff]", title) else "en",
    )
    exporter.config.NbConvertBase.display_data_priority = _SHOWN
    html, _ = exporter.from_notebook_node(page)
    return html
