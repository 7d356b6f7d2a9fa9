"""The log: where events wait, durable and in order, until they are consumed. One interface, several backs."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

#: A key, by which events of one person stay in one partition and in order, and the event as bytes.
Keyed = tuple[str, bytes]


@dataclass(frozen=True)
class Batch:
    """Events of one partition in the order of the log.

    Parameters
    ----------
    partition
        Its name in the state, such as `sqlite-5f0c3a1e/0`.
    offsets, values
        Ascending, shape (n_events,) each.
    next_offset
        Where reading goes on after them.
    """

    partition: str
    offsets: Sequence[int]
    values: Sequence[bytes]
    next_offset: int


class Positions(Protocol):
    """Who holds which partition and where its consumer stands: kept with the state that consuming makes."""

    def take(self, partition: str, member: str) -> tuple[int, int]:
        """Hold a partition from now on: its new epoch and the next offset to read."""
        ...

    def share(self, partitions: Sequence[str], member: str) -> dict[str, tuple[int, int]]:
        """Hold a fair share of the partitions by leases; each with its epoch and next offset."""
        ...

    def leave(self, member: str) -> None:
        """Give back whatever the member holds."""
        ...


class Reader(Protocol):
    """One member of the group of consumers, reading the partitions that it holds."""

    @property
    def held(self) -> Mapping[str, int]:
        """The epoch of each partition that this member holds."""
        ...

    @property
    def trouble(self) -> str | None:
        """What keeps it from reading at the moment, in words; None where nothing does."""
        ...

    def poll(self, most: int, timeout: float) -> list[Batch]:
        """Up to `most` events that were not read yet, waiting at most `timeout` seconds for the first."""
        ...

    def ready(self, most: int) -> list[Batch]:
        """What can be had at once and without a look at the state; nothing where a log cannot say."""
        ...

    def seek(self, partition: str, offset: int) -> None:
        """Read a partition again from an offset, after what was read could not be kept."""
        ...

    def close(self) -> None:
        """Leave the group; others take over at once."""
        ...


class Log(Protocol):
    """A durable log in partitions."""

    @property
    def name(self) -> str:
        """The beginning of its partitions' names."""
        ...

    def append(self, values: Sequence[Keyed]) -> None:
        """Add events; they survive a power cut once this returns."""
        ...

    def reader(self, member: str, positions: Positions) -> Reader:
        """A member of the group of consumers."""
        ...

    def ends(self) -> dict[str, int]:
        """By partition, the offset that the next event will get."""
        ...

    def trim(self, before: Mapping[str, int]) -> None:
        """Forget events below these offsets, where the log does not do so by itself."""
        ...

    def close(self) -> None: ...


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: the same on every machine."""
    return zlib.crc32(key.encode()) % partitions
