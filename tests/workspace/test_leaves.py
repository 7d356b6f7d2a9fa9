"""The conditions that processes share: whole or not there, bounded, and never in anybody's way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from qa_lib.workspace.leaves import LeafCache

REPOSITORY = Path(__file__).parents[2]
HASHES = [f"{n:064x}" for n in range(40)]

#: Keeps, reads and sweeps the same few conditions; every bitset that it reads must be the whole right one.
WORKER = """
import sys
import numpy as np
from pathlib import Path
from qa_lib.workspace.leaves import LeafCache
kept = LeafCache(Path(sys.argv[1]), largest=10 * 8 * 4096)
hashes = [f"{n:064x}" for n in range(40)]
rng = np.random.default_rng(int(sys.argv[2]))
read = 0
for turn in range(400):
    n = int(rng.integers(40))
    found = kept.read(hashes[n], 4096)
    if found is None:
        kept.keep(hashes[n], np.full(4096, n, dtype=np.uint64))
    else:
        read += 1
        assert (found == n).all(), f"condition {n} was read as {set(found.tolist())}"
print(read)
"""


def test_what_is_kept_is_read(tmp_path: Path) -> None:
    kept = LeafCache(tmp_path / "leaves")
    bits = np.arange(7, dtype=np.uint64)
    assert kept.read(HASHES[0], 7) is None
    assert kept.keep(HASHES[0], bits)
    found = LeafCache(tmp_path / "leaves").read(HASHES[0], 7)
    assert found is not None
    assert found.tolist() == bits.tolist()
    assert not found.flags.writeable


def test_a_file_of_another_size_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    kept = LeafCache(tmp_path)
    kept.keep(HASHES[0], np.arange(7, dtype=np.uint64))
    (tmp_path / HASHES[0]).write_bytes(b"torn")
    assert kept.read(HASHES[0], 7) is None


def test_the_folder_is_bounded_and_what_was_read_last_stays(tmp_path: Path) -> None:
    kept = LeafCache(tmp_path, largest=5 * 800)
    for n, hash in enumerate(HASHES[:10]):
        kept.keep(hash, np.full(100, n, dtype=np.uint64))
        os.utime(tmp_path / hash, (n, n))
    kept.read(HASHES[0], 100)
    kept.sweep()
    there = {path.name for path in tmp_path.iterdir()}
    assert there == {HASHES[0], *HASHES[6:10]}


def test_a_workspace_opened_read_only_keeps_nothing(tmp_path: Path) -> None:
    kept = LeafCache(tmp_path / "leaves", read_only=True)
    assert not kept.keep(HASHES[0], np.ones(3, dtype=np.uint64))
    assert not (tmp_path / "leaves").exists()


def test_a_snapshot_that_was_dropped_is_not_made_again(tmp_path: Path) -> None:
    kept = LeafCache(tmp_path / "gone" / "leaves")
    assert not kept.keep(HASHES[0], np.ones(3, dtype=np.uint64))
    assert not (tmp_path / "gone").exists()


def test_many_processes_read_and_keep_the_same_conditions(tmp_path: Path) -> None:
    folder = tmp_path / "leaves"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder), str(n)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        for n in range(6)
    ]
    for worker in workers:
        read, fault = worker.communicate(timeout=120)
        assert worker.returncode == 0, fault
        assert int(read) > 0
    LeafCache(folder, largest=10 * 8 * 4096).sweep()
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 10 * 8 * 4096
