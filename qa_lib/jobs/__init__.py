"""Notebooks as jobs: parameters checked, secrets kept out, results kept.

`run_notebook` runs a notebook through papermill in the Python that is running now and keeps what it
did under `data/runs/`: the executed notebook, a `run.json`, and one HTML file that opens offline.
"""

from __future__ import annotations

from qa_lib.jobs.parameters import Parameter, check_parameters, declared_parameters, secret_name
from qa_lib.jobs.record import Run, latest_run
from qa_lib.jobs.report import notebook_title, to_html
from qa_lib.jobs.runner import run_notebook

__all__ = [
    "Parameter",
    "Run",
    "check_parameters",
    "declared_parameters",
    "latest_run",
    "notebook_title",
    "run_notebook",
    "secret_name",
    "to_html",
]
