"""Conditions on what people are and how often they did something: the leaves that compare a value."""

from __future__ import annotations

import itertools
import math
import typing
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from qa_lib.rules.spec import Fault, Spec
from qa_lib.rules.windows import Ever, Last, Window

if TYPE_CHECKING:
    from qa_lib.rules.model import All, Any

MAX_LIST = 10_000
MAX_TEXT = 4_000

Scalar = bool | int | float | str
Missing = Literal["include", "exclude"]


def _plain(value: typing.Any, *, inside: bool = False) -> typing.Any:
    """500.0 and 500 are one value and one hash; lists become tuples so that specs can be hashed.

    Numbers of numpy, decimals and days are taken as what JSON has for them.
    """
    if not isinstance(value, str) and isinstance(value, np.generic | Decimal):
        value = float(value) if isinstance(value, Decimal) else value.item()
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number must be finite")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise Fault(
            f"a text of {len(value):,} characters; at most {MAX_TEXT:,} are read",
            f"文字有 {len(value):,} 个字符，最多 {MAX_TEXT:,} 个",
        )
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Fault(
            "half of a surrogate pair is no letter; write the text in Unicode",
            "半个代理对不是字符，请使用 Unicode 文字",
        )
    if isinstance(value, set | frozenset):
        value = sorted(value, key=repr)  # a set has no order, and a rule with the same values one hash
    if isinstance(value, Iterator):
        value = tuple(itertools.islice(value, MAX_LIST + 1))
    if isinstance(value, list | tuple):
        if len(value) > MAX_LIST:
            raise Fault(
                f"a list of {len(value):,} values; at most {MAX_LIST:,} are read",
                f"列表有 {len(value):,} 个值，最多 {MAX_LIST:,} 个",
            )
        if inside:
            raise Fault("a list inside a list is no value", "列表里不能再有列表")
        return tuple(_plain(v, inside=True) for v in value)
    if value is None and not inside:
        return None
    if isinstance(value, bool | int | float | str) or (not inside and isinstance(value, dict | Spec)):
        return value
    raise Fault(
        "a value is a text, a number, true or false, a list of these, or a window",
        "值是文字、数字、是否、由它们组成的列表，或一个时间窗口",
    )


class _Comparison(Spec):
    """`field operator value`, with the answer for people without a value in `missing`."""

    _positional: ClassVar[tuple[str, ...]] = ("field", "operator", "value")
    field: str = Field(min_length=1, max_length=200)
    operator: str = Field(min_length=1, max_length=40)
    value: Scalar | tuple[Scalar, ...] | Last | None = None
    missing: Missing | None = None

    @field_validator("value", mode="before")
    @classmethod
    def _plain_value(cls, value: typing.Any) -> typing.Any:
        return _plain(value)


class Attribute(_Comparison):
    """A recorded attribute of the person; inside `where`, a property of the event."""

    kind: Literal["attribute"] = "attribute"


class Tag(_Comparison):
    """A computed tag of the person."""

    kind: Literal["tag"] = "tag"


class Measure(Spec):
    """What is computed over a person's matching events: see `qa_lib.rules.measures`."""

    _positional: ClassVar[tuple[str, ...]] = ("kind", "property")
    kind: str = Field(min_length=1, max_length=40)
    property: str | None = Field(default=None, max_length=200)


def Count() -> Measure:
    """How many events; 0 for people with none."""
    return Measure(kind="count")


def Sum(property: str) -> Measure:
    """The sum of a number property; 0 for people with no events."""
    return Measure(kind="sum", property=property)


def Distinct(property: str) -> Measure:
    """How many different values of a property; 0 for people with no events."""
    return Measure(kind="distinct", property=property)


class Event(Spec):
    """People whose `measure` over one kind of event, filtered and in a window, compares as stated."""

    _positional: ClassVar[tuple[str, ...]] = ("event",)
    kind: Literal["event"] = "event"
    event: str = Field(min_length=1, max_length=200)
    where: All | Any | None = Field(default=None, discriminator="kind")
    window: Window = Ever()
    measure: Measure = Measure(kind="count")
    operator: str = Field(default=">=", min_length=1, max_length=40)
    value: Scalar | tuple[Scalar, ...] | None = 1
    missing: Missing | None = None

    @field_validator("value", mode="before")
    @classmethod
    def _plain_value(cls, value: typing.Any) -> typing.Any:
        return _plain(value)
