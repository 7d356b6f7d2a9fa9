"""Widgets: the Python side of what is on screen; each works headless.

`RuleBuilder` edits a rule, `LivePreview` shows its people while it is edited, `AudienceWorkbench` is both
together; `campaign_results.CampaignResults` links the charts of campaigns, and
`campaign_review.CampaignReview` reads one campaign's plan, rehearsal and result. Each name is loaded when it
is first used, so that a command that only looks for the bundle does not load a browser's worth of libraries.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from qa_lib.widgets.bundle import bundle_missing

if TYPE_CHECKING:
    from qa_lib.widgets.audience_workbench import AudienceWorkbench
    from qa_lib.widgets.live_preview import LivePreview
    from qa_lib.widgets.rule_builder import RuleBuilder

_HOMES = {
    "AudienceWorkbench": "qa_lib.widgets.audience_workbench",
    "LivePreview": "qa_lib.widgets.live_preview",
    "RuleBuilder": "qa_lib.widgets.rule_builder",
}

__all__ = ["AudienceWorkbench", "LivePreview", "RuleBuilder", "bundle_missing"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
