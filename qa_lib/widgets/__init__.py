"""Widgets: the Python side of what is on screen; each works headless.

`RuleBuilder` edits a rule, `LivePreview` shows its people while it is edited, `AudienceWorkbench` is both
together; `AudienceLibrary` keeps audiences, compares their versions and takes them back;
`CampaignResults` links the charts of campaigns, and `CampaignReview` reads one campaign's plan, rehearsal and
result. `DataQuality`, `IdentityReview`, `TagCatalogue` and `PersonProfile` are the screens of data, identity,
tags and one person. Each name is loaded when it is first used, so that a command that only looks for the bundle does not
load a browser's worth of libraries.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from qa_lib.widgets.bundle import bundle_missing

if TYPE_CHECKING:
    from qa_lib.widgets.audience_library import AudienceLibrary
    from qa_lib.widgets.audience_workbench import AudienceWorkbench
    from qa_lib.widgets.campaign_results import CampaignResults
    from qa_lib.widgets.campaign_review import CampaignReview
    from qa_lib.widgets.data_quality import DataQuality
    from qa_lib.widgets.identity_review import IdentityReview
    from qa_lib.widgets.live_preview import LivePreview
    from qa_lib.widgets.person_profile import PersonProfile
    from qa_lib.widgets.rule_builder import RuleBuilder
    from qa_lib.widgets.tag_catalogue import TagCatalogue

_HOMES = {
    "AudienceLibrary": "qa_lib.widgets.audience_library",
    "AudienceWorkbench": "qa_lib.widgets.audience_workbench",
    "CampaignResults": "qa_lib.widgets.campaign_results",
    "CampaignReview": "qa_lib.widgets.campaign_review",
    "DataQuality": "qa_lib.widgets.data_quality",
    "IdentityReview": "qa_lib.widgets.identity_review",
    "PersonProfile": "qa_lib.widgets.person_profile",
    "TagCatalogue": "qa_lib.widgets.tag_catalogue",
    "LivePreview": "qa_lib.widgets.live_preview",
    "RuleBuilder": "qa_lib.widgets.rule_builder",
}

__all__ = [
    "AudienceLibrary",
    "AudienceWorkbench",
    "CampaignResults",
    "CampaignReview",
    "DataQuality",
    "IdentityReview",
    "LivePreview",
    "PersonProfile",
    "RuleBuilder",
    "TagCatalogue",
    "bundle_missing",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'qa_lib.widgets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
