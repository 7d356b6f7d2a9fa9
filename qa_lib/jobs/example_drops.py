"""A fortnight of drops of a small synthetic company in each channel's own format, with what goes wrong in real ones.

For trying sources: CSV of the tills in GB18030, Excel of one shop, JSON lines of the mini-program, Parquet of
advertising. The second week has late and repeated receipts, broken lines, a new field, and a column that moved.
"""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qa_lib.sources.source import Source
from qa_lib.sources.synthetic_company import company_shard

#: The days that are dropped: two weeks before the synthetic company ends.
FIRST_DAY = datetime(2026, 5, 18, tzinfo=UTC)
ZONE = "Asia/Shanghai"


def write_drops(folder: str | Path, week: int, *, people: int = 20_000, random_state: int = 7) -> list[Path]:
    """Write one week's files; the same for the same seed.

    Parameters
    ----------
    folder
        Gets the folders `tills`, `mini_program` and `advertising`.
    week
        1 is as agreed; 2 has the faults that the module names.

    Returns
    -------
    list of Path
        The files, in order.
    """
    folder = Path(folder)
    tables = company_shard(people, 0, random_state=random_state)
    start = FIRST_DAY + timedelta(weeks=week - 1)
    rng = np.random.default_rng([random_state, week])

    def of_week(name: str, column: str, since: datetime = start) -> pd.DataFrame:
        frame = tables[name].to_pandas()
        chosen = (frame[column] >= since) & (frame[column] < start + timedelta(weeks=1))
        return frame[chosen].sort_values(column, ignore_index=True)

    # the second week's file repeats two days of the first, as tills do when a line was down
    receipts = of_week("orders", "ordered_at", start - timedelta(days=2 if week == 2 else 0))
    receipts = receipts[receipts["store"] != "web"].reset_index(drop=True)
    in_excel = receipts["store"] == "N07"
    made = [
        _tills_csv(folder / "tills" / f"week_{week}.csv", receipts[~in_excel], rng, is_faulty=week == 2),
        _tills_excel(folder / "tills" / f"week_{week}_N07.xlsx", receipts[in_excel]),
        _mini_program(
            folder / "mini_program" / f"week_{week}.jsonl", of_week("visits", "at"), is_faulty=week == 2
        ),
    ]
    shown = of_week("advertising", "at")
    if week == 2:  # the advertiser put two campaigns in the place of forty
        shown["creative"] = np.where(rng.random(len(shown)) < 0.8, "A1", "A2")
    path = folder / "advertising" / f"week_{week}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    shown.to_parquet(path, index=False)
    return [*made, path]


def drop_sources(folder: str | Path) -> dict[str, Source]:
    """The sources of the drops by name: tills, their Excel files, mini-program, advertising."""
    folder = Path(folder).absolute()

    def source(name: str, zh: str, en: str, read: dict[str, Any], into: dict[str, Any]) -> Source:
        return Source.model_validate(
            {"name": name, "label_zh": zh, "label_en": en, "read": {"kind": "files", **read}, "into": [into]}
        )

    tills = {"folder": folder / "tills"}
    found = (
        source("tills", "门店收银", "Tills", {**tills, "pattern": "*.csv", "encoding": "gb18030"}, _RECEIPTS),
        source(
            "tills_excel", "门店收银（Excel）", "Tills (Excel)", {**tills, "pattern": "*.xlsx"}, _RECEIPTS
        ),
        source(
            "mini_program",
            "小程序行为",
            "Mini-program",
            {"folder": folder / "mini_program", "pattern": "*.jsonl"},
            _VISITS,
        ),
        source(
            "advertising",
            "广告曝光与点击",
            "Advertising",
            {"folder": folder / "advertising", "pattern": "*.parquet"},
            _ADVERTISING,
        ),
    )
    return {one.name: one for one in found}


_GENERATED = {"value": "generated"}
_RECEIPTS: dict[str, Any] = {
    "table": "order_lines",
    "load": "add",
    "time": "occurred_at",
    "fresh_hours": 30,
    "columns": {
        "person_id": {"code": "会员卡号"},
        "order_id": {"code": "小票号"},
        "item_id": {"code": "商品"},
        "store_id": {"code": "门店"},
        "quantity": {"whole": "数量"},
        "paid_amount": {"money": "实付"},
        "retail_discount_amount": {"value": 0},
        "coupon_discount_amount": {"value": 0},
        "coupon_match_amount": {"value": 0},
        "occurred_at": {"local": "时间", "zone": ZONE},
    },
}
_VISITS: dict[str, Any] = {
    "table": "interactions",
    "load": "add",
    "key": ["person_id", "event", "item_id", "occurred_at"],
    "time": "occurred_at",
    "fresh_hours": 30,
    "columns": {
        "person_id": {"code": "user.open_id", "prefix": "open_id:"},
        "event": {"one_of": "action", "values": {"view": "browse", "add_cart": "cart"}},
        "item_id": {"code": "sku"},
        "occurred_at": {"utc": "at"},
        "origin": _GENERATED,
    },
}
_ADVERTISING: dict[str, Any] = {
    "table": "ad_events",
    "load": "add",
    "key": ["person_id", "event", "creative_id", "occurred_at"],
    "time": "occurred_at",
    "fresh_hours": 30,
    "columns": {
        "person_id": {"code": "device", "prefix": "device:"},
        "event": {"one_of": "event", "values": {"expose": "expose", "click": "click"}},
        "creative_id": {"code": "creative"},
        "occurred_at": {"utc": "at"},
        "origin": _GENERATED,
    },
}
_HEADER = ("小票号", "会员卡号", "商品", "门店", "数量", "实付", "时间")


def _receipt_rows(receipts: pd.DataFrame) -> list[list[Any]]:
    rows: Any = receipts.assign(at=receipts["ordered_at"].dt.tz_convert(ZONE)).to_dict("records")
    return [
        [
            *(r[name] for name in ("order_no", "card_no", "sku", "store", "quantity")),
            f"{r['paid_cents'] / 100:.2f}",
            f"{r['at']:%Y-%m-%d %H:%M:%S}",
        ]
        for r in rows
    ]


def _tills_csv(path: Path, receipts: pd.DataFrame, rng: np.random.Generator, *, is_faulty: bool) -> Path:
    rows = _receipt_rows(receipts)
    if is_faulty:
        wrong = ("会员卡号", ""), ("数量", "1 件"), ("实付", "-3.00"), ("实付", "免费"), ("时间", "昨天")
        for at, (column, value) in zip(rng.choice(len(rows), 40, replace=False), wrong * 8, strict=True):
            rows[at][_HEADER.index(column)] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows([_HEADER, *rows])
    return path


def _tills_excel(path: Path, receipts: pd.DataFrame) -> Path:
    """One sheet with real dates and numbers, and the shop's name once, merged over its rows."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "小票"
    sheet.append(_HEADER)
    for row in _receipt_rows(receipts):
        at = datetime.fromisoformat(row[6])
        sheet.append([*row[:4], int(row[4]), float(row[5]), at])
    if len(receipts) > 1:
        sheet.merge_cells(start_row=2, end_row=len(receipts) + 1, start_column=4, end_column=4)
    book.save(path)
    return path


def _mini_program(path: Path, visits: pd.DataFrame, *, is_faulty: bool) -> Path:
    visits = visits[visits["channel"] == "mini_program"]
    path.parent.mkdir(parents=True, exist_ok=True)
    actions = {"browse": "view", "cart": "add_cart"}
    with open(path, "w", encoding="utf-8") as file:
        rows: Any = visits.to_dict("records")
        for n, row in enumerate(rows):
            said: dict[str, Any] = {
                "user": {"open_id": row["visitor"].removeprefix("open_id:")},
                "action": actions[row["event"]],
                "sku": row["sku"],
                "at": row["at"].isoformat(),
            }
            if is_faulty:  # a release in the middle of the week: a new field, and a new action
                said["scene"] = ("直播间", "朋友圈", "搜索")[n % 3]
                if n % 50 == 7:
                    said["action"] = "view_live"
            text = json.dumps(said, ensure_ascii=False)
            file.write((text[: len(text) // 2] if is_faulty and n % 97 == 5 else text) + "\n")
    return path
