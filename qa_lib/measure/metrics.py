"""Every metric once: the row that its SQL, its labels and its documentation are read from."""

from __future__ import annotations

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.measure.conversion_metrics import CONVERSION_METRICS
from qa_lib.measure.figures import Metric
from qa_lib.tables import Label

_SENDS = ("sends.campaign_id", "sends.person_id", "campaigns.starts_on")
_REDEMPTIONS = ("outcomes.campaign_id", "outcomes.person_id", "outcomes.occurred_on")
_BASKETS = (*_REDEMPTIONS, "order_lines.order_id", "order_lines.paid_amount", "order_lines.occurred_at")

METRICS: dict[str, Metric] = {
    m.key: m
    for m in (
        Metric(
            "targeted",
            Label("目标人数", "Targeted people"),
            Label(
                "所选活动在 sends 表中的去重人数，即冻结人群减去对照组，无论消息是否发出；活动首日须在快照时刻之前"
                "（仿真不作此限）。",
                "Distinct people in `sends` for the chosen campaigns: the frozen audience minus the holdout, "
                "whether or not a message left; of campaigns whose first day began before the snapshot's "
                "moment (a simulation has no such bound).",
            ),
            "count",
            "people",
            _SENDS,
            source="assigned",
            records=("sends",),
            sql="count(DISTINCT person_no)",
        ),
        Metric(
            "redeemers",
            Label("核销人数", "Redeemers"),
            Label(
                "目标人群中至少核销过一张所选活动优惠券的去重人数；只计快照时刻之前已结束的日子。",
                "Distinct targeted people who redeemed at least one coupon of a campaign that they were sent, "
                "on a day that was over at the snapshot's moment.",
            ),
            "count",
            "people",
            (*_SENDS, *_REDEMPTIONS),
            source="redeemed",
            records=("sends", "redemptions"),
            sql="count(DISTINCT person_no)",
        ),
        Metric(
            "redemption_rate",
            Label("核销率", "Redemption rate"),
            Label(
                "核销人数 / 目标人数，均为去重人数；区间为 Wilson 区间。",
                "Redeemers / targeted people, distinct people in both; the interval is Wilson's.",
            ),
            "rate",
            "",
            (*_SENDS, *_REDEMPTIONS),
            numerator="redeemers",
            denominator="targeted",
            has_interval=True,
        ),
        Metric(
            "redemptions",
            Label("核销次数", "Redemptions"),
            Label(
                "目标人群核销优惠券的次数：同一人、同一活动、同一张券、同一天计一次。",
                "Coupons redeemed by targeted people: one per person, campaign, coupon and day.",
            ),
            "count",
            "coupons",
            (*_SENDS, *_REDEMPTIONS, "outcomes.coupon_id"),
            source="redeemed",
            records=("sends", "redemptions"),
            sql="count(*)",
        ),
        Metric(
            "coupons_per_redeemer",
            Label("人均核销次数", "Coupons per redeemer"),
            Label("核销次数 / 核销人数。", "Redemptions / redeemers."),
            "number",
            "coupons",
            (*_SENDS, *_REDEMPTIONS),
            numerator="redemptions",
            denominator="redeemers",
        ),
        Metric(
            "revenue_of_redeemer_baskets",
            Label("核销日订单金额", "Revenue of redeemers' baskets"),
            Label(
                "核销人在其核销当天（工作区时区，以订单首行时刻为准）所有订单的实付金额之和；同一订单只计一次，"
                "无论当天核销了几张券、几个活动。它不是活动带来的收入：这些订单没有券也可能发生。",
                "Paid amount of all baskets that redeemers made on the days on which they redeemed (days in the "
                "workspace's zone, by the basket's first line). A basket counts once however many coupons or "
                "campaigns were redeemed that day. It is not revenue that a campaign brought: the baskets might "
                "have been made without it.",
            ),
            "amount",
            "currency",
            _BASKETS,
            source="baskets",
            records=("sends", "redemptions"),
            sql="sum(_paid)",
        ),
        Metric(
            "redeemer_baskets",
            Label("核销日订单数", "Redeemers' baskets"),
            Label(
                "上述订单的去重数量。",
                "The number of those baskets, each once.",
            ),
            "count",
            "baskets",
            _BASKETS,
            source="baskets",
            records=("sends", "redemptions"),
            sql="count(*)",
        ),
        Metric(
            "basket_value",
            Label("核销日客单价", "Value of those baskets"),
            Label(
                "核销日订单金额 / 核销日订单数，按四舍六入五成双取到分。",
                "Revenue of redeemers' baskets / number of those baskets, rounded half-even to 0.01.",
            ),
            "amount",
            "currency",
            _BASKETS,
            numerator="revenue_of_redeemer_baskets",
            denominator="redeemer_baskets",
        ),
        *CONVERSION_METRICS,
        Metric(
            "open_rate",
            Label("打开率", "Open rate"),
            Label("人工打开的人数 / 送达人数。", "People with a human open / people delivered."),
            "rate",
            absent=Label("没有记录打开行为。", "Opens were not recorded."),
        ),
        Metric(
            "click_rate",
            Label("点击率", "Click rate"),
            Label("人工点击的人数 / 送达人数。", "People with a human click / people delivered."),
            "rate",
            absent=Label("没有记录点击行为。", "Clicks were not recorded."),
        ),
        Metric(
            "incremental_redemptions",
            Label("增量", "Incremental effect"),
            Label(
                "处理组减对照组，按组规模折算，附区间。",
                "Treated minus holdout, scaled by arm size, with an interval.",
            ),
            "count",
            absent=Label(
                "没有对照组；未收到活动的人不是对照组。",
                "There is no holdout; people who were not sent a campaign are not one.",
            ),
        ),
    )
}


def metric(key: str) -> Metric:
    """The metric of that key.

    Raises
    ------
    UnknownName
        When there is none; the message offers the nearest.
    """
    try:
        return METRICS[key]
    except KeyError:
        raise UnknownName(
            f"Unknown metric {key!r}.{did_you_mean(key, METRICS)} See qa_lib.measure.METRICS."
        ) from None
