"""Components by labels equal a plain search, however the links come in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_lib.errors import DataError
from qa_lib.identity.components import Components

LINKS = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=30)


def searched(size: int, links: list[tuple[int, int]]) -> list[set[int]]:
    """By walking from every identifier; the oracle."""
    beside: dict[int, set[int]] = {n: set() for n in range(size)}
    for a, b in links:
        beside[a].add(b)
        beside[b].add(a)
    found, seen = [], set[int]()
    for start in range(size):
        if start not in seen:
            group, ways = {start}, [start]
            while ways:
                ways += [n for n in beside[ways.pop()] if n not in group and not group.add(n)]  # type: ignore[func-returns-value]
            seen |= group
            found.append(group)
    return found


def groups(components: Components) -> list[set[int]]:
    labels = components.all()
    return [set(np.flatnonzero(labels == x).tolist()) for x in dict.fromkeys(labels.tolist())]


@given(st.lists(LINKS, min_size=1, max_size=5))
def test_links_in_any_portions_give_what_a_search_over_all_of_them_gives(
    portions: list[list[tuple[int, int]]],
) -> None:
    first = np.array(portions[0], dtype=np.int64).reshape(-1, 2)
    found = Components(20, first[:, 0], first[:, 1])
    for links in portions[1:]:
        rows = np.array(links, dtype=np.int64).reshape(-1, 2)
        before = found.all()
        for gone, kept in found.add(rows[:, 0], rows[:, 1]):
            assert kept < gone
            assert set(found.of(np.flatnonzero(before == gone)).tolist()) == {
                int(found.of(np.flatnonzero(before == kept))[0])
            }
    expected = searched(20, [link for links in portions for link in links])
    assert groups(found) == expected
    assert found.component_count == len(expected)
    assert [int(found.sizes(found.of(min(g)))) for g in expected] == [len(g) for g in expected]
    assert {int(c) for c in found.over(3)} == {int(found.of(min(g))) for g in expected if len(g) > 3}


def test_new_identifiers_come_after_those_that_are_there() -> None:
    found = Components(3, [0], [1])
    # labels by a rebuild: {0, 1} is 0 and {2} is 1; the new ones are 2 and 3
    assert sorted(found.add([2, 4], [3, 1], new=2)) == [(2, 1), (3, 0)]
    assert groups(found) == [{0, 1, 4}, {2, 3}]
    assert found.identifier_count == 5


def test_ends_that_are_no_identifiers_are_refused() -> None:
    with pytest.raises(DataError, match="identifiers go from 0 to 2"):
        Components(3, [0], [3])
    with pytest.raises(DataError, match="as many of each"):
        Components(3, [0, 1], [1])
    assert Components(0, [], []).component_count == 0
