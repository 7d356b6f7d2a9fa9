"""An API is read page by page through its faults, lands once, and its token is told to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shop_api import Shop, serving

from qa_lib.errors import ContractBroken, SourceUnavailable, SpecError
from qa_lib.sources import Source, load_source, loads, rejects
from qa_lib.tables import EXTRAS, ORDER_LINES
from qa_lib.workspace import Workspace

TOKEN = "s3cret-t0ken/+="


def order(number: int, day: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "id": number,
        "sku": f"I{number % 7}",
        "buyer": {"card": f"C{number % 50}"},
        "qty": 1 + number % 3,
        "paid_fen": 1999 + number,
        "updated_at": f"2026-05-{day:02d}T10:00:{number % 60:02d}Z",
        **changed,
    }


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    with serving(Shop(orders=[order(n) for n in range(90)])) as running:
        yield running


def source(shop: Shop, **read: Any) -> Source:
    return Source.model_validate(
        {
            "name": "shop.orders",
            "label_zh": "商城订单",
            "label_en": "Shop orders",
            "read": {
                "kind": "rest",
                "base_url": shop.url,
                "path": "orders",
                "records": "data.orders",
                "pages": {"kind": "link", "at": "paging.next"},
                "token": {"env": "SHOP_TOKEN"},
                "watermark": "updated_at",
                "since_param": "since",
                "attempts": 3,
                "timeout_seconds": 0.7,
                "longest_wait_seconds": 0.05,
                **read,
            },
            "into": [
                {
                    "table": "order_lines",
                    "load": "merge",
                    "time": "occurred_at",
                    "columns": {
                        "person_id": {"code": "buyer.card"},
                        "order_id": {"code": "id", "prefix": "web-"},
                        "item_id": {"code": "sku"},
                        "store_id": {"value": "web"},
                        "quantity": {"whole": "qty"},
                        "paid_amount": {"cents": "paid_fen"},
                        "retail_discount_amount": {"value": 0},
                        "coupon_discount_amount": {"value": 0},
                        "coupon_match_amount": {"value": 0},
                        "occurred_at": {"utc": "updated_at"},
                    },
                }
            ],
        }
    )


def test_every_page_lands_with_its_units_and_prefixes(fresh_workspace: Workspace, shop: Shop) -> None:
    done = load_source(fresh_workspace, source(shop))
    assert done.read_count == 90
    rows = fresh_workspace.read(ORDER_LINES).set_index("order_id").sort_index()
    assert len(rows) == 90
    assert str(rows.loc["web-7", "paid_amount"]) == "20.06"
    assert rows.loc["web-7", "person_id"] == "C7"
    assert {t for _, t in shop.asked} == {f"Bearer {TOKEN}"}
    assert len(shop.asked) == 3


@pytest.mark.parametrize("fault", [429, 500, 503, "slow", "cut"])
def test_a_fault_that_passes_is_gone_through(
    fresh_workspace: Workspace, shop: Shop, fault: int | str
) -> None:
    shop.faults = [None, fault, None, fault]
    load_source(fresh_workspace, source(shop))
    assert len(fresh_workspace.read(ORDER_LINES)) == 90


@pytest.mark.parametrize("fault", [429, 503, "slow", "cut", 401, 404, "text"])
def test_a_fault_that_stays_lands_nothing_and_says_so_without_the_token(
    fresh_workspace: Workspace, shop: Shop, fault: int | str
) -> None:
    shop.faults = [None, *[fault] * 9]
    with pytest.raises(SourceUnavailable, match=r"after 40 records.*load again later") as error:
        load_source(fresh_workspace, source(shop))
    assert TOKEN not in str(error.value)
    assert error.value.__cause__ is None
    assert not fresh_workspace.store.exists("order_lines")
    shop.faults = []
    load_source(fresh_workspace, source(shop))
    assert len(fresh_workspace.read(ORDER_LINES)) == 90


def test_a_second_load_asks_from_the_watermark_and_changes_only_what_changed(
    fresh_workspace: Workspace, shop: Shop
) -> None:
    load_source(fresh_workspace, source(shop))
    shop.orders[5] = order(5, day=3, qty=9)
    shop.orders.append(order(90, day=2))
    shop.orders.sort(key=lambda o: o["updated_at"])
    load_source(fresh_workspace, source(shop))
    assert "since=2026-05-01T10%3A00%3A59Z" in shop.asked[-1][0]
    rows = fresh_workspace.read(ORDER_LINES).set_index("order_id")
    assert len(rows) == 91
    assert rows.loc["web-5", "quantity"] == 9
    last = loads(fresh_workspace)[-1]
    assert (last.read_count, last.new_count, last.replaced_count, last.left_count) == (3, 1, 1, 1)
    version = fresh_workspace.store.version("order_lines")
    assert load_source(fresh_workspace, source(shop)).read_count == 1
    assert fresh_workspace.store.version("order_lines") == version


def test_a_new_field_is_kept_and_reported_and_a_late_row_is_counted(
    fresh_workspace: Workspace, shop: Shop
) -> None:
    load_source(fresh_workspace, source(shop))
    shop.orders = [order(200, day=9, gift_wrap="红色"), order(201, day=9, updated_at="2026-05-01T10:00:59Z")]
    load_source(fresh_workspace, source(shop))
    shop.orders = [order(203, day=9, updated_at="2026-05-09T10:00:21Z", gift_wrap=None)]
    load_source(fresh_workspace, source(shop))
    second, third = loads(fresh_workspace)[-2:]
    assert second.new_columns == ("gift_wrap",)
    assert third.new_columns == ("gift_wrap",)
    kept = fresh_workspace.read(EXTRAS)
    assert list(kept["extra_values"]) == ['{"gift_wrap":"红色"}']
    assert list(kept["row_key"]) == ['{"order_id":"web-200","item_id":"I4"}']
    assert third.late_count == 0
    shop.orders = [order(204, day=9, updated_at="2026-05-09T10:00:21Z"), order(205, day=8)]
    assert load_source(fresh_workspace, source(shop, params={"all": "1"})).read_count == 1


def test_a_field_that_changed_its_type_is_refused_and_a_single_bad_value_rejected(
    fresh_workspace: Workspace, shop: Shop
) -> None:
    load_source(fresh_workspace, source(shop))
    shop.orders = [order(300, day=4, qty="two"), order(301, day=4)]
    load_source(fresh_workspace, source(shop))
    assert list(rejects(fresh_workspace)["value"]) == ["two"]
    shop.orders = [order(n, day=5, paid_fen=f"{n},00 €") for n in range(400, 440)]
    with pytest.raises(ContractBroken, match=r"none of the 40 values in column 'paid_fen'.*'400,00 €'"):
        load_source(fresh_workspace, source(shop))
    assert len(fresh_workspace.read(ORDER_LINES)) == 91
    shop.orders = [order(n, day=5) for n in range(400, 440)]
    load_source(fresh_workspace, source(shop))
    assert len(fresh_workspace.read(ORDER_LINES)) == 131


def test_a_lone_surrogate_and_a_record_that_is_none_are_rejected_alone(
    fresh_workspace: Workspace, shop: Shop
) -> None:
    shop.orders[3]["sku"] = "\ud800"
    shop.orders[4] = ["no object"]  # type: ignore[call-overload]
    load_source(fresh_workspace, source(shop, watermark=None, since_param=None))
    found = rejects(fresh_workspace)
    assert set(found["column_name"]) == {"(line)"}
    assert set(found["row_number"]) == {4, 5}
    assert len(fresh_workspace.read(ORDER_LINES)) == 88


def test_records_that_are_not_where_they_were_said_to_be_are_no_empty_shop(
    fresh_workspace: Workspace, shop: Shop
) -> None:
    for where, words in (("data.order", "Did you mean 'orders'"), ("data", "holds dict")):
        with pytest.raises(ContractBroken, match=words):
            load_source(fresh_workspace, source(shop, records=where))


def test_a_page_on_another_host_and_pages_in_circles_are_not_followed(
    fresh_workspace: Workspace, shop: Shop
) -> None:
    shop.is_circle = True
    with pytest.raises(ContractBroken, match="round in circles"):
        load_source(fresh_workspace, source(shop))
    with serving(Shop()) as thief:
        shop.is_circle, shop.next_host = False, thief.url
        with pytest.raises(ContractBroken, match="another host"):
            load_source(fresh_workspace, source(shop))
        assert thief.asked == []


def test_pages_by_number_end_with_the_empty_one(fresh_workspace: Workspace, shop: Shop) -> None:
    load_source(fresh_workspace, source(shop, pages={"kind": "page", "param": "page"}))
    assert len(fresh_workspace.read(ORDER_LINES)) == 90
    assert len(shop.asked) == 4


def test_a_secret_that_is_missing_is_named_and_one_from_a_file_is_read(
    fresh_workspace: Workspace, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_TOKEN")
    with pytest.raises(SpecError, match=r"\$SHOP_TOKEN, which is not set"):
        load_source(fresh_workspace, source(shop))
    with pytest.raises(SpecError, match="No such file"):
        load_source(fresh_workspace, source(shop, token={"file": "token.txt"}))
    (fresh_workspace.root / "token.txt").write_text(f"{TOKEN}\n")
    load_source(fresh_workspace, source(shop, token={"file": "token.txt"}))
    assert shop.asked[-1][1] == f"Bearer {TOKEN}"


def test_a_load_leaves_no_secret_and_no_trace_outside_the_workspace(
    fresh_workspace: Workspace, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    load_source(fresh_workspace, source(shop))
    assert list(home.rglob("*")) == []
    kept = [p for p in fresh_workspace.root.rglob("*") if p.is_file()]
    assert not [p for p in kept if TOKEN.encode() in p.read_bytes()]
    assert not [p for p in (fresh_workspace.root / "landing").rglob("*") if p.suffix != ".lock"]
