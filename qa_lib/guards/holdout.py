"""The holdout: people who are never contacted, so that what contact adds can be measured.

Membership is a pure function of salt and person. It needs no table, cannot be lost, and is the same in
a plan, in a rehearsal and in a figure made a year later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field as Bounded

from qa_lib.rules.spec import Spec
from qa_lib.rules.split import buckets


class Holdout(Spec):
    """A share of all people, chosen by a salted hash.

    The salt is part of the spec and is never made up: whoever changes it draws another holdout. A larger
    share under the same salt keeps everybody who was held out before.
    """

    _positional = ("share", "salt")

    share: float = Bounded(ge=0, le=1)
    salt: str = Bounded(min_length=1, max_length=200)


def held_out(holdout: Holdout | None, person_ids: Iterable[str]) -> npt.NDArray[np.bool_]:
    """Which people are held out; nobody where there is no holdout. Shape (n_people,)."""
    ids = list(person_ids)
    if holdout is None:
        return np.zeros(len(ids), dtype=bool)
    return buckets(holdout.salt, ids) < holdout.share


def held_out_together(holdout: Holdout | None, people: Iterable[Sequence[str]]) -> npt.NDArray[np.bool_]:
    """Which people are held out, where each is known by all ids they ever had.

    After a merge the stricter side wins: one held-out id holds the person out.

    Parameters
    ----------
    people : shape (n_people,)
        For each person the ids: today's and those that were merged into it.
    """
    groups = [tuple(ids) for ids in people]
    flat = held_out(holdout, (i for ids in groups for i in ids))
    ends = np.cumsum([len(ids) for ids in groups])
    starts = ends - np.array([len(ids) for ids in groups], dtype=int)
    return np.array([bool(flat[a:b].any()) for a, b in zip(starts, ends, strict=True)], dtype=bool)


def held_out_for(
    global_holdout: Holdout | None, campaign_holdout: Holdout | None, people: Iterable[Sequence[str]]
) -> list[str | None]:
    """Which holdout keeps each person back: `"global"` before `"campaign"`, or None."""
    groups = [tuple(ids) for ids in people]
    everywhere = held_out_together(global_holdout, groups)
    here = held_out_together(campaign_holdout, groups)
    return ["global" if g else "campaign" if c else None for g, c in zip(everywhere, here, strict=True)]
