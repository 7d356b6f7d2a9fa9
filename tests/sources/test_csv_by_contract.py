"""A CSV file is read as text and cast by its contract, never by a guess from its first rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from qa_lib.errors import ContractBroken, FileUnreadable
from qa_lib.sources import FEEDS, land, rejects
from qa_lib.workspace import Workspace

PRODUCTS = FEEDS["journey.products"]
LINES = FEEDS["journey.transactions"]
PRODUCT_HEADER = "product_id,manufacturer_id,department,brand,product_category,product_type,package_size\n"
LINE_HEADER = (
    "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,"
    "coupon_match_disc,transaction_timestamp\n"
)


def test_texts_that_look_like_numbers_stay_texts(fresh_workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(PRODUCT_HEADER + "007,2,2017,x,2017-01-01,1e5,10\n", encoding="utf-8")
    assert land(fresh_workspace, PRODUCTS, path).row_count == 1
    row = fresh_workspace.read(PRODUCTS.table).iloc[0]
    assert list(row[["item_id", "department", "category", "item_type", "package_size"]]) == [
        *("007", "2017", "2017-01-01", "1e5", "10"),
    ]


def test_one_bad_value_rejects_one_row(fresh_workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text(
        LINE_HEADER
        + "1,2,3,4,n/a,1.50,0,0,0,2017-01-01 10:00:00\n"
        + "1,2,3,5,2,1.50,0,8.881784e-16,0,2017-01-01T10:00:00+08:00\n"
        + "1,2,3,6,2,1.505,0,0,0,2017-01-01 10:00:00\n"
        + "1,2,3,7,2,1.5,0,0,0,soon\n",
        encoding="utf-8",
    )
    landing = land(fresh_workspace, LINES, path)
    assert (landing.row_count, landing.reject_count) == (1, 3)
    found = rejects(fresh_workspace).set_index("row_number")
    assert found["column_name"].to_dict() == {1: "quantity", 3: "sales_value", 4: "transaction_timestamp"}
    assert found["value"].to_dict() == {1: "n/a", 3: "1.505", 4: "soon"}
    line = fresh_workspace.read(LINES.table).iloc[0]
    assert line["occurred_at"].isoformat() == "2017-01-01T02:00:00+00:00"
    assert line["coupon_discount_amount"] == 0


def test_a_header_alone_is_an_empty_table(fresh_workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text(PRODUCT_HEADER, encoding="utf-8")
    assert land(fresh_workspace, PRODUCTS, path).row_count == 0


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", ContractBroken, "empty file"),
        (PRODUCT_HEADER + "1,2\n", FileUnreadable, "Line: 2"),
        ("product_id,product_id\n1,2\n", FileUnreadable, "empty or repeated name"),
        ("\ufeffproduct_id,department\n1,2\n", ContractBroken, "no column 'manufacturer_id'"),
    ],
)
def test_a_file_that_is_no_table_lands_nothing(
    fresh_workspace: Workspace, tmp_path: Path, text: str, error: type[Exception], words: str
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=words):
        land(fresh_workspace, PRODUCTS, path)
    assert not fresh_workspace.store.exists("items")


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_columns_whose_names_differ_by_case_only_are_refused_by_name(
    fresh_workspace: Workspace, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"p.{suffix}"
    names = [*PRODUCT_HEADER.strip().split(","), "note", "Department"]
    frame = pd.DataFrame([["7"] * len(names)], columns=names)
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_excel(path, index=False)
    with pytest.raises(FileUnreadable) as refused:
        land(fresh_workspace, PRODUCTS, path)
    said = str(refused.value)
    assert said.startswith(f"Feed 'journey.products': {path} has the columns 'department' and 'Department'")
    assert "differ by case only; expected names that differ by more" in said
    assert "Rename or leave out one of them" in said
    assert not fresh_workspace.store.exists("items")


def test_names_that_only_a_language_knows_as_the_same_are_two_columns(
    fresh_workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "p.csv"
    path.write_text(PRODUCT_HEADER.strip() + ",É,é\n1,2,x,x,x,x,x,1,2\n", encoding="utf-8")
    assert land(fresh_workspace, PRODUCTS, path).row_count == 1
