"""The metrics of campaigns with a goal of their own: who was sent to, reached and converted, and what it cost."""

from __future__ import annotations

from qa_lib.measure.figures import Metric
from qa_lib.tables import Label

_SENDS = ("sends.campaign_id", "sends.person_id", "campaigns.starts_on")
_REACHED = (*_SENDS, "sends.delivered_at")
_CONVERSIONS = (*_SENDS, "campaigns.goal", "outcomes.person_id", "outcomes.occurred_on")
_REVENUE = (*_CONVERSIONS, "outcomes.revenue_amount")
_GAIN = (*_CONVERSIONS, "outcomes.gain_amount", "campaigns.gain")
_COST = (
    *_CONVERSIONS,
    "sends.cost_amount",
    "outcomes.cost_amount",
    "campaigns.fixed_cost_amount",
)

CONVERSION_METRICS: tuple[Metric, ...] = (
    Metric(
        "sent",
        Label("发送人数", "Sent people"),
        Label(
            "至少有一条消息已发出（状态 sent，快照时刻之前）的去重人数；结果不明（unknown）的不计。",
            "Distinct people of whom a message left (status sent, before the snapshot's moment); those whose "
            "hand-off is unknown are not counted.",
        ),
        "count",
        "people",
        (*_SENDS, "sends.status", "sends.sent_at"),
        source="assigned",
        sql="count(DISTINCT person_no) FILTER (_has_left)",
        records=("sends",),
    ),
    Metric(
        "reached",
        Label("触达人数", "Reached people"),
        Label(
            "快照时刻之前有送达回执的去重人数；任一所选活动（按渠道看时：该活动的该渠道）没有任何回执时为未记录。",
            "Distinct people with a receipt before the snapshot's moment; not recorded when one of the chosen "
            "campaigns (by channel: that channel of it) has no receipt at all.",
        ),
        "count",
        "people",
        _REACHED,
        source="assigned",
        sql="count(DISTINCT person_no) FILTER (_is_delivered)",
        records=("sends", "receipts"),
    ),
    Metric(
        "reach_rate",
        Label("触达率", "Reach rate"),
        Label("触达人数 / 目标人数，均为去重人数。", "People delivered / people targeted, distinct in both."),
        "rate",
        "",
        _REACHED,
        numerator="reached",
        denominator="targeted",
    ),
    Metric(
        "converters",
        Label("转化人数", "Converters"),
        Label(
            "消息已发出并按活动目标转化的去重人数，只计已结束的日子；任一所选活动没有声明目标时为未记录。",
            "Distinct people who were sent a message and converted by the campaign's own goal, on a day that is "
            "over; not recorded when one of the chosen campaigns declares no goal.",
        ),
        "count",
        "people",
        _CONVERSIONS,
        source="converted",
        sql="count(DISTINCT person_no)",
        records=("sends", "goal"),
    ),
    Metric(
        "reached_converters",
        Label("触达且转化人数", "Reached converters"),
        Label(
            "同一活动中既有送达回执又转化的去重人数。",
            "Distinct people with a receipt and a conversion of the same campaign.",
        ),
        "count",
        "people",
        (*_CONVERSIONS, "sends.delivered_at"),
        source="converted",
        sql="count(DISTINCT person_no) FILTER (_is_delivered)",
        records=("sends", "receipts", "goal"),
        is_shown=False,
    ),
    Metric(
        "conversion_rate",
        Label("转化率", "Conversion rate"),
        Label(
            "触达者中转化的人数 / 触达人数，均为去重人数；区间为 Wilson 区间。没有回执或没有声明目标时为未记录。",
            "Converters among the people reached / people reached, distinct in both; the interval is Wilson's. "
            "Not recorded without receipts or without a goal.",
        ),
        "rate",
        "",
        (*_CONVERSIONS, "sends.delivered_at"),
        numerator="reached_converters",
        denominator="reached",
        has_interval=True,
    ),
    Metric(
        "revenue",
        Label("转化日收入", "Revenue of converters"),
        Label(
            "归因方式：转化的人在其转化当天所付的金额；同一人同一天只计一次，无论与几个所选活动有关。"
            "它不是活动带来的收入。",
            "By this attribution: what converters paid on the days on which they converted; a person's day "
            "counts once however many of the chosen campaigns it is tied to. It is not what a campaign caused.",
        ),
        "amount",
        "currency",
        _REVENUE,
        source="paid_days",
        sql="sum(_revenue)",
        records=("sends", "goal", "revenue"),
    ),
    Metric(
        "gain",
        Label("收益", "Gain"),
        Label(
            "转化人在其转化当天带来的毛利或收入（以活动的 gain 为准），同一人同一天只计一次；口径不同的活动不相加。",
            "Margin or revenue, as the campaign's `gain` says, of converters on the days on which they "
            "converted, a person's day once; campaigns of different kinds are not added.",
        ),
        "amount",
        "currency",
        _GAIN,
        source="paid_days",
        sql="sum(_gain)",
        records=("sends", "goal", "gain"),
        names_gain=True,
    ),
    Metric(
        "message_cost",
        Label("消息成本", "Message cost"),
        Label(
            "所选活动每条已发出消息的成本之和；任一已发出的消息没有成本时为未记录。",
            "Recorded cost of the messages that left; not recorded when one of them has none.",
        ),
        "amount",
        "currency",
        (*_SENDS, "sends.cost_amount"),
        source="targeted",
        sql="sum(_cost)",
        records=("sends", "message_cost"),
    ),
    Metric(
        "offer_cost",
        Label("优惠成本", "Offer cost"),
        Label(
            "转化所用优惠的成本之和，每个活动、每人、每天一次；没有声明目标或任一转化没有成本时为未记录。",
            "What the offers of conversions cost, once per campaign, person and day; not recorded without a "
            "goal, or when one conversion has no cost.",
        ),
        "amount",
        "currency",
        (*_CONVERSIONS, "outcomes.cost_amount"),
        source="converted",
        sql="sum(_offer_cost)",
        records=("sends", "goal", "offer_cost"),
    ),
    Metric(
        "fixed_cost",
        Label("固定成本", "Fixed cost"),
        Label(
            "每个活动的固定成本 × 该组在该活动目标人数中的占比，按四舍六入五成双取到分；全部人为整笔固定成本。",
            "Each campaign's fixed cost times the group's share of its targeted people, rounded half-even to "
            "0.01; everybody together bears the whole.",
        ),
        "amount",
        "currency",
        (*_SENDS, "campaigns.fixed_cost_amount"),
        source="fixed_shares",
        sql="sum(_share)",
        records=("sends", "fixed_cost"),
    ),
    Metric(
        "cost",
        Label("成本", "Cost"),
        Label("消息成本 + 优惠成本 + 固定成本。", "Message cost + offer cost + fixed cost."),
        "amount",
        "currency",
        _COST,
        terms=((1, "message_cost"), (1, "offer_cost"), (1, "fixed_cost")),
    ),
    Metric(
        "roas",
        Label("ROAS", "ROAS"),
        Label(
            "转化日收入 / 成本；收入的归因方式见该指标。",
            "Revenue of converters / cost; how revenue is tied to campaigns is said there.",
        ),
        "number",
        "",
        (*_REVENUE, *_COST),
        numerator="revenue",
        denominator="cost",
    ),
    Metric(
        "net_gain",
        Label("净收益", "Net gain"),
        Label("收益 − 成本。", "Gain − cost."),
        "amount",
        "currency",
        (*_GAIN, *_COST),
        terms=((1, "gain"), (-1, "cost")),
        is_shown=False,
    ),
    Metric(
        "roi",
        Label("ROI", "ROI"),
        Label(
            "（收益 − 成本）/ 成本；收益为毛利还是收入，以活动的 gain 为准，并写在名称里。",
            "(Gain − cost) / cost; whether gain is margin or revenue is what the campaigns declare, and stands "
            "in the label.",
        ),
        "rate",
        "",
        (*_GAIN, *_COST),
        numerator="net_gain",
        denominator="cost",
        names_gain=True,
    ),
)
