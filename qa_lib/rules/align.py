"""Two rules as one tree: what of the one stands where in the other, and the rules in between.

Groups are unordered here, as in their meaning. A condition is recognised by what it looks at (`subject`):
the field, the event, the audience, the salt.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any as AnyValue
from typing import NamedTuple

from qa_lib.rules.model import All, Any, Path, Rule, Sequence, walk

_EXACT = 3.0


@dataclass
class Place:
    """A place in the merged tree: what stood there, what stands there, and when that changes.

    A place with `children` is a group; any other holds a whole rule. `at` numbers the change that replaces
    `old` by `new`, `negated_at` and `joined_at` those of a group's own; None where nothing changes.
    `counterpart` is where a moved part went to, or came from. Pairs are (before, after).
    """

    old: Rule | None = None
    new: Rule | None = None
    old_path: Path = ()
    new_path: Path = ()
    children: list[Place] | None = None
    kinds: tuple[type[All | Any], type[All | Any]] = (All, All)
    negated: tuple[bool, bool] = (False, False)
    counterpart: Place | None = None
    at: int | None = None
    negated_at: int | None = None
    joined_at: int | None = None

    def rule(self, step: int) -> Rule | None:
        """What stands here after the first `step` changes; None where nothing does."""
        if self.children is None:
            return self.new if self.at is None or step > self.at else self.old
        there = [rule for child in self.children if (rule := child.rule(step)) is not None]
        if not there:
            return None
        kind = self.kinds[self.joined_at is not None and step > self.joined_at]
        negated = self.negated[self.negated_at is not None and step > self.negated_at]
        return kind(of=tuple(there), negated=negated)


def align(old: Rule, new: Rule) -> Place:
    """The merged tree of two rules, its changes not numbered yet."""
    whole = _align(old, new, (), ())
    _find_moves(whole)
    return whole


def places(whole: Place) -> Iterator[Place]:
    """Every place, in the order in which the merged rule is read."""
    yield whole
    for child in whole.children or ():
        yield from places(child)


def form(rule: Rule) -> str:
    """A hash under which the order of a group, and a group of one that is not negated, say nothing."""
    return _look(rule).form


class _Look(NamedTuple):
    """What is compared of a rule, found once: its form, and its conditions by hash and by subject."""

    form: str
    parts: dict[str, AnyValue]
    size: int
    hashes: Counter[str]
    subjects: Counter[tuple[AnyValue, ...]]


#: The rules that were compared last, by their hash.
_seen: OrderedDict[str, _Look] = OrderedDict()
_lock = threading.Lock()
_MOST = 8_192


def _look(rule: Rule) -> _Look:
    with _lock:
        found = _seen.get(rule.hash)
    if found is None:
        found = _group_look(rule) if isinstance(rule, All | Any) else _leaf_look(rule)
        with _lock:
            _seen[rule.hash] = found
            while len(_seen) > _MOST:
                _seen.popitem(last=False)
    return found


def _leaf_look(leaf: Rule) -> _Look:
    return _Look(leaf.hash, leaf.to_dict(), 1, Counter([leaf.hash]), Counter([subject(leaf)]))


def _group_look(group: All | Any) -> _Look:
    looks = [_look(child) for child in group.of]
    inside = sorted(look.form for look in looks)
    if len(inside) == 1 and not group.negated:
        form = inside[0]
    else:
        kind = group.kind if len(inside) > 1 else "all"
        form = hashlib.sha256(" ".join([kind, str(group.negated), *inside]).encode()).hexdigest()
    hashes: Counter[str] = Counter()
    subjects: Counter[tuple[AnyValue, ...]] = Counter()
    for look in looks:
        hashes.update(look.hashes)
        subjects.update(look.subjects)
    return _Look(form, {}, sum(look.size for look in looks), hashes, subjects)


def subject(leaf: Rule) -> tuple[AnyValue, ...]:
    """What a condition looks at, by which it is recognised when the rest of it changed."""
    if isinstance(leaf, Sequence):
        return (leaf.kind, *sorted(step.event for step in leaf.steps))
    for name in ("field", "event", "audience", "salt"):
        if hasattr(leaf, name):
            return leaf.kind, getattr(leaf, name)
    raise AssertionError(f"a condition without a subject: {leaf.kind}")


def likeness(old: Rule, new: Rule) -> float:
    """How much of one rule is in the other: 3 when equal, above 0 when something is, else 0."""
    one, other = _look(old), _look(new)
    if one.form == other.form:
        return _EXACT
    if not _is_group(old) and not _is_group(new):
        if one.subjects != other.subjects:
            return 0.0
        names = set(one.parts) | set(other.parts)
        return 1 + sum(one.parts.get(n) == other.parts.get(n) for n in names) / (len(names) + 1)
    exact = _shared(one.hashes, other.hashes)
    alike = _shared(one.subjects, other.subjects) - exact
    shared = exact + max(alike, 0) / 2
    if not shared:
        return 0.0
    return 1 + shared / max(one.size, other.size) - 0.01 * (_is_group(old) != _is_group(new))


def _shared(one: Counter[AnyValue], other: Counter[AnyValue]) -> int:
    """How many the two have in common."""
    if len(other) < len(one):
        one, other = other, one
    return sum(min(n, other[key]) for key, n in one.items() if key in other)


def _is_group(rule: Rule) -> bool:
    return isinstance(rule, All | Any)


def _inside(whole: Rule, part: Rule) -> list[float]:
    """How like a part each child of a group is; 0 for a condition where the part is a group."""
    if not isinstance(whole, All | Any):
        return []
    several = _is_group(part)
    return [likeness(part, child) if _is_group(child) or not several else 0.0 for child in whole.of]


def _align(old: Rule, new: Rule, old_path: Path, new_path: Path) -> Place:
    if form(old) == form(new):
        return Place(old, new, old_path, new_path)
    direct = likeness(old, new) if _is_group(old) == _is_group(new) else 0.0
    wrapped, at_new = _best(_inside(new, old))
    unwrapped, at_old = _best(_inside(old, new))
    if wrapped > max(direct, unwrapped):
        return _wrapped(old, new, old_path, new_path, at_new)
    if unwrapped > direct:
        return _unwrapped(old, new, old_path, new_path, at_old)
    if isinstance(old, All | Any) and isinstance(new, All | Any):
        return _groups(old, new, old_path, new_path)
    if direct:
        return Place(old, new, old_path, new_path)
    both = [Place(None, new, (), new_path), Place(old, None, old_path)]
    # "everybody" before or after says nothing that the other change does not say
    told = [place for place in both if (place.new or place.old) != All()]
    return Place(old_path=old_path, new_path=new_path, children=told)


def _best(scores: list[float]) -> tuple[float, int]:
    """The highest score, and the number of the first child that has it."""
    best = max(scores, default=0.0)
    return best, scores.index(best) if scores else 0


def _wrapped(old: Rule, new: Rule, old_path: Path, new_path: Path, at: int) -> Place:
    """The whole old rule is one part of a group that is new."""
    assert isinstance(new, All | Any)
    children = [
        _align(old, child, old_path, (*new_path, i)) if i == at else Place(None, child, (), (*new_path, i))
        for i, child in enumerate(new.of)
    ]
    # around a single child "and" and "or" are the same, so only the negation is a change
    kinds = (type(new), type(new))
    return Place(None, new, old_path, new_path, children, kinds, (False, new.negated))


def _unwrapped(old: Rule, new: Rule, old_path: Path, new_path: Path, at: int) -> Place:
    """The whole new rule is one part of a group that is gone."""
    assert isinstance(old, All | Any)
    kept = [_align(old.of[at], new, (*old_path, at), new_path)]
    gone = [Place(child, None, (*old_path, i)) for i, child in enumerate(old.of) if i != at]
    kinds = (type(old), type(old))
    return Place(old, None, old_path, new_path, kept + gone, kinds, (old.negated, False))


def _groups(old: All | Any, new: All | Any, old_path: Path, new_path: Path) -> Place:
    pairs = _pairs(old.of, new.of)
    children = [
        _align(old.of[pairs[j]], child, (*old_path, pairs[j]), (*new_path, j))
        if j in pairs
        else Place(None, child, (), (*new_path, j))
        for j, child in enumerate(new.of)
    ]
    taken = set(pairs.values())
    # what goes stands last: a group is never empty in between, when "any of nothing" would be everybody
    children += [Place(child, None, (*old_path, i)) for i, child in enumerate(old.of) if i not in taken]
    kinds = (type(old), type(new))
    if len(old.of) < 2:
        kinds = (type(new), type(new))
    elif len(new.of) < 2:
        kinds = (type(old), type(old))
    return Place(old, new, old_path, new_path, children, kinds, (old.negated, new.negated))


def _pairs(olds: tuple[Rule, ...], news: tuple[Rule, ...]) -> dict[int, int]:
    """Which old child each new one was, by number: equal ones first, then the likest."""
    found: dict[int, int] = {}
    by_form: dict[str, list[int]] = {}
    for i, old in enumerate(olds):
        by_form.setdefault(form(old), []).append(i)
    for j, new in enumerate(news):
        if by_form.get(form(new)):
            found[j] = by_form[form(new)].pop(0)
    taken = set(found.values())
    by_subject: dict[tuple[AnyValue, ...], list[int]] = {}
    for i, old in enumerate(olds):
        for about in _look(old).subjects if i not in taken else ():
            by_subject.setdefault(about, []).append(i)
    scored = [
        (-score, abs(i - j), i, j)
        for j, new in enumerate(news)
        if j not in found
        # who shares no subject is not alike
        for i in {i for about in _look(new).subjects for i in by_subject.get(about, ())}
        if (score := likeness(olds[i], new))
    ]
    for _, _, i, j in sorted(scored):
        if j not in found and i not in taken:
            found[j] = i
            taken.add(i)
    return found


@dataclass
class _Part:
    """A part of what is gone or of what is new: a place, and the path to the part inside its rule."""

    place: Place
    path: Path
    rule: Rule


def _find_moves(whole: Place) -> None:
    """Give equal parts of what is gone and of what is new places of their own, the largest first."""
    while True:
        gone, came = _parts(whole, "old"), _parts(whole, "new")
        by_form = {form(part.rule): part for part in reversed(gone)}
        fitting = [part for part in came if form(part.rule) in by_form]
        if not fitting:
            return
        target = max(fitting, key=lambda part: sum(1 for _ in walk(part.rule)))
        left = _own_place(by_form[form(target.rule)], "old")
        reached = _own_place(target, "new")
        left.counterpart, reached.counterpart = reached, left


def _parts(whole: Place, side: str) -> list[_Part]:
    found = []
    for place in places(whole):
        rule, other = (place.old, place.new) if side == "old" else (place.new, place.old)
        if place.children is None and place.counterpart is None and rule is not None and other is None:
            found += [_Part(place, path, node) for path, node in walk(rule)]
    return found


def _own_place(part: _Part, side: str) -> Place:
    """The place of a part, made by opening the groups around it."""
    place = part.place
    for number in part.path:
        rule = place.old if side == "old" else place.new
        assert isinstance(rule, All | Any)
        if place.children is None:
            place.kinds, place.negated = (type(rule), type(rule)), (rule.negated, rule.negated)
            place.children = [
                Place(child, None, (*place.old_path, i))
                if side == "old"
                else Place(None, child, (), (*place.new_path, i))
                for i, child in enumerate(rule.of)
            ]
        place = place.children[number]
    return place
