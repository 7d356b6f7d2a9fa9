"""The rules of the live stream: the active version of every saved audience."""

from __future__ import annotations

from collections.abc import Collection

from qa_lib.audiences import ACTIVE, Audience, AudienceLibrary, engine_of, person_ids
from qa_lib.rules import All, InAudience, Rule
from qa_lib.rules.matcher import ActiveRule
from qa_lib.rules.matcher.membership import MemberIds
from qa_lib.workspace import Snapshot, Workspace


def active_rules(workspace: Workspace) -> list[ActiveRule]:
    """Every saved audience at its active version; its base, where it has one, is a condition of the rule."""
    library = AudienceLibrary(workspace)
    found = []
    for name in library.list()["name"]:
        audience: Audience = library.get(name, ACTIVE).audience
        rule: Rule = audience.rule
        if audience.base is not None:
            base = InAudience(audience=audience.base.audience, version=audience.base.version)
            rule = All(of=(base, rule))
        found.append(ActiveRule(name=name, rule=rule))
    return found


def member_ids(snapshot: Snapshot) -> MemberIds:
    """Who was in a saved audience when the snapshot was built."""

    def ids(name: str, version: int | None) -> Collection[str]:
        resolver = engine_of(snapshot).audiences
        assert resolver is not None
        return frozenset(person_ids(snapshot, resolver(name, version).members))

    return ids
