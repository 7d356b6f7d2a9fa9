"""What a send list may bring: people and whole campaigns drawn together, with bands for every figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from qa_lib.errors import ContractBroken, DataError, SpecError, did_you_mean
from qa_lib.intervals import LEVEL
from qa_lib.simulate.campaign_effect import CampaignEffect
from qa_lib.simulate.draws import Drawn, basket_noise, campaign_effects, draw_people
from qa_lib.tables import Label

#: What every predicted figure carries.
EVIDENCE = Label(
    "预测：由过去活动中收到者的核销学得，说的是收到的人里谁会核销。没有对照组，不是活动带来的增量。",
    "Prediction: learnt from who redeemed among the recipients of past campaigns. No holdout: it says who "
    "redeems among those who receive it, not what the campaign adds.",
)
_LABELS = {
    "targeted": Label("目标人数", "Targeted people"),
    "reached": Label("触达人数", "Reached people"),
    "reach_rate": Label("触达率", "Reach rate"),
    "redeemers": Label("核销人数", "Redeemers"),
    "redeemer_basket_amount": Label("核销者小票金额", "Revenue of redeemers' baskets"),
    "cost_amount": Label("成本", "Cost"),
    "roi": Label("投资回报率 ROI", "ROI"),
}
_NO_RECEIPTS = Label(
    "未记录：没有给出送达率；其余各项按名单上的人都收到计算",
    "Not recorded: no delivery rate was stated; the other figures take everybody listed as reached",
)
_NO_BASKETS = Label("未记录：没有给出小票金额", "Not recorded: no basket value was given")
_NO_COST = Label("未记录：没有给出任何成本", "Not recorded: no cost was given")
_NO_ROI = Label("未记录：缺少小票金额或成本", "Not recorded: it needs basket values and costs")
_FREE = Label("成本可能为零，不能相除", "The cost can be zero, so it cannot be divided by")


@dataclass(frozen=True, eq=False)
class Simulation:
    """The answer of `simulate_campaign`.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per figure: `figure`, `label_zh`, `label_en`, `mean`, `low`, `high` (missing where there is
        none) and `note_zh`, `note_en`, which say why, or what gain is.
    draws : pandas.DataFrame
        One row per draw, one column per figure that there is; the same row is one world.
    level
        Share of the draws between `low` and `high`.
    random_state
        The seed.
    campaign_sd
        Expected standard deviation of whole campaigns, on the logit.
    evidence : Label
        What kind of claim the figures are, in both languages.
    """

    frame: pd.DataFrame
    draws: pd.DataFrame
    level: float
    random_state: int
    campaign_sd: float
    evidence: Label = EVIDENCE

    def band(self, figure: str) -> tuple[float, float, float]:
        """Mean, low and high of one figure; all NaN where it was not recorded."""
        rows = self.frame[self.frame["figure"] == figure]
        if rows.empty:
            raise SpecError(f"Unknown figure {figure!r}.{did_you_mean(figure, self.frame['figure'])}")
        return tuple(rows[["mean", "low", "high"]].iloc[0].astype(float))  # type: ignore[return-value]


def simulate_campaign(
    people: pd.DataFrame,
    effect: CampaignEffect,
    *,
    draw_count: int = 1_000,
    random_state: int = 0,
    level: float = LEVEL,
    delivery_rate: float | None = None,
    message_cost: float | None = None,
    fixed_cost: float | None = None,
    margin_rate: float | None = None,
    basket_cv: float = 0.0,
) -> Simulation:
    """Draw a campaign many times over a send list.

    In each draw the campaign has one effect on everybody's logit; each person then is reached with the
    delivery rate and, if reached, redeems with their own probability under that effect. Every figure is
    computed within the draw, so a band of ROI carries response, baskets and cost together.

    Parameters
    ----------
    people
        One row per person to be sent: `person_id`, `probability` (of redeeming when reached); optional
        `basket_amount` (expected value of a redeemer's basket) and `cost_amount` (expected cost of a
        redemption), in the account currency. With a campaign effect the probability is taken as that of
        a campaign whose effect is 0; the mean over campaigns then lies a little closer to one half.
    effect
        From `RedemptionModel.campaign_effect_`, or `CampaignEffect.known(0)` for none.
    draw_count
        How many worlds.
    random_state
        Seed: the same number and the same rows draw the same people, whatever the machine's memory.
    delivery_rate
        Stated share of people whom a message reaches; None when it is not recorded.
    message_cost, fixed_cost
        Per person on the list, and per campaign; None when not recorded.
    margin_rate
        Share of the basket's value that is gain; None takes revenue as the gain, and the note says so.
    basket_cv
        Coefficient of variation of a basket around its expectation.

    Returns
    -------
    Simulation

    Raises
    ------
    ContractBroken
        When a column is missing.
    DataError
        When the list is empty, has somebody twice, or holds a value that cannot be.
    SpecError
        When a parameter cannot be.

    Notes
    -----
    Memory is that of the list and 16 MB: a million people and a thousand draws go through in blocks. Basket
    values of a draw's redeemers vary as a normal sum with the variance `cv² Σ basket²`, which needs a few
    dozen redeemers to be good; it is cut at 0.
    """
    _check(people, draw_count, level, delivery_rate, message_cost, fixed_cost, margin_rate, basket_cv)
    effects = campaign_effects(effect, draw_count, random_state)
    p = people["probability"].to_numpy(dtype=float)
    basket = _amounts(people, "basket_amount")
    weights = np.column_stack([basket, basket**2, _amounts(people, "cost_amount")]).astype(np.float32)
    sums = _Sums.zeros(draw_count)
    with threadpool_limits(limits=1, user_api="blas"):  # sums do not depend on the number of cores
        for part in draw_people(p, effects, delivery_rate=delivery_rate, random_state=random_state):
            sums.add(part, weights[part.people])
    draws = pd.DataFrame({"targeted": np.full(draw_count, float(len(p)))})
    notes: dict[str, Label] = {}
    if delivery_rate is None:
        notes["reached"] = notes["reach_rate"] = _NO_RECEIPTS
    else:
        draws["reached"] = sums.reached
        draws["reach_rate"] = sums.reached / len(p)
    draws["redeemers"] = sums.redeemers
    has_basket = "basket_amount" in people
    if has_basket:
        noise = basket_noise(draw_count, random_state)
        draws["redeemer_basket_amount"] = np.maximum(
            sums.basket + basket_cv * np.sqrt(sums.basket_squared) * noise, 0
        )
    else:
        notes["redeemer_basket_amount"] = _NO_BASKETS
    has_cost = "cost_amount" in people or message_cost is not None or fixed_cost is not None
    if has_cost:
        draws["cost_amount"] = sums.cost + (message_cost or 0) * len(p) + (fixed_cost or 0)
    else:
        notes["cost_amount"] = _NO_COST
    if not (has_basket and has_cost):
        notes["roi"] = _NO_ROI
    elif (draws["cost_amount"] <= 0).any():
        notes["roi"] = _FREE
    else:
        gain = draws["redeemer_basket_amount"] * (1 if margin_rate is None else margin_rate)
        draws["roi"] = (gain - draws["cost_amount"]) / draws["cost_amount"]
        notes["roi"] = _gain(margin_rate)
    return Simulation(_bands(draws, notes, level), draws, level, random_state, effect.sd)


@dataclass
class _Sums:
    reached: NDArray[np.float64]
    redeemers: NDArray[np.float64]
    basket: NDArray[np.float64]
    basket_squared: NDArray[np.float64]
    cost: NDArray[np.float64]

    @classmethod
    def zeros(cls, count: int) -> _Sums:
        return cls(*(np.zeros(count) for _ in range(5)))

    def add(self, part: Drawn, weights: NDArray[np.float32]) -> None:
        """Some draws of some people; `weights` of shape (n_people, 3) holds basket, its square, cost."""
        if part.reached is not None:
            self.reached[part.draws] += part.reached.sum(axis=1)
        # exact: the float32 product is not, over many people
        self.redeemers[part.draws] += part.redeems.sum(axis=1)
        totals = part.redeems.astype(np.float32) @ weights
        self.basket[part.draws] += totals[:, 0]
        self.basket_squared[part.draws] += totals[:, 1]
        self.cost[part.draws] += totals[:, 2]


def _bands(draws: pd.DataFrame, notes: dict[str, Label], level: float) -> pd.DataFrame:
    rows = []
    for figure, label in _LABELS.items():
        note = notes.get(figure, Label("", ""))
        mean = low = high = np.nan
        if figure in draws:
            values = draws[figure]
            mean = float(values.mean())
            low, high = (float(v) for v in np.quantile(values, [(1 - level) / 2, (1 + level) / 2]))
        rows.append((figure, label.zh, label.en, mean, low, high, note.zh, note.en))
    names = ["figure", "label_zh", "label_en", "mean", "low", "high", "note_zh", "note_en"]
    return pd.DataFrame(rows, columns=names)


def _gain(margin_rate: float | None) -> Label:
    if margin_rate is None:
        return Label(
            "（收益 − 成本）/ 成本；收益为核销者小票金额，不是增量",
            "(gain − cost) / cost; gain is the revenue of redeemers' baskets, not what was added",
        )
    return Label(
        f"（收益 − 成本）/ 成本；收益为毛利，毛利率 {margin_rate:.1%}，不是增量",
        f"(gain − cost) / cost; gain is margin at {margin_rate:.1%}, not what was added",
    )


def _amounts(people: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return people[name].to_numpy(dtype=float) if name in people else np.zeros(len(people))


def _check(
    people: pd.DataFrame, draws: int, level: float, delivery: float | None, *rest: float | None
) -> None:
    for name in ("person_id", "probability"):
        if name not in people:
            near = did_you_mean(name, [str(c) for c in people])
            raise ContractBroken(f"The send list needs the column '{name}'.{near}")
    if people.empty:
        raise DataError("The send list is empty: there is nobody to simulate.")
    if people["person_id"].duplicated().any():
        one = people.loc[people["person_id"].duplicated(), "person_id"].iloc[0]
        raise DataError(f"The send list has {one!r} more than once; it needs one row per person.")
    for name, top in (("probability", 1.0), ("basket_amount", np.inf), ("cost_amount", np.inf)):
        values: Any = _amounts(people, name)
        if not (np.isfinite(values) & (values >= 0) & (values <= top)).all():
            raise DataError(
                f"The send list's '{name}' holds values that are missing, negative or above {top}."
            )
    if draws < 1 or not 0 < level < 1:
        raise SpecError(f"{draws} draws at level {level}: at least one draw, and a level between 0 and 1.")
    if delivery is not None and not 0 <= delivery <= 1:
        raise SpecError(f"The delivery rate is {delivery!r}; it must lie between 0 and 1.")
    for value in rest:
        if value is not None and not (np.isfinite(value) and value >= 0):
            raise SpecError(
                f"A cost, margin rate or coefficient of variation is {value!r}; it must be 0 or more."
            )
