"""The nightly build: who is who as of the build's moment, then every tag of these people."""

from __future__ import annotations

from datetime import datetime

from qa_lib.identity import Policy, resolve
from qa_lib.profiles import build, build_moment
from qa_lib.profiles.build import Progress
from qa_lib.rules.windows import midnight
from qa_lib.tables import CAMPAIGNS, IDENTITIES, LINKS
from qa_lib.workspace import Snapshot, Workspace


def resolve_and_build(
    workspace: Workspace,
    as_of: datetime | str | None = None,
    progress: Progress | None = None,
    *,
    policy: Policy | None = None,
) -> Snapshot:
    """Resolve the workspace's identifiers as of a moment, then build the snapshot of that moment.

    A moment before the last recorded change of identities is answered from the record. Where nothing was
    ever resolved, the starts of the campaigns up to that moment are resolved first, one after another, so
    that each of them can be built and replayed by the ids of its day. Without links
    nothing is resolved, and people are the source's own ids. Called again with the same data it writes
    nothing and returns the same snapshot.

    Parameters
    ----------
    as_of
        The moment at which all windows end; when not given, the local midnight after the last event.
    progress
        Called with a few words before each step.
    policy
        How far evidence is trusted; see `qa_lib.identity.Policy`.

    Raises
    ------
    NothingBuilt, AsOfOutside
        As `qa_lib.profiles.build` does; then nothing was resolved.
    SpecError
        When a tag declared in the workspace is not valid; then identities were resolved and nothing was built.
    """
    moment = build_moment(workspace, as_of)
    if workspace.store.exists(LINKS.name):
        if progress is not None:
            progress("identities")
        resolve(workspace, moment, through=_first_moments(workspace, moment), policy=policy)
    return build(workspace, moment, progress=progress)


def _first_moments(workspace: Workspace, moment: datetime) -> list[datetime]:
    """The starts of the campaigns before a moment, where the record of identities is still empty."""
    if workspace.store.exists(IDENTITIES.name) or not workspace.store.exists(CAMPAIGNS.name):
        return []
    frame = workspace.read(CAMPAIGNS)
    days = sorted({day.date() for day in frame.loc[frame["origin"] == "observed", "starts_on"]})
    return [at for at in (midnight(day, workspace.zone) for day in days) if at < moment]
