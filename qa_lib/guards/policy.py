"""The contact policy: what holds for every marketing campaign of a workspace, before its own limits."""

from __future__ import annotations

from qa_lib.guards.caps import Cap
from qa_lib.guards.holdout import Holdout
from qa_lib.guards.quiet_hours import QuietHours
from qa_lib.rules.spec import Spec


class ContactPolicy(Spec):
    """The global holdout, the caps and the quiet hours that no campaign can loosen.

    A message that is no marketing is outside the holdout and the quiet hours, and under those caps only
    that say so (`marketing_only=False`). A campaign's own limits come on top.
    """

    holdout: Holdout | None = None
    caps: tuple[Cap, ...] = ()
    quiet_hours: QuietHours | None = None
