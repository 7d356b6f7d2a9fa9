"""How deep and how long a rule may be, found without recursion and before anything is built."""

from __future__ import annotations

import typing

from qa_lib.errors import RuleTooLarge, SpecError

MAX_DEPTH = 40
MAX_CONDITIONS = 1_000
#: Lists and objects inside each other: a group is two, a step of a sequence two more, a window one.
_MAX_NESTING = 3 * MAX_DEPTH
_GROUPS = ("all", "any")
_CONDITIONS = ("attribute", "tag", "event", "sequence", "lifecycle", "audience", "split")
_TOO_DEEP = f"The rule is nested deeper than {MAX_DEPTH} groups. Flatten it, or split it."
_TOO_LONG = (
    f"The rule has more than {MAX_CONDITIONS:,} conditions. Use 'in' with a list of values, "
    "or save parts of it as audiences."
)


def check_size(value: typing.Any) -> None:
    """Refuse JSON values that are too deep or too many, without recursion.

    A step of a sequence counts as a condition, and so does each filter inside `where`.

    Raises
    ------
    RuleTooLarge
        Deeper than `MAX_DEPTH` groups, or more than `MAX_CONDITIONS` conditions.
    """
    nesting, conditions = 0, 0
    level: list[tuple[typing.Any, int]] = [(value, 0)]
    while level:
        nesting += 1
        if nesting > _MAX_NESTING:
            raise RuleTooLarge(_TOO_DEEP)
        below: list[tuple[typing.Any, int]] = []
        for node, groups in level:
            inside = groups
            children: typing.Iterable[typing.Any] = ()
            if isinstance(node, dict):
                kind = node.get("kind")
                inside += kind in _GROUPS
                conditions += kind in _CONDITIONS
                if kind == "sequence" and isinstance(node.get("steps"), list | tuple):
                    conditions += len(node["steps"])
                children = node.values()
            elif isinstance(node, list | tuple):
                children = node
            if inside > MAX_DEPTH:
                raise RuleTooLarge(_TOO_DEEP)
            below += [(v, inside) for v in children if isinstance(v, dict | list | tuple)]
        if conditions > MAX_CONDITIONS:
            raise RuleTooLarge(_TOO_LONG)
        level = below


def check_depth(rule: typing.Any) -> None:
    """Refuse a rule made in Python that is too deep or too long, without recursion.

    Raises
    ------
    RuleTooLarge
        Deeper than `MAX_DEPTH` groups, or more than `MAX_CONDITIONS` conditions.
    SpecError
        When it is no rule.
    """
    conditions = 0
    open_nodes: list[tuple[typing.Any, int]] = [(rule, 0)]
    while open_nodes:
        node, groups = open_nodes.pop()
        kind = getattr(node, "kind", None)
        if kind not in _GROUPS and kind not in _CONDITIONS:
            raise SpecError(
                f"A rule is made of groups and conditions, such as All(...) or Tag(...), got {repr(node)[:120]}. "
                "`read_rule` reads JSON."
            )
        if kind in _GROUPS:
            if groups == MAX_DEPTH:
                raise RuleTooLarge(_TOO_DEEP)
            open_nodes += [(child, groups + 1) for child in node.of]
            continue
        steps = vars(node).get("steps", ())  # a spec's own fields; to ask for one that is not there is slow
        conditions += 1 + len(steps)
        if conditions > MAX_CONDITIONS:
            raise RuleTooLarge(_TOO_LONG)
        wheres = [vars(one).get("where") for one in (node, *steps)]
        open_nodes += [(where, groups) for where in wheres if where is not None]
