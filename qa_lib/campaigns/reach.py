"""How many of an audience can be reached: by each channel, who has an address and may be contacted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from qa_lib.campaigns.channels import CHANNELS
from qa_lib.campaigns.inputs import addresses_of
from qa_lib.guards import GuardState
from qa_lib.tables import Label
from qa_lib.workspace import Workspace, go_on

#: The first row: people who are reachable by at least one channel that needs an address of its own.
ANY_CHANNEL = "any"
_ANY = Label("任一渠道", "Any channel")


def reach(
    workspace: Workspace,
    people: Sequence[str],
    *,
    addresses: pd.DataFrame,
    former_ids: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """How many people each channel reaches with marketing, as a plan's first gates would decide now.

    Parameters
    ----------
    people
        Their resolved ids.
    addresses
        As `qa_lib.campaigns.plan` takes them.
    former_ids
        By person the other ids they had before a merge; the strictest consent of all counts.

    Returns
    -------
    pandas.DataFrame
        One row per channel, after one for any of them: `channel`, `label_zh`, `label_en`, `audience_count`,
        `address_count` (of these, who has an address), `suppressed_count` and `no_consent_count` (of these,
        whom suppression or missing consent stops), `reachable_count` (who is left) and `message_count`
        (different addresses among them: an address gets one message). The first row counts people only: its
        other columns are missing. A channel that addresses people by their id, as the outbox does, is not
        part of it.
    """
    ids = {p: (p, *(former_ids or {}).get(p, ())) for p in people}
    state = GuardState(workspace)
    with_address: set[str] = set()
    reachable_at_all: set[str] = set()
    rows: list[dict[str, object]] = []
    for one in CHANNELS.values():
        go_on()
        found = addresses_of(people, addresses, one.identifier, workspace.zone.key)
        has = [p for p in people if found[p][0] is not None]
        verdicts = state.verdicts([ids[p] for p in has], one.name)
        reached = [p for p, verdict in zip(has, verdicts, strict=True) if verdict == "allowed"]
        if one.identifier != "person_id":
            with_address.update(has)
            reachable_at_all.update(reached)
        rows.append(
            {
                "channel": one.name,
                "label_zh": one.label.zh,
                "label_en": one.label.en,
                "audience_count": len(people),
                "address_count": len(has),
                "suppressed_count": verdicts.count("suppressed"),
                "no_consent_count": verdicts.count("no_consent"),
                "reachable_count": len(reached),
                "message_count": len({found[p][0] for p in reached}),
            }
        )
    every = {"channel": ANY_CHANNEL, "label_zh": _ANY.zh, "label_en": _ANY.en, "audience_count": len(people)}
    every |= {"address_count": len(with_address), "reachable_count": len(reachable_at_all)}
    frame = pd.DataFrame([every, *rows], columns=list(rows[0]))
    return frame.astype({name: "Int64" for name in rows[0] if name.endswith("_count")})
