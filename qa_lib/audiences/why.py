"""Why one person is in an audience, or is not: every condition's truth, what it compared, what would turn it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any as AnyValue
from zoneinfo import ZoneInfo

import pandas as pd

from qa_lib.audiences.audience import Audience
from qa_lib.audiences.cuts import path_text
from qa_lib.audiences.deciding import SETS_SHOWN, deciding
from qa_lib.audiences.evaluate import engine_of
from qa_lib.audiences.evidence import evidence
from qa_lib.audiences.seen import Evidence, SeenEvent, clock, plain, value_words
from qa_lib.errors import SpecError, UnknownName
from qa_lib.rules import All, Any, Engine, Path, Rule, sentences
from qa_lib.rules.model import walk
from qa_lib.tables import Label
from qa_lib.workspace import Snapshot

#: How many counted events of one condition stand in a text.
_LINES = 5
Say = Callable[[Label], str]
_SIGNS = {True: "✓", False: "✗"}
_HEADS = {
    (True, "reasons"): Label("单凭这些条件就已入选：", "These conditions alone let the person in:"),
    (False, "reasons"): Label("单凭这些条件就已排除：", "These conditions alone keep the person out:"),
    (True, "changes"): Label("若这些改变，此人就会出去：", "If these changed, the person would be out:"),
    (False, "changes"): Label("若这些改变，此人就会入选：", "If these changed, the person would be in:"),
}
_INEXACT = Label(
    "条件多且有重复：可能还有更小的组合", "Many conditions, some twice: there may be smaller sets"
)


@dataclass(frozen=True)
class NodeTruth:
    """One node of the rule for one person.

    `value` and `words` say what a condition compared, or how many parts of a group hold; `events` are those
    that counted (`counted` in all) and the nearest that did not.
    """

    path: Path
    kind: str
    is_true: bool
    sentence: Label
    value: AnyValue
    words: Label
    events: tuple[SeenEvent, ...] = ()
    counted: int = 0

    def to_dict(self) -> dict[str, AnyValue]:
        return {
            "path": path_text(self.path),
            "kind": self.kind,
            "is_true": self.is_true,
            "sentence": self.sentence.to_dict(),
            "value": plain(self.value),
            "words": self.words.to_dict(),
            "counted": self.counted,
            "events": [e.to_dict() for e in self.events],
        }


@dataclass(frozen=True)
class Explanation:
    """Why a person is in an audience or not.

    `nodes` are in the order of the rule. `reasons` are the smallest sets of conditions that decide the answer
    whatever the others say, `changes` the smallest that would turn it; see `qa_lib.audiences.deciding`.
    """

    person_id: str
    rule: Rule
    is_in: bool
    nodes: tuple[NodeTruth, ...]
    reasons: tuple[tuple[Path, ...], ...]
    changes: tuple[tuple[Path, ...], ...]
    is_exact: bool
    zone: ZoneInfo
    stamp: Mapping[str, AnyValue]

    def node(self, path: Path) -> NodeTruth:
        """The node at a path."""
        return next(node for node in self.nodes if node.path == path)

    def frame(self) -> pd.DataFrame:
        """One row per node.

        Returns
        -------
        pandas.DataFrame
            `path`, `kind`, `is_true`, `sentence_zh`, `sentence_en`, `value` (as compared: a number, text,
            date …), `words_zh`, `words_en`, `counted` (events), `is_reason` and `is_change` (whether the
            node is in the first, smallest set of each).
        """
        reason, change = (sets[0] if sets else () for sets in (self.reasons, self.changes))
        return pd.DataFrame(
            [
                {
                    "path": path_text(n.path),
                    "kind": n.kind,
                    "is_true": n.is_true,
                    "sentence_zh": n.sentence.zh,
                    "sentence_en": n.sentence.en,
                    "value": n.value,
                    "words_zh": n.words.zh,
                    "words_en": n.words.en,
                    "counted": n.counted,
                    "is_reason": n.path in reason,
                    "is_change": n.path in change,
                }
                for n in self.nodes
            ]
        ).astype({"value": object})

    def events(self) -> pd.DataFrame:
        """One row per event that counted, or nearly did.

        Returns
        -------
        pandas.DataFrame
            `path` of the condition, `event`, `occurred_at` (UTC), `step` (of a sequence, from 1),
            `is_counted`, `reason_zh`, `reason_en` (why not), `properties` (a dict).
        """
        rows = [
            {
                "path": path_text(node.path),
                "event": e.event,
                "occurred_at": e.occurred_at,
                "step": e.step,
                "is_counted": e.is_counted,
                "reason_zh": e.reason.zh,
                "reason_en": e.reason.en,
                "properties": e.properties,
            }
            for node in self.nodes
            for e in node.events
        ]
        names = ["path", "event", "occurred_at", "step", "is_counted", "reason_zh", "reason_en", "properties"]
        frame = pd.DataFrame(rows, columns=names)
        return frame.assign(
            occurred_at=pd.to_datetime(frame["occurred_at"], utc=True), step=frame["step"].astype("Int64")
        )

    def to_dict(self) -> dict[str, AnyValue]:
        """JSON values, for widgets and the command line."""

        def named(sets: tuple[tuple[Path, ...], ...]) -> list[list[str]]:
            return [[path_text(path) for path in one] for one in sets]

        return {
            "person_id": self.person_id,
            "is_in": self.is_in,
            "nodes": [n.to_dict() for n in self.nodes],
            "reasons": named(self.reasons),
            "changes": named(self.changes),
            "is_exact": self.is_exact,
            **self.stamp,
        }

    def text(self, language: str = "zh") -> str:
        """The explanation for the terminal, in one language (`zh` or `en`)."""
        zh = language == "zh"

        def say(label: Label) -> str:
            return label.zh if zh else label.en

        verdict = (
            Label("在人群中", "is in the audience")
            if self.is_in
            else Label("不在人群中", "is not in the audience")
        )
        lines = [f"{'用户' if zh else 'Person'} {self.person_id} {say(verdict)}"]
        for node in self.nodes:
            indent = "  " * len(node.path)
            what = node.words if node.kind in ("all", "any") else node.sentence
            lines.append(f"{indent}{_SIGNS[node.is_true]} {say(what)}")
            if node.kind not in ("all", "any"):
                lines.append(f"{indent}    {say(node.words)}")
            lines += [f"{indent}    {line}" for line in self._events(node, say)]
        for name, sets in (("reasons", self.reasons), ("changes", self.changes)):
            if not sets:
                continue
            lines.append(say(_HEADS[self.is_in, name]))
            for one in sets:
                joined = (" 且 " if zh else " and ").join(self._turned(path, name, say) for path in one)
                lines.append(f"  · {joined or ('（无条件）' if zh else '(no condition)')}")
        if not self.is_exact:
            lines.append(say(_INEXACT))
        return "\n".join(lines)

    def _events(self, node: NodeTruth, say: Say) -> Iterator[str]:
        """The newest events that counted, and the nearest that did not."""
        counted = [e for e in node.events if e.is_counted]
        left_out = counted[:-_LINES] if node.kind != "sequence" else []
        if hidden := node.counted - len(counted) + len(left_out):
            yield say(Label(f"… 更早计入的还有 {hidden} 次", f"… {hidden} earlier ones counted too"))
        for e in node.events:
            if not any(e is one for one in left_out):
                yield self._event(e, say)

    def _event(self, e: SeenEvent, say: Say) -> str:
        step = f"{e.step}. " if e.step else ""
        values = ", ".join(f"{k}={say(value_words(v))}" for k, v in e.properties.items() if v is not None)
        reason = f" — {say(e.reason)}" if say(e.reason) else ""
        sign = "+" if e.is_counted else "−"
        return f"{sign} {step}{clock(e.occurred_at, self.zone)} {say(e.label)} [{values}]{reason}"

    def _turned(self, path: Path, name: str, say: Say) -> str:
        """A condition as it is (of a reason), or as it would have to be (of a change)."""
        node = self.node(path)
        zh, en = node.sentence
        holds = node.is_true if name == "reasons" else not node.is_true
        return say(node.sentence if holds else Label(f"并非（{zh}）", f"not ({en})"))

    def __str__(self) -> str:
        return self.text()


def why(
    snapshot: Snapshot, rule: Audience | Rule, person: str, *, engine: Engine | None = None
) -> Explanation:
    """Why a person is in an audience.

    Parameters
    ----------
    person
        The resolved `person_id`.
    engine
        An engine over the snapshot that finds saved audiences; when not given, the snapshot's own.

    Raises
    ------
    UnknownName
        When the snapshot has no such person, or the rule names what the snapshot lacks.
    SpecError
        When the person is not in the audience (ask `why_not`), or the rule does not fit the snapshot.
    """
    found = explain_person(snapshot, rule, person, engine=engine)
    if not found.is_in:
        raise SpecError(
            f"Person {person!r} is not in the audience as of {snapshot.as_of.isoformat()}. Ask why_not."
        )
    return found


def why_not(
    snapshot: Snapshot, rule: Audience | Rule, person: str, *, engine: Engine | None = None
) -> Explanation:
    """Why a person is not in an audience; see `why`.

    Raises
    ------
    UnknownName
        When the snapshot has no such person, or the rule names what the snapshot lacks.
    SpecError
        When the person is in the audience (ask `why`), or the rule does not fit the snapshot.
    """
    found = explain_person(snapshot, rule, person, engine=engine)
    if found.is_in:
        raise SpecError(f"Person {person!r} is in the audience as of {snapshot.as_of.isoformat()}. Ask why.")
    return found


def explain_person(
    snapshot: Snapshot,
    rule: Audience | Rule,
    person: str,
    *,
    engine: Engine | None = None,
    limit: int = SETS_SHOWN,
) -> Explanation:
    """Whether a person is in an audience and why; `why` and `why_not` for who does not know the answer.

    Parameters
    ----------
    rule
        Of an audience with a base, being in the base is the first condition (see `Audience.whole`).
    limit
        How many reasons and changes are given, smallest first.
    """
    engine = engine or engine_of(snapshot)
    rule = rule.whole if isinstance(rule, Audience) else rule
    is_text = not any("\ud800" <= letter <= "\udfff" for letter in str(person))
    asked = str(person) if is_text else None
    rows = snapshot.frame("SELECT person_no FROM people WHERE person_id = $person", {"person": asked})
    if rows.empty:
        some = snapshot.frame("SELECT person_id FROM people ORDER BY person_no LIMIT 3")["person_id"]
        raise UnknownName(
            f"No person {person!r} among the {snapshot.people_count:,} people as of "
            f"{snapshot.as_of.isoformat()}. A person is named by the resolved id, such as "
            f"{', '.join(map(repr, some))}."
        )
    stamp = {"rule_hash": rule.hash, **snapshot.stamp()}
    return explained(engine, rule, int(rows["person_no"].iloc[0]), str(person), stamp=stamp, limit=limit)


def explained(
    engine: Engine,
    rule: Rule,
    person_no: int,
    person_id: str,
    *,
    stamp: Mapping[str, AnyValue],
    limit: int = SETS_SHOWN,
) -> Explanation:
    """The explanation for a person number of an engine's universe."""
    members = engine.evaluate(rule).members
    word, bit = divmod(person_no, 64)
    truths = {path: bool(int(found[word]) >> bit & 1) for path, found in members.items()}
    words = sentences(rule, engine.catalogue)
    nodes = []
    for path, node in walk(rule):
        if isinstance(node, All | Any):
            seen = _of_group(node, path, truths)
        else:
            seen = evidence(engine, node, person_no, person_id)
        nodes.append(
            NodeTruth(
                path, node.kind, truths[path], words[path], seen.value, seen.words, seen.events, seen.counted
            )
        )
    sets = deciding(rule, truths, limit=limit)
    return Explanation(
        person_id,
        rule,
        truths[()],
        tuple(nodes),
        sets.reasons,
        sets.changes,
        sets.is_exact,
        engine.snapshot.zone,
        stamp,
    )


def _of_group(group: All | Any, path: Path, truths: Mapping[Path, bool]) -> Evidence:
    """How many of a group's parts hold."""
    hold, n = sum(truths[(*path, i)] for i in range(len(group.of))), len(group.of)
    if not n:
        zh, en = "所有人", "everybody"
    else:
        zh, en = ("全部满足", "all of") if isinstance(group, All) else ("至少满足一个", "any of")
        zh, en = f"{zh}（{n} 个中 {hold} 个成立）", f"{en} {n} ({hold} hold{'s' if hold == 1 else ''})"
    return Evidence(hold, Label(f"并非：{zh}", f"not: {en}") if group.negated else Label(zh, en))
