"""One person across all columns of a snapshot: every place worked out once, then a gather per type of value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

_EPOCH = date(1970, 1, 1)


class _Same:
    """Columns whose values have one type and one meaning, gathered together."""

    def __init__(self, dtype: str, entries: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        self.names = [name for name, _ in entries]
        self._type = np.dtype(dtype)
        self._at = np.array([e["values"]["offset"] for _, e in entries], dtype=np.int64)
        self._bytes_of = np.arange(self._type.itemsize)
        partly = [i for i, (_, e) in enumerate(entries) if "known" in e]
        self._partly = [self.names[i] for i in partly]
        self._known_at = np.array([entries[i][1]["known"]["offset"] for i in partly], dtype=np.int64)

    def values(self, data: npt.NDArray[np.uint8], n: int) -> list[Any]:
        at = self._at + n * self._type.itemsize
        found: list[Any] = data[at[:, None] + self._bytes_of].view(self._type).ravel().tolist()
        return found

    def unknown(self, data: npt.NDArray[np.uint8], n: int) -> list[str]:
        """The names of those without a value."""
        if not self._partly:
            return []
        missing = np.flatnonzero(data[self._known_at + n] == 0).tolist()
        return [self._partly[i] for i in missing]


class RowReader:
    """Reads all values of one person.

    Parameters
    ----------
    arrays, data
        Where each array lies, and the bytes.
    bitsets, words
        The row of each bitset, and the rows; `name?` says who has a value.
    texts
        The words of a text column by its name.
    """

    def __init__(
        self,
        arrays: Mapping[str, Mapping[str, Any]],
        data: npt.NDArray[np.uint8],
        bitsets: Mapping[str, int],
        words: npt.NDArray[np.uint64],
        texts: Callable[[str], Sequence[str]],
    ) -> None:
        self._data, self._words = data, words
        groups: dict[tuple[str, str, int], list[tuple[str, Mapping[str, Any]]]] = {}
        for name, entry in arrays.items():
            key = (entry["kind"], entry["values"]["dtype"], entry["scale"])
            groups.setdefault(key, []).append((name, entry))
        self._groups = [(kind, scale, _Same(dtype, e)) for (kind, dtype, scale), e in groups.items()]
        self._texts = {n: texts(n) for kind, _, same in self._groups if kind == "text" for n in same.names}
        self._flags = [n for n in bitsets if not n.endswith("?")]
        self._flag_rows = np.array([bitsets[n] for n in self._flags], dtype=np.int64)
        self._partly = [n for n in self._flags if f"{n}?" in bitsets]
        self._known_rows = np.array([bitsets[f"{n}?"] for n in self._partly], dtype=np.int64)

    def person(self, person_no: int) -> dict[str, Any]:
        """Every value by its column's name; None where there is none.

        Numbers with a scale are exact decimals, dates are dates, texts are texts.
        """
        found: dict[str, Any] = {}
        for kind, scale, same in self._groups:
            values = same.values(self._data, person_no)
            unknown = same.unknown(self._data, person_no)
            if kind == "text":
                words = self._texts
                found.update(
                    {
                        n: words[n][code] if code < len(words[n]) else None
                        for n, code in zip(same.names, values, strict=True)
                    }
                )
            elif kind == "date":
                days = (_EPOCH + timedelta(days=v) for v in values)
                found.update(zip(same.names, days, strict=True))
            elif kind == "number" and scale:
                exact = (Decimal(v).scaleb(-scale) for v in values)
                found.update(zip(same.names, exact, strict=True))
            else:
                found.update(zip(same.names, values, strict=True))
            for name in unknown:
                found[name] = None
        if not self._flags:
            return found
        word, bit = divmod(person_no, 64)
        flags = (self._words[self._flag_rows, word] >> np.uint64(bit)) & np.uint64(1)
        found.update(zip(self._flags, flags.astype(bool).tolist(), strict=True))
        if self._partly:
            known = (self._words[self._known_rows, word] >> np.uint64(bit)) & np.uint64(1)
            for i in np.flatnonzero(known == 0).tolist():
                found[self._partly[i]] = None
        return found
