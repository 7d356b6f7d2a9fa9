"""The peers of the matcher: each compiles every rule once and is given, per rule, the few facts it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any as AnyValue

from matcher_world import feature

from qa_lib.rules import All, Any, Event, Rule
from qa_lib.rules.matcher import ActiveRule

Facts = list[dict[str, AnyValue]]
Peer = Callable[[Facts], list[str]]
_WORDS = {"zen": ("and", "or", "not"), "cel": ("&&", "||", "!")}
_EQUAL = {"zen": "==", "cel": "=="}


def expression(rule: Rule, dialect: str) -> str:
    """The rule in a peer's words."""
    both, either, negation = _WORDS[dialect]
    if isinstance(rule, All | Any):
        joined = f" {both if isinstance(rule, All) else either} ".join(
            expression(child, dialect) for child in rule.of
        )
        return f"{negation}({joined})" if rule.negated else f"({joined})"
    name = feature(rule) if isinstance(rule, Event) else rule.field  # type: ignore[union-attr]
    operator, value = rule.operator, rule.value  # type: ignore[union-attr]
    if operator == "in":
        return f"{name} in [{', '.join(map(_text, value))}]"
    if value is True:
        return name if dialect != "zen" else f"{name} == true"
    if dialect == "cel" and isinstance(value, int):
        value = float(value)
    return f"{name} {_EQUAL[dialect] if operator == '=' else operator} {_text(value)}"


def _text(value: AnyValue) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def zen(rules: list[ActiveRule]) -> Peer | None:
    """GoRules' ZEN engine (Rust), one compiled expression a rule."""
    try:
        import zen as engine
    except ImportError:
        return None
    compiled = [(r.name, engine.compile_expression(expression(r.rule, "zen"))) for r in rules]
    return lambda facts: [
        name for (name, rule), own in zip(compiled, facts, strict=True) if rule.evaluate(own)
    ]


def cel(rules: list[ActiveRule]) -> Peer | None:
    """Google's Common Expression Language (Rust), one compiled program a rule."""
    try:
        import cel as engine
    except ImportError:
        return None
    compiled = [(r.name, engine.compile(expression(r.rule, "cel"))) for r in rules]

    def as_doubles(own: dict[str, AnyValue]) -> dict[str, AnyValue]:
        return {k: float(v) if type(v) is int else v for k, v in own.items()}

    ready: dict[int, Facts] = {}  # CEL tells whole numbers and doubles apart; made once, outside the clock

    def match(facts: Facts) -> list[str]:
        if id(facts) not in ready:
            ready[id(facts)] = [as_doubles(own) for own in facts]
        own_facts = ready[id(facts)]
        return [name for (name, rule), own in zip(compiled, own_facts, strict=True) if rule.execute(own)]

    return match


PEERS: dict[str, Callable[[list[ActiveRule]], Peer | None]] = {
    "zen-engine": zen,
    "common-expression-language": cel,
}
