"""Every table that flows between the stages: columns, types, units, keys.

A stage hands the next one *tables*, never objects of its own. A column's unit lives in its
name: `_at` a UTC timestamp, `_on` a date, `_amount` an exact decimal in the account currency,
`_count`, `_rate`, `_id`. A nullable column that is empty means *not recorded*.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from qa_lib.errors import UnknownName, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

ColumnType = Literal["text", "integer", "amount", "number", "timestamp", "date", "boolean"]

#: DuckDB's name of each column type. Money is DECIMAL(18, 2): minor units, never a float.
SQL_TYPES: dict[ColumnType, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "amount": "DECIMAL(18,2)",
    "number": "DOUBLE",
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
    "boolean": "BOOLEAN",
}


class Label(NamedTuple):
    """What a thing is called on screen, in both languages."""

    zh: str
    en: str

    def to_dict(self) -> dict[str, str]:
        return {"zh": self.zh, "en": self.en}


#: What the group of people without a value is called wherever people are grouped.
NOT_RECORDED_GROUP = "未记录 not recorded"


@dataclass(frozen=True)
class Column:
    """One column: its type, whether it may be empty, and what it says."""

    name: str
    type: ColumnType
    description: str
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """One table: `key` names the columns that are unique together (empty where the source has none).

    `in_snapshots` says whether a build reads the table, so that a new version of it calls for a new one.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    in_snapshots: bool = True

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownName(
            f"Table '{self.name}' has no column {name!r}.{did_you_mean(name, self.column_names)}"
        )

    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema in which the table is stored."""
        import pyarrow as pa

        types = {
            "text": pa.string(),
            "integer": pa.int64(),
            "amount": pa.decimal128(18, 2),
            "number": pa.float64(),
            "timestamp": pa.timestamp("us", tz="UTC"),
            "date": pa.date32(),
            "boolean": pa.bool_(),
        }
        return pa.schema([pa.field(c.name, types[c.type], nullable=c.nullable) for c in self.columns])


_WHO = Column("person_id", "text", "who")
_ORIGIN = Column("origin", "text", "observed or generated")
_HAPPENED = (Column("occurred_at", "timestamp", "when"), _ORIGIN)
_SOURCE = Column("source", "text", "the feed or the part of the workbench that wrote the row")

ORDER_LINES = Table(
    "order_lines",
    "One line of an order: one item in one basket.",
    (
        Column("person_id", "text", "who bought"),
        Column("order_id", "text", "the basket"),
        Column("item_id", "text", "what was bought"),
        Column("store_id", "text", "where"),
        Column("quantity", "integer", "units; fuel is counted in its own small units"),
        Column("paid_amount", "amount", "what the retailer received for the line"),
        Column("retail_discount_amount", "amount", "loyalty-card discount"),
        Column("coupon_discount_amount", "amount", "manufacturer's coupon"),
        Column("coupon_match_amount", "amount", "retailer's match of that coupon"),
        Column("occurred_at", "timestamp", "time of the basket"),
    ),
    key=("order_id", "item_id"),
)
ITEMS = Table(
    "items",
    "The product master.",
    (
        Column("item_id", "text", "the product"),
        Column("manufacturer_id", "text", "who makes it"),
        Column("department", "text", "top level of the assortment", nullable=True),
        Column("brand", "text", "National or Private label", nullable=True),
        Column("category", "text", "middle level of the assortment", nullable=True),
        Column("item_type", "text", "lowest level of the assortment", nullable=True),
        Column("package_size", "text", "as printed on the package", nullable=True),
    ),
    key=("item_id",),
)
DEMOGRAPHICS = Table(
    "demographics",
    "What people told about themselves; undated, and known of a part of the people only.",
    (
        _WHO,
        Column("age_band", "text", "years", nullable=True),
        Column("income_band", "text", "thousand USD a year", nullable=True),
        Column("home_ownership", "text", "owner or renter", nullable=True),
        Column("marital_status", "text", "married or not", nullable=True),
        Column("household_size", "text", "people, 5+ at the top", nullable=True),
        Column("household_composition", "text", "adults and kids", nullable=True),
        Column("kids_count", "text", "children, 3+ at the top", nullable=True),
    ),
    key=("person_id",),
)
CAMPAIGNS = Table(
    "campaigns",
    "Campaigns: those that ran, and for each rehearsal or replay of a plan a row of its own origin.",
    (
        Column("campaign_id", "text", "the campaign"),
        Column("campaign_type", "text", "the retailer's own kind of campaign"),
        Column("starts_on", "date", "first day, in the workspace's zone"),
        Column("ends_on", "date", "last day, in the workspace's zone"),
        Column("goal", "text", "what counts as a conversion; empty where none was declared", nullable=True),
        Column("gain", "text", "what gain is: margin or revenue", nullable=True),
        Column("fixed_cost_amount", "amount", "cost besides messages and offers", nullable=True),
        Column("plan_hash", "text", "the plan that was carried out", nullable=True),
        Column("origin", "text", "observed, replayed or simulated"),
        _SOURCE,
    ),
    key=("campaign_id", "origin"),
)
SENDS = Table(
    "sends",
    "One message to one person for one step of a campaign, or why there was none; `origin` tells what was "
    "observed from what was replayed from history or simulated.",
    (
        Column("campaign_id", "text", "the campaign"),
        Column("person_id", "text", "to whom"),
        Column("step", "text", "the campaign's step; a campaign with one message has the step 1"),
        Column("channel", "text", "SMS, e-mail …", nullable=True),
        Column("status", "text", "queued, sent, failed, unknown, or not_sent"),
        Column("reason", "text", "why it failed or was not sent", nullable=True),
        Column("sent_at", "timestamp", "when it left", nullable=True),
        Column("delivered_at", "timestamp", "when it arrived", nullable=True),
        Column("cost_amount", "amount", "media and message cost", nullable=True),
        Column("origin", "text", "observed, replayed or simulated"),
        Column("world", "integer", "which of the rehearsal's worlds; 0 where there is one"),
        _SOURCE,
    ),
    key=("campaign_id", "person_id", "step", "channel", "origin", "world"),
)
OUTCOMES = Table(
    "outcomes",
    "What people did about a campaign: coupons that were redeemed, and conversions by a campaign's own goal.",
    (
        Column("campaign_id", "text", "the campaign"),
        _WHO,
        Column("outcome", "text", "redeem or convert"),
        Column("coupon_id", "text", "the coupon", nullable=True),
        Column("occurred_on", "date", "the day, in the workspace's zone; the hour was not recorded"),
        Column("revenue_amount", "amount", "what the person paid that day, once", nullable=True),
        Column("gain_amount", "amount", "margin or revenue, as the campaign's `gain` says", nullable=True),
        Column("cost_amount", "amount", "what the offer cost", nullable=True),
        Column("origin", "text", "observed, replayed or simulated"),
        Column("world", "integer", "which of the rehearsal's worlds; 0 where there is one"),
        _SOURCE,
    ),
    key=("campaign_id", "person_id", "outcome", "coupon_id", "occurred_on", "origin", "world"),
)
COUPON_ITEMS = Table(
    "coupon_items",
    "Which items a campaign's coupon is good for; the source repeats some rows, so there is no key.",
    (
        Column("coupon_id", "text", "the coupon"),
        Column("item_id", "text", "an item it is good for"),
        Column("campaign_id", "text", "the campaign that gave it out"),
    ),
)
PROMOTIONS = Table(
    "promotions",
    "Displays in the store and places in the weekly mailer; the source repeats some rows, so there is no key.",
    (
        Column("item_id", "text", "the item"),
        Column("store_id", "text", "the store"),
        Column("display_location", "text", "code of the place in the store; 0 is none"),
        Column("mailer_location", "text", "code of the place in the mailer; 0 is none"),
        Column("week", "integer", "week of the year, 1 to 53"),
    ),
)

INTERACTIONS = Table(
    "interactions",
    "What people did with an item short of buying it; `origin` tells what was generated from what was observed.",
    (
        _WHO,
        Column("event", "text", "browse or cart"),
        Column("item_id", "text", "the item"),
        *_HAPPENED,
    ),
)
ACTIVITIES = Table(
    "activities",
    "What else people did in a channel: searched, marked a favourite, logged in, shared.",
    (
        _WHO,
        Column("event", "text", "search, favourite, login or share"),
        Column("item_id", "text", "the item, of a favourite or a share", nullable=True),
        Column("keyword", "text", "what was searched for", nullable=True),
        Column("channel", "text", "where: shop, mini_program …", nullable=True),
        *_HAPPENED,
    ),
)
STREAM_EVENTS = Table(
    "stream_events",
    "Events that came by the stream, once each; the offsets that a version holds are in its Delta transactions. "
    "A build sees them among `order_lines`, `interactions`, `activities` and `ad_events`.",
    (
        Column("event_id", "text", "the sender's id of the event"),
        Column("event", "text", "browse, cart, purchase …"),
        Column("person_id", "text", "who, as resolved when it arrived"),
        Column("occurred_at", "timestamp", "when"),
        Column("properties", "text", "JSON of the properties, amounts as texts"),
        Column("log_partition", "text", "the log and its partition"),
        Column("log_offset", "integer", "the place in the partition"),
        Column("arrived_at", "timestamp", "when it was consumed"),
    ),
    key=("event_id",),
)

AD_EVENTS = Table(
    "ad_events",
    "Advertisements that were shown to a device or clicked on it; who that is, identities say.",
    (
        Column("person_id", "text", "who, by the identifier that the channel knew"),
        Column("event", "text", "expose or click"),
        Column("creative_id", "text", "the advertisement"),
        *_HAPPENED,
    ),
)
REJECTS = Table(
    "rejects",
    "Rows of a landed file that broke their feed's contract, and why; they are in no other table.",
    (
        Column("feed", "text", "the feed"),
        Column("file_name", "text", "the file"),
        Column("content_hash", "text", "SHA-256 of the file and of the feed's declaration"),
        Column("row_number", "integer", "row of the file, the first data row is 1"),
        Column("column_name", "text", "the file's column"),
        Column("value", "text", "what stood there", nullable=True),
        Column("reason", "text", "what was expected"),
    ),
)
EXTRAS = Table(
    "extras",
    "Values of columns that a source has added and its feed does not read yet; nothing else reads them.",
    (
        Column("feed", "text", "the feed"),
        Column("content_hash", "text", "SHA-256 of the file and of the feed's declaration"),
        Column("row_number", "integer", "row of the file, the first data row is 1"),
        Column("row_key", "text", "the row's key in the feed's table, JSON", nullable=True),
        Column("extra_values", "text", "the new columns and their values as text, JSON"),
    ),
    in_snapshots=False,
)
PLAN_ROWS = Table(
    "plan_rows",
    "One row per person whom a plan considered: sent to, or not and why; plans only add rows.",
    (
        Column("plan_hash", "text", "the plan"),
        _WHO,
        Column("reason", "text", "why not; empty where a message is to go", nullable=True),
        Column("detail", "text", "what the reason was about", nullable=True),
        Column("channel", "text", "by which way"),
        Column("address", "text", "to which address", nullable=True),
        Column("zone", "text", "the person's zone, or the campaign's"),
        Column("send_at", "timestamp", "not before", nullable=True),
        Column("is_deferred", "boolean", "whether quiet hours moved it"),
        Column("content", "text", "what was rendered, as JSON", nullable=True),
        Column("unit_count", "integer", "parts or messages that are paid"),
        Column("message_cost_amount", "amount", "what the message costs"),
        Column("offer_worst_amount", "amount", "what the offer can cost at most", nullable=True),
        Column("offer_expected_amount", "amount", "what the offer is expected to cost, rounded"),
        Column("priority", "integer", "higher goes first"),
        Column("expected_value_amount", "amount", "higher goes first among equals; may be below 0"),
        Column("tie", "text", "stable hash, smaller goes first among equals"),
    ),
    key=("plan_hash", "person_id"),
    in_snapshots=False,
)
ADDRESSES = Table(
    "addresses",
    "Where people can be reached: one row per person, kind of identifier and address.",
    (
        Column("person_id", "text", "whose"),
        Column("identifier", "text", "what a channel needs: phone, email, device_id or open_id"),
        Column("address", "text", "the address itself"),
        Column("zone", "text", "IANA name of the person's zone", nullable=True),
        _ORIGIN,
        _SOURCE,
    ),
    key=("person_id", "identifier", "address"),
    in_snapshots=False,
)
LINKS = Table(
    "links",
    "Evidence that two identifiers are one person; both sides the same say that one was seen alone.",
    (
        Column("left_kind", "text", "kind of identifier, one of qa_lib.identity.KINDS"),
        Column("left_value", "text", "its normalised value"),
        Column("right_kind", "text", "kind of the other identifier"),
        Column("right_value", "text", "its normalised value"),
        Column("source", "text", "where both were seen together"),
        Column("observed_at", "timestamp", "when"),
        _ORIGIN,
    ),
    in_snapshots=False,
)
IDENTITIES = Table(
    "identities",
    "Whose an identifier was, and from when to when the workbench held it so (half-open).",
    (
        Column("kind", "text", "kind of identifier"),
        Column("value", "text", "its normalised value"),
        Column("person_id", "text", "the resolved person"),
        Column("since_at", "timestamp", "first moment"),
        Column("until_at", "timestamp", "end; empty while it lasts", nullable=True),
    ),
    key=("kind", "value", "since_at"),
)
IDENTITY_CHANGES = Table(
    "identity_changes",
    "Every merge, split, quarantine, decision and undo, with its reason; identifiers are JSON lists of [kind, value].",
    (
        Column("change_id", "text", "the change"),
        Column(
            "change",
            "text",
            "merge, split, quarantine, accept, apart (what a person decided about a quarantine) or undo",
        ),
        Column("person_id", "text", "who kept the id", nullable=True),
        Column("other_person_id", "text", "who was merged into it, or split from it", nullable=True),
        Column("kept_identifiers", "text", "of `person_id`, JSON"),
        Column("moved_identifiers", "text", "of `other_person_id`, JSON; of a quarantine, what is held back"),
        Column(
            "cause", "text", "links, shared, large, conflict, or the change that was undone or decided about"
        ),
        Column("reason", "text", "in words"),
        Column("changed_at", "timestamp", "when"),
        Column("undone_at", "timestamp", "when it was undone, or a quarantine lifted", nullable=True),
    ),
    key=("change_id",),
)

#: Every table declared above, in that order.
TABLES: dict[str, Table] = {one.name: one for one in tuple(globals().values()) if isinstance(one, Table)}

#: The tables that a build reads.
SNAPSHOT_TABLES: tuple[str, ...] = tuple(t.name for t in TABLES.values() if t.in_snapshots)


def table(name: str) -> Table:
    """The declared table of that name."""
    try:
        return TABLES[name]
    except KeyError:
        raise UnknownName(f"Unknown table {name!r}.{did_you_mean(name, TABLES)}") from None
