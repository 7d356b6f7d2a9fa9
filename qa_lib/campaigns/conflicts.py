"""Conflicts: several plans want the same people, and together they must keep to the caps."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from qa_lib.campaigns.gates import candidates
from qa_lib.campaigns.plan import Plan
from qa_lib.errors import SpecError
from qa_lib.guards import PAST_COLUMNS, Cap, admit

#: One marketing message in 24 hours, unless the caller says otherwise.
ONE_A_DAY = (Cap(n=1, every=1, unit="day"),)


def resolve_conflicts(
    plans: Sequence[Plan], caps: Sequence[Cap] = ONE_A_DAY, past: pd.DataFrame | None = None
) -> list[Plan]:
    """The plans again, where who loses against another campaign carries the reason `lost_conflict`.

    For each person the messages are served by priority, then expected value, then a stable hash; one that
    would break a cap together with those served before it is lost. Neither the order of the plans nor of
    their rows matters. What a loser leaves of stock and budget is not given to others: plan again for that.

    Parameters
    ----------
    caps
        What all plans together must keep to.
    past
        What went out before, as `plan` takes it, for caps that reach back.

    Returns
    -------
    list of Plan
        In the order of the plans that came in; each names in `made_from` what it was resolved with.

    Raises
    ------
    SpecError
        When two plans are of the same campaign.
    """
    hashes = [p.campaign.hash for p in plans]
    if len(set(hashes)) != len(hashes):
        twice = sorted({p.campaign.name for p in plans if hashes.count(p.campaign.hash) > 1})
        raise SpecError(
            f"Two plans are of the same campaign, {', '.join(twice)}. Give each campaign one plan."
        )
    parts = []
    for number, plan in enumerate(plans):
        sends = [dict(row) for row in plan.records if row["reason"] is None]
        frame = candidates(sends, plan.campaign).assign(plan=number)
        for name in ("priority", "expected_value_amount", "tie"):
            frame[name] = pd.Series([row[name] for row in sends], dtype=object)
        frame["tie"] = [int(t, 16) for t in frame["tie"]]
        parts.append(frame)
    wanted = pd.concat([p for p in parts if len(p)], ignore_index=True) if any(map(len, parts)) else None
    losers: set[tuple[int, str]] = set()
    if wanted is not None:
        went = pd.DataFrame(columns=list(PAST_COLUMNS)) if past is None else past
        lost = wanted[~admit(caps, wanted, went)]
        losers = set(zip(lost["plan"], lost["person_id"], strict=True))
    resolved = {
        "resolved_with": sorted(p.hash for p in plans),
        "conflict_caps": [cap.hash for cap in caps],
    }
    return [
        Plan(
            plan.campaign,
            plan.as_of,
            plan.universe,
            plan.currency,
            {**plan.made_from, "resolved_from": plan.hash, **resolved},
            tuple(
                {**row, "reason": "lost_conflict"} if (number, row["person_id"]) in losers else row
                for row in plan.records
            ),
        )
        for number, plan in enumerate(plans)
    ]
