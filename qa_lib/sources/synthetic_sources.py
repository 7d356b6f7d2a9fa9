"""The sources of a synthetic company: its folders declared as an analyst would declare a real company's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qa_lib.sources.source import Source

_ORIGIN = {"value": "generated"}
_LINK_KEY = ["left_kind", "left_value", "right_kind", "right_value", "source"]


def company_sources(folder: str | Path) -> tuple[Source, ...]:
    """The declarations for a folder that `qa_lib.jobs.synthetic_company.write_synthetic_company` made.

    Rows say `generated` wherever the table can; sends and conversions say `observed`, since in that company they are
    what happened.
    """
    folder = Path(folder).absolute()

    def source(name: str, zh: str, en: str, *into: dict[str, Any]) -> Source:
        read = {"kind": "files", "folder": folder / name, "pattern": "*.parquet"}
        return Source.model_validate(
            {"name": f"company.{name}", "label_zh": zh, "label_en": en, "read": read, "into": list(into)}
        )

    return (
        source("items", "商品", "Items", _items()),
        source("members", "会员档案（CRM）", "Members (CRM)", *_members()),
        source("bindings", "标识绑定", "Identifiers seen together", *_bindings()),
        source("orders", "订单（商城与门店）", "Orders (shop and tills)", _orders()),
        source("visits", "浏览与加购（商城与小程序）", "Visits (shop and mini-program)", _visits()),
        source("activity", "搜索、收藏、登录与分享", "Searches, favourites, log-ins and shares", _activity()),
        source("advertising", "广告曝光与点击", "Exposures and clicks", _advertising()),
        source("campaigns", "营销活动", "Campaigns", _campaigns()),
        source("sends", "触达", "Sends", _sends()),
        source("conversions", "转化", "Conversions", _conversions()),
    )


def _items() -> dict[str, Any]:
    return {
        "table": "items",
        "load": "merge",
        "columns": {
            "item_id": {"code": "sku"},
            "manufacturer_id": {"code": "maker"},
            "department": {"text": "department"},
            "brand": {"text": "brand"},
            "category": {"text": "category"},
            "item_type": None,
            "package_size": None,
        },
    }


def _link(left: dict[str, Any], right: dict[str, Any], source: dict[str, Any], at: str) -> dict[str, Any]:
    """A part that makes links: each side a kind and the mapping of its value."""
    ((left_kind, left_value),), ((right_kind, right_value),) = left.items(), right.items()
    seen = [v for value in (left_value, right_value) for k, v in value.items() if k != "country"]
    return {
        "table": "links",
        "load": "add",
        "key": _LINK_KEY,
        "only_with": seen,
        "time": "observed_at",
        "columns": {
            "left_kind": {"value": left_kind},
            "left_value": left_value,
            "right_kind": {"value": right_kind},
            "right_value": right_value,
            "source": source,
            "observed_at": {"utc": at},
            "origin": _ORIGIN,
        },
    }


def _members() -> tuple[dict[str, Any], ...]:
    told = dict.fromkeys(
        ("income_band", "marital_status", "household_size", "household_composition", "kids_count")
    )
    crm, card = {"value": "crm"}, {"card": {"code": "card_no"}}
    return (
        {
            "table": "demographics",
            "load": "merge",
            "columns": {
                **told,
                "person_id": {"code": "card_no"},
                "age_band": {"text": "age_band"},
                "home_ownership": {"text": "home"},
            },
        },
        _link(card, {"email": {"email": "mail"}}, crm, "updated_at"),
        _link(card, {"phone": {"phone": "mobile"}}, crm, "updated_at"),
    )


def _bindings() -> tuple[dict[str, Any], ...]:
    channel, card = {"code": "channel"}, {"card": {"code": "card"}}
    phone = {"phone": {"phone": "phone"}}
    return (
        _link(card, phone, channel, "seen_at"),
        _link(card, {"device": {"code": "device"}}, channel, "seen_at"),
        _link({"open_id": {"code": "open_id"}}, phone, channel, "seen_at"),
    )


def _orders() -> dict[str, Any]:
    return {
        "table": "order_lines",
        "load": "add",
        "time": "occurred_at",
        "fresh_hours": 26,
        "columns": {
            "person_id": {"code": "card_no"},
            "order_id": {"code": "order_no"},
            "item_id": {"code": "sku"},
            "store_id": {"code": "store"},
            "quantity": {"whole": "quantity"},
            "paid_amount": {"cents": "paid_cents"},
            "retail_discount_amount": {"value": 0},
            "coupon_discount_amount": {"value": 0},
            "coupon_match_amount": {"value": 0},
            "occurred_at": {"utc": "ordered_at"},
        },
    }


def _visits() -> dict[str, Any]:
    return {
        "table": "interactions",
        "load": "add",
        "key": ["person_id", "event", "item_id", "occurred_at"],
        "time": "occurred_at",
        "fresh_hours": 26,
        "leaves": ["channel", "keyword"],
        "columns": {
            "person_id": {"code": "visitor"},
            "event": {"one_of": "event", "values": {"browse": "browse", "cart": "cart"}},
            "item_id": {"code": "sku"},
            "occurred_at": {"utc": "at"},
            "origin": _ORIGIN,
        },
    }


def _activity() -> dict[str, Any]:
    kinds = ("search", "favourite", "login", "share")
    return {
        "table": "activities",
        "load": "add",
        "key": ["person_id", "event", "item_id", "keyword", "occurred_at"],
        "time": "occurred_at",
        "fresh_hours": 26,
        "columns": {
            "person_id": {"code": "visitor"},
            "event": {"one_of": "event", "values": {kind: kind for kind in kinds}},
            "item_id": {"code": "sku"},
            "keyword": {"text": "keyword"},
            "channel": {"code": "channel"},
            "occurred_at": {"utc": "at"},
            "origin": _ORIGIN,
        },
    }


def _advertising() -> dict[str, Any]:
    return {
        "table": "ad_events",
        "load": "add",
        "key": ["person_id", "event", "creative_id", "occurred_at"],
        "time": "occurred_at",
        "fresh_hours": 26,
        "columns": {
            "person_id": {"code": "device", "prefix": "device:"},
            "event": {"one_of": "event", "values": {"expose": "expose", "click": "click"}},
            "creative_id": {"code": "creative"},
            "occurred_at": {"utc": "at"},
            "origin": _ORIGIN,
        },
    }


def _campaigns() -> dict[str, Any]:
    return {
        "table": "campaigns",
        "load": "merge",
        "columns": {
            "campaign_id": {"code": "campaign_id"},
            "campaign_type": {"text": "campaign_type"},
            "starts_on": {"day": "starts_on"},
            "ends_on": {"day": "ends_on"},
            "goal": None,
            "gain": {"value": "revenue"},
            "fixed_cost_amount": None,
            "plan_hash": None,
            "origin": {"value": "observed"},
            "source": {"value": "company.campaigns"},
        },
    }


def _sends() -> dict[str, Any]:
    return {
        "table": "sends",
        "load": "add",
        "columns": {
            "campaign_id": {"code": "campaign_id"},
            "person_id": {"code": "card_no"},
            "step": {"value": "1"},
            "channel": {"text": "channel"},
            "status": {"text": "status"},
            "reason": {"text": "reason"},
            "sent_at": {"utc": "sent_at"},
            "delivered_at": {"utc": "delivered_at"},
            "cost_amount": {"cents": "cost_cents"},
            "origin": {"value": "observed"},
            "world": {"value": "0"},
            "source": {"value": "company.sends"},
        },
    }


def _conversions() -> dict[str, Any]:
    return {
        "table": "outcomes",
        "load": "add",
        "columns": {
            "campaign_id": {"code": "campaign_id"},
            "person_id": {"code": "card_no"},
            "outcome": {"value": "convert"},
            "coupon_id": None,
            "occurred_on": {"day": "on"},
            "revenue_amount": {"cents": "paid_cents"},
            "gain_amount": {"cents": "paid_cents"},
            "cost_amount": None,
            "origin": {"value": "observed"},
            "world": {"value": "0"},
            "source": {"value": "company.conversions"},
        },
    }
