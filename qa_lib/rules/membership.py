"""Conditions on the person alone: membership of a saved audience, and a random part of everybody."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from qa_lib.rules.spec import WHOLE, Fault, Number, Spec, Truth


class InAudience(Spec):
    """Members of another saved audience, or with `member=False` everybody else.

    `version` None means the version that is active when the rule is evaluated; which one that was is
    kept in the evaluation and in its stamp.
    """

    _positional: ClassVar[tuple[str, ...]] = ("audience", "version")
    kind: Literal["audience"] = "audience"
    audience: str = Field(min_length=1, max_length=200)
    version: Annotated[int, Field(ge=1, le=2**31 - 1), WHOLE] | None = None
    member: Truth = True


class RandomSplit(Spec):
    """People whose bucket under `salt` lies in `[low, high)`: always the same people.

    Splits under one salt that do not overlap share nobody; splits under different salts are independent.
    The bucket is the one of `qa_lib.guards.bucket`.
    """

    _positional: ClassVar[tuple[str, ...]] = ("salt", "low", "high")
    kind: Literal["split"] = "split"
    salt: str = Field(min_length=1, max_length=200)
    low: Number = Field(default=0.0, ge=0, lt=1)
    high: Number = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _low_below_high(self) -> RandomSplit:
        if self.low >= self.high:
            raise Fault(
                f"'low' ({self.low}) must be less than 'high' ({self.high})",
                f"下限（{self.low:.6g}）须小于上限（{self.high:.6g}）",
            )
        return self
