"""The rule: a tree of groups and conditions, the same in Python, in JSON and on the screen.

A rule is a function from people to yes or no. Groups are `All` (and) and `Any` (or), and either may
be negated: the plain complement against the universe. Conditions compare a field or a measure of events
(`conditions`), look at the course of events (`journeys`), or at the person alone (`membership`).
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from qa_lib.errors import SpecError
from qa_lib.rules.conditions import Attribute, Count, Distinct, Event, Measure, Missing, Scalar, Sum, Tag
from qa_lib.rules.journeys import Duration, Lifecycle, Sequence, Step
from qa_lib.rules.membership import InAudience, RandomSplit
from qa_lib.rules.size import MAX_CONDITIONS, MAX_DEPTH, check_depth, check_size
from qa_lib.rules.spec import Spec, Truth, in_words, load_json

__all__ = [
    "MAX_CONDITIONS",
    "MAX_DEPTH",
    "All",
    "Any",
    "Attribute",
    "Condition",
    "Count",
    "Distinct",
    "Duration",
    "Event",
    "InAudience",
    "Lifecycle",
    "Measure",
    "Missing",
    "Node",
    "Not",
    "Path",
    "RandomSplit",
    "Rule",
    "Scalar",
    "Sequence",
    "Step",
    "Sum",
    "Tag",
    "check_depth",
    "check_size",
    "read_rule",
    "rule_schema",
    "walk",
]

Path = tuple[int, ...]


class _Group(Spec):
    negated: Truth = False

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


Condition = Attribute | Tag | Event | Sequence | Lifecycle | InAudience | RandomSplit
Rule = All | Any | Condition
Node = Annotated[Rule, Field(discriminator="kind")]

for _model in (Event, Step, Sequence, Lifecycle, All, Any):
    _model.model_rebuild(_types_namespace={"All": All, "Any": Any, "Node": Node})


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
    if isinstance(value, Rule):
        check_depth(value)
        return value
    if isinstance(value, str | bytes):
        value = load_json(value, "Rule")
    check_size(value)
    try:
        return _Root.model_validate({"rule": value}).rule
    except ValidationError as error:
        raise SpecError(in_words(error, "Rule").replace("rule.", "", 1)) from error


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
