"""JSON-Logic as a rule: the same people as the expression selects over rows of the fields that have a value.

JSON-Logic has its own thoughts of null: `null < 18` is true, since null counts as 0. What an expression says
of an empty row becomes the condition's `missing` wherever our operator would say otherwise.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from math import comb
from typing import Any as AnyValue

from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.check import require
from qa_lib.rules.exchange.common import (
    Comparison,
    comparison,
    everybody,
    grouped,
    negated,
    read_values,
    refuse,
    with_missing,
)
from qa_lib.rules.exchange.evaluate import Logic, evaluate, holds, is_logic, parts
from qa_lib.rules.exchange.javascript import truthy
from qa_lib.rules.exchange.logic_leaves import COMPARISONS, leaf_of, var_name
from qa_lib.rules.model import Any, Rule, check_depth
from qa_lib.rules.operators import operator

LANGUAGE = "JSON-Logic"
_READS_DATA = ("var", "missing", "missing_some")
#: `missing_some` is written out as every choice of missing fields; beyond this the rule would not be read.
MAX_CHOICES = 60
_OVER_LISTS = ("all", "some", "none")


def from_json_logic(value: Logic | str | bytes, catalogue: Catalogue) -> Rule:
    """The rule of a JSON-Logic expression, given as JSON text or as values.

    Parameters
    ----------
    catalogue
        The fields that `var` may name; types decide what a comparison means.

    Returns
    -------
    Rule
        It selects the people for whom the expression is true. A person is the row of the fields that
        have a value, days as texts such as 2017-03-01; so the default of `var` stands for a missing value.

    Raises
    ------
    SpecError
        When it is no JSON.
    UnknownName
        For a field or an operator that is not there, with the nearest names.
    CannotExchange
        For an operation, or a comparison of types, that a rule has no words for.
    """
    logic = read_values(value, LANGUAGE)
    try:
        rule = _rule(logic, catalogue)
    except RecursionError:
        raise refuse(LANGUAGE, "the expression", "it is nested too deeply; flatten it.") from None
    check_depth(rule)
    require(rule, catalogue)
    return rule


def reads_data(logic: Logic) -> bool:
    """Whether its value depends on the person."""
    if isinstance(logic, list):
        return any(reads_data(one) for one in logic)
    if not is_logic(logic):
        return False
    op, arguments = parts(logic)
    return op in _READS_DATA or any(reads_data(one) for one in arguments)


def _rule(logic: Logic, catalogue: Catalogue) -> Rule:
    """The truth of an expression."""
    if not reads_data(logic):
        return _constant(logic)
    if isinstance(logic, list):
        return everybody(bool(logic))
    leaf = leaf_of(logic, catalogue)
    if leaf is not None:
        return _answered(leaf, logic)
    op, arguments = parts(logic)
    match op:
        case "and" | "or":
            guarded = _guarded(op, arguments, catalogue)
            if guarded is not None:
                return guarded
            return grouped(op, [_rule(one, catalogue) for one in arguments])
        case "!":
            return negated(_rule(arguments[0], catalogue))
        case "!!":
            return _rule(arguments[0], catalogue)
        case "if" | "?:":
            return _if(arguments, catalogue)
        case "missing":
            return grouped("or", [_absent(name, catalogue) for name in _names(logic, arguments)])
        case "missing_some":
            return _missing_some(logic, arguments, catalogue)
        case "all":
            elements, inner = [*arguments, None, None][:2]  # all of no elements is false here
            return grouped(
                "and",
                [
                    _rule({"none": [elements, {"!": inner}]}, catalogue),
                    _rule({"some": [elements, inner]}, catalogue),
                ],
            )
    if op in COMPARISONS:
        return _compared(logic, op, arguments, catalogue)
    if op in _OVER_LISTS:
        raise refuse(LANGUAGE, logic, 'over a list, a rule asks {"in": [{"var": ""}, [values]]} only.')
    raise refuse(
        LANGUAGE,
        logic,
        f"a rule cannot compute with '{op}'. Make the result a tag, and compare the tag.",
    )


def _constant(logic: Logic) -> Rule:
    """Everybody or nobody; an `or` stays one, so that a rule of ours comes back as it was."""
    if is_logic(logic):
        op, arguments = parts(logic)
        if op == "!" and is_logic(arguments[:1] and arguments[0]):
            return negated(_constant(arguments[0]))
        if op == "or" and len(arguments) == 1:
            return Any(negated=not holds(logic, {}))
    return everybody(truthy(evaluate(logic, {})))


def _answered(leaf: Comparison, logic: Logic) -> Rule:
    """The condition with the expression's own answer for a missing value."""
    op = operator(leaf.operator)
    include = holds(logic, {})
    if include == op.when_missing:
        return leaf
    if op.arity == "none":  # only a default of `var` does this: no value is ever null
        return everybody(include)
    return with_missing(leaf, "include" if include else "exclude")


def _guarded(op: str, arguments: list[AnyValue], catalogue: Catalogue) -> Rule | None:
    """A condition beside a test for null on its field: what `to_json_logic` writes for `missing`."""
    if len(arguments) != 2 or not is_logic(arguments[0]) or not reads_data(arguments[1]):
        return None
    test, tested = parts(arguments[0])
    if len(tested) != 2 or tested[1] is not None or (name := var_name(tested[0])) is None:
        return None
    leaf = leaf_of(arguments[1], catalogue)
    if leaf is None or leaf.field != name or operator(leaf.operator).arity == "none":
        return None
    if (op, test) == ("or", "==="):
        return with_missing(leaf, "include")
    if (op, test) == ("and", "!=="):
        return with_missing(leaf, "exclude")
    natural = holds(arguments[1], {})
    if (op, test) == ("and", "!=") and natural and not operator(leaf.operator).when_missing:
        return leaf
    return None


def _if(arguments: list[AnyValue], catalogue: Catalogue) -> Rule:
    """If, else if, … else; without an else it is null, which is false."""
    if len(arguments) < 2:
        return _rule(arguments[0], catalogue)
    condition = _rule(arguments[0], catalogue)
    rest = _if(arguments[2:], catalogue) if arguments[2:] else everybody(False)
    then = grouped("and", [condition, _rule(arguments[1], catalogue)])
    return grouped("or", [then, grouped("and", [negated(condition), rest])])


# -- missing ---------------------------------------------------------------------------------------


def _names(logic: Logic, names: AnyValue) -> list[str]:
    if len(names) == 1 and isinstance(names[0], list):
        names = names[0]
    names = [one if not is_logic(one) or reads_data(one) else evaluate(one) for one in names]
    if len(names) == 1 and isinstance(names[0], list):
        names = names[0]
    if not all(isinstance(name, str) for name in names):
        raise refuse(LANGUAGE, logic, "name the fields as texts, as in {'missing': ['age_band']}.")
    return list(names)


def _absent(name: str, catalogue: Catalogue) -> Rule:
    """JSON-Logic calls a field missing that is not there, null or the empty text."""
    field = catalogue.field(name)
    if field.type == "text":
        return comparison(field, "=", "", missing=True)
    return comparison(field, "is not set")


def _missing_some(logic: Logic, arguments: list[AnyValue], catalogue: Catalogue) -> Rule:
    if len(arguments) != 2 or not isinstance(arguments[0], int) or not isinstance(arguments[1], list):
        raise refuse(LANGUAGE, logic, "it takes how many must be there, and a list of fields.")
    names = _names(logic, [arguments[1]])
    at_least = len(names) - arguments[0] + 1  # so many missing fields leave too few
    if arguments[0] <= 0 or not names:
        return everybody(False)
    at_least = max(at_least, 1)
    if comb(len(names), at_least) > MAX_CHOICES:
        raise refuse(LANGUAGE, logic, f"that is more than {MAX_CHOICES} choices of fields; ask for fewer.")
    absent = {name: _absent(name, catalogue) for name in names}
    choices = [[absent[name] for name in some] for some in combinations(names, at_least)]
    return grouped("or", [some[0] if len(some) == 1 else grouped("and", some) for some in choices])


# -- comparisons that take more than one condition -------------------------------------------------


def _compared(logic: Logic, op: str, arguments: list[AnyValue], catalogue: Catalogue) -> Rule:
    if op in ("<", "<=") and len(arguments) == 3:
        return grouped("and", [_rule({op: list(pair)}, catalogue) for pair in pairwise(arguments)])
    raise refuse(
        LANGUAGE,
        logic,
        "a rule compares one field with a value of its type. Make a tag of the computed side.",
    )
