"""Servers as child processes: started when their port is free, known to be ready, always stopped."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from qa_lib.errors import WorkbenchError
from qa_lib.servers.commands import environment, lab_command, voila_command

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy does not know our loopback


class ServerFailed(WorkbenchError, OSError):
    """A server that could not be started: its port is taken, or it stopped at once."""


@dataclass(frozen=True)
class Server:
    """A running server, stopped at the end of a `with` block.

    Attributes
    ----------
    kind
        `dashboards` or `lab`.
    base_url
        Such as `http://127.0.0.1:8866/`.
    token
        What visitors must know; empty for none.
    process
        The server; its kernels are children of it.
    """

    kind: str
    base_url: str
    token: str
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """The address to open, with its token."""
        return self.page("" if self.kind == "dashboards" else "lab")

    def page(self, path: str) -> str:
        """The address of a page of this server, with its token: `page("voila/render/a.ipynb")`."""
        return self.base_url + path + (f"?token={self.token}" if self.token else "")

    def stop(self) -> None:
        """End the server and its kernels; returns when they are gone."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)  # it shuts its kernels down first
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, signal.SIGKILL)  # our own group: see start_new_session
                self.process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_dashboards(
    notebooks_dir: str | Path = "notebooks/dashboards",
    *,
    port: int = 8866,
    ip: str = "127.0.0.1",
    workspace: str | Path | None = None,
    runs: str | Path | None = None,
    token: str | None = None,
    preheat: bool = False,
    cull_after_seconds: int = 900,
    log: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    extra: Sequence[str] = (),
) -> Server:
    """Start Voila on a folder of notebooks; they see the workspace read-only.

    Parameters
    ----------
    notebooks_dir
        The folder to serve.
    port
        0 takes a free one.
    workspace
        By default what `QA_WORKSPACE` says, else `data/workspace` in the current folder.
    runs
        Where the kept runs are, for the start page; by default what `QA_RUNS` says, else `data/runs`.
    token
        None makes one; an empty text asks for none, on the loopback only.
    preheat, cull_after_seconds, extra
        See `voila_command`.
    log
        A file for what the server says; by default it says it here.
    env
        Further environment variables of the server and its kernels.

    Raises
    ------
    ServerFailed
        When the port is taken, the folder is not there, or the server does not come up.
    """
    token = _token(token, ip)
    port = _port(port, ip, "dashboards")
    command = voila_command(
        _folder(notebooks_dir),
        port,
        ip=ip,
        with_token=bool(token),
        preheat=preheat,
        cull_after_seconds=cull_after_seconds,
        extra=extra,
    )
    variables = {**environment(workspace=workspace, runs=runs, token=token, read_only=True), **(env or {})}
    return _start("dashboards", command, variables, ip, port, token, "voila/static/voila.js", log)


def start_lab(
    root_dir: str | Path = "notebooks",
    *,
    port: int = 8888,
    ip: str = "127.0.0.1",
    workspace: str | Path | None = None,
    token: str | None = None,
    log: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    extra: Sequence[str] = (),
) -> Server:
    """Start JupyterLab on a folder. Parameters and errors as those of `start_dashboards`."""
    token = _token(token, ip)
    port = _port(port, ip, "lab")
    command = lab_command(_folder(root_dir), port, ip=ip, with_token=bool(token), extra=extra)
    variables = {**environment(workspace=workspace, token=token), **(env or {})}
    return _start("lab", command, variables, ip, port, token, "api", log)


def serve_dashboards(
    notebooks_dir: str | Path = "notebooks/dashboards",
    *,
    open_browser: bool = False,
    say: Callable[[str], None] = print,
    **options: Any,
) -> int:
    """Serve the dashboards until Ctrl+C or SIGTERM, and say where they are.

    Parameters
    ----------
    open_browser
        Open the address in the user's browser too.
    say
        Gets each line for the user.
    options
        Those of `start_dashboards`.

    Returns
    -------
    int
        0 when it was asked to stop, else the server's own exit code.
    """
    return _serve(lambda: start_dashboards(notebooks_dir, **options), "看板 · Dashboards", open_browser, say)


def serve_lab(
    root_dir: str | Path = "notebooks",
    *,
    open_browser: bool = False,
    say: Callable[[str], None] = print,
    **options: Any,
) -> int:
    """Serve JupyterLab until Ctrl+C or SIGTERM; options of `start_lab`, else as `serve_dashboards`."""
    return _serve(lambda: start_lab(root_dir, **options), "JupyterLab", open_browser, say)


def _serve(start: Callable[[], Server], what: str, open_browser: bool, say: Callable[[str], None]) -> int:
    with _terminated_as_interrupt(), contextlib.suppress(KeyboardInterrupt), start() as server:
        say(f"{what}: {server.url}")
        say("停止请按 Ctrl+C · Stop with Ctrl+C")
        if open_browser:
            webbrowser.open(server.url)
        return server.process.wait()
    return 0


@contextlib.contextmanager
def _terminated_as_interrupt() -> Iterator[None]:
    """SIGTERM ends us as Ctrl+C does, or the server would outlive us."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _start(
    kind: str,
    command: list[str],
    variables: dict[str, str],
    ip: str,
    port: int,
    token: str,
    ready: str,
    log: str | Path | None,
) -> Server:
    with contextlib.ExitStack() as files:
        output = files.enter_context(Path(log).open("wb")) if log else None
        # a session of its own: Ctrl+C reaches us, and we stop the server in order
        process = subprocess.Popen(
            command, env=variables, stdout=output, stderr=output, start_new_session=True
        )
    host = "127.0.0.1" if ip in ("", "0.0.0.0", "*") else ip
    server = Server(kind, f"http://{f'[{host}]' if ':' in host else host}:{port}/", token, process)
    try:
        _wait_until_ready(server, ready, log)
    except BaseException:
        server.stop()
        raise
    return server


def _wait_until_ready(server: Server, path: str, log: str | Path | None, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while True:
        if (code := server.process.poll()) is not None or time.monotonic() > end:
            how = (
                f"stopped with exit code {code}"
                if code is not None
                else f"did not answer within {seconds:.0f} s"
            )
            said = (
                f" It said: …{Path(log).read_text(errors='replace')[-1500:]}"
                if log
                else " Its messages are above."
            )
            raise ServerFailed(f"The server for {server.kind} at {server.base_url} {how}.{said}")
        try:
            with _direct.open(server.base_url + path, timeout=2) as answer:
                answer.read()
                return
        except OSError:
            time.sleep(0.1)


def _token(token: str | None, ip: str) -> str:
    if token is None:
        return secrets.token_urlsafe(24)
    if not token and ip not in _LOOPBACK:
        raise ServerFailed(
            f"A server on {ip!r} needs a token: it can be reached from other machines. Leave it out."
        )
    return token


def _port(port: int, ip: str, kind: str) -> int:
    """`port` when it is free, or a free one for 0."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as the server binds: not held up by TIME_WAIT
        try:
            probe.bind(("" if ip == "*" else ip, port))
        except OSError as problem:
            raise ServerFailed(
                f"Port {port} on {ip} cannot be used: {problem.strerror}. "
                f"Choose another one (qa {kind} --port {port + 1}), or stop the program that holds it."
            ) from problem
        return int(probe.getsockname()[1])


def _folder(path: str | Path) -> Path:
    if not Path(path).is_dir():
        raise ServerFailed(f"'{path}' is no folder: expected one with notebooks. Give its path.")
    return Path(path)
