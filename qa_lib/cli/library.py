"""The commands of saved audiences and of differences: save, list, show, compare, take back, overlap."""

from __future__ import annotations

import contextlib
import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qa_lib.cli.options import AsOf, Json, WorkspaceOption, answer, records
from qa_lib.errors import SpecError, UnknownName

if TYPE_CHECKING:
    from qa_lib.audiences import Audience, AudienceDiff, AudienceLibrary, Version
    from qa_lib.rules import Catalogue
    from qa_lib.workspace import Workspace

Name = Annotated[str, typer.Argument(help="The saved audience's name.")]
Author = Annotated[str | None, typer.Option(help="Who saves; your account's name when not given.")]
Note = Annotated[str, typer.Option(help="Why, in a sentence.")]
Which = Annotated[str | None, typer.Argument(help="A version's number or label; the newest when not given.")]
To = Annotated[str, typer.Option("--to", help="The version whose content comes back: its number or label.")]
Language = Annotated[str, typer.Option("--language", "-l", help="zh or en.")]
People = Annotated[bool, typer.Option("--people", help="Also who enters and leaves, and why.")]


def add_library_commands(audience_app: typer.Typer, rule_app: typer.Typer) -> None:
    """Put the commands below `qa audience` and `qa rule`."""
    for name, command in (
        ("save", save),
        ("list", list_audiences),
        ("history", history),
        ("show", show),
        ("diff", diff),
        ("rollback", rollback),
        ("activate", activate),
        ("overlap", overlap),
    ):
        audience_app.command(name)(command)
    rule_app.command("diff")(rule_diff)
    rule_app.command("rollback")(rollback)


def save(
    file: Annotated[Path, typer.Argument(help="An audience as JSON or YAML, or a rule with --name.")],
    workspace: WorkspaceOption = None,
    name: Annotated[str | None, typer.Option(help="The audience's name, where the file has none.")] = None,
    author: Author = None,
    note: Note = "",
    based_on: Annotated[
        int | None, typer.Option(help="The version that you changed; none for a new audience.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Save an audience as a new version; nothing is overwritten."""
    made = _library(workspace).save(_audience(file, name), _author(author), note, based_on)
    answer(_version(made), f"{made.name}: version {made.number} saved ({made.hash[:12]})", as_json)


def list_audiences(workspace: WorkspaceOption = None, as_json: Json = False) -> None:
    """Every saved audience: versions, folder, who saved it, and the members kept last."""
    found = _library(workspace).list()
    shown = found.drop(columns=["snapshot"]).assign(
        spec_hash=found["spec_hash"].str[:12], saved_at=found["saved_at"].str[:19]
    )
    text = "No audience is saved." if found.empty else shown.to_string(index=False, na_rep="—")
    answer({"audiences": records(found)}, text, as_json)


def history(name: Name, workspace: WorkspaceOption = None, as_json: Json = False) -> None:
    """Every version of an audience, newest first."""
    found = _library(workspace).history(name)
    shown = found.assign(
        spec_hash=found["spec_hash"].str[:12], labels=[", ".join(labels) for labels in found["labels"]]
    )
    answer({"name": name, "versions": records(found)}, shown.to_string(index=False, na_rep="—"), as_json)


def show(name: Name, version: Which = None, workspace: WorkspaceOption = None, as_json: Json = False) -> None:
    """One version: who saved it, what it says, its JSON, and who uses it."""
    from qa_lib.audiences import audience_sentence

    library = _library(workspace)
    found = library.get(name, _which(version))
    used = library.used_by(name)
    values = _version(found) | {"used_by": records(used)}
    lines = [f"{found.name} version {found.number}, by {found.author} at {found.saved_at:%Y-%m-%d %H:%M} UTC"]
    lines += [found.note] if found.note else []
    if (known := _catalogue(library.workspace)) is not None:
        with contextlib.suppress(UnknownName):  # an old version may name a tag that is gone
            words = audience_sentence(found.audience, known)
            values["sentence"] = words.to_dict()
            lines += [words.zh, words.en]
    lines.append(found.audience.to_json(indent=2))
    if len(used):
        lines += ["used by", used.to_string(index=False, na_rep="active")]
    answer(values, "\n".join(lines), as_json)


def diff(
    name: Name,
    old: Annotated[str | None, typer.Argument(help="A version; the one before `new` if not given.")] = None,
    new: Which = None,
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    people: People = False,
    language: Language = "en",
    as_json: Json = False,
) -> None:
    """What changed between two versions of an audience; with --people, who enters and who leaves."""
    library = _library(workspace)
    after = library.get(name, _which(new))
    before = library.get(name, _which(old) if old else max(1, after.number - 1))
    values = {"name": name, "old": before.number, "new": after.number}
    _tell(library.workspace, before.audience, after.audience, values, as_of, people, language, as_json)


def rule_diff(
    old: Annotated[Path, typer.Argument(help="A rule or an audience as JSON or YAML.")],
    new: Annotated[Path, typer.Argument(help="Another one.")],
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    people: People = False,
    language: Language = "en",
    as_json: Json = False,
) -> None:
    """What changed between two rule files; with --people, who enters and who leaves."""
    from qa_lib.errors import NothingBuilt
    from qa_lib.workspace import Workspace

    before, after = (_audience(file, "rule") for file in (old, new))
    values = {"old": str(old), "new": str(new)}
    opened = None
    try:
        opened = Workspace.open(workspace)
    except NothingBuilt:  # two files can be compared without one, only with less words
        if workspace is not None or people:
            raise
    _tell(opened, before, after, values, as_of, people, language, as_json)


def rollback(
    name: Name,
    to: To,
    workspace: WorkspaceOption = None,
    author: Author = None,
    note: Note = "",
    as_json: Json = False,
) -> None:
    """Take a saved audience back: a new, active version with the content of an old one."""
    made = _library(workspace).rollback(name, _which(to), _author(author), note)
    text = f"{made.name}: version {made.number} has the content of version {made.restores} and is active"
    answer(_version(made), text, as_json)


def activate(
    name: Name,
    version: Which = None,
    workspace: WorkspaceOption = None,
    author: Author = None,
    as_json: Json = False,
) -> None:
    """Make a version the one that campaigns and conditions follow."""
    number = _library(workspace).activate(name, _which(version), _author(author))
    answer({"name": name, "active": number}, f"{name}: version {number} is active", as_json)


def overlap(
    names: Annotated[
        list[str] | None, typer.Argument(help="Saved audiences; all when none is given.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """How many people every two audiences share, and how many are in exactly which."""
    from qa_lib.audiences import overlap_counts, upset_counts

    library = _library(workspace)
    snapshot = library.workspace.snapshot(as_of)
    sets = library.bits(names or list(library.list()["name"]), snapshot)
    matrix = overlap_counts(sets)
    exact = upset_counts(sets)[["audiences", "people_count"]] if sets else None
    values = {
        "names": list(sets),
        "overlap": matrix.to_numpy().tolist(),
        "exactly": [] if exact is None else records(exact),
        **snapshot.stamp(),
    }
    lines = ["No audience is saved."] if exact is None else [matrix.to_string(), "", "in exactly"]
    if exact is not None:
        counts = zip(exact["people_count"], exact["audiences"], strict=True)
        lines += [f"{count:>12,}  {' & '.join(inside)}" for count, inside in counts]
    answer(values, "\n".join(lines), as_json)


def _tell(
    workspace: Workspace | None,
    old: Audience,
    new: Audience,
    values: dict[str, Any],
    as_of: str | None,
    people: bool,
    language: str,
    as_json: bool,
) -> None:
    from qa_lib.audiences import audience_diff, diff_people

    if language not in ("zh", "en"):
        raise SpecError(f"Unknown language {language!r}. Use zh or en.")
    chosen: Any = language
    if workspace is None or not people:
        told: AudienceDiff = audience_diff(old, new, _catalogue(workspace))
        answer(values | told.to_dict(), told.text(chosen), as_json)
        return
    found = diff_people(workspace.snapshot(as_of), old, new)
    shown = found.to_dict()
    lines = [
        found.diff.text(chosen),
        "",
        f"{shown['old_count']:,} people, {shown['entering_count']:,} enter, {shown['leaving_count']:,} leave: "
        f"{shown['new_count']:,}",
    ]
    for number, row in enumerate(found.by_change.to_dict("records")):
        words = found.diff.changes[number].words.to_dict()[chosen]
        lines.append(f"  +{row['entering_count']:,} -{row['leaving_count']:,}  {words}")
    for side, verb in (("entering", "enter"), ("leaving", "leave")):
        sample = found.sample(side)  # type: ignore[arg-type]
        shown[f"{side}_sample"] = records(sample)
        if len(sample):
            lines += [f"some who {verb}", sample.to_string(index=False)]
    answer(values | shown, "\n".join(lines), as_json)


def _library(workspace: Path | None) -> AudienceLibrary:
    from qa_lib.audiences import AudienceLibrary
    from qa_lib.workspace import Workspace

    return AudienceLibrary(Workspace.open(workspace))


def _audience(path: Path, name: str | None) -> Audience:
    """The audience in a file; a rule in a file becomes one of the given name."""
    from qa_lib.audiences import Audience
    from qa_lib.rules.files import read_values

    value = read_values(path, "audience file")
    if isinstance(value, dict) and "kind" in value:
        if name is None:
            raise SpecError(f"The file {path} holds a rule without a name. Give one with --name.")
        value = {"name": name, "rule": value}
    try:
        return Audience.from_dict(value)
    except SpecError as error:
        raise SpecError(f"The audience file {path}: {error}") from None


def _catalogue(workspace: Workspace | None) -> Catalogue | None:
    """The names in words, where a snapshot is built."""
    from qa_lib.errors import NothingBuilt
    from qa_lib.profiles import catalogue

    if workspace is None:
        return None
    try:
        return catalogue(workspace.snapshot())
    except NothingBuilt:
        return None


def _which(version: str | None) -> int | str | None:
    return int(version) if version is not None and version.isdigit() else version


def _author(author: str | None) -> str:
    try:
        return author or getpass.getuser()
    except (OSError, KeyError):  # no account under this number
        raise SpecError("Your account has no name. Say who saves with --author.") from None


def _version(version: Version) -> dict[str, Any]:
    return {
        "name": version.name,
        "number": version.number,
        "author": version.author,
        "note": version.note,
        "saved_at": version.saved_at.isoformat(),
        "hash": version.hash,
        "restores": version.restores,
        "audience": version.audience.to_dict(),
    }
