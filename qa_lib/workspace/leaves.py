"""The conditions that were evaluated over a snapshot, kept for every process that reads it.

One file a condition, named by its hash: the words of its bitset. It is written beside and renamed, so a
reader sees the whole or nothing; two processes that write the same condition write the same bytes. The
folder goes with its snapshot, and everything in it may be removed at any time.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import uuid
from pathlib import Path

import numpy as np
import numpy.typing as npt

FOLDER = "leaves"
#: How many bytes a snapshot's folder may hold before the conditions read longest ago are removed.
LARGEST = 256 * 2**20
_SWEEP_EVERY = 16
_HASH = re.compile(r"[0-9a-f]{64}")


class LeafCache:
    """Reads and keeps bitsets by the hash of their condition.

    Parameters
    ----------
    read_only
        Read what other processes kept, and keep nothing.
    largest
        Bytes after which the conditions read longest ago are removed; the folder may pass it by the few
        that were written since somebody looked.
    """

    def __init__(self, folder: Path, *, read_only: bool = False, largest: int = LARGEST) -> None:
        self._folder = folder
        self._read_only = read_only
        self._largest = largest
        self._lock = threading.Lock()
        self._written = 0

    def read(self, hash: str, words: int) -> npt.NDArray[np.uint64] | None:
        """The kept bitset of so many words, mapped read-only; None where there is none, or none that is whole."""
        path = self._path(hash)
        try:
            if words == 0 or path.stat().st_size != words * 8:
                return None
            found = np.asarray(np.memmap(path, dtype="<u8", mode="r", shape=(words,)))
            if not self._read_only:
                os.utime(path)
        except OSError:
            return None
        return found

    def keep(self, hash: str, bits: npt.NDArray[np.uint64]) -> bool:
        """Keep a bitset; False where that is not wanted or not possible, which harms nobody."""
        if self._read_only or bits.size == 0:
            return False
        path = self._path(hash)
        beside = path.with_name(f".{hash[:12]}-{os.getpid()}-{uuid.uuid4().hex[:8]}")
        try:
            self._folder.mkdir(
                exist_ok=True
            )  # never the snapshot's own folder: it may just have been dropped
            beside.write_bytes(bits.astype("<u8", copy=False).tobytes())
            beside.replace(path)
        except OSError:  # a full disk, a folder of somebody else's
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            return False
        with self._lock:
            self._written += 1
            due = self._written % _SWEEP_EVERY == 1
        if due:
            self.sweep()
        return True

    def sweep(self) -> None:
        """Remove the conditions read longest ago until the folder holds no more than it may."""
        found = []
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._folder):
                with contextlib.suppress(OSError):
                    state = entry.stat()
                    found.append((state.st_mtime_ns, state.st_size, entry.path))
        held = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if held <= self._largest:
                break
            with contextlib.suppress(OSError):
                os.unlink(path)
            held -= size

    def _path(self, hash: str) -> Path:
        assert _HASH.fullmatch(hash), "a condition's hash is 64 hex digits"
        return self._folder / hash
