"""The columns beside a snapshot: what was written is read, and a snapshot stays readable when its folder goes."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from qa_lib.errors import UnknownName, WorkspaceUnusable
from qa_lib.workspace import Columns, Snapshot
from qa_lib.workspace.columns import BITSETS, ColumnsWriter, word_count


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Columns of 130 people: two boolean tags, one of them not known for everybody, and two arrays."""
    writer = ColumnsWriter(tmp_path)
    words = writer.bitsets(130, ["is_vip", "has_app", "has_app?"])
    words[0, 0], words[0, 2] = 0b101, 0b10
    words[1, 0], words[2, 0] = 0b1, 0b11
    writer.array("amount", "number", [np.arange(100), np.arange(100, 130)], scale=2)
    writer.array(
        "city",
        "text",
        [np.zeros(130, dtype=np.uint8)],
        texts=["上海", "北京"],
        known=[np.ones(130, dtype=bool)],
    )
    assert {p.name for p in writer.close()} == {"bitsets.u64", "arrays.bin", "columns.json"}
    return tmp_path


def test_bitsets_are_read_as_they_were_written(folder: Path) -> None:
    columns = Columns(folder)
    assert columns.bitset_names == ("is_vip", "has_app")
    assert columns.bitset("is_vip").tolist() == [0b101, 0, 0b10]
    assert columns.known("is_vip") is None
    known = columns.known("has_app")
    assert known is not None
    assert known.tolist() == [0b11, 0, 0]
    assert (folder / BITSETS).stat().st_size == 3 * word_count(130) * 8


def test_arrays_given_in_parts_are_one(folder: Path) -> None:
    columns = Columns(folder)
    amount, city = columns.array("amount"), columns.array("city")
    assert amount is not None
    assert city is not None
    assert amount.values.tolist() == list(range(130))
    assert (amount.kind, amount.scale, amount.known) == ("number", 2, None)
    assert city.texts == ("上海", "北京")
    assert city.codes["北京"] == 1
    assert columns.array("nothing") is None


def test_all_values_of_one_person_from_every_column(folder: Path) -> None:
    columns = Columns(folder)
    known = {"city": "上海", "is_vip": True}
    assert columns.person(0) == known | {"amount": Decimal("0.00"), "has_app": True}
    assert columns.person(1) == known | {"amount": Decimal("0.01"), "is_vip": False, "has_app": False}
    assert columns.person(129) == known | {"amount": Decimal("1.29"), "has_app": None}


def test_columns_cannot_be_changed(folder: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        Columns(folder).bitset("is_vip")[0] = 1


def test_an_unknown_tag_is_named_with_the_nearest(folder: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'is_vip'"):
        Columns(folder).bitset("is_vpi")


def test_a_folder_without_columns_holds_none(tmp_path: Path) -> None:
    columns = Columns(tmp_path)
    assert columns.bitset_names == columns.array_names == ()
    assert columns.person(3) == {}


def test_a_file_cut_short_is_refused_in_words(folder: Path) -> None:
    with open(folder / BITSETS, "r+b") as file:
        file.truncate(8)
    with pytest.raises(WorkspaceUnusable, match="hold 8 bytes; their directory names 72"):
        Columns(folder)


def test_columns_stay_readable_when_a_later_publication_drops_the_folder(folder: Path) -> None:
    columns = Columns(folder)
    shutil.rmtree(folder)
    assert columns.bitset("is_vip").tolist() == [0b101, 0, 0b10]
    assert columns.array("amount") is not None


def test_ordinary_builds_keep_their_boolean_tags_as_bitsets(snapshot: Snapshot) -> None:
    names = snapshot.columns.bitset_names
    assert "is_churn_warning" in names
    assert snapshot.columns.packed_only == frozenset()
    for name in names:
        flags = snapshot.frame(f'SELECT "{name}" AS flag FROM profile ORDER BY person_no')["flag"]
        bits = np.unpackbits(snapshot.columns.bitset(name).view(np.uint8), bitorder="little")
        known = snapshot.columns.known(name)
        assert bits[: len(flags)].astype(bool).tolist() == flags.fillna(False).astype(bool).tolist()
        assert (known is None) == bool(flags.notna().all())


def test_arrays_of_events_are_in_order_of_time(snapshot: Snapshot) -> None:
    moments = snapshot.columns.array("event_purchase.occurred_at")
    assert moments is not None
    assert (np.diff(moments.values) >= 0).all()
    assert len(moments.values) == snapshot.frame("SELECT count(*) AS n FROM event_purchase")["n"][0]
