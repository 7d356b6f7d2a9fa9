"""The source files as plain pandas, and a company to write campaigns of every origin into."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign_oracle import Source
from origin_oracle import NOTHING, Company

from qa_lib.profiles import build
from qa_lib.sources import FEEDS, journey_files, land_all
from qa_lib.sources.journey import CURRENCY, ZONE
from qa_lib.workspace import Workspace


@pytest.fixture(scope="session")
def company_source(company_files: dict[str, Path]) -> Source:
    """The made-up company's files."""
    return Source.read(company_files)


@pytest.fixture(scope="session")
def demo_source() -> Source:
    """The real year's files."""
    return Source.read(journey_files())


@pytest.fixture(scope="session")
def company(company_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The company as of the middle of a local day; tests write rows of their own beside its snapshot."""
    made = Workspace.create(tmp_path_factory.mktemp("origins"), zone=ZONE, currency=CURRENCY)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in company_files.items()]):
        pass
    snapshot = build(made, "2017-11-15T16:30:00Z")
    frame = snapshot.frame(
        "SELECT person_id, age_band FROM people JOIN profile USING (person_no) ORDER BY ALL"
    )
    some = frame.iloc[::7].fillna({"age_band": NOTHING})
    return Company(made, snapshot, dict(zip(some["person_id"], some["age_band"], strict=True)))
