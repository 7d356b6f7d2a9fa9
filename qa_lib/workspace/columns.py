"""The columns of a snapshot beside its DuckDB file: what bit algebra reads, mapped into memory.

Three files. `bitsets.u64` holds one bitset per row, tag after tag: 64-bit little-endian words in which bit
n of the whole is the person with the number n. `arrays.bin` holds arrays one after another, each from a
multiple of 64 bytes. `columns.json` says what lies where. One map a file, so that a snapshot whose folder a
later publication removed stays readable, and holds two files open rather than hundreds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from qa_lib.errors import UnknownName, WorkspaceUnusable, did_you_mean
from qa_lib.workspace.rows import RowReader

if TYPE_CHECKING:
    import pyarrow as pa

DIRECTORY = "columns.json"
BITSETS = "bitsets.u64"
ARRAYS = "arrays.bin"
FORMAT = 1
_ALIGNED = 64
#: Values that are counted at a time, so that what they are widened to stays in the processor's cache.
_COUNTED = 65_536

Words = npt.NDArray[np.uint64]
Kind = Literal["number", "text", "date", "boolean", "moment"]


def word_count(people: int) -> int:
    """How many 64-bit words hold one bit per person."""
    return -(-people // 64)


@dataclass(frozen=True)
class Column:
    """One array, a value per person or per event.

    Parameters
    ----------
    values : shape (n,)
        Of a `number` the value × 10**`scale`, exact; of a `text` the code (its place in `texts`); of a `date`
        the days since 1970-01-01; of a `moment` the microseconds since then.
    known : shape (n,) of bool, or None
        Where there is a value; None when everywhere.
    """

    kind: Kind
    values: npt.NDArray[Any]
    known: npt.NDArray[np.bool_] | None
    scale: int = 0
    _texts: bytes = field(default=b"[]", repr=False)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The different texts, in order of their codes."""
        return tuple(json.loads(self._texts))

    @cached_property
    def codes(self) -> Mapping[str, int]:
        """The code of each text."""
        return {text: code for code, text in enumerate(self.texts)}

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """How often each text occurs; shape (n_texts,)."""
        size = len(self.texts)
        found = np.zeros(size, dtype=np.int64)
        for start in range(0, len(self.values), _COUNTED):
            part = self.values[start : start + _COUNTED]
            if self.known is not None:
                part = part[self.known[start : start + _COUNTED]]
            found += np.bincount(part, minlength=size)[:size]
        return found


class ColumnsWriter:
    """Writes the columns of a snapshot that is being built; `close` leaves them ready to be synced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._directory: dict[str, Any] = {"format": FORMAT, "people": 0, "bitsets": {}, "arrays": {}}
        self._file: BinaryIO | None = None
        self._rows: np.memmap[Any, np.dtype[np.uint64]] | None = None

    def bitsets(self, people: int, names: Sequence[str], *, in_profile: Iterable[str] = ()) -> Words:
        """The rows to be filled, one bitset per name, all 0 at first; called once at most.

        Parameters
        ----------
        names
            Of the bitsets; `name?` is the set of the people for whom `name` has a value, where not everybody.
        in_profile
            Those that the table `profile` has as a column too.

        Returns
        -------
        array of shape (n_names, `word_count(people)`), mapped to the file
        """
        told = set(in_profile)
        self._directory["people"] = people
        self._directory["bitsets"] = {n: {"row": i, "in_profile": n in told} for i, n in enumerate(names)}
        shape = (len(names), word_count(people))
        if 0 in shape:
            return np.zeros(shape, dtype=np.uint64)
        self._rows = np.memmap(self._folder / BITSETS, dtype="<u8", mode="w+", shape=shape)
        return self._rows

    def array(
        self,
        name: str,
        kind: Kind,
        parts: Iterable[npt.NDArray[Any]],
        *,
        scale: int = 0,
        texts: Sequence[str] | None = None,
        known: Iterable[npt.NDArray[np.bool_]] | None = None,
        in_profile: bool = True,
    ) -> None:
        """Add one array, given in parts of one type; see `Column` for what the values mean.

        Parameters
        ----------
        in_profile
            Whether a table has it as a column too; where not, SQL sees the array as one when it asks.
        """
        entry: dict[str, Any] = {"kind": kind, "scale": scale, "values": self._add(parts)}
        if not in_profile:
            entry["in_profile"] = False
        if known is not None:
            entry["known"] = self._add(known)
        if texts is not None:
            coded = json.dumps(list(texts), ensure_ascii=False).encode()
            entry["texts"] = self._add([np.frombuffer(coded, dtype=np.uint8)])
        self._directory["arrays"][name] = entry

    def _add(self, parts: Iterable[npt.NDArray[Any]]) -> dict[str, Any]:
        if self._file is None:
            self._file = open(self._folder / ARRAYS, "wb")  # noqa: SIM115 - closed by `close`
        self._file.write(b"\0" * (-self._file.tell() % _ALIGNED))
        offset, length, dtype = self._file.tell(), 0, "|u1"
        for part in parts:
            dtype, length = part.dtype.str, length + len(part)
            self._file.write(np.ascontiguousarray(part).data)
        return {"offset": offset, "length": length, "dtype": dtype}

    def column(self, name: str) -> Column | None:
        """An array that was added before, mapped from the file; None where there is none."""
        entry = self._directory["arrays"].get(name)
        if entry is None or self._file is None:
            return None
        self._file.flush()
        written = np.memmap(self._folder / ARRAYS, dtype=np.uint8, mode="r")
        return _column(written, entry)

    def close(self) -> list[Path]:
        """Finish the files; returns those that are to be synced."""
        if self._rows is not None:
            self._rows.flush()
            self._rows = None
        if self._file is not None:
            self._file.close()
            self._file = None
        path = self._folder / DIRECTORY
        path.write_text(json.dumps(self._directory, ensure_ascii=False), encoding="utf-8")
        return [p for p in (self._folder / BITSETS, self._folder / ARRAYS, path) if p.exists()]


class Columns:
    """Read access to the columns of one snapshot; without the files it holds nothing.

    Raises
    ------
    WorkspaceUnusable
        When a file is shorter than its directory says, or was written by a newer version.
    """

    def __init__(self, folder: Path) -> None:
        directory: dict[str, Any] = {"format": FORMAT, "people": 0, "bitsets": {}, "arrays": {}}
        if (folder / DIRECTORY).is_file():
            directory = json.loads((folder / DIRECTORY).read_text(encoding="utf-8"))
        if directory["format"] > FORMAT:
            raise WorkspaceUnusable(
                f"The columns in {folder} have format {directory['format']}; this version of the library knows "
                f"up to {FORMAT}. Upgrade the library."
            )
        self._bitsets: dict[str, dict[str, Any]] = directory["bitsets"]
        self._arrays: dict[str, dict[str, Any]] = directory["arrays"]
        shape = (len(self._bitsets), word_count(directory["people"]))
        self._rows = _mapped(folder / BITSETS, shape[0] * shape[1] * 8).view("<u8").reshape(shape)
        self._bytes = _mapped(folder / ARRAYS, max(_ends(self._arrays), default=0))
        self._columns: dict[str, Column] = {}

    @cached_property
    def bitset_names(self) -> tuple[str, ...]:
        """The boolean tags that have a bitset."""
        return tuple(n for n in self._bitsets if not n.endswith("?"))

    @property
    def array_names(self) -> tuple[str, ...]:
        """The arrays: a field by its name, an event's property as `event_name.property`."""
        return tuple(self._arrays)

    @cached_property
    def packed_only(self) -> frozenset[str]:
        """The tags that the table `profile` has no column for."""
        return frozenset(
            [n for n in self.bitset_names if not self._bitsets[n]["in_profile"]]
            + [n for n, entry in self._arrays.items() if not entry.get("in_profile", True)]
        )

    def has_bitset(self, name: str) -> bool:
        return name in self._bitsets

    def bitset(self, name: str) -> Words:
        """The people for whom a boolean tag is true; shape (`word_count(people)`,), read-only.

        Raises
        ------
        UnknownName
            When no such tag has a bitset.
        """
        try:
            return self._rows[self._bitsets[name]["row"]]
        except KeyError:
            raise UnknownName(
                f"No boolean tag {name!r} in the snapshot's columns.{did_you_mean(name, self.bitset_names)}"
            ) from None

    def flags(self, names: Sequence[str], numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Whether boolean tags are true for a few people; shape (n_people, n_names)."""
        rows = np.array([self._bitsets[name]["row"] for name in names], dtype=np.int64)
        words = self._rows[rows[None, :], numbers[:, None] // 64]
        return ((words >> (numbers % 64).astype(np.uint64)[:, None]) & np.uint64(1)).astype(np.uint8)

    def known(self, name: str) -> Words | None:
        """The people for whom a boolean tag has a value; None when everybody."""
        return self.bitset(f"{name}?") if f"{name}?" in self._bitsets else None

    def array(self, name: str) -> Column | None:
        """The array of a field or of an event's property; None where there is none."""
        if name not in self._columns:
            if name not in self._arrays:
                return None
            self._columns[name] = _column(self._bytes, self._arrays[name])
        return self._columns[name]

    def person(self, person_no: int) -> dict[str, Any]:
        """Every field of one person that a column holds; None where it has no value."""
        return self._reader.person(person_no)

    @cached_property
    def _reader(self) -> RowReader:
        def texts(name: str) -> tuple[str, ...]:
            column = self.array(name)
            return () if column is None else column.texts

        fields = {n: e for n, e in self._arrays.items() if "." not in n}
        bitsets = {n: entry["row"] for n, entry in self._bitsets.items()}
        return RowReader(fields, self._bytes, bitsets, self._rows, texts)


def _column(data: npt.NDArray[np.uint8], entry: Mapping[str, Any]) -> Column:
    known = _view(data, entry["known"]) if "known" in entry else None
    texts = _view(data, entry["texts"]).tobytes() if "texts" in entry else b"[]"
    return Column(entry["kind"], _view(data, entry["values"]), known, entry["scale"], texts)


def _view(data: npt.NDArray[np.uint8], entry: Mapping[str, Any]) -> npt.NDArray[Any]:
    dtype = np.dtype(entry["dtype"])
    start = entry["offset"]
    return data[start : start + entry["length"] * dtype.itemsize].view(dtype)


def as_arrow(columns: Columns, names: Sequence[str], people: int) -> pa.Table:
    """`person_no` and one column per tag; the bits of a boolean one are shared with its bitset."""
    import pyarrow as pa

    def column(name: str) -> pa.Array:
        if not columns.has_bitset(name):
            found = columns.array(name)
            assert found is not None
            return _arrow(found)
        known = columns.known(name)
        validity = None if known is None else pa.py_buffer(known)
        return pa.Array.from_buffers(pa.bool_(), people, [validity, pa.py_buffer(columns.bitset(name))])

    numbers = pa.array(np.arange(people, dtype=np.uint32))
    return pa.table({"person_no": numbers, **{name: column(name) for name in names}})


def _arrow(column: Column) -> pa.Array:
    """Numbers with a scale as exact decimals."""
    import pyarrow as pa

    missing = None if column.known is None else ~column.known
    if column.kind == "text":
        codes = pa.array(column.values.astype(np.int64), mask=missing)
        return pa.DictionaryArray.from_arrays(codes, pa.array(column.texts, pa.string())).cast(pa.string())
    if column.scale == 0:
        return pa.array(column.values, mask=missing)
    whole = column.values.astype(np.int64)
    both = np.stack([whole, whole >> 63], axis=1)  # 128 bits, the sign carried on
    valid = None if column.known is None else pa.py_buffer(np.packbits(column.known, bitorder="little"))
    type = pa.decimal128(18, column.scale)
    return pa.Array.from_buffers(type, len(whole), [valid, pa.py_buffer(both)])


def _ends(arrays: Mapping[str, Mapping[str, Any]]) -> Iterator[int]:
    for entry in arrays.values():
        for part in (entry[p] for p in ("values", "known", "texts") if p in entry):
            yield part["offset"] + part["length"] * np.dtype(part["dtype"]).itemsize


def _mapped(path: Path, size: int) -> npt.NDArray[np.uint8]:
    if size == 0:
        return np.zeros(0, dtype=np.uint8)
    there = path.stat().st_size if path.is_file() else 0
    if there < size:
        raise WorkspaceUnusable(
            f"The columns {path} hold {there:,} bytes; their directory names {size:,}. "
            "Remove the snapshot's folder and build it again with `qa build`."
        )
    return np.asarray(np.memmap(path, dtype=np.uint8, mode="r", shape=(size,)))
