"""A real Postgres of the tests' own, on loopback; it ends with the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def _server_programs() -> Path:
    """The folder of initdb and postgres; Debian keeps it out of the path."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    debian = Path("/usr/lib/postgresql")
    folders += sorted(debian.glob("*/bin"), key=lambda p: int(p.parent.name.split(".")[0]), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    pytest.fail(
        "These tests need PostgreSQL's server and found no initdb. On Debian or Ubuntu: "
        "sudo apt-get install postgresql. Elsewhere put its bin folder into PATH.",
        pytrace=False,
    )


def _as_somebody_else() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            who = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []}
    pytest.fail("As root, PostgreSQL needs a user 'postgres' or 'nobody' to run as.", pytrace=False)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a running server's default database; the server ends with the tests."""
    import psycopg

    programs, somebody = _server_programs(), _as_somebody_else()
    home = Path(tempfile.mkdtemp(prefix="qa-postgres-"))
    if somebody:
        os.chown(home, somebody["user"], somebody["group"])
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(home), "TZ": "UTC"}
    shared: dict[str, Any] = {"cwd": home, "env": environment, **somebody}
    subprocess.run(
        [
            programs / "initdb",
            "-D",
            home / "data",
            "-U",
            "qa",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ],
        check=True,
        capture_output=True,
        **shared,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(home / "log", "wb") as log:
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": str(home)}
        settings["fsync"] = "off"  # workers are killed here, never the server
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        server = subprocess.Popen(
            [programs / "postgres", "-D", home / "data", *options], stdout=log, stderr=log, **shared
        )
    try:
        for _ in range(300):
            try:
                psycopg.connect(host="127.0.0.1", port=port, user="qa", dbname="postgres").close()
                break
            except psycopg.OperationalError:
                assert server.poll() is None, (home / "log").read_text()
                time.sleep(0.1)
        else:
            pytest.fail((home / "log").read_text(), pytrace=False)
        yield f"postgresql+psycopg://qa@127.0.0.1:{port}/postgres"
    finally:
        if server.poll() is None:
            os.kill(server.pid, signal.SIGQUIT)  # at once: nobody reads its data again
        server.wait(timeout=30)
        shutil.rmtree(home)
