"""Whether a rule makes sense against a catalogue: every fault, at its place, in both languages."""

from __future__ import annotations

from qa_lib.errors import SpecError, UnknownName
from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.check_events import event_faults, lifecycle_faults, sequence_faults
from qa_lib.rules.check_values import LARGEST, Problem, comparison_faults, fits, pattern_fault
from qa_lib.rules.model import (
    All,
    Any,
    Event,
    InAudience,
    Lifecycle,
    RandomSplit,
    Rule,
    Sequence,
    check_depth,
    walk,
)

__all__ = ["LARGEST", "Problem", "check", "fits", "pattern_fault", "require"]


def check(rule: Rule, catalogue: Catalogue) -> list[Problem]:
    """Every fault of the rule; an empty list when it can be run.

    Raises
    ------
    RuleTooLarge
        When the rule is deeper or longer than a rule may be.
    """
    check_depth(rule)
    found: list[Problem] = []
    for path, node in walk(rule):
        match node:
            case All() | Any():
                if path and not node.of:
                    found.append(
                        Problem(
                            path,
                            "这个条件组是空的：拖入一个条件，或删除它",
                            "This group is empty: drag a condition into it or remove it.",
                        )
                    )
            case Event():
                found += event_faults(node, catalogue, path)
            case Sequence():
                found += sequence_faults(node, catalogue, path)
            case Lifecycle():
                found += lifecycle_faults(node, catalogue, path)
            case InAudience() | RandomSplit():
                pass  # which audiences are saved, the engine's resolver knows
            case _:
                found += comparison_faults(node, catalogue, path)
    return found


def require(rule: Rule, catalogue: Catalogue) -> None:
    """Raise the first fault.

    Raises
    ------
    UnknownName
        For a field, event, property, operator or measure that is not there.
    SpecError
        For any other fault.
    """
    problems = check(rule, catalogue)
    if problems:
        first = problems[0]
        kind = UnknownName if first.unknown_name else SpecError
        raise kind(first.en, first.path)
