"""Widgets: the Python side of what is on screen; each works headless.

`rule_builder.RuleBuilder` edits a rule, `audience_workbench.AudienceWorkbench` previews it while it is
edited, `campaign_results.CampaignResults` links the charts of campaigns, and
`campaign_review.CampaignReview` reads one campaign's plan, rehearsal and result. `DataQuality`,
`IdentityReview`, `TagCatalogue` and `PersonProfile` are the screens of data, identity, tags and one person.
Each is loaded when it is first used, so that a command that only looks for the bundle does not load a
browser's worth of libraries.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from qa_lib.widgets.bundle import bundle_missing

if TYPE_CHECKING:
    from qa_lib.widgets.data_quality import DataQuality
    from qa_lib.widgets.identity_review import IdentityReview
    from qa_lib.widgets.person_profile import PersonProfile
    from qa_lib.widgets.tag_catalogue import TagCatalogue

_HOMES = {
    "DataQuality": "qa_lib.widgets.data_quality",
    "IdentityReview": "qa_lib.widgets.identity_review",
    "PersonProfile": "qa_lib.widgets.person_profile",
    "TagCatalogue": "qa_lib.widgets.tag_catalogue",
}

__all__ = ["DataQuality", "IdentityReview", "PersonProfile", "TagCatalogue", "bundle_missing"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'qa_lib.widgets' has no attribute {name!r}")
