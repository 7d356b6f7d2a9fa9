"""What each part of a rule does to the size of its audience: which cuts most, and whom it alone keeps out."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from qa_lib.audiences.audience import Audience
from qa_lib.audiences.evaluate import engine_of
from qa_lib.rules import All, Any, Bits, Evaluation, Path, Rule, sentences
from qa_lib.rules.bits import complement, count, everybody, intersection, union
from qa_lib.rules.model import walk
from qa_lib.workspace import Snapshot


class _Part(NamedTuple):
    """One of the parts that the whole rule joins: a node, or its complement where a negation turned it."""

    path: Path
    is_negated: bool
    members: Bits


def explain_count(snapshot: Snapshot, rule: Audience | Rule) -> pd.DataFrame:
    """The size of an audience after each part of its rule, the part with the most effect first.

    The parts are what the whole joins: all that must hold (`joined` is `all`; each cuts), or of which one
    is enough (`any`; each adds). Groups of the same join inside each other are one, and "not (a or b)" is
    "not a, and not b". Among the parts left, the next is always the one that cuts, or adds, most people;
    equal ones come in the order of the rule. A part that is no single condition is one part. Of an audience
    with a base, being in the base is the first part (see `Audience.whole`).

    Returns
    -------
    pandas.DataFrame
        First the start (everybody, or for `any` nobody) and the parts in that order, then every other node:

        - `step`: 0 for the start, 1, 2 … for the parts, missing for nodes inside them
        - `path`: child numbers from the root, such as `0.1`; empty for the whole and for the start
        - `kind`, `joined`, `is_negated`: of the node; whether the whole takes its complement
        - `sentence_zh`, `sentence_en`
        - `count`, `share`: people of the node by itself (its complement where negated), of the universe
        - `remaining_count`, `change_count`, `change_rate`: the size after the step, the difference to the
          step before, and that as part of the size before; missing inside
        - `only_out_count`, `only_out_rate`: people outside the audience whom nothing but this node keeps
          out: if it said the opposite of them, they would be in; as part of the universe
        - `only_in_count`, `only_in_rate`: likewise people in the audience through this node alone

    Raises
    ------
    SpecError, UnknownName
        When the rule does not fit the snapshot's catalogue.
    """
    engine = engine_of(snapshot)
    rule = rule.whole if isinstance(rule, Audience) else rule
    found = engine.evaluate(rule)
    universe = everybody(found.universe)
    joined, parts = _parts(rule, found, universe)
    words = sentences(rule, engine.catalogue)
    decisive = _decisive(rule, found, universe)
    rows: list[dict[str, object]] = []
    kinds = {path: node.kind for path, node in walk(rule)}

    def row(part: _Part, *, step: int | None) -> dict[str, object]:
        zh, en = words[part.path]
        size = count(part.members)
        outside = count(complement(found.members[()], decisive[part.path]))
        inside = count(intersection([decisive[part.path], found.members[()]]))
        return {
            "step": step,
            "path": path_text(part.path),
            "kind": kinds[part.path],
            "joined": joined,
            "is_negated": part.is_negated,
            "sentence_zh": f"并非（{zh}）" if part.is_negated else zh,
            "sentence_en": f"not ({en})" if part.is_negated else en,
            "count": size,
            "share": _rate(size, found.universe),
            "only_out_count": outside,
            "only_out_rate": _rate(outside, found.universe),
            "only_in_count": inside,
            "only_in_rate": _rate(inside, found.universe),
        }

    is_all = joined == "all"
    size = found.universe if is_all else 0
    start = {"step": 0, "path": "", "kind": "start", "joined": joined, "is_negated": False, "count": size}
    start |= {
        "sentence_zh": "所有人" if is_all else "无人",
        "sentence_en": "everybody" if is_all else "nobody",
    }
    rows.append(start | {"share": _rate(size, found.universe), "remaining_count": size})
    for step, (part, after) in enumerate(_greedy(parts, universe, is_all=is_all), 1):
        rate = (after - size) / size if size else None
        change = {"remaining_count": after, "change_count": after - size, "change_rate": rate}
        rows.append(row(part, step=step) | change)
        size = after
    shown = {part.path for part in parts}
    rows += [
        row(_Part(path, False, members), step=None)
        for path, members in sorted(found.members.items())
        if path not in shown
    ]
    return _typed(pd.DataFrame(rows))


def path_text(path: Path) -> str:
    """A node's place as text: child numbers from the root with points between, empty for the whole."""
    return ".".join(map(str, path))


def _parts(rule: Rule, found: Evaluation, universe: Bits) -> tuple[str, list[_Part]]:
    """How the whole is joined, and of what; a negated group is the other join of complements."""
    if not isinstance(rule, All | Any) or not rule.of:
        return "all", [_Part((), False, found.members[()])]

    def join(node: All | Any, turned: bool) -> str:
        return "all" if isinstance(node, All) != (node.negated != turned) else "any"

    def flat(node: Rule, path: Path, turned: bool) -> list[_Part]:
        if isinstance(node, All | Any) and node.of and join(node, turned) == whole:
            inner = node.negated != turned
            return [p for i, child in enumerate(node.of) for p in flat(child, (*path, i), inner)]
        members = found.members[path]
        return [_Part(path, turned, complement(members, universe) if turned else members)]

    whole = join(rule, False)
    return whole, flat(rule, (), False)


def _greedy(parts: list[_Part], universe: Bits, *, is_all: bool) -> list[tuple[_Part, int]]:
    """The parts with the size after each, the one of most effect on what is left first."""
    size_now = universe if is_all else complement(universe, universe)
    left, done = list(parts), []
    while left:
        after = [(intersection if is_all else union)([size_now, part.members]) for part in left]
        sizes = [count(one) for one in after]
        chosen = sizes.index((min if is_all else max)(sizes))
        done.append((left.pop(chosen), sizes[chosen]))
        size_now = after[chosen]
    return done


def _decisive(rule: Rule, found: Evaluation, universe: Bits) -> dict[Path, Bits]:
    """For every node, the people whose answer would turn if the node said the opposite of them."""
    decisive: dict[Path, Bits] = {(): universe}
    for path, node in walk(rule):
        if not isinstance(node, All | Any):
            continue
        children = [found.members[(*path, i)] for i in range(len(node.of))]
        # where another child fails an "and", or holds an "or", this one changes nothing
        free = children if isinstance(node, All) else [complement(c, universe) for c in children]
        before = [decisive[path]]
        for one in free[:-1]:
            before.append(intersection([before[-1], one]))
        after = universe
        for i in range(len(free) - 1, -1, -1):
            decisive[(*path, i)] = intersection([before[i], after])
            after = intersection([after, free[i]])
    return decisive


def _rate(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    columns = [
        *("step", "path", "kind", "joined", "is_negated", "sentence_zh", "sentence_en", "count", "share"),
        *("remaining_count", "change_count", "change_rate"),
        *("only_out_count", "only_out_rate", "only_in_count", "only_in_rate"),
    ]
    frame = frame.reindex(columns=columns)
    whole = [c for c in columns if c == "step" or c.endswith("count")]
    rates = [c for c in columns if c.endswith("rate")]
    return frame.astype(dict.fromkeys(whole, "Int64") | dict.fromkeys(rates, "float64"))
