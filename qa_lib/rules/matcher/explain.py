"""Why a person matches or not: the steps of the matcher, and every condition of the rules asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.rules.matcher.matcher import Matcher, Matches
from qa_lib.rules.matcher.person import Person, microseconds
from qa_lib.rules.model import All, Any, Path, Rule, walk
from qa_lib.rules.sentence import sentence
from qa_lib.tables import Label

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Verdict:
    """One node of a rule: its path, whether it is true of the person, and how it reads."""

    rule: str
    path: Path
    holds: bool
    words: Label


@dataclass(frozen=True)
class Explanation:
    """What the matcher did for one person, and why the rules asked for hold or not."""

    person_id: str
    matches: Matches
    verdicts: tuple[Verdict, ...]

    def steps(self) -> pd.DataFrame:
        """One row per step of the matcher.

        Returns
        -------
        pandas.DataFrame
            `step`, `label_zh`, `label_en`, `before_count`, `after_count`.
        """
        import pandas as pd

        s = self.matches.steps
        rows = [
            ("share", "相同条件只算一次", "equal conditions are computed once", s.conditions, s.predicates),
            ("candidates", "最罕见的条件成立", "the rarest condition holds", s.rules, s.candidates),
            ("exact", "其余条件都成立", "all other conditions hold", s.candidates, len(self.matches.names)),
        ]
        return pd.DataFrame(rows, columns=["step", "label_zh", "label_en", "before_count", "after_count"])

    def frame(self) -> pd.DataFrame:
        """One row per node of the rules asked for, parents first.

        Returns
        -------
        pandas.DataFrame
            `rule`, `path` (child numbers from the root, joined by dots), `holds`, `zh`, `en`.
        """
        import pandas as pd

        rows = [(v.rule, ".".join(map(str, v.path)), v.holds, v.words.zh, v.words.en) for v in self.verdicts]
        return pd.DataFrame(rows, columns=["rule", "path", "holds", "zh", "en"])


def explain(
    matcher: Matcher, person: Person, as_of: datetime, rules: Sequence[str] | None = None
) -> Explanation:
    """The steps for one person, with the verdict on every node of some rules.

    Parameters
    ----------
    rules
        Names of active rules; when not given, those that the person matches.

    Raises
    ------
    UnknownName
        When no active rule has that name.
    """
    moment = microseconds(as_of)
    literals = matcher.literals(person, moment)
    matches = matcher.match_literals(person, moment, literals)
    by_name = {rule.name: rule.rule for rule in matcher.rules}
    verdicts: list[Verdict] = []
    for name in matches.names if rules is None else rules:
        if name not in by_name:
            raise UnknownName(f"No active rule is called {name!r}.{did_you_mean(name, by_name)}")

        def holds(node: Rule) -> bool:
            if not isinstance(node, All | Any):
                return bool(literals[matcher.predicates.slot(node)])
            children = [holds(child) for child in node.of]
            found = not children or (all(children) if isinstance(node, All) else any(children))
            return found != node.negated

        for path, node in walk(by_name[name]):
            verdicts.append(Verdict(name, path, holds(node), sentence(node, matcher.catalogue)))
    return Explanation(person.person_id, matches, tuple(verdicts))
