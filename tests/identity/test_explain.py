"""An explanation reads only what is around the two identifiers, and says what it would say of everything."""

from __future__ import annotations

import importlib
from unittest.mock import patch

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_resolve import Row, cookies, links_of, moment, random_rows

from qa_lib.errors import UnknownName
from qa_lib.identity import Policy, explain, hash_identifier, resolve_links, undo_change

MODULE = importlib.import_module("qa_lib.identity.explain")


@given(random_rows(("cookie", "card", "device")), st.data())
@settings(deadline=None, max_examples=25)
def test_what_is_far_away_changes_no_answer(rows: list[Row], data: st.DataObject) -> None:
    links = links_of(rows)
    known = sorted({i for a, b, c, d in rows for i in ((a, b), (c, d))})
    if not known:
        return
    one, other = data.draw(st.sampled_from(known)), data.draw(st.sampled_from(known))
    policy = Policy(size_cap=6, degree_caps={"cookie": 3, "device": 3})
    told = explain(links, one, other, policy=policy)
    with patch.object(MODULE, "_around", lambda links, *_: links):
        whole = explain(links, one, other, policy=policy)
    assert (told.is_one_person, told.answer) == (whole.is_one_person, whole.answer)
    pd.testing.assert_frame_equal(told.path, whole.path)


def test_what_a_hash_and_an_undo_connect_is_around() -> None:
    phone, hashed = "+8613800138000", hash_identifier("phone", "+8613800138000", "md5")
    rows: list[Row] = [
        ("card", "c1", "phone", phone),
        ("open_id", "o1", *hashed),
        ("cookie", "x", "cookie", "y"),
    ]
    assert explain(links_of(rows), ("card", "c1"), ("open_id", "o1")).is_one_person
    links = links_of(cookies("ab", "bc", "ca", "cd", "de"))
    whole = resolve_links(links, moment(10))
    fewer = links.drop(index=3)
    split = resolve_links(fewer, moment(20), before=whole)
    back = undo_change(fewer, split, str(split.changes["change_id"].iat[-1]), moment(30))
    assert explain(fewer, ("cookie", "a"), ("cookie", "e"), changes=back.changes).is_one_person
    assert not explain(fewer, ("cookie", "a"), ("cookie", "e")).is_one_person


def test_an_identifier_that_is_nowhere_is_named_with_the_nearest() -> None:
    links = links_of([("card", "C1001", "cookie", "k")])
    with pytest.raises(UnknownName, match="Did you mean 'C1001'"):
        explain(links, ("card", "C1002"), ("cookie", "k"))
    with pytest.raises(UnknownName, match="is in no link"):
        explain(links, ("device", "d"), ("cookie", "k"))
