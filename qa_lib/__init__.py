"""A notebook-first workbench for marketing audiences.

The names below are in the order of the flow: open a workspace, land a feed, resolve who is who, build a
snapshot, write a rule, name an audience, preview it, plan a campaign, rehearse it, carry it out, read
rehearsal and result side by side. Importing this package is light: each
name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qa_lib.audiences import Audience, members, preview
    from qa_lib.campaigns import Campaign, plan
    from qa_lib.deliver import carry_out
    from qa_lib.identity import resolve
    from qa_lib.measure import rehearsal_and_result
    from qa_lib.profiles import build, catalogue, tags
    from qa_lib.rules import read_rule
    from qa_lib.simulate import rehearse
    from qa_lib.sources import land
    from qa_lib.workspace import Workspace

_HOMES = {
    "Workspace": "qa_lib.workspace",
    "land": "qa_lib.sources",
    "resolve": "qa_lib.identity",
    "build": "qa_lib.profiles",
    "tags": "qa_lib.profiles",
    "catalogue": "qa_lib.profiles",
    "read_rule": "qa_lib.rules",
    "Audience": "qa_lib.audiences",
    "members": "qa_lib.audiences",
    "preview": "qa_lib.audiences",
    "Campaign": "qa_lib.campaigns",
    "plan": "qa_lib.campaigns",
    "rehearse": "qa_lib.simulate",
    "carry_out": "qa_lib.deliver",
    "rehearsal_and_result": "qa_lib.measure",
}

__all__ = [
    "Audience",
    "Campaign",
    "Workspace",
    "build",
    "carry_out",
    "catalogue",
    "land",
    "members",
    "plan",
    "preview",
    "read_rule",
    "rehearsal_and_result",
    "rehearse",
    "resolve",
    "tags",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'qa_lib' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
