"""The rule: a tree of groups and conditions, the same in Python, in JSON and on the screen.

A rule is a function from people to yes or no. Groups are `All` (and) and `Any` (or), and either may
be negated: the plain complement against the universe. Conditions are `Attribute` and `Tag` (a field
of the person, or inside `where` a property of the event) and `Event` (how often, how much, how long
ago something was done).
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationError, field_validator

from qa_lib.errors import RuleTooLarge, SpecError
from qa_lib.rules.spec import Spec, in_words, load_json
from qa_lib.rules.windows import Ever, Last, Window

MAX_DEPTH = 40
MAX_CONDITIONS = 1_000
MAX_LIST = 10_000
MAX_TEXT = 4_000
_TOO_DEEP = f"The rule is nested deeper than {MAX_DEPTH} groups. Flatten it, or split it."
_TOO_LONG = (
    f"The rule has more than {MAX_CONDITIONS:,} conditions. Use 'in' with a list of values, "
    "or save parts of it as audiences."
)

Path = tuple[int, ...]
Scalar = bool | int | float | str
Missing = Literal["include", "exclude"]


def _plain(value: typing.Any) -> typing.Any:
    """500.0 and 500 are one value and one hash; lists become tuples so that specs can be hashed."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ValueError(f"a text of {len(value):,} characters; at most {MAX_TEXT:,} are read")
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError("half of a surrogate pair is no letter; write the text in Unicode")
    if isinstance(value, set | frozenset):
        value = sorted(value, key=repr)  # a set has no order, and a rule with the same values one hash
    if isinstance(value, list | tuple):
        if len(value) > MAX_LIST:
            raise ValueError(f"a list of {len(value):,} values; at most {MAX_LIST:,} are read")
        return tuple(_plain(v) for v in value)
    return value


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
    """A recorded attribute of the person; inside `Event.where`, a property of that event."""

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


class _Group(Spec):
    negated: bool = False

    def __init__(self, *of: typing.Any, **fields: typing.Any) -> None:
        if of:
            fields["of"] = of
        super().__init__(**fields)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


class All(_Group):
    """Everybody for whom every child is true (and); with no children, everybody."""

    kind: Literal["all"] = "all"
    of: tuple[Node, ...] = ()


class Any(_Group):
    """Everybody for whom at least one child is true (or)."""

    kind: Literal["any"] = "any"
    of: tuple[Node, ...] = ()


Node = Annotated[All | Any | Attribute | Tag | Event, Field(discriminator="kind")]
Rule = All | Any | Attribute | Tag | Event
Condition = Attribute | Tag | Event

for _model in (Event, All, Any):
    _model.model_rebuild()


class _Root(Spec):
    rule: Node


def Not(rule: Rule) -> Rule:
    """The complement of a rule against the universe."""
    if isinstance(rule, All | Any):
        return rule.model_copy(update={"negated": not rule.negated})
    return All(of=(rule,), negated=True)


def read_rule(value: typing.Any) -> Rule:
    """The rule of JSON text or of its plain values.

    Raises
    ------
    RuleTooLarge
        Deeper than `MAX_DEPTH` groups or longer than `MAX_CONDITIONS` conditions; found before
        anything is built, so that a hostile rule costs nothing.
    SpecError
        When it is no rule; the message says where and what was expected.
    """
    if isinstance(value, All | Any | Attribute | Tag | Event):
        check_size(value.to_dict())
        return value
    if isinstance(value, str | bytes):
        value = load_json(value, "Rule")
    check_size(value)
    try:
        return _Root.model_validate({"rule": value}).rule
    except ValidationError as error:
        raise SpecError(in_words(error, "Rule").replace("rule.", "", 1)) from error


def check_size(value: typing.Any) -> None:
    """Refuse values that are too deep or too many, without recursion.

    Raises
    ------
    RuleTooLarge
        Deeper than `MAX_DEPTH` groups, or more than `MAX_CONDITIONS` conditions.
    """
    depth, level, conditions = 0, [value], 0
    while level:
        depth += 1
        # a group is an object and a list, two levels of JSON; windows and lists of values add a few
        groups = any(isinstance(n, dict) and n.get("kind") in ("all", "any") for n in level)
        if depth > 2 * MAX_DEPTH + (0 if groups else 8):
            raise RuleTooLarge(_TOO_DEEP)
        below: list[typing.Any] = []
        for node in level:
            if isinstance(node, dict):
                conditions += node.get("kind") in ("attribute", "tag", "event")
                below += [v for v in node.values() if isinstance(v, dict | list | tuple)]
            elif isinstance(node, list | tuple):
                below += [v for v in node if isinstance(v, dict | list | tuple)]
        if conditions > MAX_CONDITIONS:
            raise RuleTooLarge(_TOO_LONG)
        level = below


def check_depth(rule: Rule) -> None:
    """Refuse a rule made in Python that is too deep or too long, without recursion.

    Raises
    ------
    RuleTooLarge
        Deeper than `MAX_DEPTH` groups, or more than `MAX_CONDITIONS` conditions.
    """
    depth, conditions, level = 0, 0, [rule]
    while level:
        groups = [node for node in level if isinstance(node, All | Any)]
        depth += bool(groups)
        conditions += len(level) - len(groups)
        if depth > MAX_DEPTH:
            raise RuleTooLarge(_TOO_DEEP)
        if conditions > MAX_CONDITIONS:
            raise RuleTooLarge(_TOO_LONG)
        wheres = [node.where for node in level if isinstance(node, Event) and node.where is not None]
        level = [*(child for group in groups for child in group.of), *wheres]


def walk(rule: Rule, path: Path = ()) -> Iterator[tuple[Path, Rule]]:
    """Every node with its path (child numbers from the root), parents first; `where` is not entered."""
    yield path, rule
    if isinstance(rule, All | Any):
        for i, child in enumerate(rule.of):
            yield from walk(child, (*path, i))


def rule_schema() -> dict[str, typing.Any]:
    """The JSON Schema of a rule (draft 2020-12)."""
    schema = _Root.model_json_schema()
    for model in schema["$defs"].values():  # `kind` has a default in Python; in JSON it tells which is meant
        if "kind" in model.get("properties", {}):
            model["required"] = sorted({"kind", *model.get("required", ())})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule",
        "description": "A rule of the audience workbench: a function from people to yes or no.",
        **schema["properties"]["rule"],
        "$defs": schema["$defs"],
    }
