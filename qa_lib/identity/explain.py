"""Why two identifiers are one person, or why not: the shortest chain of evidence."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.identity.changes import constraints
from qa_lib.identity.components import Components
from qa_lib.identity.graph import Groups, Policy, clear_of_hashed, group_links
from qa_lib.identity.numbering import Identifier, Numbered, number_links
from qa_lib.tables import Label

_STATUS: dict[str, Label] = {
    "used": Label("采用", "used"),
    "same": Label("同一标识的散列", "hash of the same identifier"),
    "demanded": Label("由人确认在一起", "together by a person's decision"),
    "shared": Label("共用标识，不作依据", "shared identifier, links nobody"),
    "conflict": Label(
        "与唯一标识冲突，或其合并已被撤销", "conflicts with a single-valued kind or an undone merge"
    ),
    "held": Label("组过大，已隔离", "group over the cap, held back"),
}
_COLUMNS = ["from_kind", "from_value", "to_kind", "to_value", "source", "observed_at", "status"]


@dataclass(frozen=True)
class Explanation:
    """The answer in words, and the chain from the one identifier to the other.

    Attributes
    ----------
    is_one_person
        Whether links make them one.
    answer
        One sentence in both languages.
    path
        `from_kind, from_value, to_kind, to_value, source, observed_at, status, status_zh, status_en`, a
        row a step; empty where no chain leads from one to the other.
    """

    is_one_person: bool
    answer: Label
    path: pd.DataFrame


def explain(
    links: pd.DataFrame,
    one: Identifier,
    other: Identifier,
    *,
    policy: Policy | None = None,
    changes: pd.DataFrame | None = None,
) -> Explanation:
    """Why two identifiers are one person, or why not.

    Where they are not, the chain shown has the fewest links that do not count, then the fewest links.

    Parameters
    ----------
    links
        The columns of the table `links`; filter them by `observed_at` to ask about the past.
    one, other
        (kind, normalised value).
    changes
        The record of changes, for what was undone.

    Raises
    ------
    UnknownName
        When an identifier is in no link.
    """
    together, apart = constraints(changes) if changes is not None else ([], [])
    links = _around(links, one, other, together)
    groups = group_links(links, policy, together=together, apart=apart)
    start, end = groups.position[one], groups.position[other]
    table = groups.nodes["group"].to_numpy()
    held = bool(groups.nodes["is_held"].iat[start])
    is_one = bool(table[start] == table[end] and table[start] >= 0 and not held)
    steps = _steps(groups, together)
    chain = _chain(steps, start, end, {"used", "same", "demanded"}) or _chain(steps, start, end, set(_STATUS))
    path = _path(groups, links, chain)
    return Explanation(is_one or start == end, _answer(is_one or start == end, path), path)


def _around(
    links: pd.DataFrame, one: Identifier, other: Identifier, together: list[tuple[Identifier, Identifier]]
) -> pd.DataFrame:
    """The links of all that is connected with either in any way; what the others say changes nothing there."""
    numbered, _ = number_links(links)
    ends = [_find(numbered, i) for i in (one, other)]
    pairs = [(numbered.find(i), numbered.find(j)) for i, j in together]
    known = np.array([p for p in pairs if None not in p], dtype=np.int64).reshape(-1, 2)
    everyone = np.arange(numbered.count)
    component = Components(
        numbered.count,
        np.concatenate([numbered.left, everyone, known[:, 0]]),
        np.concatenate([numbered.right, clear_of_hashed(numbered), known[:, 1]]),
    ).all()
    return links[np.isin(component[numbered.left], component[ends])].reset_index(drop=True)


def _find(numbered: Numbered, identifier: Identifier) -> int:
    found = numbered.find(identifier)
    if found is None:
        of_kind = identifier[0] in numbered.kinds
        same_kind = numbered.kind_no == numbered.kinds.index(identifier[0]) if of_kind else []
        values = numbered.values(np.flatnonzero(same_kind)[:10_000]).to_pylist()
        raise UnknownName(
            f"The identifier {identifier!r} is in no link.{did_you_mean(str(identifier[1]), values)} Give (kind, "
            "normalised value); see qa_lib.identity.normalise."
        )
    return found


def _steps(groups: Groups, together: list[tuple[Identifier, Identifier]]) -> dict[int, list[tuple[int, str]]]:
    """By row of the nodes: the neighbours in order, and whether that step counts."""
    found: dict[int, list[tuple[int, str]]] = {}

    def add(a: int, b: int, status: str) -> None:
        found.setdefault(a, []).append((b, status))
        found.setdefault(b, []).append((a, status))

    for a, b, status in zip(*(groups.edges[c].tolist() for c in ("a", "b", "status")), strict=True):
        add(a, b, status)
    for x in np.flatnonzero(groups.same_as != np.arange(len(groups.same_as))):
        add(int(x), int(groups.same_as[x]), "same")
    for i, j in together:
        if i in groups.position and j in groups.position:
            a, b = (int(groups.same_as[groups.position[k]]) for k in (i, j))
            add(a, b, "demanded")
    return {x: sorted(steps) for x, steps in found.items()}


def _chain(
    steps: dict[int, list[tuple[int, str]]], start: int, end: int, allowed: set[str]
) -> list[tuple[int, int, str]]:
    """The chain with the fewest steps that do not count, then the fewest steps; empty where there is none."""
    best = {start: (0, 0)}
    came: dict[int, tuple[int, str]] = {}
    waiting = deque([start])
    while waiting:  # steps cost (0, 1) or (1, 1): a queue that takes a node again when it got cheaper
        x = waiting.popleft()
        for y, status in steps.get(x, []):
            if status not in allowed:
                continue
            cost = (best[x][0] + (status in ("shared", "conflict", "held")), best[x][1] + 1)
            if y not in best or cost < best[y]:
                best[y], came[y] = cost, (x, status)
                waiting.append(y)
    chain: list[tuple[int, int, str]] = []
    while end != start and end in came:
        before, status = came[end]
        chain.append((before, end, status))
        end = before
    return chain[::-1]


def _path(groups: Groups, links: pd.DataFrame, chain: list[tuple[int, int, str]]) -> pd.DataFrame:
    """A row a step: the earliest link that says it."""
    rows = []
    for x, y, status in chain:
        a, b = groups.identifier(x), groups.identifier(y)
        rows.append((*a, *b, *_evidence(groups, links, x, y, status), status))
    path = pd.DataFrame(rows, columns=_COLUMNS)
    path["observed_at"] = pd.to_datetime(path["observed_at"], utc=True)
    for language in ("zh", "en"):
        path[f"status_{language}"] = [getattr(_STATUS[s], language) for s in path["status"]]
    return path


def _evidence(groups: Groups, links: pd.DataFrame, x: int, y: int, status: str) -> tuple[str, object]:
    if status in ("same", "demanded"):
        return {"same": "hash", "demanded": "undo"}[status], pd.NaT
    ends = []
    for node in (x, y):  # a hashed form stands for its clear one
        names = {groups.identifier(int(n)) for n in np.flatnonzero(groups.same_as == node)}
        ends.append(names)
    sides = [
        pd.Series(list(zip(links[f"{s}_kind"], links[f"{s}_value"], strict=True)), index=links.index)
        for s in ("left", "right")
    ]
    found = (sides[0].isin(ends[0]) & sides[1].isin(ends[1])) | (
        sides[0].isin(ends[1]) & sides[1].isin(ends[0])
    )
    first = links[found].sort_values(["observed_at", "source"]).iloc[0]
    return str(first["source"]), first["observed_at"]


def _answer(is_one: bool, path: pd.DataFrame) -> Label:
    if is_one:
        return Label(f"是同一个人：{len(path)} 步证据。", f"One person, by {len(path)} steps of evidence.")
    if path.empty:
        return Label("没有任何证据链把两者相连。", "No chain of links leads from one to the other.")
    bad = path[path["status"].isin(["shared", "conflict", "held"])]
    if bad.empty:
        return Label("证据相连，但其中有共用标识。", "Linked, but an identifier on the way is shared.")
    row = bad.iloc[0]
    step = f"{row['from_kind']} {row['from_value']} – {row['to_kind']} {row['to_value']}"
    return Label(
        f"不是同一个人：这一步不作数（{row['status_zh']}）：{step}",
        f"Not one person: a step does not count ({row['status_en']}): {step}",
    )
