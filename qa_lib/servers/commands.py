"""The command lines and the environment of Voila and JupyterLab, in one place."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

_KERNELS = "qa_lib.jobs.kernel.ThisPython"
# Without this list Voila loads every extension of JupyterLab that is installed, and fails on some.
_LAB_SETTINGS = Path(__file__).with_name("lab_settings")  # its defaults do not ask about news
JUPYTER_DATA = Path(__file__).parents[1] / "widgets"  # holds voila/templates/qa


def voila_command(
    notebooks_dir: str | Path,
    port: int,
    *,
    ip: str = "127.0.0.1",
    with_token: bool = True,
    preheat: bool = False,
    cull_after_seconds: int = 900,
    extra: Sequence[str] = (),
) -> list[str]:
    """The command that serves the dashboards of a folder.

    Visitors cannot run code, read sources or tracebacks, or change the template. Every visit is a
    kernel of its own; it is stopped when it has been idle.

    Parameters
    ----------
    notebooks_dir
        The folder of `.ipynb` files.
    port
        Exactly this one: a server on another port than the one announced is a trap.
    with_token
        Ask for the token in the environment variable JUPYTER_TOKEN. It is not an argument, because
        every user of the machine can read the arguments of every process.
    preheat
        Keep one kernel per dashboard running in advance: faster first pages for more memory.
    cull_after_seconds
        How long an idle kernel lives; a closed tab does not end its kernel.
    extra
        Further Voila options.
    """
    return [
        sys.executable,
        "-m",
        "qa_lib.servers.dashboards",
        str(Path(notebooks_dir).absolute()),
        "--no-browser",
        "--Voila.log_level=WARN",
        f"--Voila.ip={ip}",
        f"--port={port}",
        "--Voila.port_retries=0",
        f"--Voila.auto_token={with_token}",
        "--template=qa",
        "--classic_tree=True",
        "--strip_sources=True",
        f"--preheat_kernel={preheat}",
        "--pool_size=1",
        f"--MappingKernelManager.cull_idle_timeout={cull_after_seconds}",
        f"--MappingKernelManager.cull_interval={max(1, min(60, cull_after_seconds // 2))}",
        "--KernelManager.transport_encryption=auto",
        "--VoilaConfiguration.allow_template_override=NO",
        "--VoilaConfiguration.allow_theme_override=NO",
        "--VoilaConfiguration.show_tracebacks=False",
        f"--VoilaConfiguration.kernel_spec_manager_class={_KERNELS}",
        "--HTMLExporter.language_code=zh",
        *extra,
    ]


def lab_command(
    root_dir: str | Path,
    port: int,
    *,
    ip: str = "127.0.0.1",
    with_token: bool = True,
    extra: Sequence[str] = (),
) -> list[str]:
    """The command that opens a folder in JupyterLab.

    Parameters
    ----------
    root_dir
        What the file browser shows as its root.
    port
        Exactly this one.
    with_token
        Ask for the token in the environment variable JUPYTER_TOKEN.
    extra
        Further JupyterLab options.
    """
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        "--ServerApp.log_level=WARN",
        "--LabApp.log_level=WARN",
        "--no-browser",
        f"--ServerApp.ip={ip}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={Path(root_dir).absolute()}",
        f"--ServerApp.kernel_spec_manager_class={_KERNELS}",
        "--KernelManager.transport_encryption=auto",
        "--LabApp.news_url=None",  # the workbench asks the internet for nothing
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        f"--LabApp.app_settings_dir={_LAB_SETTINGS}",
        *([] if with_token else ["--IdentityProvider.token="]),
        *(["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
        *extra,
    ]


def environment(
    *,
    workspace: str | Path | None = None,
    runs: str | Path | None = None,
    token: str = "",
    read_only: bool = False,
) -> dict[str, str]:
    """The environment of a server: this process's, with ours added.

    Parameters
    ----------
    workspace
        Handed to the notebooks as `QA_WORKSPACE`, absolute. By default what `QA_WORKSPACE` says
        already, else `data/workspace` in the current folder.
    runs
        Where the kept runs are, as `QA_RUNS`, absolute; the start page tells of them. `data/runs` by default.
    token
        What visitors must know, as `JUPYTER_TOKEN`; empty for none.
    read_only
        Set `QA_READ_ONLY=1`: the notebooks open the workspace without the right to write.
    """
    changed = dict(os.environ)
    for name in ("JUPYTER_TOKEN", "JUPYTER_TOKEN_FILE", "QA_READ_ONLY", "QA_RENDER"):
        changed.pop(name, None)
    workspace = workspace or os.environ.get("QA_WORKSPACE") or "data/workspace"
    changed["QA_WORKSPACE"] = str(Path(workspace).absolute())
    changed["QA_RUNS"] = str(Path(runs or os.environ.get("QA_RUNS") or "data/runs").absolute())
    changed["JUPYTER_PATH"] = os.pathsep.join(
        filter(None, [str(JUPYTER_DATA), os.environ.get("JUPYTER_PATH")])
    )
    if token:
        changed["JUPYTER_TOKEN"] = token
    if read_only:
        changed["QA_READ_ONLY"] = "1"
    return changed
