"""Everything that is asked about rules and audiences, in one object: what widgets, commands and notebooks call."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any as AnyValue

import pandas as pd

from qa_lib.audiences.audience import Audience, audience_sentence
from qa_lib.audiences.cuts import explain_count
from qa_lib.audiences.differing import top_differing
from qa_lib.audiences.evaluate import engine_of, evaluate, universe_of
from qa_lib.audiences.learnt import LearntRule, learn_rule
from qa_lib.audiences.library import AudienceLibrary, Which
from qa_lib.audiences.matching import AudienceMatcher
from qa_lib.audiences.over_time import membership_over_time
from qa_lib.audiences.people_diff import AudienceDiff, PeopleDiff, audience_diff, diff_people
from qa_lib.audiences.preview import BREAKDOWN_BY, Preview, breakdown, preview, sample, sample_fields, stamp
from qa_lib.audiences.suggest import suggest_values
from qa_lib.audiences.versions import Version
from qa_lib.audiences.why import Explanation, explain_person
from qa_lib.rules import (
    Bits,
    Catalogue,
    Evaluation,
    Problem,
    Rule,
    check,
    compile_rule,
    form_catalogue,
    read_rule,
)
from qa_lib.rules.exchange import export_rule, import_rule
from qa_lib.rules.matcher import Explanation as MatchExplanation
from qa_lib.rules.matcher import Matches, Person
from qa_lib.tables import Label
from qa_lib.workspace import Snapshot, Workspace

AnyAudience = Audience | Rule


class AudienceService:
    """Rules and audiences of a workspace at one moment.

    It holds no logic of its own: each method is one function of `qa_lib.audiences` or `qa_lib.rules`, over
    the same snapshot, so that all figures on a screen agree. `library` has the saved audiences with their
    versions, members and overlaps. It may be used from several threads; a workspace that is open read-only
    refuses what would write.

    Parameters
    ----------
    as_of
        A moment of which a snapshot is published; the current snapshot when not given.
    snapshot
        A snapshot of the workspace that is open already, in place of `as_of`.

    Raises
    ------
    NothingBuilt, AsOfOutside
        When there is no snapshot, or none as of that moment.
    """

    def __init__(
        self,
        workspace: Workspace,
        as_of: datetime | str | None = None,
        *,
        snapshot: Snapshot | None = None,
    ) -> None:
        self.workspace = workspace
        self.snapshot: Snapshot = snapshot or workspace.snapshot(as_of)
        self.library = AudienceLibrary(workspace)
        self._lock = threading.Lock()

    # -- a rule and what it says ---------------------------------------------------------------

    @property
    def catalogue(self) -> Catalogue:
        """The fields, events and properties that a rule may name."""
        return engine_of(self.snapshot).catalogue

    def form(self) -> Mapping[str, AnyValue]:
        """The catalogue with operators, measures and windows, as JSON values for a form."""
        return form_catalogue(self.catalogue)

    def check(self, rule: Rule | Mapping[str, AnyValue]) -> list[Problem]:
        """Every fault of a rule with its place; JSON values that are no rule raise `SpecError`."""
        return check(read_rule(rule), self.catalogue)

    def sentence(self, audience: AnyAudience) -> Label:
        """What the rule says, in Chinese and in English."""
        return audience_sentence(audience, self.catalogue)

    def sql(self, rule: Rule, dialect: str = "duckdb") -> str:
        """The rule as one SQL query, to read."""
        return compile_rule(rule, self.catalogue, self.snapshot.as_of, self.snapshot.zone).text(dialect)

    def export_rule(self, rule: Rule, to: str) -> str:
        """The rule in another format; see `qa_lib.rules.exchange.FORMATS`."""
        return export_rule(rule, to, self.catalogue)

    def import_rule(self, text: str, from_: str) -> Rule:
        """The rule of a text in another format."""
        return import_rule(text, from_, self.catalogue)

    # -- how many, who and why -----------------------------------------------------------------

    def evaluate(self, audience: AnyAudience) -> Evaluation:
        """Who is in it, with the members and the count of every node."""
        return evaluate(self.snapshot, audience)

    def count(self, audience: AnyAudience) -> dict[str, AnyValue]:
        """`count`, `universe`, `share`, `nodes` (count by path), `elapsed_ms` and the stamp, as JSON values."""
        found = self.evaluate(audience)
        nodes = {".".join(map(str, path)): number for path, number in found.counts.items()}
        return {
            "count": found.count,
            "universe": found.universe,
            "share": found.share,
            "nodes": nodes,
            "elapsed_ms": round(found.elapsed_ms, 3),
            **stamp(self.snapshot, found),
        }

    def preview(
        self, audience: AnyAudience, *, by: Sequence[str] | None = None, sample_size: int = 8
    ) -> Preview:
        """Count, sentence, masked sample and breakdown against the base.

        Parameters
        ----------
        by
            Fields to compare by; the usual ones that the snapshot has when not given.
        """
        chosen = self._usual_fields if by is None else tuple(by)
        return preview(self.workspace, audience, self.snapshot.as_of, by=chosen, sample_size=sample_size)

    @cached_property
    def _usual_fields(self) -> tuple[str, ...]:
        known = {field.name for field in self.catalogue.fields}
        return tuple(name for name in BREAKDOWN_BY if name in known)

    def breakdown(self, audience: AnyAudience, by: Sequence[str]) -> pd.DataFrame:
        """Shares and TGI by these fields, with intervals and false-discovery control."""
        found = self.evaluate(audience)
        universe = universe_of(self.snapshot, found)
        return breakdown(self.snapshot, found.members[()], by=tuple(by), universe=universe)

    def explain_count(self, audience: AnyAudience) -> pd.DataFrame:
        """The size after each condition, the one of most effect first."""
        return explain_count(self.snapshot, audience)

    def top_differing(self, audience: AnyAudience, n: int = 20) -> pd.DataFrame:
        """The tags that differ most from everybody."""
        return top_differing(self.snapshot, audience, n)

    def over_time(
        self, audience: AnyAudience, moments: Iterable[datetime | str] | None = None
    ) -> pd.DataFrame:
        """The size at past moments."""
        return membership_over_time(self.workspace, audience, moments)

    def sample(self, audience: AnyAudience, size: int = 8) -> pd.DataFrame:
        """A few members with masked ids, the fields that the rule names first."""
        found = self.evaluate(audience)
        return sample(self.snapshot, found.members[()], size=size, fields=sample_fields(found.rule))

    def explain(self, audience: AnyAudience, person: str) -> Explanation:
        """Why a person is in it, or the smallest part because of which not, with the event rows."""
        return explain_person(self.snapshot, audience, person)

    # -- suggestions ---------------------------------------------------------------------------

    def suggest_values(
        self, field: str, search: str = "", *, event: str | None = None, limit: int = 20
    ) -> pd.DataFrame:
        """The values of a field, or of a property of events, with counts."""
        return suggest_values(self.snapshot, field, search, event=event, limit=limit)

    def learn_rule(
        self,
        labelled: AnyAudience | Iterable[str],
        *,
        max_depth: int = 3,
        random_state: int = 0,
        fields: Sequence[str] | None = None,
    ) -> LearntRule:
        """A readable rule for labelled people, with precision and coverage on held-out people."""
        return learn_rule(
            self.snapshot, labelled, max_depth=max_depth, random_state=random_state, fields=fields
        )

    # -- saved audiences -----------------------------------------------------------------------

    def save(self, audience: Audience, author: str, note: str = "", based_on: int | None = None) -> Version:
        """Save a new version; see `AudienceLibrary.save`."""
        return self.library.save(audience, author, note, based_on)

    def rollback(self, name: str, to: Which, author: str, note: str = "") -> Version:
        """A new, active version with the content of an old one."""
        return self.library.rollback(name, to, author, note)

    def diff(self, old: AnyAudience, new: AnyAudience) -> AudienceDiff:
        """What changed, condition by condition, in words."""
        return audience_diff(old, new, self.catalogue)

    def diff_people(self, old: AnyAudience, new: AnyAudience) -> PeopleDiff:
        """Who enters and who leaves because of which change, before anything is saved."""
        return diff_people(self.snapshot, old, new)

    def bits(self, names: Sequence[str]) -> Mapping[str, Bits]:
        """The members of saved audiences, for `union`, `intersection` and `difference`."""
        return self.library.bits(names, self.snapshot)

    def overlap(self, *names: str) -> pd.DataFrame:
        """How many people every two saved audiences share."""
        return self.library.overlap(*names, snapshot=self.snapshot)

    def upset(self, *names: str) -> pd.DataFrame:
        """How many people are in exactly which saved audiences."""
        return self.library.upset(*names, snapshot=self.snapshot)

    def refresh(self, names: Iterable[str] | None = None) -> pd.DataFrame:
        """Keep the members of saved audiences at their active version."""
        return self.library.refresh(self.snapshot, names)

    # -- one person against all active audiences -----------------------------------------------

    @property
    def matcher(self) -> AudienceMatcher:
        """The real-time matcher over all active saved audiences."""
        with self._lock:
            return self._matcher

    @cached_property
    def _matcher(self) -> AudienceMatcher:
        return AudienceMatcher(self.workspace, self.snapshot)

    def match(self, person: Person | str, as_of: datetime | None = None) -> Matches:
        """Which active audiences a person is in at this moment."""
        return self.matcher.match(person, as_of)

    def explain_match(
        self, person: Person | str, as_of: datetime | None = None, names: Sequence[str] | None = None
    ) -> MatchExplanation:
        """How the matcher came to its answer, step by step."""
        return self.matcher.explain(person, as_of, names)
