"""Widgets: the Python side of what is on screen; each works headless.

`RuleBuilder` edits a rule, `AudienceWorkbench` previews it while it is edited, `CampaignResults` links
the charts of campaigns.
"""

from __future__ import annotations

from qa_lib.widgets.bundle import bundle_missing

__all__ = ["bundle_missing"]
