"""Files land whole, once and under their contract; what breaks it is kept with row, column and reason."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from qa_lib.errors import ContractBroken, FileUnreadable, UnknownName
from qa_lib.profiles import build
from qa_lib.sources import FEEDS, Feed, find_feed, generate_interactions, land
from qa_lib.tables import Table, table
from qa_lib.workspace import Workspace

LINES = FEEDS["journey.transactions"]
ITEMS = FEEDS["journey.products"]
REAL_COUNTS = {
    "order_lines": 1_469_307,
    "items": 92_331,
    "demographics": 801,
    "campaigns": 27,
    "sends": 6_589,
    "coupon_items": 116_204,
    "outcomes": 2_102,
    "promotions": 20_940_529,
}


def rows(workspace: Workspace, name: str) -> pd.DataFrame:
    """The newest version of a table, read by DuckDB from its files; moments as text."""
    declared: Table = table(name)
    columns = ", ".join(
        f"CAST({c.name} AS VARCHAR) AS {c.name}" if c.type in ("timestamp", "date", "amount") else c.name
        for c in declared.columns
    )
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        return con.execute(f"SELECT {columns} FROM ({workspace.store.scan_sql(declared)})").df()


def rejects(workspace: Workspace) -> list[tuple[int, str, str | None, str]]:
    found = rows(workspace, "rejects").sort_values(["row_number", "column_name"])
    values = [None if pd.isna(v) else v for v in found["value"]]
    return list(zip(found["row_number"], found["column_name"], values, found["reason"], strict=True))


@pytest.fixture
def lines(company_files: dict[str, Path]) -> pd.DataFrame:
    """The first hundred lines of the company, to be spoiled."""
    return pd.read_parquet(company_files["journey.transactions"]).head(100).reset_index(drop=True)


@pytest.fixture
def landed(fresh_workspace: Workspace, lines: pd.DataFrame, tmp_path: Path) -> Workspace:
    """A workspace into which the hundred lines were landed."""
    lines.to_parquet(tmp_path / "good.parquet")
    land(fresh_workspace, LINES, tmp_path / "good.parquet")
    return fresh_workspace


# -- the real year ---------------------------------------------------------------------------------


@pytest.mark.demo
def test_every_row_of_the_real_year_lands_and_none_is_rejected(demo_workspace: Workspace) -> None:
    landings = [found for found in demo_workspace.state.landings() if found.feed in FEEDS]
    assert {found.table_name: found.row_count for found in landings} == REAL_COUNTS
    assert sum(found.reject_count for found in landings) == 0
    with duckdb.connect() as con:
        for name, expected in REAL_COUNTS.items():
            scan = demo_workspace.store.scan_sql(table(name))
            assert con.execute(f"SELECT count(*) FROM ({scan})").fetchone() == (expected,)


@pytest.mark.demo
def test_the_real_year_has_2469_people_and_155848_baskets(demo_workspace: Workspace) -> None:
    snapshot = demo_workspace.snapshot("2018-01-01T00:00:00-05:00")
    assert snapshot.people_count == 2_469
    counted = snapshot.frame(
        "SELECT count(DISTINCT person_id) AS people, count(DISTINCT order_id) AS baskets FROM order_lines"
    )
    assert counted.iloc[0].to_dict() == {"people": 2_469, "baskets": 155_848}
    assert snapshot.frame("SELECT count(*) AS n FROM event_visit")["n"].iloc[0] == 155_848


@pytest.mark.demo
def test_the_money_of_the_real_year_is_exact_to_the_cent(demo_workspace: Workspace) -> None:
    from oracles.facts import cents

    from qa_lib.sources import journey_files

    raw = pd.read_parquet(journey_files()["journey.transactions"])
    landed_cents = demo_workspace.snapshot("2018-01-01T05:00:00Z").frame(
        "SELECT CAST(100 * sum(paid_amount) AS BIGINT) AS paid, "
        "CAST(100 * sum(retail_discount_amount) AS BIGINT) AS retail FROM order_lines"
    )
    assert landed_cents["paid"].iloc[0] == cents(raw["sales_value"]).sum()
    assert landed_cents["retail"].iloc[0] == cents(raw["retail_disc"]).sum()


# -- once ------------------------------------------------------------------------------------------


def test_landing_the_same_file_again_changes_no_table(landed: Workspace, tmp_path: Path) -> None:
    before = landed.store.version("order_lines")
    again = land(landed, LINES, tmp_path / "good.parquet")
    assert again.table_version == before == landed.store.version("order_lines")
    assert len(landed.state.landings()) == 1


def test_the_same_rows_under_another_name_are_the_same_file(landed: Workspace, tmp_path: Path) -> None:
    (tmp_path / "copy.parquet").write_bytes((tmp_path / "good.parquet").read_bytes())
    land(landed, LINES, tmp_path / "copy.parquet")
    assert landed.store.version("order_lines") == 0


def test_another_file_replaces_the_table_and_the_first_can_come_back(
    landed: Workspace, lines: pd.DataFrame, tmp_path: Path
) -> None:
    lines.head(7).to_parquet(tmp_path / "other.parquet")
    land(landed, LINES, tmp_path / "other.parquet")
    assert len(rows(landed, "order_lines")) == 7
    land(landed, LINES, tmp_path / "good.parquet")
    assert len(rows(landed, "order_lines")) == 100


def test_generating_interactions_again_changes_no_table(landed: Workspace) -> None:
    first = generate_interactions(landed)
    assert generate_interactions(landed) == first
    assert landed.store.version("interactions") == first.table_version


def test_every_generated_interaction_says_that_it_is(landed: Workspace) -> None:
    generate_interactions(landed)
    assert set(rows(landed, "interactions")["origin"]) == {"generated"}


# -- files that cannot be --------------------------------------------------------------------------


def refused(workspace: Workspace, feed: Feed, path: Path) -> str:
    """The message with which a file is refused; nothing may have changed."""
    before = workspace.store.version("order_lines"), rows(workspace, "order_lines")
    with pytest.raises((FileUnreadable, ContractBroken)) as error:
        land(workspace, feed, path)
    assert workspace.store.version("order_lines") == before[0]
    assert rows(workspace, "order_lines").equals(before[1])
    assert not workspace.store.exists("rejects")
    assert len(workspace.state.landings()) == 1
    assert feed.name in str(error.value)
    assert path.name in str(error.value)
    return str(error.value)


def test_a_missing_column_is_named_with_the_nearest_there_is(
    landed: Workspace, lines: pd.DataFrame, tmp_path: Path
) -> None:
    lines.rename(columns={"sales_value": "sale_value"}).to_parquet(tmp_path / "bad.parquet")
    message = refused(landed, LINES, tmp_path / "bad.parquet")
    assert "no column 'sales_value'" in message
    assert "Did you mean 'sale_value'?" in message


def test_a_column_of_another_type_is_named_with_its_type(
    landed: Workspace, lines: pd.DataFrame, tmp_path: Path
) -> None:
    lines.astype({"quantity": str}).to_parquet(tmp_path / "bad.parquet")
    message = refused(landed, LINES, tmp_path / "bad.parquet")
    assert "'quantity'" in message
    assert "VARCHAR" in message
    assert "BIGINT" in message


def test_a_truncated_parquet_file_lands_nothing(landed: Workspace, tmp_path: Path) -> None:
    whole = (tmp_path / "good.parquet").read_bytes()
    (tmp_path / "bad.parquet").write_bytes(whole[: len(whole) // 2])
    assert "truncated" in refused(landed, LINES, tmp_path / "bad.parquet")


def test_a_parquet_file_with_a_spoiled_middle_lands_nothing(landed: Workspace, tmp_path: Path) -> None:
    whole = bytearray((tmp_path / "good.parquet").read_bytes())
    whole[4 : len(whole) // 3] = bytes(len(whole) // 3 - 4)
    (tmp_path / "bad.parquet").write_bytes(whole)
    refused(landed, LINES, tmp_path / "bad.parquet")


@pytest.mark.parametrize("content", [b"", b"household_id,store_id\n1,2\n", b"PAR1"])
def test_a_text_named_parquet_lands_nothing(landed: Workspace, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.parquet").write_bytes(content)
    assert "not readable as parquet" in refused(landed, LINES, tmp_path / "bad.parquet")


def test_a_file_that_is_not_there_is_named(landed: Workspace, tmp_path: Path) -> None:
    assert "cannot be read" in refused(landed, LINES, tmp_path / "nowhere.parquet")


def test_a_folder_in_place_of_a_file_is_named(landed: Workspace, tmp_path: Path) -> None:
    (tmp_path / "folder.parquet").mkdir()
    assert "cannot be read" in refused(landed, LINES, tmp_path / "folder.parquet")


def test_a_file_of_another_kind_is_refused_with_the_kinds_there_are(
    landed: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "bad.ods").write_bytes(b"PK")
    assert "['.csv', '.jsonl', '.ndjson', '.parquet', '.xlsx']" in refused(
        landed, LINES, tmp_path / "bad.ods"
    )


def test_an_empty_csv_lands_nothing(landed: Workspace, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(b"")
    assert "household_id" in refused(landed, LINES, tmp_path / "bad.csv")


def test_an_unknown_feed_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"'journey\.transaction'.*Did you mean 'journey\.transactions'"):
        find_feed("journey.transaction", FEEDS)


# -- rows that cannot be ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("household_id", None, "empty; a value is expected"),
        ("transaction_timestamp", None, "empty; a value is expected"),
        ("sales_value", -0.01, "not an amount of 0 or more with at most two decimals"),
        ("sales_value", 1.234, "not an amount of 0 or more with at most two decimals"),
        ("sales_value", float("inf"), "not an amount of 0 or more with at most two decimals"),
        ("retail_disc", 1e17, "not an amount of 0 or more with at most two decimals"),
        ("quantity", 1.5, "not a whole number"),
    ],
)
def test_a_bad_row_is_kept_with_its_reason_and_the_others_land(
    fresh_workspace: Workspace,
    lines: pd.DataFrame,
    tmp_path: Path,
    column: str,
    value: object,
    reason: str,
) -> None:
    kind = {"household_id": "string", "quantity": "float64"}.get(column, lines[column].dtype)
    lines[column] = lines[column].astype(kind)
    lines.loc[41, column] = value
    lines.to_parquet(tmp_path / "lines.parquet")
    landing = land(fresh_workspace, LINES, tmp_path / "lines.parquet")
    assert (landing.row_count, landing.reject_count) == (99, 1)
    ((row, where, shown, why),) = rejects(fresh_workspace)
    assert (row, where, why) == (42, column, reason)
    assert (shown is None) == (value is None)
    assert shown is None or float(shown) == value
    left = set(
        zip(
            rows(fresh_workspace, "order_lines")["order_id"],
            rows(fresh_workspace, "order_lines")["item_id"],
            strict=True,
        )
    )
    good = lines.drop(index=41)
    assert left == set(zip(good["basket_id"].astype(str), good["product_id"], strict=True))


def test_a_key_that_stands_twice_keeps_the_first_row(
    fresh_workspace: Workspace, lines: pd.DataFrame, tmp_path: Path
) -> None:
    key = ["basket_id", "product_id"]
    lines.loc[60, key] = lines.loc[3, key]
    lines.loc[3, "quantity"], lines.loc[60, "quantity"] = 11, 22
    lines.to_parquet(tmp_path / "lines.parquet")
    land(fresh_workspace, LINES, tmp_path / "lines.parquet")
    reason = "the key order_id + item_id stands in an earlier row already"
    assert rejects(fresh_workspace) == [(61, "basket_id", str(lines.loc[60, "basket_id"]), reason)]
    assert {11, 22} & set(rows(fresh_workspace, "order_lines")["quantity"]) == {11}


def test_every_fault_of_a_row_is_named_and_a_second_landing_adds_none(
    fresh_workspace: Workspace, lines: pd.DataFrame, tmp_path: Path
) -> None:
    lines = lines.astype({"quantity": "float64"})
    lines.loc[0, "sales_value"] = -1
    lines.loc[0, "quantity"] = 0.5
    lines.to_parquet(tmp_path / "lines.parquet")
    for _ in range(2):
        assert land(fresh_workspace, LINES, tmp_path / "lines.parquet").reject_count == 1
    assert [found[:2] for found in rejects(fresh_workspace)] == [(1, "quantity"), (1, "sales_value")]


def test_a_row_with_a_text_that_is_no_day_is_kept_with_its_reason(
    fresh_workspace: Workspace, tmp_path: Path
) -> None:
    days = ["2017-02-01", "31.02.2017", "2017-02-30"]
    frame = pd.DataFrame(
        {"campaign_id": [1, 2, 3], "campaign_type": "Type A", "start_date": days, "end_date": "2017-03-01"}
    )
    frame.to_parquet(tmp_path / "campaigns.parquet")
    land(fresh_workspace, FEEDS["journey.campaign_descriptions"], tmp_path / "campaigns.parquet")
    reason = "not a day such as 2017-01-31"
    assert rejects(fresh_workspace) == [
        (2, "start_date", "31.02.2017", reason),
        (3, "start_date", "2017-02-30", reason),
    ]


# -- CSV and odd names -----------------------------------------------------------------------------


def test_a_csv_lands_the_same_rows_as_its_parquet(
    landed: Workspace, lines: pd.DataFrame, tmp_path: Path
) -> None:
    by_parquet = rows(landed, "order_lines")
    lines.to_csv(tmp_path / "lines.csv", index=False)
    land(landed, LINES, tmp_path / "lines.csv")
    order = ["order_id", "item_id"]
    by_csv = rows(landed, "order_lines").sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(by_csv, by_parquet.sort_values(order, ignore_index=True))


def test_a_csv_keeps_chinese_text_quotes_and_leading_zeros(
    fresh_workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "items.csv").write_text(
        "product_id,manufacturer_id,department,brand,product_category,product_type,package_size\n"
        '007,1,杂货,National,"熟食,""即食""",饮料,10 盎司\n'
        "008,2,鲜肉,Private,,牛肉,\n",
        encoding="utf-8",
    )
    land(fresh_workspace, ITEMS, tmp_path / "items.csv")
    found = rows(fresh_workspace, "items").sort_values("item_id").astype(object)
    assert found.iloc[0].tolist() == ["007", "1", "杂货", "National", '熟食,"即食"', "饮料", "10 盎司"]
    assert found.iloc[1][["item_id", "department", "item_type"]].tolist() == ["008", "鲜肉", "牛肉"]
    assert found.iloc[1][["category", "package_size"]].isna().all()


def test_a_csv_row_that_breaks_the_contract_carries_its_number(
    fresh_workspace: Workspace, lines: pd.DataFrame, tmp_path: Path
) -> None:
    lines.loc[[9, 99], "sales_value"] = -5
    lines.to_csv(tmp_path / "lines.csv", index=False)
    land(fresh_workspace, LINES, tmp_path / "lines.csv")
    assert [found[:2] for found in rejects(fresh_workspace)] == [(10, "sales_value"), (100, "sales_value")]


@pytest.mark.parametrize("name", ["x[1]", "x*", "x?", "中文 it's", "100%"])
def test_a_file_name_is_taken_as_it_stands(
    fresh_workspace: Workspace, company_files: dict[str, Path], tmp_path: Path, name: str
) -> None:
    items = pd.read_parquet(company_files["journey.products"])
    items.head(3).to_parquet(tmp_path / f"{name}.parquet")
    for other in ("x1", "xy"):
        items.tail(30).to_parquet(tmp_path / f"{other}.parquet")
    assert land(fresh_workspace, ITEMS, tmp_path / f"{name}.parquet").row_count == 3


def test_empty_files_land_as_empty_tables_and_a_snapshot_is_built_over_them(
    fresh_workspace: Workspace, company_files: dict[str, Path], tmp_path: Path
) -> None:
    full = {"journey.transactions", "journey.products"}
    for name, path in company_files.items():
        frame = pd.read_parquet(path)
        (frame if name in full else frame.head(0)).to_parquet(tmp_path / path.name)
        landing = land(fresh_workspace, FEEDS[name], tmp_path / path.name)
        assert (landing.row_count > 0) == (name in full)
    snapshot = build(fresh_workspace)
    assert snapshot.frame("SELECT count(*) AS n FROM event_redeem")["n"].iloc[0] == 0
    assert snapshot.frame("SELECT max(campaign_received_count) AS n FROM profile")["n"].iloc[0] == 0
