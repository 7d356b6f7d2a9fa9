"""Files that a till drops into a folder: encodings, Excel, broken lines, files half written, a full disk."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from qa_lib.errors import ContractBroken, DataError, FileUnreadable, NothingBuilt, SpecError
from qa_lib.sources import Source, load_source, loads, read_source, rejects, write_source
from qa_lib.tables import ORDER_LINES
from qa_lib.workspace import Workspace

HEADER = ["receipt", "card", "sku", "qty", "paid", "at", "store"]
ROW = ["R1", "C1", "A", "2", "19.90", "2026-05-01 10:30:00", "南京路"]


def source(**read: Any) -> Source:
    return Source.model_validate(
        {
            "name": "pos.lines",
            "label_zh": "门店小票",
            "label_en": "Till receipts",
            "read": {"kind": "files", "folder": "drops", **read},
            "into": [
                {
                    "table": "order_lines",
                    "load": "add",
                    "time": "occurred_at",
                    "columns": {
                        "person_id": {"code": "card"},
                        "order_id": {"code": "receipt"},
                        "item_id": {"code": "sku"},
                        "store_id": {"code": "store"},
                        "quantity": {"whole": "qty"},
                        "paid_amount": {"money": "paid"},
                        "retail_discount_amount": {"value": 0},
                        "coupon_discount_amount": {"value": 0},
                        "coupon_match_amount": {"value": 0},
                        "occurred_at": {"local": "at", "zone": "Asia/Shanghai"},
                    },
                }
            ],
        }
    )


@pytest.fixture
def drops(fresh_workspace: Workspace) -> Path:
    folder = fresh_workspace.root / "drops"
    folder.mkdir()
    return folder


def csv_text(*rows: list[str]) -> str:
    return "\n".join(",".join(row) for row in (HEADER, *rows)) + "\n"


def excel(path: Path, *rows: list[Any], merge: str = "", sheet: str = "小票") -> Path:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in (HEADER, *rows):
        page.append(row)
    if merge:
        page.merge_cells(merge)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("gb18030", "gb18030"), ("utf-16", "utf-16")],
)
def test_a_drop_in_its_encoding_lands_once_with_its_local_hour(
    fresh_workspace: Workspace, drops: Path, encoding: str, declared: str
) -> None:
    (drops / "a.csv").write_text(csv_text(ROW), encoding=encoding)
    for expected in (1, 0):
        assert load_source(fresh_workspace, source(encoding=declared)).read_count == expected
    row = fresh_workspace.read(ORDER_LINES).iloc[0]
    assert row["store_id"] == "南京路"
    assert row["occurred_at"].isoformat() == "2026-05-01T02:30:00+00:00"


def test_the_same_receipts_in_another_file_land_once(fresh_workspace: Workspace, drops: Path) -> None:
    (drops / "monday.csv").write_text(csv_text(ROW, ["R2", *ROW[1:]]), encoding="utf-8")
    load_source(fresh_workspace, source())
    (drops / "monday again.csv").write_text(csv_text(["R2", *ROW[1:]], ["R3", *ROW[1:]]), encoding="utf-8")
    load_source(fresh_workspace, source())
    assert sorted(fresh_workspace.read(ORDER_LINES)["order_id"]) == ["R1", "R2", "R3"]
    assert (loads(fresh_workspace)[-1].new_count, loads(fresh_workspace)[-1].left_count) == (1, 1)


def test_a_late_drop_is_counted(fresh_workspace: Workspace, drops: Path) -> None:
    (drops / "1.csv").write_text(csv_text(["R1", "C1", "A", "1", "1", "2026-05-09 10:00:00", "x"]))
    (drops / "2.csv").write_text(csv_text(["R2", "C1", "A", "1", "1", "2026-05-02 10:00:00", "x"]))
    load_source(fresh_workspace, source())
    assert [x.late_count for x in loads(fresh_workspace)] == [0, 1]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (csv_text(ROW).encode("gb18030"), FileUnreadable, "in utf-8: .*position.*such as gb18030"),
        (b"", ContractBroken, "no column 'card'"),
        (csv_text(ROW).encode() + b"R2,C1,A,1\n", FileUnreadable, "Line: 3"),
        (csv_text(ROW).encode() + b"R2,C1,A,1,2,3,4,5\n", FileUnreadable, "Line: 3"),
        (b"\x00\x01\x02\x03", DataError, "pos.lines"),
        (csv_text(ROW).replace("paid", "price").encode(), ContractBroken, "no column 'paid'"),
    ],
)
def test_a_broken_file_is_named_and_keeps_no_other_from_landing(
    fresh_workspace: Workspace, drops: Path, content: bytes, error: type[Exception], words: str
) -> None:
    (drops / "1 broken.csv").write_bytes(content)
    (drops / "2 good.csv").write_text(csv_text(ROW))
    with pytest.raises(error, match=words) as raised:
        load_source(fresh_workspace, source())
    assert "1 broken.csv" in str(raised.value)
    assert list(fresh_workspace.read(ORDER_LINES)["order_id"]) == ["R1"]


def test_files_still_being_written_and_of_another_pattern_are_left_alone(
    fresh_workspace: Workspace, drops: Path
) -> None:
    for name in ("a.csv.part", ".a.csv", "~$a.csv", "b.csv.tmp", "readme.txt"):
        (drops / name).write_text("half")
    assert load_source(fresh_workspace, source(pattern="*.csv")).read_count == 0
    with pytest.raises(NothingBuilt, match=r"folder .*elsewhere cannot be read"):
        load_source(fresh_workspace, source(folder="elsewhere"))


def test_an_encoding_that_does_not_exist_is_named(fresh_workspace: Workspace, drops: Path) -> None:
    (drops / "a.csv").write_text(csv_text(ROW))
    with pytest.raises(FileUnreadable, match="'gbk2' is no encoding"):
        load_source(fresh_workspace, source(encoding="gbk2"))


# -- Excel -----------------------------------------------------------------------------------------


def test_an_excel_drop_lands_with_its_dates_numbers_and_merged_cells(
    fresh_workspace: Workspace, drops: Path
) -> None:
    at = datetime(2026, 5, 1, 10, 30)  # noqa: DTZ001 Excel knows no zone
    excel(
        drops / "a.xlsx",
        ["R1", 1001, "A", 2, 19.9, at, "南京路"],
        ["R2", "0007", "B", 1.0, 5, datetime(2026, 5, 2), None],  # noqa: DTZ001
        [None] * 7,
        merge="G2:G3",
    )
    load_source(fresh_workspace, source())
    rows = fresh_workspace.read(ORDER_LINES).set_index("order_id").sort_index()
    assert list(rows["person_id"]) == ["1001", "0007"]
    assert list(rows["quantity"]) == [2, 1]
    assert list(rows["paid_amount"]) == [19.9, 5.0]
    assert list(rows["store_id"]) == ["南京路", "南京路"]
    assert [t.isoformat() for t in rows["occurred_at"]] == [
        "2026-05-01T02:30:00+00:00",
        "2026-05-01T16:00:00+00:00",
    ]


def test_an_excel_number_in_place_of_a_date_is_rejected(fresh_workspace: Workspace, drops: Path) -> None:
    excel(drops / "a.xlsx", [*ROW[:5], 46143.4375, "x"], ROW)
    load_source(fresh_workspace, source())
    assert list(rejects(fresh_workspace)["value"]) == ["46143.4375"]


@pytest.mark.parametrize(
    ("rows", "kwargs", "words"),
    [
        (
            [ROW, ["R2", "C1", None, "2", "1", "2026-05-01", "x"]],
            {"merge": "B3:C3"},
            "B3:C3 .*over several columns",
        ),
        ([[*ROW[:4], "=1+1", *ROW[5:]]], {}, "formula in E2 has no stored value"),
        ([[*ROW[:4], "#N/A", *ROW[5:]]], {}, "E2 holds the error #N/A"),
        ([[*ROW, "more"]], {}, "beyond the last column"),
    ],
)
def test_an_excel_sheet_that_is_no_table_is_refused_by_its_cell(
    fresh_workspace: Workspace, drops: Path, rows: list[list[Any]], kwargs: dict[str, str], words: str
) -> None:
    excel(drops / "a.xlsx", *rows, **kwargs)
    with pytest.raises(FileUnreadable, match=words):
        load_source(fresh_workspace, source())
    assert not fresh_workspace.store.exists("order_lines")


def test_a_sheet_is_chosen_by_name_and_a_wrong_one_named(fresh_workspace: Workspace, drops: Path) -> None:
    excel(drops / "a.xlsx", ROW, sheet="五月")
    with pytest.raises(FileUnreadable, match=r"no sheet '五月份'\. Did you mean '五月'"):
        load_source(fresh_workspace, source(sheet="五月份"))
    (drops / "a.xlsx").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(FileUnreadable, match="no Excel workbook"):
        load_source(fresh_workspace, source())


# -- JSON lines ------------------------------------------------------------------------------------


def test_lines_that_are_no_objects_are_rejected_alone(fresh_workspace: Workspace, drops: Path) -> None:
    good = (
        '{"receipt":"R%d","card":"C1","sku":"A","qty":1,"paid":2.5,"at":"2026-05-01T10:00:00","store":"店"}'
    )
    bad = ['{"receipt":"\\ud800"}', '{"receipt":', "[1]", "null", good % 9 + good % 8]
    (drops / "a.jsonl").write_text("\n".join([good % 1, *bad, "", good % 2]) + "\n", encoding="utf-8")
    load_source(fresh_workspace, source())
    assert sorted(fresh_workspace.read(ORDER_LINES)["order_id"]) == ["R1", "R2"]
    found = rejects(fresh_workspace)
    assert len(found) == 5
    assert set(found["reason"]) == {"not a JSON object in valid Unicode"}
    assert '{"receipt":' in set(found["value"])
    (drops / "b.jsonl").write_bytes(b'{"receipt":"\xff"}\n')
    with pytest.raises(FileUnreadable, match="utf-8"):
        load_source(fresh_workspace, source())


# -- declarations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind: files", "kind: ftp", "not valid at read"),
        ("load: add", "load: replace", "must add or merge"),
        ("code: sku", "cod: sku", "names no way to read a column"),
        ("code: sku", "code: sku\n      zone: UTC", "'zone'"),
        ("zone: Asia/Shanghai", "zone: Asia/Shangai", "Asia/Shangai"),
        ("item_id:", "item:", "disagree on column"),
        ("name: pos.lines", "name: POS lines", "not valid at name"),
        ("table: order_lines", "table: order_line", "Unknown table"),
        ("time: occurred_at", "time: happened_at", "no column 'happened_at'"),
    ],
)
def test_a_declaration_with_a_fault_says_where(
    fresh_workspace: Workspace, old: str, new: str, words: str
) -> None:
    path = write_source(fresh_workspace, source())
    assert read_source(path) == source()
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SpecError, match=words) as raised:
        read_source(path)
    assert path.name in str(raised.value)


# -- a full disk -----------------------------------------------------------------------------------

_SCRIPT = """
import resource, signal, sys
from qa_lib.errors import WorkbenchError
from qa_lib.sources import load_source, read_source
from qa_lib.workspace import Workspace
workspace = Workspace.open(sys.argv[1])
source = read_source(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
try:
    load_source(workspace, source)
except WorkbenchError as error:
    print("told:", error)
"""


def test_a_disk_that_fills_up_leaves_the_table_before_and_the_next_load_goes_on(
    fresh_workspace: Workspace, drops: Path
) -> None:
    (drops / "1.csv").write_text(csv_text(ROW))
    path = write_source(fresh_workspace, source())
    load_source(fresh_workspace, source())
    many = [[f"R{n}x{n * 7919 % 100_003}", *ROW[1:]] for n in range(10, 8_000)]
    (drops / "2.csv").write_text(csv_text(*many))
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(fresh_workspace.root), str(path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "told:" in run.stdout, run.stdout + run.stderr
    assert str(fresh_workspace.root) in run.stdout
    assert len(fresh_workspace.read(ORDER_LINES)) == 1
    load_source(fresh_workspace, source())
    assert len(fresh_workspace.read(ORDER_LINES)) == 7_991
