"""The nightly build: people are resolved as of its moment, written once, and nothing where it cannot build."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qa_lib.errors import AsOfOutside, NothingBuilt
from qa_lib.identity import Policy, generate_aliases, read_resolution
from qa_lib.jobs.build import resolve_and_build
from qa_lib.profiles import build, build_moment
from qa_lib.sources import FEEDS, land, write_company
from qa_lib.sources.journey import ZONE
from qa_lib.tables import CAMPAIGNS
from qa_lib.workspace import Snapshot, Workspace

MIDDLE = "2017-07-01T04:00:00Z"


@pytest.fixture
def small(fresh_workspace: Workspace, tmp_path: Path) -> Workspace:
    """A company of 40 without promotions."""
    for name, path in write_company(tmp_path / "files", people=40).items():
        if "promotions" not in name:
            land(fresh_workspace, FEEDS[name], path)
    return fresh_workspace


def people(snapshot: Snapshot) -> set[str]:
    return set(snapshot.frame("SELECT person_id FROM people")["person_id"])


def versions(workspace: Workspace) -> dict[str, int]:
    return {n: workspace.store.version(n) for n in ("links", "identities", "identity_changes")}


def test_without_links_it_is_the_build(small: Workspace) -> None:
    snapshot = resolve_and_build(small)
    assert snapshot.version == build(small).version
    assert not small.store.exists("identities")
    assert people(snapshot) == {str(n) for n in range(1, 41)}


def test_people_are_resolved_as_of_the_builds_moment_and_once(small: Workspace) -> None:
    generate_aliases(small)
    said: list[str] = []
    first = resolve_and_build(small, MIDDLE, said.append)
    assert said[0] == "identities"
    held_since = read_resolution(small).current["since_at"]
    assert held_since.max() <= first.as_of
    starts = small.read(CAMPAIGNS)["starts_on"].dt.date
    assert set(held_since.dt.tz_convert(ZONE).dt.date) <= {*starts, first.as_of.date()}
    assert held_since.nunique() > 2  # the starts of the campaigns before it were resolved in turn
    last = resolve_and_build(small)
    assert last.as_of == build_moment(small)
    assert sum(p.startswith("p0") for p in people(last)) > 30
    written = versions(small)
    assert resolve_and_build(small).version == last.version
    again = resolve_and_build(small, MIDDLE)  # before the last change: answered from the record
    assert versions(small) == written
    assert people(again) == people(first)


def test_a_policy_says_whether_people_hold_several_cards(small: Workspace) -> None:
    generate_aliases(small)
    snapshot = resolve_and_build(small, policy=Policy(single_kinds={"card": False}))
    cards = snapshot.frame(
        "SELECT person_id, count(*) AS n FROM person_keys GROUP BY ALL ORDER BY n DESC, person_id"
    )
    assert cards["n"].iloc[0] > 1
    assert snapshot.people_count < 40


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda w: resolve_and_build(w, "2031-01-01T00:00:00Z"), AsOfOutside),
        (lambda w: resolve_and_build(Workspace.create(w.root.parent / "none")), NothingBuilt),
    ],
)
def test_what_cannot_be_built_is_not_resolved(
    small: Workspace, ask: Callable[[Workspace], Snapshot], error: type[Exception]
) -> None:
    generate_aliases(small)
    with pytest.raises(error):
        ask(small)
    assert not small.store.exists("identities")
