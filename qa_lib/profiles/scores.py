"""Scores as tags of every build: AIPL stage, RFM, churn, high potential, lifetime value, each declared once.

A score is a row in a workspace's `tag_scores/*.yaml`; a build computes it from what lies before its moment,
and keeps beside its tags the report of what it was learnt from and how well it foretold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml
from pydantic import Field as Bounded
from pydantic import TypeAdapter, ValidationError

from qa_lib.errors import DataError, NothingBuilt, SpecError
from qa_lib.profiles.aipl import STAGES, AiplPolicy, aipl_stages
from qa_lib.profiles.moment import Moment
from qa_lib.profiles.rfm import CUBE, RfmPolicy, rfm
from qa_lib.profiles.tags import Form, TagSpec
from qa_lib.rules.spec import Spec, in_words
from qa_lib.tables import Label

FOLDER = "tag_scores"
Values = npt.NDArray[Any]
#: The tenth with the highest probabilities, the next fifth, and the rest.
TIERS = ("1 高 high", "2 中 medium", "3 低 low")


@dataclass(frozen=True)
class Scored:
    """One tag's values.

    Parameters
    ----------
    people, values : shape (m,)
        Who has one, by number, ascending; numbers, or places among `texts`.
    """

    tag: TagSpec
    people: Values
    values: Values
    texts: tuple[str, ...] = ()


class _Score(Spec):
    owner: str = "audience workbench"
    refresh: Literal["batch"] = "batch"
    version: int = 1

    def _tag(
        self, name: str, zh: str, en: str, form: Form, about: Label, reads: Sequence[str], **more: Any
    ) -> TagSpec:
        lineage = tuple(f"event_{event}" for event in dict.fromkeys(reads))
        return TagSpec(
            name=name, label_zh=zh, label_en=en, type=more.pop("type", "number"), form=form, owner=self.owner,
            refresh=self.refresh, version=self.version, lineage=lineage, description_zh=about.zh,
            description_en=about.en, **more,
        )  # fmt: skip


class AiplScore(_Score):
    """The stage of everybody at the build's moment."""

    kind: Literal["aipl"] = "aipl"
    policy: AiplPolicy = AiplPolicy()

    def tags(self) -> tuple[TagSpec, ...]:
        signs = [sign for name, _ in STAGES for sign in getattr(self.policy, name, ())]
        about = Label(
            "认知 < 兴趣 < 购买 < 忠诚，只记最高一级；各级的迹象由工作区声明",
            "Awareness < interest < purchase < loyalty, the highest only; its signs are declared in the workspace",
        )
        longest = f"{max(s.days for s in signs)} days" if signs else "ever"
        return (
            self._tag("aipl_stage", "AIPL 阶段", "AIPL stage", "rule", about, [s.event for s in signs],
                      type="text", window=longest),
        )  # fmt: skip

    def compute(self, moment: Moment) -> tuple[list[Scored], dict[str, Any]]:
        _, stages = aipl_stages(moment, policy=self.policy)
        texts = tuple(f"{i} {label.zh} {label.en}" for i, (_, label) in enumerate(STAGES))
        return [Scored(self.tags()[0], np.arange(len(stages)), stages[:, 0], texts)], {"people": len(stages)}


class RfmScore(_Score):
    """Scores and cell of those who ordered within the policy's window, under names of their own."""

    kind: Literal["rfm"] = "rfm"
    prefix: str = Bounded(default="rfm_policy", pattern=r"^[a-z][a-z0-9_]{0,40}$")
    policy: RfmPolicy = RfmPolicy()

    def tags(self) -> tuple[TagSpec, ...]:
        p = self.policy
        method_zh = {"threshold": "固定阈值", "mean": "均值", "quantile": f"{p.parts} 等分"}[p.method]
        method_en = {"threshold": "thresholds", "mean": "the mean", "quantile": f"{p.parts} equal parts"}
        about = Label(
            f"按{method_zh}打分，{p.high_from} 分起为高；近 {p.window_days} 天有订单者",
            f"Scored by {method_en[p.method]}, high from {p.high_from}; people with an order in {p.window_days} days",
        )
        window = f"{p.window_days} days"
        told = (
            ("recency", "近度", "recency"),
            ("frequency", "频度", "frequency"),
            ("monetary", "额度", "amount"),
        )
        scores = [
            self._tag(f"{self.prefix}_{name}_score", f"RFM {zh}分（{method_zh}）", f"RFM {en} score ({p.method})",
                      "formula", about, ["visit"], unit="points", window=window)
            for name, zh, en in told
        ]  # fmt: skip
        cell = self._tag(
            f"{self.prefix}_segment", f"RFM 分群（{method_zh}）", f"RFM segment ({p.method})", "rule", about,
            ["visit"], type="text", window=window,
        )  # fmt: skip
        return (*scores, cell)

    def compute(self, moment: Moment) -> tuple[list[Scored], dict[str, Any]]:
        found = rfm(moment, self.policy)
        who = found["person_no"].to_numpy()
        *scores, cell = self.tags()
        names = ("recency_score", "frequency_score", "monetary_score")
        made = [Scored(t, who, found[n].to_numpy()) for t, n in zip(scores, names, strict=True)]
        texts = tuple(f"{code} {words}" for code, words in sorted(CUBE.items()))
        place = {code: i for i, code in enumerate(sorted(CUBE))}
        cells = found["cell"].map(place).to_numpy(dtype=np.int64)
        return [*made, Scored(cell, who, cells, texts)], {"people": len(found)}


class PropensityScore(_Score):
    """A calibrated probability of people with a recent order, and which third of attention it deserves."""

    kind: Literal["churn", "high_potential"]
    horizon_days: int = Bounded(default=60, ge=7, le=365)
    random_state: int = 0

    def tags(self) -> tuple[TagSpec, ...]:
        n = self.horizon_days
        if self.kind == "churn":
            zh, en = "流失", "churn"
            about = Label(
                f"近 90 天有订单者在未来 {n} 天内不再下单的概率；模型只从更早的时刻学习，检验见 model_reports",
                f"Chance of no order in the next {n} days, of people with one in the last 90; learnt from earlier "
                "moments only, examined in model_reports",
            )
        else:
            zh, en = "高潜", "high potential"
            about = Label(
                f"近 90 天有订单而消费未入前两成者，在未来 {n} 天内达到该额度的概率；检验见 model_reports",
                f"Chance to reach in the next {n} days the spend of today's best fifth, of active people below it; "
                "examined in model_reports",
            )
        name = {"churn": "churn", "high_potential": "high_potential"}[self.kind]
        window = f"next {n} days"
        return (
            self._tag(f"{name}_probability_rate", f"{zh}概率", f"{en.capitalize()} probability", "model", about,
                      ["visit"], window=window),
            self._tag(f"{name}_tier", f"{zh}等级", f"{en.capitalize()} tier", "model",
                      Label(f"概率最高的一成、其后两成与其余；{about.zh}",
                            f"The tenth with the highest chance, the next fifth, the rest. {about.en}"),
                      ["visit"], type="text", window=window),
        )  # fmt: skip

    def compute(self, moment: Moment) -> tuple[list[Scored], dict[str, Any]]:
        from qa_lib.profiles.propensity import propensity  # scikit-learn: only where it is asked for

        found = propensity(moment, self.kind, horizon_days=self.horizon_days, random_state=self.random_state)
        who = found.scores["person_no"].to_numpy()
        chance = found.scores["probability_rate"].to_numpy()
        behind = pd.Series(-chance).rank(method="first").to_numpy() - 1  # of equals the smaller number first
        tier = np.searchsorted([0.1, 0.3], behind / max(len(chance), 1), side="right")
        rate, level = self.tags()
        told = asdict(found.report)
        bins = told.pop("bins").rename(columns={"predicted": "predicted_rate", "observed": "observed_rate"})
        told |= {n: told[n].isoformat() for n in ("learnt_at", "examined_at")}
        told["bins"] = bins.to_dict("records")
        return [Scored(rate, who, chance), Scored(level, who, tier, TIERS)], told | {"scored": len(who)}


class LifetimeScore(_Score):
    """What each buyer is expected to be worth from the build's moment on."""

    kind: Literal["lifetime_value"] = "lifetime_value"
    horizon_days: int = Bounded(default=365, ge=28, le=3_650)
    discount_rate: float = Bounded(default=0.1, ge=0, le=1)
    margin_rate: float = Bounded(default=1.0, gt=0, le=1)

    def tags(self) -> tuple[TagSpec, ...]:
        n = self.horizon_days
        about = Label(
            f"BG/NBD 与 Gamma-Gamma：未来 {n} 天期望购买日数 × 期望单值 × 毛利率 {self.margin_rate:g}，年折现 {self.discount_rate:g}",
            f"BG/NBD and Gamma-Gamma: expected purchase days in the next {n} × expected value × margin "
            f"{self.margin_rate:g}, discounted at {self.discount_rate:g} a year",
        )
        window = f"next {n} days"
        return (
            self._tag("lifetime_value_amount", "客户生命周期价值", "Customer lifetime value", "model", about,
                      ["visit"], unit="USD", window=window),
            self._tag("expected_purchase_count", "期望购买日数", "Expected purchase days", "model", about,
                      ["visit"], unit="days", window=window),
            self._tag("still_buying_rate", "仍在购买的概率", "Chance to be still buying", "model", about,
                      ["visit"], window="ever"),
        )  # fmt: skip

    def compute(self, moment: Moment) -> tuple[list[Scored], dict[str, Any]]:
        from qa_lib.profiles.lifetime import lifetime_values

        found = lifetime_values(
            moment, horizon_days=self.horizon_days, discount_rate=self.discount_rate, margin_rate=self.margin_rate
        )  # fmt: skip
        who = found["person_no"].to_numpy()
        columns = ("lifetime_value_amount", "expected_purchase_count", "alive_rate")
        made = [Scored(t, who, found[c].to_numpy()) for t, c in zip(self.tags(), columns, strict=True)]
        return made, {"people": len(found), "total_amount": float(found["lifetime_value_amount"].sum())}


Score = Annotated[AiplScore | RfmScore | PropensityScore | LifetimeScore, Bounded(discriminator="kind")]
_READER: TypeAdapter[Any] = TypeAdapter(Score)


def standard_scores() -> tuple[Any, ...]:
    """One of each kind, as the library declares them."""
    return (
        AiplScore(),
        RfmScore(),
        PropensityScore(kind="churn"),
        PropensityScore(kind="high_potential"),
        LifetimeScore(),
    )


def read_scores(folder: Path) -> tuple[Any, ...]:
    """Every score of the workspace's `tag_scores/*.yaml`; a file holds one score or a list of them.

    Raises
    ------
    SpecError
        For a file that is no YAML or no score, or a tag that is declared twice; the message names the file.
    """
    found: list[Any] = []
    names: dict[str, str] = {}
    for path in sorted(folder.glob("*.y*ml")):
        try:
            value: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise SpecError(f"Tag score file {path}: this is not YAML: {error}.") from None
        for one in value if isinstance(value, list) else [value]:
            try:
                score = _READER.validate_python(one)
            except ValidationError as error:
                raise SpecError(f"Tag score file {path}: {in_words(error, 'a score')}") from None
            for tag in score.tags():
                if tag.name in names:
                    raise SpecError(
                        f"Tag score file {path}: the tag {tag.name!r} is declared already, in {names[tag.name]}."
                    )
                names[tag.name] = path.name
            found.append(score)
    return tuple(found)


def write_scores(folder: Path, scores: Sequence[Any], *, file: str = "standard.yaml") -> Path:
    """Write scores as one file that `read_scores` reads; analysts may change it."""
    folder.mkdir(parents=True, exist_ok=True)
    beside, path = folder / f".{file}.writing", folder / file
    text = yaml.safe_dump([s.to_dict() for s in scores], allow_unicode=True, sort_keys=False)
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
    return path


def computed(score: Any, moment: Moment) -> tuple[list[Scored], Mapping[str, Any]]:
    """The tags of a score and its report; where there is too little to learn from, no values and the reason."""
    try:
        made, told = score.compute(moment)
    except (DataError, NothingBuilt) as error:
        none = np.zeros(0, dtype=np.int64)
        empty = [Scored(tag, none, none, ("",) if tag.type == "text" else ()) for tag in score.tags()]
        return empty, {"not_computed": str(error)}
    return made, told
