"""The rule in the builder beside the audience library: which version it came from, and what it would be saved as."""

from __future__ import annotations

import getpass
from typing import Any as AnyValue

from qa_lib.audiences import Audience, Version
from qa_lib.errors import SpecError
from qa_lib.widgets.rule_builder import RuleBuilder

UNNAMED = "rule"


class BuilderRule:
    """The rule of a builder, where there is one, and the version that was loaded into it or saved from it last."""

    def __init__(self, builder: RuleBuilder | None) -> None:
        self._builder = builder
        self.loaded: Version | None = None

    @property
    def builder(self) -> RuleBuilder:
        """The builder; SpecError where the library has none."""
        if self._builder is None:
            raise SpecError(
                "This library has no rule builder. Make it with AudienceLibrary(service, builder)."
            )
        return self._builder

    def hold(self, version: Version) -> None:
        """Put a version into the builder, as one step of undo."""
        self.builder.rule = version.audience.rule
        self.loaded = version

    def audience(self, name: str = "") -> Audience:
        """The rule as an audience: base, description and priority are those of what was loaded.

        Raises
        ------
        SpecError
            When there is no builder, or its rule has a fault.
        """
        if faults := self.builder.result["problems"]:
            raise SpecError(f"The rule in the builder is not complete: {faults[0]['en']}")
        before = self.loaded.audience if self.loaded else None
        name = name or (before.name if before else UNNAMED)
        if before is None:
            return Audience(name=name, rule=self.builder.rule)
        kept = {key: getattr(before, key) for key in ("description", "base", "priority")}
        return Audience(name=name, rule=self.builder.rule, **kept)

    def row(self) -> dict[str, AnyValue]:
        """What the panel shows of it; empty without a builder."""
        if self._builder is None:
            return {}
        result, loaded = self._builder.result, self.loaded
        has_fault = bool(result["problems"])
        rule = None if has_fault else self._builder.rule
        return {
            "name": loaded.name if loaded else "",
            "version": loaded.number if loaded else None,
            "changed": loaded is None or rule != loaded.audience.rule,
            "count": result["count"],
            "universe": result["universe"],
            "sentence": result["sentence"],
            "rule_hash": "" if rule is None else rule.hash,
            "has_fault": has_fault,
        }


def account() -> str:
    """Who saves where nobody is named: the account of the machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "analyst"
