"""The redemption model on campaigns that ran: predicted from what was known before each, then compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score

from qa_lib.errors import NothingBuilt, SpecError
from qa_lib.intervals import LEVEL
from qa_lib.simulate.campaign_effect import CampaignEffect
from qa_lib.simulate.features import WINDOW_DAYS, campaign_features
from qa_lib.simulate.model import PENALTY_C, RedemptionModel
from qa_lib.simulate.montecarlo import simulate_campaign
from qa_lib.simulate.teaching import (
    LEAST_HISTORY_DAYS,
    campaign_facts,
    learnt,
    local_day,
    may_teach,
    observed_campaigns,
    teaching_rows,
)
from qa_lib.tables import Label
from qa_lib.workspace import Snapshot

#: Equal-count bins of the calibration.
BINS = 10
EVIDENCE = Label(
    "回测：每个活动只用开始前的数据、只由此前已结束的活动学得，再与实际核销比较。"
    "这检验对收到者的预测；没有对照组，不检验活动带来的增量。",
    "Backtest: each campaign is predicted from data before its start, by a model of campaigns that had ended by "
    "then, and compared with what happened. It checks predictions for recipients; without a holdout it says "
    "nothing of what a campaign adds.",
)


@dataclass(frozen=True, eq=False)
class Backtest:
    """The answer of `backtest`.

    Attributes
    ----------
    campaigns : pandas.DataFrame
        One row per tested campaign: `campaign_id`, `campaign_type`, `starts_on`, `ends_on`,
        `training_campaign_count`, `targeted`, `redeemers` (observed), `predicted`, `low`, `high` (band with
        the campaign effect), `people_low`, `people_high` (band without), `type_average` (the baseline's
        prediction), `auc` (within the campaign), `campaign_sd`.
    left_out : pandas.DataFrame
        The campaigns that were not tested: `campaign_id`, `campaign_type`, `starts_on`, `ends_on`,
        `targeted`, `reason_zh`, `reason_en`.
    scores : pandas.DataFrame
        One row per score: `score`, `label_zh`, `label_en`, `value`, `bar` (in words, empty where none is set),
        `is_met` (missing where no bar is set).
    calibration : pandas.DataFrame
        Ten bins of equal count over all tested people: `bin`, `people_count`, `predicted_rate`,
        `observed_rate`.
    people : pandas.DataFrame
        `campaign_id`, `person_id`, `probability`, `is_redeemer`.
    level, random_state, least_training_campaigns
        As given.
    evidence : Label
        What kind of claim this is, in both languages.
    """

    campaigns: pd.DataFrame
    left_out: pd.DataFrame
    scores: pd.DataFrame
    calibration: pd.DataFrame
    people: pd.DataFrame
    level: float
    random_state: int
    least_training_campaigns: int
    evidence: Label = EVIDENCE

    def score(self, name: str) -> float:
        """The value of one score."""
        rows = self.scores.loc[self.scores["score"] == name, "value"]
        if rows.empty:
            raise SpecError(f"Unknown score {name!r}. Known: {', '.join(self.scores['score'])}.")
        return float(rows.iloc[0])


def backtest(
    snapshot: Snapshot,
    *,
    least_training_campaigns: int = 9,
    window_days: int = WINDOW_DAYS,
    C: float = PENALTY_C,
    draw_count: int = 2_000,
    level: float = LEVEL,
    random_state: int = 0,
) -> Backtest:
    """Predict every fully observed campaign from its past and compare.

    A campaign is *tested* when it begins at least 28 days after the data, its window ended before the data do,
    and at least `least_training_campaigns` such campaigns had ended before it starts: these it is learnt
    from. A redemption is known when its day is over, so a campaign that ends on the eve may teach.

    Parameters
    ----------
    least_training_campaigns
        At least 1.
    window_days, C
        Of `campaign_features` and `RedemptionModel`; fixed for all campaigns, never fitted to their outcomes.
    draw_count
        Draws of each band.
    level
        Coverage of the bands.
    random_state
        Seeds the draws and the permutation of the placebo.

    Raises
    ------
    NothingBuilt
        When no campaign can be tested.
    SpecError
        When fewer than one training campaign is asked for.
    """
    if least_training_campaigns < 1:
        raise SpecError(
            f"{least_training_campaigns} training campaigns: at least one is needed to learn from."
        )
    frame = observed_campaigns(snapshot, window_days=window_days)
    facts = _facts(frame, snapshot, least_training_campaigns)
    tested = facts[facts["reason_en"] == ""]
    if tested.empty:
        why = "; ".join(sorted(set(facts["reason_en"]))) or "none has begun"
        raise NothingBuilt(
            f"No campaign of snapshot {snapshot.version} can be tested: {why}. Lower least_training_campaigns, "
            "or land a longer history."
        )
    rows, people = [], []
    for one in tested.itertuples():
        now = frame[frame["campaign_id"] == one.campaign_id]
        fitted = learnt(teaching_rows(frame, facts, one.starts_on), C=C)
        found = now[["campaign_id", "person_id", "is_redeemer"]].assign(
            probability=fitted.predict_proba(now)[:, 1]
        )
        rows.append(_row(one, now, found, fitted, draw_count, level, random_state))
        people.append(found)
    campaigns = pd.DataFrame(rows)
    pooled = pd.concat(people, ignore_index=True)
    bins = calibration_bins(pooled["probability"], pooled["is_redeemer"])
    placebo = _placebo(frame, facts, tested, C, random_state)
    left_out = facts[facts["reason_en"] != ""].drop(columns=["training_campaign_count"])
    return Backtest(
        campaigns,
        left_out.reset_index(drop=True),
        _scores(campaigns, pooled, bins, placebo, level),
        bins,
        pooled[["campaign_id", "person_id", "probability", "is_redeemer"]],
        level,
        random_state,
        least_training_campaigns,
    )


def most_training_campaigns(snapshot: Snapshot) -> int:
    """How many ended campaigns the best supplied testable campaign can learn from; at least 1."""
    # only the campaigns' days are read here, for which the shortest window is enough
    facts = _facts(campaign_features(snapshot, window_days=1), snapshot, 1)
    return max([1, *facts.loc[facts["reason_en"] == "", "training_campaign_count"]])


def calibration_bins(probability: ArrayLike, outcome: ArrayLike, *, bins: int = BINS) -> pd.DataFrame:
    """Predicted and observed rates of people in bins of equal count, from the least likely to the most.

    Equal probabilities keep their order, so bins differ by one person at most. The expected calibration
    error is the mean of |predicted − observed|, weighted by people.
    """
    p, y = np.asarray(probability, dtype=float), np.asarray(outcome, dtype=float)
    rows = [
        (number + 1, len(part), float(p[part].mean()), float(y[part].mean()))
        for number, part in enumerate(np.array_split(np.argsort(p, kind="stable"), bins))
        if len(part)
    ]
    return pd.DataFrame(rows, columns=["bin", "people_count", "predicted_rate", "observed_rate"])


def _facts(frame: pd.DataFrame, snapshot: Snapshot, least: int) -> pd.DataFrame:
    today = local_day(snapshot)
    facts = campaign_facts(frame, today)
    reasons, counts = [], []
    for one in facts.itertuples():
        count = int(may_teach(facts, one.starts_on).sum())
        counts.append(count)
        reasons.append(_reason(one, today, count, least))
    facts["training_campaign_count"] = counts
    facts["reason_zh"] = [r.zh for r in reasons]
    facts["reason_en"] = [r.en for r in reasons]
    return facts.drop(columns=["history_days"])


def _reason(one: Any, today: pd.Timestamp, count: int, least: int) -> Label:
    if one.ends_on >= today:
        return Label("被数据末尾截断：窗口未结束", "cut off by the data's end: its window had not closed")
    if one.history_days <= 0:
        return Label("开始于数据之前", "began before the data")
    if one.history_days < LEAST_HISTORY_DAYS:
        return Label(
            f"开始前的历史不足 {LEAST_HISTORY_DAYS} 天",
            f"less than {LEAST_HISTORY_DAYS} days of history before it",
        )
    if count < least:
        return Label(
            f"此前已结束的活动只有 {count} 个，少于 {least} 个",
            f"only {count} of the {least} campaigns to learn from had ended before it",
        )
    return Label("", "")


def _row(
    one: Any,
    now: pd.DataFrame,
    found: pd.DataFrame,
    model: RedemptionModel,
    draws: int,
    level: float,
    seed: int,
) -> dict[str, Any]:
    bands = [
        simulate_campaign(found, effect, draw_count=draws, level=level, random_state=seed).band("redeemers")
        for effect in (model.campaign_effect_, CampaignEffect.known(0))
    ]
    return {
        "campaign_id": one.campaign_id,
        "campaign_type": one.campaign_type,
        "starts_on": one.starts_on,
        "ends_on": one.ends_on,
        "training_campaign_count": one.training_campaign_count,
        "targeted": len(found),
        "redeemers": int(found["is_redeemer"].sum()),
        "predicted": float(found["probability"].sum()),
        "low": bands[0][1],
        "high": bands[0][2],
        "people_low": bands[1][1],
        "people_high": bands[1][2],
        "type_average": float(model.predict_type_average(now).sum()),
        "auc": _auc(found["is_redeemer"], found["probability"]),
        "campaign_sd": model.campaign_effect_.sd,
    }


def _placebo(frame: pd.DataFrame, facts: pd.DataFrame, tested: pd.DataFrame, C: float, seed: int) -> float:
    """AUC within campaigns when outcomes are shuffled within each campaign, everything else being the same."""
    rng = np.random.default_rng(seed)
    shuffled = frame.copy()
    shuffled["is_redeemer"] = shuffled.groupby("campaign_id", sort=False)["is_redeemer"].transform(
        lambda y: rng.permutation(y.to_numpy())
    )
    values, weights = [], []
    for one in tested.itertuples():
        past = teaching_rows(shuffled, facts, one.starts_on)
        now = shuffled[shuffled["campaign_id"] == one.campaign_id]
        y = now["is_redeemer"]
        values.append(_auc(y, learnt(past, C=C).predict_proba(now)[:, 1]))
        weights.append(int(y.sum()) * int((~y).sum()))
    pairs = np.array(weights, dtype=float)
    return float(np.nansum(np.array(values) * pairs) / pairs.sum()) if pairs.sum() else float("nan")


def _scores(
    campaigns: pd.DataFrame, people: pd.DataFrame, bins: pd.DataFrame, placebo: float, level: float
) -> pd.DataFrame:
    seen = campaigns["redeemers"]
    total = max(int(seen.sum()), 1)
    error = float((campaigns["predicted"] - seen).abs().sum()) / total
    baseline = float((campaigns["type_average"] - seen).abs().sum()) / total
    ratio = float(campaigns["predicted"].sum()) / total
    gaps = (bins["predicted_rate"] - bins["observed_rate"]).abs()
    ece = float(np.average(gaps, weights=bins["people_count"]))
    auc = _auc(people["is_redeemer"], people["probability"])
    with_effect = float(seen.between(campaigns["low"], campaigns["high"]).mean())
    without = float(seen.between(campaigns["people_low"], campaigns["people_high"]).mean())
    percent = f"{level:.0%}"
    rows: list[tuple[str, str, str, float, str, bool | None]] = [
        ("auc", "AUC（合并）", "AUC, pooled", auc, "≥ 0.80", auc >= 0.80),
        ("total_ratio", "预测 / 实际核销人数", "Predicted / observed redeemers", ratio, "0.90 – 1.10",
         abs(ratio - 1) <= 0.10),
        ("error", "按活动的绝对误差", "Absolute error by campaign", error, f"< {baseline:.3f}", error < baseline),
        ("baseline_error", "同上：类型平均", "The same: type average", baseline, "", None),
        ("calibration_error", f"校准误差（{BINS} 等分）", f"Calibration error, {BINS} bins", ece, "≤ 0.03",
         ece <= 0.03),
        ("coverage", f"{percent} 区间覆盖（含活动效应）", f"{percent} band covers, with campaign effect",
         with_effect, "", None),
        ("people_coverage", f"{percent} 区间覆盖（仅个人）", f"{percent} band covers, people only", without, "", None),
        ("placebo_auc", "安慰剂 AUC（打乱结果）", "Placebo AUC, outcomes shuffled", placebo, "0.45 – 0.55",
         abs(placebo - 0.5) <= 0.05),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["score", "label_zh", "label_en", "value", "bar", "is_met"])
    frame["is_met"] = frame["is_met"].astype("boolean")
    return frame


def _auc(outcome: pd.Series, probability: pd.Series | NDArray[np.float64]) -> float:
    if outcome.nunique() < 2:
        return float("nan")
    return float(roc_auc_score(outcome, probability))
