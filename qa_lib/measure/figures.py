"""What a metric is, what figures are evidence of, and what stands where there is no figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.tables import Label

Format = Literal["count", "rate", "amount", "number"]
Source = Literal["assigned", "targeted", "redeemed", "baskets", "converted", "paid_days", "fixed_shares"]
Origin = Literal["observed", "replayed", "simulated"]
ORIGINS: tuple[Origin, ...] = ("observed", "replayed", "simulated")
GainKind = Literal["margin", "revenue"]

#: What observed figures are evidence of; it stands on every dashboard.
EVIDENCE = Label(
    "仅为描述：这些数据没有对照组，任何数字都不说明活动带来了什么。",
    "Description only: these data have no holdout; nothing here says what a campaign caused.",
)
_EVIDENCE: dict[str, Label] = {
    "observed": EVIDENCE,
    "replayed": Label(
        "历史回放：消息并非由我们真正发出；结果是历史上零售商所触达的人的记录，不是活动的效果。",
        "Replay of history: the messages were not really sent by us; the outcomes are what history recorded "
        "for those whom the retailer contacted, not an effect.",
    ),
    "simulated": Label(
        "仿真：对收到活动的人的预测，不是活动的效果。",
        "Simulation: a prediction for recipients, not an effect.",
    ),
}
_GAIN_WORDS: dict[str | None, Label] = {
    "margin": Label("收益为毛利", "gain is margin"),
    "revenue": Label("收益为收入", "gain is revenue"),
    None: Label("毛利或收入", "margin or revenue"),
}


def check_origin(origin: str) -> None:
    """Refuse an origin that rows cannot have.

    Raises
    ------
    UnknownName
        When it is not `observed`, `replayed` or `simulated`.
    """
    if origin not in ORIGINS:
        raise UnknownName(f"Unknown origin {origin!r} of figures.{did_you_mean(origin, ORIGINS)}")


def evidence(origin: Origin) -> Label:
    """What figures of that origin are evidence of, for the head of every page that shows them.

    Raises
    ------
    UnknownName
        When it is not `observed`, `replayed` or `simulated`.
    """
    check_origin(origin)
    return _EVIDENCE[origin]


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

    A metric is an aggregate (`sql` over the rows of `source`), a sum of others (`terms`, each with its
    sign), a ratio of two others (`numerator`, `denominator`), or none of these, when no table could
    answer it (`absent` says why). `records` names what each chosen campaign must have recorded, by key of
    `RECORDS`; a ratio or a sum also needs what its parts need. `has_interval` asks for a Wilson interval;
    `names_gain` says that the label tells what gain is; a metric with `is_shown` False serves others only.
    """

    key: str
    label: Label
    definition: Label
    format: Format
    unit: str = ""
    needs: tuple[str, ...] = ()
    source: Source | None = None
    sql: str = ""
    terms: tuple[tuple[Literal[1, -1], str], ...] = ()
    numerator: str = ""
    denominator: str = ""
    records: tuple[str, ...] = ()
    absent: Label | None = None
    has_interval: bool = False
    names_gain: bool = False
    is_shown: bool = True

    @property
    def kind(self) -> Literal["aggregate", "sum", "ratio", "absent"]:
        """How it comes about."""
        if self.sql:
            return "aggregate"
        if self.terms:
            return "sum"
        return "ratio" if self.numerator else "absent"

    @property
    def parts(self) -> tuple[str, ...]:
        """The metrics that it is made of."""
        if self.kind == "sum":
            return tuple(key for _, key in self.terms)
        return (self.numerator, self.denominator) if self.kind == "ratio" else ()

    def label_of(self, gain: GainKind | None) -> Label:
        """The label; where it depends on gain, with what gain is: `ROI (gain is margin)`."""
        if not self.names_gain:
            return self.label
        words = _GAIN_WORDS[gain]
        return Label(f"{self.label.zh}（{words.zh}）", f"{self.label.en} ({words.en})")


@dataclass(frozen=True)
class Record:
    """One thing that a campaign may have recorded or not, and what is said where it did not."""

    key: str
    reason: Label

    def lacking(self, campaigns: Iterable[str]) -> NotRecorded:
        """The reason with the campaigns that lack it, at most five by name."""
        names = sorted(campaigns, key=lambda name: (len(name), name))
        more = f" … (+{len(names) - 5})" if len(names) > 5 else ""
        shown = ", ".join(names[:5]) + more
        return NotRecorded(
            Label(f"{self.reason.zh}（活动 {shown}）", f"{self.reason.en} (campaign {shown})")
            if shown
            else self.reason
        )


#: What figures may need of each chosen campaign.
RECORDS: dict[str, Record] = {
    key: Record(key, reason)
    for key, reason in (
        ("sends", Label("没有记录发给了谁", "Who received it was not recorded")),
        (
            "receipts",
            Label(
                "没有送达回执：sends.delivered_at 全部为空",
                "No receipts: sends.delivered_at is empty for these sends",
            ),
        ),
        (
            "message_cost",
            Label(
                "有已发送的消息没有记录成本：sends.cost_amount 为空",
                "No cost was recorded of a sent message: sends.cost_amount is empty",
            ),
        ),
        (
            "redemptions",
            Label("没有记录优惠券核销", "Coupon redemptions were not recorded"),
        ),
        (
            "goal",
            Label(
                "没有声明目标，转化未记录：campaigns.goal 为空",
                "No goal was declared, so conversions were not recorded: campaigns.goal is empty",
            ),
        ),
        (
            "revenue",
            Label(
                "有转化没有记录收入：outcomes.revenue_amount 为空",
                "No revenue was recorded of a conversion: outcomes.revenue_amount is empty",
            ),
        ),
        (
            "gain",
            Label(
                "没有记录收益：campaigns.gain 或 outcomes.gain_amount 为空",
                "Gain was not recorded: campaigns.gain or outcomes.gain_amount is empty",
            ),
        ),
        (
            "offer_cost",
            Label(
                "有转化没有记录优惠成本：outcomes.cost_amount 为空",
                "No offer cost was recorded of a conversion: outcomes.cost_amount is empty",
            ),
        ),
        (
            "fixed_cost",
            Label(
                "没有记录固定成本：campaigns.fixed_cost_amount 为空",
                "Fixed cost was not recorded: campaigns.fixed_cost_amount is empty",
            ),
        ),
    )
}
#: Gain of these campaigns cannot be added: some count margin, others revenue.
MIXED_GAIN = Undefined(
    Label(
        "所选活动的收益口径不同（毛利与收入），不能相加；请只选同一口径的活动。",
        "The chosen campaigns count gain differently (margin and revenue), so it cannot be added. "
        "Choose campaigns of one kind.",
    )
)
NOBODY = Undefined(Label("没有可以相除的人数或订单。", "There is nobody, or no basket, to divide by."))
NO_COST = Undefined(Label("成本为 0，不能相除。", "The cost is 0, so there is nothing to divide by."))
