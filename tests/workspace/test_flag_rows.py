"""Boolean tags turned round to lie person by person: the same bits as the columns give."""

from __future__ import annotations

import numpy as np
import pytest

from qa_lib.workspace import FlagRows, Snapshot, by_person, flag_rows


@pytest.mark.parametrize("people", [1, 63, 64, 65, 1_000])
@pytest.mark.parametrize("sets", [0, 1, 7, 8, 9, 70])
def test_sets_are_turned_round(people: int, sets: int) -> None:
    flags = np.random.default_rng(people + sets).random((sets, -(-people // 64) * 64)) < 0.4
    packed = np.packbits(flags, axis=1, bitorder="little").view(np.uint64)
    turned = np.unpackbits(by_person(packed, people), axis=1, count=sets, bitorder="little")
    assert np.array_equal(turned.astype(bool), flags[:, :people].T)


def test_a_persons_tags_are_those_of_the_columns(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flag_rows, "_TURNED", 128)  # over several blocks
    columns = snapshot.columns
    names = [*columns.bitset_names] * 6  # more than a byte of them
    assert len(names) > 8
    who = np.random.default_rng(2).integers(0, columns.people, 300)
    rows = FlagRows(columns, names)
    assert np.array_equal(rows.of(who), columns.flags(names, who))
    assert columns.flags(names, who).any()
    assert FlagRows.size(columns.people, len(names)) == rows.nbytes
