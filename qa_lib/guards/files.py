"""The workspace's own guards as files: the contact policy, and risk, which has owners of its own."""

from __future__ import annotations

from qa_lib.errors import ReadOnly, SpecError
from qa_lib.guards.policy import ContactPolicy
from qa_lib.guards.risk import LocalRisk, RiskCheck, RiskPolicy
from qa_lib.guards.risk_service import RiskService
from qa_lib.rules import Engine
from qa_lib.rules.files import read_spec, read_values, write_spec
from qa_lib.workspace import Workspace

#: The files, from the workspace's folder.
CONTACT_POLICY = "guards/contact_policy.yaml"
RISK = "guards/risk.yaml"


def read_policy(workspace: Workspace) -> ContactPolicy:
    """The workspace's contact policy; one without limits where none was kept.

    Raises
    ------
    SpecError
        When the file is not a contact policy: then nothing is planned or sent.
    """
    path = workspace.root / CONTACT_POLICY
    return read_spec(path, ContactPolicy, "contact policy") if path.exists() else ContactPolicy()


def keep_policy(workspace: Workspace, policy: ContactPolicy) -> None:
    """Keep the contact policy, in place of the one before."""
    _writable(workspace)
    write_spec(workspace.root / CONTACT_POLICY, policy)


def read_risk(workspace: Workspace, engine: Engine) -> RiskCheck | None:
    """Who decides about risk: a `RiskPolicy` by the engine, or a `RiskService` (a file with `url`).

    Returns None where the workspace has no such file; then nobody is denied, and plans say that risk was
    not asked.

    Raises
    ------
    SpecError
        When the file is neither: then nothing is planned or sent.
    """
    path = workspace.root / RISK
    if not path.exists():
        return None
    value = read_values(path, "risk file")
    if isinstance(value, dict) and "url" in value:
        return read_spec(path, RiskService, "risk file")
    return LocalRisk(read_spec(path, RiskPolicy, "risk file"), engine)


def keep_risk(workspace: Workspace, risk: RiskPolicy | RiskService) -> None:
    """Keep who decides about risk; a policy must count up when its rules change.

    Raises
    ------
    SpecError
        When another policy of the same name has this version, or a later one.
    """
    _writable(workspace)
    path = workspace.root / RISK
    if isinstance(risk, RiskPolicy) and path.exists():
        value = read_values(path, "risk file")
        if isinstance(value, dict) and value.get("name") == risk.name:
            before = read_spec(path, RiskPolicy, "risk file")
            if before != risk and before.version >= risk.version:
                raise SpecError(
                    f"Risk policy {risk.name!r} has version {before.version} already, with other content. "
                    f"Give this one the version {before.version + 1}."
                )
    write_spec(path, risk)


def _writable(workspace: Workspace) -> None:
    if workspace.read_only:
        raise ReadOnly(f"The workspace {workspace.root} is open read-only; its guards cannot be changed.")
