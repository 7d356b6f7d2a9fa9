"""The source files as plain pandas, for the company and for the real year."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign_oracle import Source

from qa_lib.sources import journey_files


@pytest.fixture(scope="session")
def company_source(company_files: dict[str, Path]) -> Source:
    """The made-up company's files."""
    return Source.read(company_files)


@pytest.fixture(scope="session")
def demo_source() -> Source:
    """The real year's files."""
    return Source.read(journey_files())
