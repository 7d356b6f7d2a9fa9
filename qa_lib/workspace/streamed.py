"""Events of the stream as rows of the tables that they belong to, so that a build sees them like any other.

A purchase is a line of an order, a browse or a cart an interaction, a search or a login an activity, an exposure or
a click an event of advertising. The offsets that a version of `stream_events`
holds say what of the stream a snapshot has seen.
"""

from __future__ import annotations

from collections.abc import Mapping

from qa_lib.tables import ACTIVITIES, AD_EVENTS, INTERACTIONS, ORDER_LINES, STREAM_EVENTS


def _text(name: str) -> str:
    return f"json_extract_string(properties, '$.{name}')"


def _amount(name: str) -> str:
    return f"coalesce(CAST({_text(name)} AS DECIMAL(18,2)), 0)"


#: By table, SQL over the stream's rows `{0}` that gives the table's columns.
ROWS: Mapping[str, str] = {
    INTERACTIONS.name: f"""
        SELECT person_id, event, {_text("item_id")} AS item_id, occurred_at, 'observed' AS origin
        FROM ({{0}}) WHERE event IN ('browse', 'cart')""",
    ACTIVITIES.name: f"""
        SELECT person_id, event, {_text("item_id")} AS item_id, {_text("keyword")} AS keyword,
               {_text("channel")} AS channel, occurred_at, 'observed' AS origin
        FROM ({{0}}) WHERE event IN ('search', 'favourite', 'login', 'share')""",
    AD_EVENTS.name: f"""
        SELECT person_id, event, {_text("creative_id")} AS creative_id, occurred_at, 'observed' AS origin
        FROM ({{0}}) WHERE event IN ('expose', 'click')""",
    ORDER_LINES.name: f"""
        SELECT person_id, {_text("order_id")} AS order_id, {_text("item_id")} AS item_id,
               coalesce({_text("store_id")}, 'stream') AS store_id,
               coalesce(CAST({_text("quantity")} AS BIGINT), 1) AS quantity,
               {_amount("paid_amount")} AS paid_amount,
               {_amount("retail_discount_amount")} AS retail_discount_amount,
               {_amount("coupon_discount_amount")} AS coupon_discount_amount,
               {_amount("coupon_match_amount")} AS coupon_match_amount, occurred_at
        FROM ({{0}}) WHERE event = 'purchase'""",
}


def with_stream(scans: Mapping[str, str]) -> dict[str, str]:
    """SQL for the rows of each table, those that came by the stream among them.

    Parameters
    ----------
    scans
        By table, SQL for its landed rows; `stream_events` may be missing.
    """
    found = dict(scans)
    stream = scans.get(STREAM_EVENTS.name)
    if stream is not None:
        for name, sql in ROWS.items():
            rows = sql.format(stream)
            found[name] = f"{scans[name]} UNION ALL BY NAME {rows}" if name in scans else rows
    return found
