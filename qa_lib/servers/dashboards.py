"""Voila with a start page of dashboards and the data's freshness: `python -m qa_lib.servers.dashboards`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from qa_lib.servers.start_page import page_facts

#: What a dashboard's page loads: the widgets, and nothing else that may be installed for JupyterLab.
_EXTENSIONS = ["@jupyter-widgets/jupyterlab-manager", "anywidget", "@voila-dashboards/widgets-manager8"]


def _start_page(
    page_config: dict[str, Any], *, settings: dict[str, Any], notebook_path: str = "", **_: Any
) -> dict[str, Any]:
    """Voila's `page_config_hook`; the index is a page whose path names a folder."""
    root = settings["contents_manager"].root_dir
    if (Path(root) / notebook_path).is_dir():
        where = os.environ.get("QA_WORKSPACE"), os.environ.get("QA_RUNS", "data/runs")
        page_config["start"] = page_facts(root, notebook_path, *where)
    return page_config


def main() -> None:
    """Run Voila with the command line's settings."""
    from traitlets.config import Config
    from voila.app import Voila  # type: ignore[import-untyped]

    Voila.launch_instance(
        config=Config(
            Voila={"config_file_paths": []},  # nobody's voila.json changes what is published
            VoilaConfiguration={
                "page_config_hook": _start_page,
                "file_allowlist": ["public/.*"],
                "extension_allowlist": _EXTENSIONS,
            },
        )
    )


if __name__ == "__main__":
    main()
