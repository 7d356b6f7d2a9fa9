"""The words on the charts, once, in both languages."""

from __future__ import annotations

from typing import Literal

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.tables import Label

Language = Literal["zh", "en"]

_WORDS: dict[str, Label] = {
    "campaign": Label("活动", "Campaign"),
    "campaign_type": Label("活动类型", "Campaign type"),
    "starts_on": Label("开始", "Starts"),
    "ends_on": Label("结束", "Ends"),
    "targeted": Label("目标人数", "Targeted people"),
    "redeemers": Label("核销人数", "Redeemers"),
    "redemptions": Label("核销次数", "Redemptions"),
    "redemption_rate": Label("核销率", "Redemption rate"),
    "interval": Label("90% 区间", "90% interval"),
    "low": Label("区间下限", "Interval from"),
    "high": Label("区间上限", "to"),
    "note": Label("备注", "Note"),
    "day": Label("日期", "Day"),
    "week": Label("周（周一）", "Week from Monday"),
    "group": Label("分群", "Group"),
    "people": Label("人数", "People"),
    "share": Label("占比", "Share"),
    "recorded": Label("有记录", "Recorded"),
    "not_recorded": Label("未记录", "Not recorded"),
    "column": Label("字段", "Column"),
    "tag": Label("标签", "Tag"),
    "coverage": Label("覆盖率", "Coverage"),
    "spend": Label("消费额", "Spend"),
    "orders": Label("订单数", "Orders"),
    "buyers": Label("购买人数", "Buyers"),
    "audience": Label("人群", "Audience"),
    "base": Label("全体", "Everybody"),
    "tgi": Label("TGI", "TGI"),
    "value": Label("取值", "Value"),
    "as_of": Label("数据截至", "Data as of"),
    "more": Label("其余", "Others"),
    # titles
    "title_campaigns": Label("各活动核销率", "Redemption rate by campaign"),
    "sub_campaigns": Label(
        "核销人数 / 目标人数；横线为 90% 区间\n浅色空心：不完整（窗口未结束或早于数据）",
        "Redeemers / targeted people, with 90% interval\nHollow: incomplete (window open, or began before the data)",
    ),
    "title_over_time_week": Label("每周核销次数", "Coupons redeemed per week"),
    "title_over_time_day": Label("每日核销次数", "Coupons redeemed per day"),
    "sub_over_time": Label("首尾不足整周的以浅色表示", "Weeks that the data cover in part are pale"),
    "title_segments": Label("核销率：按{name}", "Redemption rate by {name}"),
    "sub_segments": Label(
        "横线为 90% 区间，n 为目标人数\n标签取快照时刻的值（在活动之后）",
        "With 90% interval; n = targeted people\nTags are as of the snapshot, after the campaigns",
    ),
    "title_calendar": Label("活动日历", "Campaign calendar"),
    "sub_calendar": Label(
        "条长为活动窗口，n 为目标人数；浅色空心：不完整",
        "Each bar is a campaign's window; n = targeted people. Hollow: incomplete",
    ),
    "title_histogram": Label("{name}的分布", "Distribution of {name}"),
    "title_coverage": Label("{name}：各字段有记录的比例", "{name}: share of rows recorded, by column"),
    "title_tags": Label("标签覆盖率", "Tag coverage"),
    "sub_tags": Label("有值的人 / 全部人", "People with a value / all people"),
    "title_heat": Label("核销率：活动类型 × {name}", "Redemption rate: campaign type × {name}"),
    "sub_heat": Label(
        "格内为核销率与目标人数 n；n 少于 {few} 的格子不着色",
        "Each cell: rate and n targeted people; cells with n below {few} are not coloured",
    ),
    "title_rfm": Label("RFM 八分群", "The eight RFM segments"),
    "sub_rfm": Label(
        "人数与占比；R 近度、F 频度、M 额度，H 高 L 低",
        "People and share. R recency, F frequency, M monetary; H high, L low",
    ),
    "title_spend_week": Label("每周消费额", "Spend per week"),
    "title_spend_day": Label("每日消费额", "Spend per day"),
    "title_breakdown": Label("{name}：人群与全体", "{name}: audience and everybody"),
    "sub_breakdown": Label(
        "TGI = 人群占比 / 全体占比 × 100；浅色：区间含 100",
        "TGI = audience share / base share × 100; pale: the interval holds 100",
    ),
    "sub_breakdown_controlled": Label(
        "TGI = 人群占比 / 全体占比 × 100；浅色：控制假发现（5%）后差异不成立",
        "TGI = audience share / base share × 100; pale: does not stand at a false discovery rate of 5%",
    ),
    # one audience
    "condition": Label("条件", "Condition"),
    "after_step": Label("此步之后人数", "People after this step"),
    "change": Label("变化", "Change"),
    "by_itself": Label("单独满足的人数", "People it selects by itself"),
    "only_out": Label("仅因此条被排除的人数", "People only this keeps out"),
    "only_in": Label("仅因此条入选的人数", "People only this lets in"),
    "effect_size": Label("差异（全体标准差的倍数）", "Difference, in standard deviations of the base"),
    "q_value": Label("q 值（控制假发现）", "q-value (false discovery rate)"),
    "base_to_audience": Label("全体 → 人群", "Everybody → audience"),
    "source": Label("来源", "Source"),
    "source_snapshot": Label("当时的快照", "snapshot of then"),
    "source_events": Label("由事件重算", "counted from events"),
    "title_cuts": Label("各条件对人数的影响", "What each condition does to the size"),
    "sub_cuts": Label(
        "影响最大的条件在前；浅色为该步排除的人", "Most effect first; pale: people cut by the step"
    ),
    "sub_adds": Label(
        "影响最大的条件在前；浅色为该步增加的人", "Most effect first; pale: people added by the step"
    ),
    "title_differing": Label("与全体差异最大的标签", "Tags that differ most from everybody"),
    "sub_differing": Label(
        "条长为差异 / 全体标准差，文字为全体 → 人群\n浅色：控制假发现（5%）后不成立",
        "Bar: difference in standard deviations of the base; words: everybody → audience\nPale: does not stand at a false discovery rate of 5%",
    ),
    "title_membership": Label("人群规模的变化", "Size of the audience over time"),
    "sub_membership": Label(
        "实心：当时的快照；空心：由事件按当时重算（UTC）",
        "Filled: snapshot of then; hollow: counted from events (UTC)",
    ),
    # the backtest
    "observed": Label("实际核销人数", "Observed redeemers"),
    "predicted": Label("预测", "Predicted"),
    "type_average": Label("类型平均", "Type average"),
    "people_band": Label("仅个人的区间", "Band, people only"),
    "predicted_rate": Label("预测核销率", "Predicted rate"),
    "observed_rate": Label("实际核销率", "Observed rate"),
    "title_backtest": Label("回测：预测与实际核销人数", "Backtest: predicted and observed redeemers"),
    "sub_backtest": Label(
        "圆点实际，横短线预测，× 为类型平均\n浅带为 {level} 区间（含活动效应），深带只含个人差异",
        "Dot: observed; tick: predicted; ×: type average\nPale: {level} band with campaign effect; dark: people only",
    ),
    "title_backtest_calibration": Label(
        "校准：预测核销率与实际核销率", "Calibration: predicted and observed rate"
    ),
    "sub_backtest_calibration": Label(
        "按预测从低到高等分十组；虚线为完全一致，竖线为实际的 90% 区间",
        "Ten groups of equal size by prediction; dashed: perfect, bars: 90% interval of the observed",
    ),
    # the dashboard
    "dashboard": Label("活动效果描述", "Campaign results"),
    "all_campaigns": Label("全部活动", "All campaigns"),
    "all_people": Label("全部人", "Everybody"),
    "segment_by": Label("分群依据", "Compare by"),
    "segment": Label("分群", "Segment"),
    "filters": Label("当前筛选", "Filters"),
    "no_filter": Label("无（全部活动、全部人）", "none (all campaigns, everybody)"),
    "filter_note": Label(
        "筛选同时作用于目标人数与核销人数", "A filter holds for targeted people and redeemers alike"
    ),
    "clear": Label("清除", "Clear"),
    "language": Label("语言", "Language"),
    "snapshot": Label("快照", "Snapshot"),
    "incomplete": Label("不完整的活动", "Incomplete campaigns"),
    "not_attributed": Label("所有订单，不是活动带来的", "All their baskets; not tied to campaigns"),
    "none": Label("无", "none"),
    "complete": Label("完整", "complete"),
    "hint": Label(
        "点击活动或分群即可筛选全部图表；再次点击或点击空白处取消。",
        "Click a campaign or a segment to filter everything; click it again, or beside it, to clear.",
    ),
}


def say(key: str, language: str = "zh", **names: str) -> str:
    """The words of that key in one language, with `{names}` filled in."""
    check_language(language)
    label = _WORDS[key]
    return (label.zh if language == "zh" else label.en).format(**names)


def pick(label: tuple[str, str], language: str) -> str:
    """One language of a label in both."""
    check_language(language)
    return label[0] if language == "zh" else label[1]


def check_language(language: str) -> None:
    """Refuse a language that the labels do not have."""
    if language not in ("zh", "en"):
        raise UnknownName(f"Unknown language {language!r}.{did_you_mean(language, ('zh', 'en'))}")
