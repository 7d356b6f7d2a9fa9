"""What an offer is good for: its items, those of its categories, and those of its printed coupons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qa_lib.campaigns.offers import Coupon, Offer
from qa_lib.errors import NothingBuilt, UnknownName, did_you_mean
from qa_lib.workspace.sql import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qa_lib.workspace import Snapshot


def offer_items(snapshot: Snapshot, offer: Offer) -> frozenset[str] | None:
    """The ids of the items that an offer is good for; None is everything.

    They are `item_ids`, the items of `categories`, and what the table `coupon_items` says of a coupon's
    `coupon_ids`, in whatever campaign each was given out.

    Raises
    ------
    UnknownName
        For a category that no item has, or a coupon that stands for no item.
    NothingBuilt
        When the snapshot has no table of items or of coupons to look them up in.
    """
    coupons = offer.coupon_ids if isinstance(offer, Coupon) else ()
    if not offer.item_ids and not offer.categories and not coupons:
        return None
    found = set(offer.item_ids)
    if offer.categories:
        found |= _items_of(snapshot, offer, "items", "category", offer.categories)
    if coupons:
        found |= _items_of(snapshot, offer, "coupon_items", "coupon_id", coupons)
    return frozenset(found)


def _items_of(snapshot: Snapshot, offer: Offer, table: str, column: str, names: Sequence[str]) -> set[str]:
    """The items of a table's rows with one of these names, all of which must be there."""
    if table not in snapshot.table_versions:
        raise NothingBuilt(
            f"The offer '{offer.name}' names a {column}, which stands in the table '{table}', which snapshot "
            f"{snapshot.version} does not have. Land its feed with `qa land` and build again."
        )
    name = quoted(column)
    rows = snapshot.frame(
        f"SELECT DISTINCT {name} AS name, item_id FROM {quoted(table)} "
        f"WHERE list_contains(CAST($names AS VARCHAR[]), {name})",
        {"names": list(names)},
    )
    missing = sorted(set(names) - set(rows["name"]))
    if missing:
        known = snapshot.frame(
            f"SELECT DISTINCT {name} AS name FROM {quoted(table)} WHERE {name} IS NOT NULL"
        )
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UnknownName(
            f"Unknown {column} {missing[0]!r}{more} in offer '{offer.name}'."
            f"{did_you_mean(missing[0], known['name'])} See the column {column} of the table '{table}'."
        )
    return set(rows["item_id"])
