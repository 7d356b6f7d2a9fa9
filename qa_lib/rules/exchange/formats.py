"""The table of rule formats: one row serves the library and the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.check import require
from qa_lib.rules.exchange.from_logic import from_json_logic
from qa_lib.rules.exchange.querybuilder import from_querybuilder, to_querybuilder
from qa_lib.rules.exchange.to_logic import to_json_logic
from qa_lib.rules.exchange.yaml_text import from_yaml, to_yaml
from qa_lib.rules.model import Rule, read_rule


@dataclass(frozen=True)
class RuleFormat:
    """One row: a rule as text in this format, and the rule of such a text."""

    key: str
    description: str
    write: Callable[[Rule, Catalogue], str]
    read: Callable[[str | bytes, Catalogue], Rule]


def _checked(rule: Rule, catalogue: Catalogue) -> Rule:
    require(rule, catalogue)
    return rule


def _text(values: object) -> str:
    return json.dumps(values, ensure_ascii=False, indent=2)


FORMATS: tuple[RuleFormat, ...] = (
    RuleFormat(
        "json", "the rule's own JSON",
        lambda rule, catalogue: rule.to_json(indent=2),
        lambda text, catalogue: _checked(read_rule(text), catalogue),
    ),
    RuleFormat(
        "yaml", "the same values as YAML",
        lambda rule, catalogue: to_yaml(rule),
        lambda text, catalogue: _checked(from_yaml(text), catalogue),
    ),
    RuleFormat(
        "react-querybuilder", "a query of react-querybuilder",
        lambda rule, catalogue: _text(to_querybuilder(rule, catalogue)),
        from_querybuilder,
    ),
    RuleFormat(
        "json-logic", "an expression of JSON-Logic",
        lambda rule, catalogue: _text(to_json_logic(rule, catalogue)),
        from_json_logic,
    ),
)  # fmt: skip

_BY_KEY = {f.key: f for f in FORMATS}


def rule_format(key: str) -> RuleFormat:
    """The format of that key.

    Raises
    ------
    UnknownName
        With the nearest keys.
    """
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownName(f"Unknown rule format {key!r}.{did_you_mean(key, _BY_KEY)}") from None


def export_rule(rule: Rule, to: str, catalogue: Catalogue) -> str:
    """The rule as text in another format.

    Parameters
    ----------
    to
        A key of `FORMATS`. SQL is `qa_lib.rules.compile_rule`: it needs a moment, and does not come back.

    Raises
    ------
    UnknownName, SpecError
        When there is no such format, or the rule does not fit the catalogue.
    CannotExchange
        Naming what the format has no words for, and the way on.
    """
    return rule_format(to).write(_checked(rule, catalogue), catalogue)


def import_rule(text: str | bytes, from_: str, catalogue: Catalogue) -> Rule:
    """The rule of a text in another format; it fits the catalogue.

    Raises
    ------
    UnknownName, SpecError
        When there is no such format, field or operator, or the text is not of the format.
    CannotExchange
        Naming what a rule has no words for, and the way on.
    """
    return rule_format(from_).read(text, catalogue)
