"""The library of audiences: save, compare, take back, keep members, see who overlaps; for widgets and commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any as AnyValue

import pandas as pd

from qa_lib.audiences.audience import Audience
from qa_lib.audiences.evaluate import engine_of
from qa_lib.audiences.kept_members import Members, MembersFiles
from qa_lib.audiences.people_diff import AudienceDiff, PeopleDiff, audience_diff, diff_people
from qa_lib.audiences.references import References
from qa_lib.audiences.refresh import Keeper, refresh
from qa_lib.audiences.sets import overlap_counts, upset_counts
from qa_lib.audiences.versions import ACTIVE, Version, VersionTables
from qa_lib.errors import SpecError
from qa_lib.rules import Bits, Catalogue
from qa_lib.rules.bits import count
from qa_lib.workspace import Snapshot, Workspace

#: A version by its number, by a label such as `active`, or None for the newest.
Which = int | str | None
MAX_TEXT = 4_000
MAX_NAME = 200
_LIST = [
    "name",
    "newest",
    "active",
    "spec_hash",
    "author",
    "note",
    "saved_at",
    "folder",
    "tags",
    "count",
    "snapshot",
]


class AudienceLibrary:
    """The saved audiences of a workspace.

    A version is never changed: saving, and taking back, add one. Labels point at versions; conditions on
    an audience and campaigns follow the label `active`, which the first version gets and `activate` moves.
    A workspace that is open read-only is read and refuses the rest.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._tables = VersionTables(workspace)
        self._files = MembersFiles(self._tables)
        self._references = References(self._tables)

    # -- versions ------------------------------------------------------------------------------

    def save(
        self,
        audience: Audience,
        author: str,
        note: str = "",
        based_on: int | None = None,
    ) -> Version:
        """Save an audience as a new version.

        Parameters
        ----------
        based_on
            The version that was changed; None for a new audience.

        Raises
        ------
        VersionConflict
            When somebody saved a newer version than `based_on`; nothing is saved.
        UnknownName
            When the audience names another one, or `based_on` a version, that is not there.
        SpecError
            When audiences would need each other in a circle.
        ReadOnly
            When the workspace is open read-only.
        """
        self._tables.writable(f"The audience {audience.name!r} cannot be saved")
        _check_words(author, note)
        self._check_references(audience, (based_on or 0) + 1)
        return self._tables.add(audience, author, note, based_on)

    def get(self, name: str, version: Which = None) -> Version:
        """A version: by number, by label, or the newest.

        Raises
        ------
        UnknownName
            For an audience, a version or a label that is not there.
        """
        return self._tables.version(name, self._tables.number(name, version))

    def list(self) -> pd.DataFrame:
        """Every audience.

        Returns
        -------
        pandas.DataFrame
            `name`, `newest` and `active` (numbers of versions), `spec_hash`, `author`, `note` and
            `saved_at` of the newest, `folder`, `tags`, and of the active version the `count` of members
            that was kept last (empty where none was) and the `snapshot` it is of; by folder and name.
        """
        labels, shelf, counts = self._tables.labels(), self._tables.shelf(), self._files.last_counts()
        rows = []
        for head in self._tables.heads():
            name = head["name"]
            active = labels[name][ACTIVE]
            folder, tags = shelf.get(name, ("", ()))
            number, snapshot = counts.get((name, active), (None, None))
            rows.append(
                {
                    "name": name,
                    "newest": head["number"],
                    "active": active,
                    **{c: head[c] for c in ("spec_hash", "author", "note", "saved_at")},
                    "folder": folder,
                    "tags": tags,
                    "count": number,
                    "snapshot": snapshot,
                }
            )
        rows.sort(key=lambda row: (row["folder"], row["name"]))
        frame = pd.DataFrame(rows, columns=_LIST)
        return frame.astype({"newest": "int64", "active": "int64", "count": "Int64"})

    def history(self, name: str) -> pd.DataFrame:
        """Every version of an audience, newest first.

        Returns
        -------
        pandas.DataFrame
            `number`, `author`, `note`, `saved_at`, `spec_hash`, `restores` (the version whose content a
            rollback took, else empty) and `labels`.
        """
        labels = self._tables.labels(name).get(name, {})
        rows = [
            {
                "number": v.number,
                "author": v.author,
                "note": v.note,
                "saved_at": v.saved_at,
                "spec_hash": v.hash,
                "restores": v.restores,
                "labels": tuple(sorted(k for k, number in labels.items() if number == v.number)),
            }
            for v in reversed(self._tables.history(name))
        ]
        return pd.DataFrame(rows).astype({"restores": "Int64"})

    def label(self, name: str, label: str, version: Which, author: str = "") -> int:
        """Put a label on a version, from which it was on before; returns the version's number.

        Raises
        ------
        UnknownName
            For an audience or a version that is not there.
        SpecError
            When audiences would need each other in a circle once this version is active.
        """
        if not label or len(label) > 40 or label.isdigit():
            raise SpecError(
                f"The label {label!r} cannot be: a label has 1 to 40 characters and is no number."
            )
        _check_text("label", label, MAX_NAME)
        number = self._tables.number(name, version)
        if label == ACTIVE:
            self._check_references(self._references.audience((name, number)), number)
        self._tables.add_label(name, label, number, author)
        return number

    def activate(self, name: str, version: Which = None, author: str = "") -> int:
        """Make a version the one that conditions and campaigns follow; see `label`."""
        return self.label(name, ACTIVE, version, author)

    def labels(self, name: str) -> Mapping[str, int]:
        """The version under every label of an audience."""
        self._tables.numbers(name)
        return self._tables.labels(name)[name]

    def rollback(self, name: str, to: Which, author: str, note: str = "") -> Version:
        """Take an audience back: a new version whose content is that of an old one, and it is active.

        Raises
        ------
        UnknownName
            For an audience or a version that is not there.
        VersionConflict
            When somebody saves a version at the same moment.
        SpecError
            When the old content needs audiences that by now need this one.
        """
        self._tables.writable(f"The audience {name!r} cannot be taken back")
        _check_words(author, note)
        number, newest = self._tables.number(name, to), self._tables.number(name, None)
        old = self._references.audience((name, number))
        self._check_references(old, newest + 1)
        note = note or f"Rollback to version {number}"
        return self._tables.add(old, author, note, newest, restores=number)

    def organise(self, name: str, folder: str = "", tags: Sequence[str] = ()) -> None:
        """File an audience in a folder and under tags; neither is part of a version."""
        self._tables.numbers(name)
        tags = (tags,) if isinstance(tags, str) else tuple(dict.fromkeys(tags))
        for what, text in (("folder", folder), *(("tag", tag) for tag in tags)):
            _check_text(what, text, MAX_NAME)
        self._tables.set_shelf(name, folder, tags)

    def used_by(self, name: str) -> pd.DataFrame:
        """The versions of other audiences that name this one in a condition or as their base.

        Returns
        -------
        pandas.DataFrame
            `name`, `number`, `refers_to` (the version that is named; empty for the active one),
            `is_active` and `is_newest` of the version that names it.
        """
        self._tables.numbers(name)
        found = self.uses()
        return found[found["audience"] == name].drop(columns="audience").reset_index(drop=True)

    def uses(self) -> pd.DataFrame:
        """Every naming of an audience by a version of another; `audience` is named, the rest as `used_by`."""
        directory = self._tables.directory()
        rows = [
            (
                audience,
                other,
                number,
                version,
                directory.labels[other][ACTIVE] == number,
                directory.newest[other] == number,
            )
            for other, number, named in self._tables.references()
            for audience, version in named
        ]
        columns = ["audience", "name", "number", "refers_to", "is_active", "is_newest"]
        return pd.DataFrame(rows, columns=columns).astype({"refers_to": "Int64"})

    # -- differences ---------------------------------------------------------------------------

    def diff(self, name: str, old: Which, new: Which, catalogue: Catalogue | None = None) -> AudienceDiff:
        """What changed between two versions of an audience, condition by condition."""
        return audience_diff(self.get(name, old).audience, self.get(name, new).audience, catalogue)

    def diff_people(self, name: str, old: Which, new: Which, snapshot: Snapshot) -> PeopleDiff:
        """Who enters and who leaves between two versions of an audience; see `diff_people`."""
        return diff_people(snapshot, self.get(name, old).audience, self.get(name, new).audience)

    # -- members -------------------------------------------------------------------------------

    def materialise(self, name: str, version: Which = ACTIVE, snapshot: Snapshot | None = None) -> Members:
        """Keep who is in a version of an audience at a snapshot, and who is in all that it needs.

        What was kept before is read, not evaluated. Two audiences with the same rule share their file.

        Raises
        ------
        UnknownName, SpecError
            When the audience is not there, needs one that is not, or does not fit the snapshot's catalogue.
        ReadOnly
            When the workspace is open read-only and the members are not kept yet.
        """
        snapshot = snapshot or self.workspace.snapshot()
        place = (name, self._tables.number(name, version))
        needed = self._references.in_order([place], self._tables.directory())
        keeper = Keeper(needed, engine_of(snapshot), self._files)
        done = [keeper.keep(pinned) for pinned in needed][-1]
        row = self._files.row(needed[-1], snapshot)
        assert row is not None
        return Members(
            name,
            place[1],
            snapshot,
            done.bits,
            count(done.bits),
            done.universe,
            row["spec_hash"],
            needed[-1].versions,
            row["library_version"],
        )

    def refresh(self, snapshot: Snapshot | None = None, names: Iterable[str] | None = None) -> pd.DataFrame:
        """Keep the members of many audiences at their active version; see `qa_lib.audiences.refresh`."""
        snapshot = snapshot or self.workspace.snapshot()
        directory = self._tables.directory()
        chosen = directory.newest if names is None else list(names)
        start = [(name, self._tables.number(name, ACTIVE)) for name in chosen]
        return refresh(self._references.in_order(start, directory), snapshot, self._files)

    # -- sets ----------------------------------------------------------------------------------

    def bits(self, names: Sequence[str], snapshot: Snapshot | None = None) -> Mapping[str, Bits]:
        """The members of audiences at their active version; read where they are kept, else evaluated."""
        snapshot = snapshot or self.workspace.snapshot()
        resolver = engine_of(snapshot).audiences
        assert resolver is not None
        return {name: resolver(name, None).members for name in dict.fromkeys(names)}

    def overlap(self, *names: str, snapshot: Snapshot | None = None) -> pd.DataFrame:
        """How many people every two of these audiences share; see `overlap_counts`."""
        return overlap_counts(self.bits(names or self._names(), snapshot))

    def upset(self, *names: str, snapshot: Snapshot | None = None) -> pd.DataFrame:
        """How many people are in exactly which of these audiences; see `upset_counts`."""
        return upset_counts(self.bits(names or self._names(), snapshot))

    def _names(self) -> tuple[str, ...]:
        return tuple(self._tables.newest())

    def _check_references(self, audience: Audience, number: int) -> None:
        """Refuse what could not be evaluated once this version is active."""
        directory = self._tables.directory()
        labels = {**directory.labels, audience.name: {ACTIVE: number}}
        newest = {**directory.newest, audience.name: max(number, directory.newest.get(audience.name, 0))}
        directory = directory._replace(newest=newest, labels=labels)
        self._references.in_order([(audience.name, number)], directory, {(audience.name, number): audience})


def _check_words(author: str, note: str) -> None:
    if not isinstance(author, str) or not author.strip():
        raise SpecError("A version is saved by somebody: give `author`, such as a name or an account.")
    _check_text("author", author, MAX_NAME)
    _check_text("note", note, MAX_TEXT)


def _check_text(what: str, text: AnyValue, longest: int) -> None:
    if not isinstance(text, str):
        raise SpecError(f"The {what} is {text!r:.80}; a text is expected.")
    if len(text) > longest:
        raise SpecError(f"The {what} has {len(text):,} characters; at most {longest:,} are kept.")
    if any("\ud800" <= letter <= "\udfff" or letter == "\0" for letter in text):
        raise SpecError(
            f"The {what} {text!r:.80} holds half of a surrogate pair or a NUL, which are no letters."
        )
