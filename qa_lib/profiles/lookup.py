"""One person's whole profile in milliseconds: the id by a search, every column at one place.

Ids lie in the order of person numbers, which is theirs by length and text: an id is found by a search
without a table of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from qa_lib.errors import UnknownName
from qa_lib.workspace import Snapshot, quoted


class PersonLookup:
    """Every tag of one person of a snapshot, by id.

    Values are None where there is none, a bool, int, float, `Decimal` (amounts), str, `date` or tuple.
    Tags that no column holds exactly (lists) are read by a query of the one row.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        columns = snapshot.columns
        self.names = tuple(entry["spec"]["name"] for entry in snapshot.meta["tags"])
        held = {*columns.bitset_names, *columns.array_names}
        self._asked = [n for n in self.names if n not in held]
        self._none: dict[str, Any] = dict.fromkeys(self.names)  # copied for each person: it holds the order
        text, ends = columns.array("people.id"), columns.array("people.id_end")
        self._ids = None if text is None or ends is None else (text.values, ends.values)

    def number(self, person_id: str) -> int:
        """The person's number, by the id or one that was merged into it.

        Raises
        ------
        UnknownName
            When nobody has that id at the snapshot's moment.
        """
        found = self._search(person_id)
        if found is None:
            found = self._search(self._snapshot.person_of(person_id))
        if found is None:
            raise UnknownName(f"Nobody has the id {person_id!r} as of {self._snapshot.as_of.isoformat()}.")
        return found

    def id_of(self, person_no: int) -> str:
        """The id of the person with this number."""
        if self._ids is None:
            asked = "SELECT person_id FROM people WHERE person_no = $n"
            return str(self._snapshot.cursor().execute(asked, {"n": person_no}).fetchall()[0][0])
        return self._id_at(person_no)

    def values(self, person_id: str) -> dict[str, Any]:
        """Every tag of a person by its name, in the catalogue's order.

        Raises
        ------
        UnknownName
            When nobody has that id at the snapshot's moment.
        """
        return self.values_at(self.number(person_id))

    def values_at(self, person_no: int) -> dict[str, Any]:
        """Every tag of the person with this number."""
        found = self._none | self._snapshot.columns.person(person_no)
        if self._asked:
            chosen = ", ".join(map(quoted, self._asked))
            row = self._snapshot.cursor().execute(
                f"SELECT {chosen} FROM profile WHERE person_no = $n", {"n": person_no}
            )
            for name, value in zip(self._asked, row.fetchall()[0], strict=True):
                found[name] = tuple(value) if isinstance(value, list) else value
        return found

    def _search(self, person_id: str) -> int | None:
        if self._ids is None:
            row = self._snapshot.cursor().execute(
                "SELECT person_no FROM people WHERE person_id = $id", {"id": person_id}
            )
            rows = row.fetchall()
            return int(rows[0][0]) if rows else None
        ends = self._ids[1]

        def id_at(n: int) -> tuple[int, str]:
            found = self._id_at(n)
            return len(found), found

        wanted = (len(person_id), person_id)
        place = bisect_left(range(len(ends)), wanted, key=id_at)
        return place if place < len(ends) and id_at(place) == wanted else None

    def _id_at(self, n: int) -> str:
        assert self._ids is not None
        text, ends = self._ids
        return text[(ends[n - 1] if n else 0) : ends[n]].tobytes().decode()
