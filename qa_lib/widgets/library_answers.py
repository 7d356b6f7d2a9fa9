"""What the browser side of the audience library may ask, and what each question does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from typing import Any as AnyValue

from qa_lib.errors import SpecError, VersionConflict
from qa_lib.tables import Label
from qa_lib.widgets.builder_answers import Asked
from qa_lib.widgets.library_panel import said
from qa_lib.widgets.library_rows import combination_rows, compared_rows, newest_row

if TYPE_CHECKING:
    from qa_lib.widgets.audience_library import AudienceLibrary, Compared

Row = dict[str, AnyValue]


def opened(library: AudienceLibrary, asked: Asked) -> Row:
    """Open `name`."""
    library.show_audience(asked.texts.get("name", ""))
    return {}


def loaded(library: AudienceLibrary, asked: Asked) -> Row:
    """Load `version` of `name` into the builder; the newest where no version is named."""
    found = library.load(asked.texts.get("name", ""), _number(asked, "version"))
    return _words(
        f"“{found.name}”第 {found.number} 版已载入构建器",
        f"Version {found.number} of “{found.name}” is in the builder",
    )


def saved(library: AudienceLibrary, asked: Asked) -> Row:
    """Save the builder's rule as `name` with a `note`; with `over`, over that version.

    A conflict is answered with `conflict`: the version that somebody else saved.
    """
    name = asked.texts.get("name", "")
    try:
        made = library.save(name, asked.texts.get("note", ""), over=_number(asked, "over"))
    except VersionConflict as error:
        loaded = library.loaded
        wanted = name.strip() or (loaded.name if loaded else "")
        library.reload()
        return {"ok": False, **said(error).to_dict(), "conflict": newest_row(library.service, wanted)}
    return _words(
        f"已保存“{made.name}”第 {made.number} 版", f"Saved as version {made.number} of “{made.name}”"
    )


def compared(library: AudienceLibrary, asked: Asked) -> Row:
    """What changed from `old` to `new` of `name`, each a number or `draft`, and for whom.

    `rule_hash` is that of the builder's rule where it was compared: once it is another, the answer is old.
    """
    name, old, new = asked.texts.get("name", ""), _side(asked, "old"), _side(asked, "new")
    found = library.compare(name, old, new)
    if library.panel.opened.get("name") != name:
        library.show_audience(name)
    sides = {"old": found.diff.old, "new": found.diff.new}
    hashes = [sides[side].rule.hash for side, which in (("old", old), ("new", new)) if which == "draft"]
    about = {"name": name, "old": old, "new": new, "rule_hash": hashes[0] if hashes else ""}
    return {**about, **compared_rows(found)}


def rolled_back(library: AudienceLibrary, asked: Asked) -> Row:
    """Take `name` back to `version`."""
    to = _number(asked, "version")
    if to is None:
        raise SpecError("A rollback names the version to go back to.")
    made = library.rollback(asked.texts.get("name", ""), to, asked.texts.get("note", ""))
    return _words(
        f"“{made.name}”已回到第 {to} 版的内容，存为第 {made.number} 版并生效",
        f"“{made.name}” has the content of version {to} again, as version {made.number}, now active",
    )


def activated(library: AudienceLibrary, asked: Asked) -> Row:
    """Make `version` of `name` the active one."""
    number = _number(asked, "version")
    if number is None:
        raise SpecError("Name the version that is to be active.")
    library.activate(asked.texts.get("name", ""), number)
    return _words(f"第 {number} 版已生效", f"Version {number} is active")


def filed(library: AudienceLibrary, asked: Asked) -> Row:
    """File `name` in `folder` under the tags in `names`."""
    library.organise(asked.texts.get("name", ""), asked.texts.get("folder", ""), asked.names)
    return _words("已归档", "Filed")


def overlapped(library: AudienceLibrary, asked: Asked) -> Row:
    """The exact combinations of the audiences in `names`."""
    return {"names": list(asked.names), "rows": combination_rows(library.overlap(*asked.names))}


def combined(library: AudienceLibrary, asked: Asked) -> Row:
    """Make one combination the rule in the builder: in all of `names`, in none of the other overlapped ones."""
    library.combine_exactly(asked.names)
    return _words("这部分人已成为构建器中的规则", "These people are the rule in the builder now")


def drafted(library: AudienceLibrary, asked: Asked) -> Row:
    """The builder's rule as an audience file: `file`, its name, and `text`, as `qa audience save` reads it."""
    audience = library.draft(asked.texts.get("name", "").strip())
    return {"file": f"{_stem(audience.name)}.audience.json", "text": audience.to_json(indent=2) + "\n"}


def exported(library: AudienceLibrary, asked: Asked) -> Row:
    """The ids of who is in `name`, one a line: `file`, its name, and `text`, as `qa audience learn` reads it."""
    name = asked.texts.get("name", "")
    ids = library.member_ids(name)
    words = _words(f"已导出“{name}”的 {len(ids):,} 人", f"{len(ids):,} people of “{name}” exported")
    return {"file": f"{_stem(name)}.people.txt", "text": "".join(f"{one}\n" for one in ids), **words}


def counted(library: AudienceLibrary, _: Asked) -> Row:
    """Count every audience at this snapshot."""
    library.count_sizes()
    return _words("人数已更新", "Sizes are up to date")


def reloaded(library: AudienceLibrary, _: Asked) -> Row:
    """Read anew what is saved."""
    library.reload()
    return {}


#: What answers each question.
ANSWERS: Mapping[str, Callable[[AudienceLibrary, Asked], Row]] = MappingProxyType(
    {
        "open": opened,
        "load": loaded,
        "save": saved,
        "compare": compared,
        "rollback": rolled_back,
        "activate": activated,
        "file": filed,
        "overlap": overlapped,
        "combine": combined,
        "draft": drafted,
        "members": exported,
        "count": counted,
        "reload": reloaded,
    }
)


_UNCHANGED = Label("已取消，什么也没有改变。", "Cancelled; nothing was changed.")
#: What takes over a second where there are many people, and what is said when it is cancelled.
SLOW: Mapping[str, Label] = MappingProxyType(
    {
        "compare": _UNCHANGED,
        "overlap": _UNCHANGED,
        "count": Label(
            "已取消：已数完的人群保留新的人数，其余不变。",
            "Cancelled: audiences that were counted by then keep their new size, the others are as they were.",
        ),
    }
)


def _stem(name: str) -> str:
    """A name as a part of a file's name that every system takes."""
    return re.sub(r"[^\w-]+", "_", name)[:80]


def _words(zh: str, en: str) -> Row:
    return dict(Label(zh, en).to_dict())


def _number(asked: Asked, key: str) -> int | None:
    text = asked.texts.get(key, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise SpecError(f"The version {text!r:.40} is no number of a version.")
    return int(text)


def _side(asked: Asked, key: str) -> Compared:
    if asked.texts.get(key) == "draft":
        return "draft"
    number = _number(asked, key)
    if number is None:
        raise SpecError("A comparison names two versions.")
    return number
