"""Identifiers by number: found again by their text, cut off at a moment, resolved moment after moment in one go."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_resolve import Row, links_of, moment, people, random_rows

from qa_lib.errors import AsOfOutside
from qa_lib.identity import Resolution, resolve_links
from qa_lib.identity.numbering import number_links
from qa_lib.identity.resolve import resolve_through


@given(random_rows(("cookie", "card", "phone")), st.integers(0, 30))
@settings(deadline=None, max_examples=25)
def test_an_identifier_has_one_number_in_the_order_of_kind_and_value(rows: list[Row], cut: int) -> None:
    links = links_of(rows)
    numbered, _ = number_links(links)
    listed = sorted({i for a, b, c, d in rows for i in ((a, b), (c, d))})
    assert numbered.identifiers(range(numbered.count)) == listed
    assert [numbered.find(i) for i in listed] == list(range(len(listed)))
    assert numbered.find(("cookie", "nobody's")) is None
    assert numbered.find(("union_id", "a")) is None
    ends = zip(numbered.identifiers(numbered.left), numbered.identifiers(numbered.right), strict=True)
    assert [(*one, *other) for one, other in ends] == rows
    part, kept = numbered.before(pd.Timestamp(moment(cut)).value // 1_000)
    seen = rows[:cut]  # links are a minute apart
    assert part.identifiers(range(part.count)) == sorted({i for a, b, c, d in seen for i in ((a, b), (c, d))})
    assert numbered.identifiers(kept) == part.identifiers(range(part.count))
    ends = zip(part.identifiers(part.left), part.identifiers(part.right), strict=True)
    assert [(*one, *other) for one, other in ends] == seen


@given(random_rows(("cookie", "card", "device")), st.lists(st.integers(0, 30), min_size=1, max_size=4))
@settings(deadline=None, max_examples=25)
def test_moments_in_one_go_are_the_moments_one_after_another(rows: list[Row], minutes: list[int]) -> None:
    links, asked = links_of(rows), [moment(m) for m in sorted(minutes)]
    found = Resolution.none()
    for at in asked:
        found = resolve_links(links, at, before=found)
    at_once = resolve_through(links, asked)
    assert people(at_once) == people(found)
    pd.testing.assert_frame_equal(at_once.identities, found.identities, check_dtype=False)
    pd.testing.assert_frame_equal(at_once.changes, found.changes, check_dtype=False)


def test_moments_out_of_order_are_refused() -> None:
    with pytest.raises(AsOfOutside, match="only grows forward"):
        resolve_through(links_of([("cookie", "a", "card", "b")]), [moment(9), moment(3)])
