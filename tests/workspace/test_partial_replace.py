"""A writer replaces the rows that are its own, and nobody else's."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from qa_lib.errors import UnknownName, WorkspaceUnusable
from qa_lib.tables import CAMPAIGNS
from qa_lib.workspace import Workspace


def campaigns(source: str, *ids: str) -> list[pa.RecordBatch]:
    rows: list[dict[str, Any]] = [
        {
            "campaign_id": one,
            "campaign_type": "A",
            "starts_on": date(2017, 1, 1),
            "ends_on": date(2017, 2, 1),
            "origin": "observed",
            "source": source,
        }
        for one in ids
    ]
    return pa.Table.from_pylist(rows, schema=CAMPAIGNS.arrow_schema()).to_batches()


def rehearsed(*ids: str) -> list[pa.RecordBatch]:
    rows = pa.Table.from_batches(campaigns("rehearsal", *ids)).to_pylist()
    rows = [{**row, "origin": "simulated"} for row in rows]
    return pa.Table.from_pylist(rows, schema=CAMPAIGNS.arrow_schema()).to_batches()


def there(workspace: Workspace) -> list[tuple[str, str]]:
    frame = workspace.read(CAMPAIGNS)
    return sorted(zip(frame["source"], frame["campaign_id"], strict=True))


def test_rows_of_other_sources_stay(fresh_workspace: Workspace) -> None:
    fresh_workspace.replace(CAMPAIGNS, campaigns("crm", "1", "2"), {"source": "crm"})
    fresh_workspace.replace(CAMPAIGNS, campaigns("o'hara", "9"), {"source": "o'hara"})
    fresh_workspace.replace(CAMPAIGNS, campaigns("crm", "3"), {"source": "crm"})
    assert there(fresh_workspace) == [("crm", "3"), ("o'hara", "9")]
    fresh_workspace.replace(CAMPAIGNS, [], {"source": "o'hara"})
    assert there(fresh_workspace) == [("crm", "3")]


def test_a_row_of_another_source_is_refused_and_nothing_changes(fresh_workspace: Workspace) -> None:
    fresh_workspace.replace(CAMPAIGNS, campaigns("crm", "1"), {"source": "crm"})
    with pytest.raises(WorkspaceUnusable):
        fresh_workspace.replace(CAMPAIGNS, campaigns("shop", "2"), {"source": "crm"})
    with pytest.raises(UnknownName, match=r"no column 'origine'.*origin"):
        fresh_workspace.replace(CAMPAIGNS, campaigns("crm", "2"), {"origine": "observed"})
    assert there(fresh_workspace) == [("crm", "1")]


def test_a_rehearsal_calls_for_no_new_build(fresh_workspace: Workspace) -> None:
    fresh_workspace.replace(CAMPAIGNS, rehearsed("9"), {"campaign_id": "9", "origin": "simulated"})
    assert "campaigns" not in fresh_workspace.build_versions()
    landed = fresh_workspace.replace(CAMPAIGNS, campaigns("crm", "1"), {"source": "crm"})
    for _ in range(3):
        fresh_workspace.replace(CAMPAIGNS, rehearsed("9"), {"campaign_id": "9", "origin": "simulated"})
    assert fresh_workspace.build_versions() == {"campaigns": landed}
    again = fresh_workspace.replace(CAMPAIGNS, campaigns("crm", "1", "2"), {"source": "crm"})
    assert fresh_workspace.build_versions() == {"campaigns": again}
    assert there(fresh_workspace) == [("crm", "1"), ("crm", "2"), ("rehearsal", "9")]


def test_a_table_of_an_older_release_is_written_anew(fresh_workspace: Workspace) -> None:
    old = pa.table({"campaign_id": ["1"], "campaign_type": ["A"]})
    write_deltalake((fresh_workspace.store.folder / CAMPAIGNS.name).as_uri(), old)
    fresh_workspace.replace(CAMPAIGNS, campaigns("crm", "2"), {"source": "crm"})
    assert there(fresh_workspace) == [("crm", "2")]
