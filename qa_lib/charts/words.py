"""The words on the charts, once, in both languages."""

from __future__ import annotations

from typing import Literal

from qa_lib.charts.person_words import PERSON_WORDS
from qa_lib.charts.screen_words import SCREEN_WORDS
from qa_lib.charts.stream_words import STREAM_WORDS
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
    "family": Label("标签族", "Family"),
    "tags": Label("标签数", "Tags"),
    "least": Label("最低", "Least"),
    "median": Label("中位数", "Median"),
    "most": Label("最高", "Most"),
    "verdict": Label("判断", "Verdict"),
    "coverage_before": Label("之前覆盖率", "Coverage before"),
    "coverage_now": Label("现在覆盖率", "Coverage now"),
    "foretold_rate": Label("预测概率", "Foretold"),
    "true_rate": Label("实际比例", "Came true"),
    "stage": Label("阶段", "Stage"),
    "stage_none": Label("未触达", "none"),
    "stage_awareness": Label("认知", "awareness"),
    "stage_interest": Label("兴趣", "interest"),
    "stage_purchase": Label("购买", "purchase"),
    "stage_loyalty": Label("忠诚", "loyalty"),
    "from_stage": Label("前一日", "The day before"),
    "to_stage": Label("当日", "This day"),
    # titles
    "title_family_coverage": Label("标签覆盖率：按标签族", "Coverage of tags by family"),
    "sub_family_coverage": Label(
        "共 {name} 个；点为中位数，灰条为最低到最高；右侧为标签数",
        "{name} in all; dot: median; bar: least to most covered; right: how many",
    ),
    "title_drift": Label("标签漂移：两次快照之间", "Drift of tags between two snapshots"),
    "title_aipl": Label("AIPL 各阶段人数：逐日", "People in each AIPL stage, day by day"),
    "sub_aipl": Label(
        "每人每日一个阶段，取最高；未触达者不画",
        "One stage a person and day, the highest; people in none are not drawn",
    ),
    "title_aipl_moves": Label("AIPL 流转：全部日子合计", "Moves between AIPL stages, all days together"),
    "sub_aipl_moves": Label("只计换了阶段的人次", "Only those who changed their stage"),
    "title_model_calibration": Label("{name}：预测与实际", "{name}: foretold and true"),
    "sub_model_calibration": Label(
        "AUC {auc}（90% 区间 {low} – {high}），{n} 人\n检验的是模型没有见过的下一段时间",
        "AUC {auc} (90% interval {low} – {high}), {n} people\nExamined on a later time that it had not seen",
    ),
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
    "identifier": Label("标识", "Identifier"),
    "title_identity_errors": Label("归到本人的标识", "Identifiers that found their person"),
    "sub_identity_errors": Label(
        "按出错的种类，与保留的真值比较", "By what went wrong, against the kept truth"
    ),
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
    # loads of sources
    "new_count": Label("新增", "New"),
    "replaced_count": Label("更新", "Replaced"),
    "left_count": Label("已有", "There already"),
    "skipped_count": Label("与此表无关", "Not for this table"),
    "reject_count": Label("拒收", "Rejected"),
    "fate": Label("去向", "What became of them"),
    "rows": Label("行数", "Rows"),
    "late": Label("迟到", "late"),
    "reject_reason": Label("原因", "Reason"),
    "example": Label("例子", "Example"),
    "before": Label("上次", "Before"),
    "drift": Label("稳定性指数 PSI", "Stability index (PSI)"),
    "title_loads": Label("读到的行去了哪里", "What became of the rows that were read"),
    "sub_loads": Label("最近一次装载，n 为读到的行数", "Newest load; n = rows read"),
    "title_rejects": Label("为什么拒收", "Why rows were rejected"),
    "title_moves": Label("{name}：覆盖率与分布的变化", "{name}: coverage and shape against the load before"),
    "sub_moves": Label(
        "实心为本次，空心为上次\n红色：PSI > 0.25，或覆盖率下降超过 5 个百分点",
        "Dot: this load; ring: the one before\nRed: PSI above 0.25, or coverage down by more than 5 points",
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
    # plan, rehearsal and result
    "metric": Label("指标", "Metric"),
    "rehearsed": Label("排练", "Rehearsed"),
    "band": Label("排练的 {level} 区间", "{level} band of the rehearsal"),
    "result": Label("结果", "Result"),
    "result_observed": Label("实际结果", "Observed result"),
    "result_replayed": Label("历史回放的结果", "Replayed result"),
    "within": Label("在区间内", "in the band"),
    "outside": Label("在区间外", "outside the band"),
    "not_compared": Label("不比较", "not compared"),
    "no_figure": Label("没有数字", "no figure"),
    "step": Label("步骤", "Step"),
    "dropped": Label("减少人数", "Kept back"),
    "remaining": Label("剩余人数", "Left"),
    "left": Label("剩 {count}", "{count} left"),
    "left_after": Label("剩 {count}，减去 {dropped}", "{count} left, {dropped} kept back"),
    "converters": Label("转化人数", "Converters"),
    "revenue": Label("转化日收入", "Revenue of converters"),
    "reached_n": Label("n 为触达人数", "n = people reached"),
    "title_plan_funnel": Label("计划：从全部人到将发送的人", "Plan: from everybody to who is sent to"),
    "sub_plan_funnel": Label(
        "深色为剩下的人，浅色为因该原因不发送的人\n每人只算第一个原因",
        "Dark: who is left; pale: whom the reason keeps back\nA person carries the first reason only",
    ),
    "title_review_dots": Label("排练与结果", "Rehearsal and result"),
    "sub_review_dots": Label(
        "浅带为排练的 {level} 区间，竖线为排练均值\n● 结果在区间内　◆ 在区间外；每个指标用自己的刻度",
        "Pale bar: {level} band of the rehearsal; tick: its mean\n"
        "● result in the band, ◆ outside it; each metric has its own scale",
    ),
    "title_review_converters": Label("累计转化人数", "Converters so far"),
    "title_review_revenue": Label("累计转化日收入", "Revenue of converters so far"),
    "sub_review_lines": Label(
        "浅带为排练的 {level} 区间；结果画到数据所及的日子",
        "Pale: {level} band of the rehearsal; the result is drawn as far as the data go",
    ),
    "title_review_segments": Label("转化率：按{name}", "Conversion rate by {name}"),
    "sub_review_segments": Label(
        "浅带为排练的 {level} 区间，竖线为均值\n● 结果在区间内　◆ 在区间外；n 为触达人数",
        "Pale bar: {level} band of the rehearsal; tick: its mean\n"
        "● result in the band, ◆ outside it; n = people reached",
    ),
    # audiences as sets
    "other_audience": Label("与人群", "With audience"),
    "share_of_row": Label("占本行人群", "Share of the row's audience"),
    "exactly_in": Label("恰好属于", "In exactly"),
    "and": Label("、", ", "),
    "title_overlap": Label("人群重合", "How audiences overlap"),
    "sub_overlap": Label(
        "格内为同时属于两个人群的人数，及其占本行人群的比例",
        "Each cell: people in both, and their share of the row's audience",
    ),
    "title_upset": Label("人群的组合", "Combinations of audiences"),
    "sub_upset": Label(
        "每列为恰好属于这些人群的人数，各列相加等于并集\n名称后为人群总人数",
        "Each column: people in exactly these audiences; columns add up to the union\nBeside a name: the audience's size",
    ),
    "upset_left_out": Label("未显示的组合共 {n} 人", "Combinations not shown: {n} people"),
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
    # the review of one campaign
    "review": Label("计划、排练与结果", "Plan, rehearsal and result"),
    "plan": Label("计划", "Plan"),
    "planned_as_of": Label("计划截至", "Planned as of"),
    "window": Label("活动窗口", "Window"),
    "learnt_from": Label("排练的依据", "What the rehearsal learnt from"),
    "goal": Label("目标", "Goal"),
    "to_be_sent": Label("将发送", "To be sent"),
    "of_audience": Label("人群 {count} 人", "of {count} in the audience"),
    "message_cost": Label("消息成本", "Message cost"),
    "message_cost_about": Label("含固定成本", "with the fixed cost"),
    "expected_cost": Label("预期成本", "Expected cost"),
    "expected_cost_about": Label("按计划中的假设", "at the plan's assumptions"),
    "worst_case": Label("最坏成本", "Worst-case cost"),
    "worst_case_about": Label("所有人都把优惠用足", "everybody uses the offer to the full"),
    "unbounded": Label("没有上限", "no bound"),
    "unbounded_about": Label("优惠没有最大金额", "the offer has no largest discount"),
    "reason": Label("不发送的原因", "Why not sent to"),
    "nobody_kept_back": Label("人群中每个人都将发送", "everybody in the audience is to be sent to"),
    "by_channel": Label("按渠道", "By channel"),
    "channel": Label("渠道", "Channel"),
    "every_figure": Label("全部指标", "Every metric"),
    "compared": Label("比较", "Compared"),
    "no_result_yet": Label("尚无结果", "no result yet"),
    "no_rehearsal_yet": Label("尚未排练", "not rehearsed"),
    "show_segment": Label("只看", "Show only"),
    "review_hint": Label(
        "选择或点击一个分群，数字、曲线和表格只算这些人；分母也只算他们。",
        "Choose or click a segment: figures, lines and tables are then of these people alone, denominators too.",
    ),
    "whose_evidence": Label("{whose} · {claim}", "{whose} · {claim}"),
    "tell_no_plan": Label(
        "这个工作区里还没有计划。用 qa plan 活动文件 做一个计划，再打开本页。",
        "No plan is kept in this workspace yet. Make one with `qa plan CAMPAIGN`, then open this page again.",
    ),
    "tell_past": Label("过去的活动：", "Campaigns of the past:"),
    "tell_not_rehearsed": Label(
        "这个计划还没有排练，所以没有区间可比。用 qa simulate {plan} 排练。",
        "This plan was not rehearsed, so there is no band to compare with. Rehearse it with `qa simulate {plan}`.",
    ),
    "tell_no_result_observed": Label(
        "这次活动还没有结果。用 qa send {plan} 发送；有了回执和订单后重新构建（qa build）。",
        "There is no result of this campaign yet. Send it with `qa send {plan}`; build again (`qa build`) when "
        "receipts and orders have come in.",
    ),
    "tell_no_result_replayed": Label(
        "这个计划还没有对照历史回放。用 qa send {plan} --replay 活动编号 回放，不联系任何人。",
        "This plan was not replayed against history yet. Replay it with `qa send {plan} --replay CAMPAIGN`; "
        "nobody is contacted.",
    ),
    "tell_not_begun": Label(
        "结果的数据截至 {as_of}，活动于 {starts_on} 开始：还没有可算的结果。之后重新构建（qa build）。",
        "The data end at {as_of} and the campaign begins on {starts_on}: there is no result to count yet. Build "
        "again later (`qa build`).",
    ),
    "tell_window_open": Label(
        "活动窗口未结束（至 {ends_on}），数据截至 {as_of}：结果还会增加，不宜与整个活动的排练相比。"
        "结束后重新构建（qa build）。",
        "The campaign's window is still open (ends {ends_on}) and the data end at {as_of}: the result will grow, and "
        "the rehearsal is of the whole campaign. Build again when it is over (`qa build`).",
    ),
    "tell_other_rehearsal": Label(
        "保存的排练属于另一个计划 {other}，不是本计划。用 qa simulate {plan} 重新排练。",
        "The rehearsal that is kept is of another plan, {other}, not of this one. Rehearse again with "
        "`qa simulate {plan}`.",
    ),
    "tell_other_result": Label(
        "结果属于按另一个计划 {other} 执行的发送，不是本计划。",
        "The result is of sends by another plan, {other}, not of this one.",
    ),
    "tell_nobody": Label("所选的人里没有收到这次活动的人。", "Nobody of those chosen is in this campaign."),
}

for _words in (SCREEN_WORDS, PERSON_WORDS, STREAM_WORDS):
    assert not _words.keys() & _WORDS.keys(), _words.keys() & _WORDS.keys()
    _WORDS |= _words


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
