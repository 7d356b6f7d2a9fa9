"""Contact data for demos, which have none: generated addresses and consents, seeded and marked as such."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from qa_lib.campaigns import addresses
from qa_lib.guards import GuardState
from qa_lib.tables import ADDRESSES
from qa_lib.workspace import Landing, Snapshot, Workspace

FEED = "generated.contacts"
#: Raised whenever the recipe below changes, so that contacts are generated anew.
RECIPE = 1
#: The share of people who agreed to marketing, of those who later said no to SMS, and of complaints.
CONSENT, NO_SMS, COMPLAINT = 0.96, 0.02, 0.005


def generate_contacts(workspace: Workspace, snapshot: Snapshot, *, random_state: int = 618) -> Landing:
    """Give every person of a snapshot addresses, and most of them a recorded consent; once per person.

    Addresses are nobody's (see `qa_lib.campaigns.addresses`). People who have an entry in the log of
    consents keep what it says.
    """
    people = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].tolist()
    named = f"{RECIPE}:{random_state}:{','.join(people)}"
    digest = hashlib.sha256(named.encode()).hexdigest()
    known = workspace.state.last_landing(FEED)
    if known and known.content_hash == digest:
        return known
    frame = addresses(snapshot, random_state=random_state).assign(source=FEED)
    rows = pa.Table.from_pandas(frame, schema=ADDRESSES.arrow_schema(), preserve_index=False)
    version = workspace.replace(ADDRESSES, rows.to_batches(), {"source": FEED})
    _consents(workspace, people, random_state)
    landing = Landing(
        FEED, ADDRESSES.name, f"seed {random_state}", digest, len(frame), 0, version, datetime.now(UTC)
    )
    workspace.record_landing(landing)
    return landing


def _consents(workspace: Workspace, people: list[str], random_state: int) -> None:
    state = GuardState(workspace)
    there = state.known(people)
    number = np.random.default_rng(random_state).random(len(people))
    new = [(p, n) for p, n in zip(people, number, strict=True) if p not in there]
    agreed = [p for p, n in new if n < CONSENT]
    state.grant(agreed, source="generated")
    state.opt_out([p for p, n in new if n < CONSENT * NO_SMS], channel="sms", source="generated")
    state.suppress([p for p, n in new if n >= 1 - COMPLAINT], source="generated complaint")
