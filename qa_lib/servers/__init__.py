"""The two servers of the workbench: dashboards (Voila) and JupyterLab.

`serve_dashboards` and `serve_lab` run until they are stopped; `start_dashboards` and `start_lab` give
a running `Server` to stop oneself. Both ask for a token, keep to one port and to this Python.
"""

from __future__ import annotations

from qa_lib.servers.commands import environment, lab_command, voila_command
from qa_lib.servers.process import (
    Server,
    ServerFailed,
    serve_dashboards,
    serve_lab,
    start_dashboards,
    start_lab,
)

__all__ = [
    "Server",
    "ServerFailed",
    "environment",
    "lab_command",
    "serve_dashboards",
    "serve_lab",
    "start_dashboards",
    "start_lab",
    "voila_command",
]
