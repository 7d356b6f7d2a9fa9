"""Versions are kept for ever, one writer at a time, and a rollback restores the earlier answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qa_lib.audiences import Audience, AudienceLibrary, Base, evaluate
from qa_lib.errors import ReadOnly, SpecError, UnknownName, VersionConflict
from qa_lib.rules import All, Event, InAudience, Last, Tag
from qa_lib.workspace import Workspace


def regulars(least: int, name: str = "常客", **more: object) -> Audience:
    return Audience(name=name, rule=Tag("order_count_365d", ">", least), **more)


def test_a_version_is_kept_as_it_was_saved(library: AudienceLibrary) -> None:
    first = library.save(regulars(3), "Li", "first try")
    second = library.save(regulars(5), "Wang", based_on=1)
    assert (first.number, second.number) == (1, 2)
    assert library.get("常客") == second
    assert library.get("常客", 1) == first == library.get("常客", "active")
    assert first.hash == regulars(3).hash
    assert first.audience == regulars(3)
    history = library.history("常客")
    assert history["number"].tolist() == [2, 1]
    assert history["labels"].tolist() == [(), ("active",)]
    assert history["note"].tolist() == ["", "first try"]


def test_the_list_tells_newest_active_folder_and_count(library: AudienceLibrary) -> None:
    assert library.list().empty
    library.save(regulars(3), "Li")
    library.save(regulars(5), "Li", based_on=1)
    library.save(regulars(1, "z"), "Li")
    library.organise("常客", "spring", ["vip", "vip", "test"])
    kept = library.materialise("常客")
    rows = library.list().set_index("name")
    assert rows.index.tolist() == ["z", "常客"]
    row = rows.loc["常客"]
    assert (row["newest"], row["active"], row["folder"], row["tags"]) == (2, 1, "spring", ("vip", "test"))
    assert row["spec_hash"] == regulars(5).hash
    assert (row["count"], row["snapshot"]) == (kept.count, kept.snapshot.version)
    assert rows["count"].isna().tolist() == [True, False]


def test_saving_over_a_newer_version_names_both_and_the_way_on(library: AudienceLibrary) -> None:
    library.save(regulars(3), "Li")
    library.save(regulars(4), "Wang", "raised", based_on=1)
    with pytest.raises(
        VersionConflict,
        match=r"'常客' is at version 2, saved by 'Wang' .*\(raised\); this is a change of version 1.*based_on=2",
    ):
        library.save(regulars(5), "Li", based_on=1)
    with pytest.raises(VersionConflict, match="this is a new audience"):
        library.save(regulars(5), "Li")
    with pytest.raises(UnknownName, match="has no version 9; it has versions 1 to 2"):
        library.save(regulars(5), "Li", based_on=9)
    assert library.history("常客")["number"].tolist() == [2, 1]


def test_labels_move_and_rollback_restores_the_earlier_verdicts(library: AudienceLibrary) -> None:
    snapshot = library.workspace.snapshot()
    library.save(regulars(3), "Li")
    library.save(regulars(30), "Li", based_on=1)
    before = evaluate(snapshot, InAudience("常客")).count
    assert library.activate("常客", 2, "Li") == 2
    assert evaluate(snapshot, InAudience("常客")).count < before
    library.label("常客", "approved", 2, "Wang")
    assert library.labels("常客") == {"active": 2, "approved": 2}
    back = library.rollback("常客", 1, "Wang")
    assert (back.number, back.restores, back.audience) == (3, 1, library.get("常客", 1).audience)
    assert back.hash == library.get("常客", 1).hash
    assert library.get("常客", "active").number == 3
    assert evaluate(snapshot, InAudience("常客")).count == before
    assert library.get("常客", "approved").number == 2
    assert library.history("常客")["restores"].tolist()[0] == 1


def test_names_that_are_not_there_bring_the_nearest(library: AudienceLibrary) -> None:
    library.save(regulars(3, "frequent"), "Li")
    with pytest.raises(UnknownName, match="Did you mean 'frequent'"):
        library.get("frequnt")
    with pytest.raises(UnknownName, match=r"no version labelled 'actve'\. Did you mean 'active'"):
        library.get("frequent", "actve")
    with pytest.raises(UnknownName, match=r"no version 7; it has version 1\."):
        library.get("frequent", 7)
    with pytest.raises(SpecError, match="saved by somebody"):
        library.save(regulars(3, "other"), "  ")
    with pytest.raises(SpecError, match="is no number"):
        library.label("frequent", "12", 1)


HALF = "\ud800"


@pytest.mark.parametrize(
    ("author", "note", "words"),
    [
        ("", "", "saved by somebody"),
        (None, "", "saved by somebody"),
        (HALF, "", "author .* half of a surrogate"),
        ("a" * 201, "", "author has 201 characters"),
        ("ann", HALF, "note .* half of a surrogate"),
        ("ann", "\0", "note .* NUL"),
        ("ann", 3, "note is 3"),
    ],
)
def test_an_author_or_a_note_that_cannot_be_kept_is_refused(
    library: AudienceLibrary, author: str, note: str, words: str
) -> None:
    with pytest.raises(SpecError, match=words):
        library.save(Audience(name="a", rule=All()), author, note)
    assert library.list().empty


def test_labels_folders_and_tags_that_cannot_be_kept_are_refused(library: AudienceLibrary) -> None:
    library.save(Audience(name="a", rule=All()), "ann")
    for refused in (
        lambda: library.label("a", HALF, 1),
        lambda: library.organise("a", HALF),
        lambda: library.organise("a", "", [HALF]),
        lambda: library.organise("a", "", [3]),  # type: ignore[list-item]
    ):
        with pytest.raises(SpecError, match=r"surrogate|a text is expected"):
            refused()
    library.organise("a", "spring", "vip")  # one tag, not its letters
    (row,) = library.list().to_dict("records")
    assert (row["folder"], row["tags"]) == ("spring", ("vip",))


def test_used_by_names_conditions_and_bases(library: AudienceLibrary) -> None:
    library.save(regulars(3, "a"), "Li")
    library.save(Audience(name="b", rule=All(InAudience("a", 1), Tag("order_count_365d", "<", 9))), "Li")
    library.save(regulars(5, "c", base="a"), "Li")
    library.save(regulars(5, "c"), "Li", based_on=1)
    found = library.used_by("a")
    assert found["name"].tolist() == ["b", "c"]
    assert found["refers_to"].isna().tolist() == [False, True]
    assert found[["is_active", "is_newest"]].to_numpy().tolist() == [[True, True], [True, False]]
    assert library.used_by("c").empty


def test_a_circle_is_refused_and_named(library: AudienceLibrary) -> None:
    library.save(regulars(3, "a"), "Li")
    library.save(Audience(name="b", rule=All(InAudience("a"))), "Li")
    with pytest.raises(SpecError, match=r"in a circle: 'a' version 2 → 'b' version 1 → 'a' version 2"):
        library.save(Audience(name="a", rule=InAudience("b")), "Li", based_on=1)
    with pytest.raises(SpecError, match=r"'a' version 2 → 'a' version 2"):
        library.save(regulars(1, "a", base="a"), "Li", based_on=1)
    # the version before is another audience than the one that is made of it
    narrower = Audience(name="a", rule=Tag("order_count_365d", "<", 20), base=Base("a", 1))
    assert library.save(narrower, "Li", based_on=1).number == 2
    library.activate("a", 2)
    assert evaluate(library.workspace.snapshot(), InAudience("a")).count > 0
    with pytest.raises(UnknownName, match=r"No audience 'd' is saved.* It is named by 'c' version 1"):
        library.save(Audience(name="c", rule=InAudience("d")), "Li")
    with pytest.raises(
        UnknownName, match=r"'a' has no version 8; its newest is 2. It is named by 'c' version 1"
    ):
        library.save(Audience(name="c", rule=InAudience("a", 8)), "Li")


def test_a_reader_reads_and_makes_no_table(own_workspace: Workspace) -> None:
    reader = AudienceLibrary(Workspace.open(own_workspace.root, read_only=True))
    assert reader.list().empty
    with pytest.raises(UnknownName, match="No audience 'a'"):
        reader.get("a")
    import sqlalchemy as sa

    assert "audience_versions" not in sa.inspect(own_workspace.state.engine).get_table_names()
    AudienceLibrary(own_workspace).save(regulars(3, "a"), "Li")
    assert reader.get("a").number == 1
    for write in (
        lambda: reader.save(regulars(4, "a"), "Li", based_on=1),
        lambda: reader.rollback("a", 1, "Li"),
        lambda: reader.activate("a", 1),
        lambda: reader.organise("a", "folder"),
        lambda: reader.materialise("a"),
        lambda: reader.refresh(),
    ):
        with pytest.raises(ReadOnly, match="open read-only"):
            write()
    assert reader.overlap("a").loc["a", "a"] > 0
    reader.workspace.state.engine.dispose()


WRITER = """
import sys
from qa_lib.audiences import Audience, AudienceLibrary
from qa_lib.errors import VersionConflict
from qa_lib.rules import Tag
from qa_lib.workspace import Workspace
library, who = AudienceLibrary(Workspace.open(sys.argv[1], read_only=False)), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
conflicts = 0
for n in range(15):
    while True:
        try:
            newest = library.get("shared").number if "shared" in set(library.list()["name"]) else None
            audience = Audience(name="shared", rule=Tag("order_count_365d", ">", n), description=who)
            library.save(audience, who, f"{who} {n}", newest)
            break
        except VersionConflict:
            conflicts += 1
print(conflicts)
"""


def test_two_kernels_that_save_at_once_lose_nothing(fresh_workspace: Workspace, tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(fresh_workspace.root), who],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for who in ("Li", "Wang", "Zhao")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, fault = writer.communicate(timeout=120)
        assert writer.returncode == 0, fault
    history = AudienceLibrary(fresh_workspace).history("shared")
    assert history["number"].tolist() == list(range(45, 0, -1))
    assert set(history["note"]) == {f"{who} {n}" for who in ("Li", "Wang", "Zhao") for n in range(15)}


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("save"), st.integers(0, 5)),
            st.tuples(st.just("rollback"), st.integers(1, 9)),
            st.tuples(st.just("activate"), st.integers(1, 9)),
        ),
        max_size=8,
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_course_of_saves_and_rollbacks_agrees_with_a_list(
    fresh_workspace: Workspace, steps: list[tuple[str, int]]
) -> None:
    library = AudienceLibrary(fresh_workspace)
    name = f"audience {len(library.list())}"
    saved, active = [regulars(0, name)], 1
    library.save(saved[0], "Li")
    for what, n in steps:
        if what == "save":
            saved.append(regulars(n, name))
            library.save(saved[-1], "Li", based_on=len(saved) - 1)
        elif n <= len(saved) and what == "rollback":
            saved.append(saved[n - 1])
            library.rollback(name, n, "Li")
            active = len(saved)
        elif n <= len(saved):
            library.activate(name, n)
            active = n
    assert [library.get(name, i + 1).audience for i in range(len(saved))] == saved
    assert library.get(name, "active").number == active


def test_an_audience_without_a_base_keeps_its_json_and_hash() -> None:
    audience = Audience(name="常客", rule=Event("visit", window=Last(60, "day")))
    assert set(audience.to_dict()) == {"name", "rule", "description"}
    assert audience.hash == "b7bcca5260dc807b637e52ac92f8bfe786c66d1e13639563fa7bcb2958c7dd2e"
    based = Audience(name="x", rule=All(), base="vip")
    assert Audience.from_json(based.to_json()) == based
    assert based.base == Base("vip")
    assert based.hash != Audience(name="x", rule=All()).hash


@pytest.mark.parametrize("name", ["", " ", "\n\t", "a\0b", "n" * 201])
def test_a_name_that_nobody_can_read_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="name"):
        Audience(name=name, rule=All())
