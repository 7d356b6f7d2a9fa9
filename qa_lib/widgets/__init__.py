"""Widgets: the Python side of what is on screen; each works headless.

`rule_builder.RuleBuilder` edits a rule, `audience_workbench.AudienceWorkbench` previews it while it is
edited, `campaign_results.CampaignResults` links the charts of campaigns, and
`campaign_review.CampaignReview` reads one campaign's plan, rehearsal and result. They are imported from their
files, so that a command that only looks for the bundle does not load a browser's worth of libraries.
"""

from __future__ import annotations

from qa_lib.widgets.bundle import bundle_missing

__all__ = ["bundle_missing"]
