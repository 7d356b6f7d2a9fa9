"""Real Spark Connect servers on loopback, each in a process of its own: Sail, without a JVM, and Spark itself."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START = 60.0
#: Of Spark; a machine with much else to do takes minutes.
_START_SPARK = 300.0
#: Where `.ci/setup long` puts it.
_TOOLS = Path(__file__).parents[1] / ".tools" / "spark" / "pyspark"


class Address(str):
    """Where a server listens, `sc://…`; `pid` is its process."""

    pid: int

    @property
    def cpu_seconds(self) -> float:
        """Processor time of the server so far."""
        told = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def peak_mb(self) -> float:
        """The most memory that it had."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(log: Path) -> Iterator[Address]:
    """The address of Sail; the process is ended by its id."""
    port = free_port()
    command = [sys.executable, "-m", "pysail", "spark", "server", "--ip", "127.0.0.1", "--port", str(port)]
    with _running(command, port, log, _START, dict(os.environ)) as address:
        yield address


def spark_home() -> Path:
    """Where Spark is, if it is."""
    return Path(os.environ.get("QA_SPARK_HOME", _TOOLS))


@contextmanager
def running_spark(folder: Path, *, partitions: int = 1, brief: bool = True) -> Iterator[Address]:
    """The address of Spark 4 on two cores, from `QA_SPARK_HOME` or from where `.ci/setup long` puts it.

    `brief` is for many small queries: less is compiled.
    """
    home = spark_home()
    java = shutil.which("java")
    assert (home / "bin" / "spark-submit").exists(), f"Spark is not in {home}; run `.ci/setup long`"
    assert java is not None, "Spark needs Java 17 or newer; run `.ci/setup long`"
    port = free_port()
    conf = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": port,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": folder / "local",
        "spark.sql.shuffle.partitions": partitions,
        "spark.sql.warehouse.dir": folder / "warehouse",
        "spark.ui.enabled": "false",
    }
    said = [word for key, value in conf.items() for word in ("--conf", f"{key}={value}")]
    main = ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "--master", "local[2]"]
    memory = "2g" if brief else "4g"
    small = ["--driver-java-options", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"] if brief else []
    submit = home / "bin" / "spark-submit"
    command = [submit, *main, "--driver-memory", memory, *small, *said, "spark-internal"]
    own = {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "JAVA_HOME": str(Path(java).resolve().parents[1]),
    }
    with _running(
        list(map(str, command)), port, folder / "log.txt", _START_SPARK, os.environ | own
    ) as address:
        yield address


@contextmanager
def _running(
    command: list[str], port: int, log: Path, patience: float, environment: dict[str, str]
) -> Iterator[Address]:
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, env=environment
        )
        try:
            until = time.monotonic() + patience
            while True:
                assert server.poll() is None, log.read_text()
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < until, log.read_text()
                    time.sleep(0.05)
            address = Address(f"sc://127.0.0.1:{port}")
            address.pid = server.pid
            yield address
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait(20)
