"""Voila with an index that lists dashboards by their titles: `python -m qa_lib.servers.dashboards`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat

from qa_lib.errors import FileUnreadable
from qa_lib.jobs.parameters import read_notebook
from qa_lib.jobs.report import notebook_title

#: What a dashboard's page loads: the widgets, and nothing else that may be installed for JupyterLab.
_EXTENSIONS = ["@jupyter-widgets/jupyterlab-manager", "anywidget", "@voila-dashboards/widgets-manager8"]


def titles(folder: str | Path, under: str = "") -> dict[str, str]:
    """The title of each notebook in `folder`/`under`, by its path below `folder`.

    A notebook without a heading, or that cannot be read, is left out: the index then shows its name.
    """
    root = Path(folder)
    found = {}
    for path in sorted((root / under).glob("*.ipynb")):
        try:
            notebook: nbformat.NotebookNode = read_notebook(path)
        except FileUnreadable:
            continue
        if title := notebook_title(notebook):
            found[path.relative_to(root).as_posix()] = title
    return found


def _with_titles(
    page_config: dict[str, Any], *, settings: dict[str, Any], notebook_path: str = "", **_: Any
) -> dict[str, Any]:
    """Voila's `page_config_hook`; the index is a page whose path names a folder."""
    root = settings["contents_manager"].root_dir
    if (Path(root) / notebook_path).is_dir():
        page_config["titles"] = titles(root, notebook_path)
    return page_config


def main() -> None:
    """Run Voila with the command line's settings."""
    from traitlets.config import Config
    from voila.app import Voila  # type: ignore[import-untyped]

    Voila.launch_instance(
        config=Config(
            Voila={"config_file_paths": []},  # nobody's voila.json changes what is published
            VoilaConfiguration={
                "page_config_hook": _with_titles,
                "file_allowlist": ["public/.*"],
                "extension_allowlist": _EXTENSIONS,
            },
        )
    )


if __name__ == "__main__":
    main()
