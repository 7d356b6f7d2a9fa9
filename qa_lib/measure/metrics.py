"""Every metric once: the row that its SQL, its labels and its documentation are read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.tables import Label

Format = Literal["count", "rate", "amount", "number"]
Source = Literal["targeted", "redeemed", "baskets"]

#: What these figures are evidence of; it stands on every dashboard.
EVIDENCE = Label(
    "仅为描述：这些数据没有对照组，任何数字都不说明活动带来了什么。",
    "Description only: these data have no holdout; nothing here says what a campaign caused.",
)


@dataclass(frozen=True)
class NoFigure:
    """In place of a number: why there is none. It is never 0 and never 100 %."""

    reason: Label

    @property
    def shown(self) -> Label:
        """What stands where the number would."""
        return Label("—", "—")


@dataclass(frozen=True)
class NotRecorded(NoFigure):
    """The data do not say."""

    @property
    def shown(self) -> Label:
        return Label("未记录", "not recorded")


@dataclass(frozen=True)
class Undefined(NoFigure):
    """A ratio over nobody or nothing."""


@dataclass(frozen=True)
class Metric:
    """One metric: what it is called, what it says exactly, and how it is computed.

    A metric is an aggregate (`sql` over the rows of `source`), a ratio of two other metrics
    (`numerator`, `denominator`), or neither, when no table could answer it. `absent` says why there
    is no figure when there is none; `has_interval` asks for a Wilson interval; a metric with
    `is_shown` False serves others only.
    """

    key: str
    label: Label
    definition: Label
    format: Format
    unit: str = ""
    needs: tuple[str, ...] = ()
    source: Source | None = None
    sql: str = ""
    numerator: str = ""
    denominator: str = ""
    absent: Label | None = None
    has_interval: bool = False
    is_shown: bool = True

    @property
    def kind(self) -> Literal["aggregate", "ratio", "absent"]:
        """How it comes about."""
        if self.sql:
            return "aggregate"
        return "ratio" if self.numerator else "absent"


_SENDS = ("sends.campaign_id", "sends.person_id", "campaigns.starts_on")
_REDEMPTIONS = ("outcomes.campaign_id", "outcomes.person_id", "outcomes.occurred_on")
_BASKETS = (*_REDEMPTIONS, "order_lines.order_id", "order_lines.paid_amount", "order_lines.occurred_at")
_NO_RECEIPTS = Label(
    "没有送达回执：sends.delivered_at 全部为空。",
    "No receipts: sends.delivered_at is empty for these sends.",
)
_NO_COST = Label(
    "没有记录成本：sends.cost_amount 为空。", "No cost was recorded: sends.cost_amount is empty."
)

METRICS: dict[str, Metric] = {
    m.key: m
    for m in (
        Metric(
            "targeted",
            Label("目标人数", "Targeted people"),
            Label(
                "在 sends 表中（来源 observed）收到过所选活动的去重人数；活动首日须在快照时刻之前。",
                "Distinct people in `sends` (origin observed) for the chosen campaigns, of campaigns whose "
                "first day began before the snapshot's moment.",
            ),
            "count",
            "people",
            _SENDS,
            source="targeted",
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
            sql="count(DISTINCT person_no)",
        ),
        Metric(
            "redemption_rate",
            Label("核销率", "Redemption rate"),
            Label(
                "核销人数 / 目标人数，均为去重人数；区间为 90% Wilson 区间。",
                "Redeemers / targeted people, distinct people in both; the interval is Wilson's at 90 %.",
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
            sql="sum(paid_amount)",
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
            sql="count(*)",
        ),
        Metric(
            "basket_value",
            Label("核销日客单价", "Value of those baskets"),
            Label(
                "核销日订单金额 / 核销日订单数。", "Revenue of redeemers' baskets / number of those baskets."
            ),
            "amount",
            "currency",
            _BASKETS,
            numerator="revenue_of_redeemer_baskets",
            denominator="redeemer_baskets",
        ),
        Metric(
            "reached",
            Label("送达人数", "Reached people"),
            Label(
                "快照时刻之前有送达回执的去重人数；任一所选活动没有任何回执时为未记录。",
                "Distinct people with a receipt before the snapshot's moment; not recorded when one of the "
                "chosen campaigns has no receipt at all.",
            ),
            "count",
            "people",
            (*_SENDS, "sends.delivered_at"),
            source="targeted",
            sql="CASE WHEN bool_and(has_receipts) "
            "THEN count(DISTINCT person_no) FILTER (delivered_at < $as_of) END",
            absent=_NO_RECEIPTS,
            is_shown=False,
        ),
        Metric(
            "reach_rate",
            Label("触达率", "Reach rate"),
            Label("送达人数 / 目标人数。", "People delivered / people targeted, distinct in both."),
            "rate",
            "",
            (*_SENDS, "sends.delivered_at"),
            numerator="reached",
            denominator="targeted",
            absent=_NO_RECEIPTS,
        ),
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
            "cost",
            Label("消息成本", "Message cost"),
            Label(
                "所选活动每条消息已记录成本之和；任一消息没有成本时为未记录。",
                "Recorded media and message cost of the chosen campaigns; not recorded when one message has none.",
            ),
            "amount",
            "currency",
            (*_SENDS, "sends.cost_amount"),
            source="targeted",
            sql="CASE WHEN bool_and(has_cost) THEN sum(cost_amount) END",
            absent=_NO_COST,
        ),
        Metric(
            "roas",
            Label("ROAS", "ROAS"),
            Label(
                "归因于活动的收入 / 成本。", "Revenue tied to the campaign by a stated attribution / cost."
            ),
            "number",
            absent=Label(
                "没有成本，也没有归因于活动的收入。",
                "Neither cost nor revenue tied to a campaign was recorded.",
            ),
        ),
        Metric(
            "roi",
            Label("ROI", "ROI"),
            Label("（收益 − 成本）/ 成本。", "(Gain − cost) / cost."),
            "rate",
            absent=Label(
                "没有成本，也没有毛利，也没有归因于活动的收入。",
                "Neither cost, nor margin, nor revenue tied to a campaign was recorded.",
            ),
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
