"""How tags differ between two snapshots: coverage, mean, and the population stability index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from qa_lib.errors import UnknownName
from qa_lib.profiles.read import tag_values
from qa_lib.workspace import Snapshot, go_on

#: The customary reading of the index: below .1 the same, from .25 on another population.
STEADY, MOVED = 0.1, 0.25
_BINS = 10
_CHUNK = 100


def drift(before: Snapshot, now: Snapshot, names: Sequence[str] | None = None) -> pd.DataFrame:
    """How each tag that both snapshots have changed.

    Parameters
    ----------
    names
        Which; all numbers, texts and booleans when not given.

    Returns
    -------
    pandas.DataFrame
        `name`, `label_zh`, `label_en`, `coverage_before`, `coverage_now`, `mean_before`, `mean_now` (numbers
        and booleans), `psi`, `verdict` (`steady`, `moving`, `moved`), the largest index first.

    Raises
    ------
    UnknownName
        For a name that one of them lacks.
    """
    specs = [{e["spec"]["name"]: e["spec"] for e in s.meta["tags"]} for s in (before, now)]
    shared = [
        n for n, s in specs[1].items()
        if n in specs[0] and s["type"] == specs[0][n]["type"] and s["type"] in ("number", "text", "boolean")
    ]  # fmt: skip
    chosen = shared if names is None else list(names)
    if lost := [n for n in chosen if n not in shared]:
        raise UnknownName(f"Tag {lost[0]!r} cannot be compared: it is not in both snapshots with one type.")
    rows = []
    for first in range(0, len(chosen), _CHUNK):
        some = chosen[first : first + _CHUNK]
        then, today = tag_values(before, *some), tag_values(now, *some)
        for name in some:
            go_on()
            spec = specs[1][name]
            one, two = then[name], today[name]
            numeric = spec["type"] != "text"
            psi = stability_index(_shares(one, two, numeric))
            rows.append(
                {
                    "name": name, "label_zh": spec["label_zh"], "label_en": spec["label_en"],
                    "coverage_before": float(one.notna().mean()), "coverage_now": float(two.notna().mean()),
                    "mean_before": float(one.astype("float64").mean()) if numeric else None,
                    "mean_now": float(two.astype("float64").mean()) if numeric else None,
                    "psi": psi,
                    "verdict": "steady" if psi < STEADY else "moving" if psi < MOVED else "moved",
                }
            )  # fmt: skip
    return pd.DataFrame(rows).sort_values("psi", ascending=False, ignore_index=True)


def stability_index(shares: npt.NDArray[np.float64]) -> float:
    """Σ (now − before) ln(now / before) over the bins; an empty bin counts as one ten-thousandth.

    Parameters
    ----------
    shares : shape (2, n_bins)
        Before and now, each adding up to 1.
    """
    one, two = np.maximum(shares, 1e-4)
    return float(((two - one) * np.log(two / one)).sum())


def _shares(before: pd.Series, now: pd.Series, numeric: bool) -> npt.NDArray[np.float64]:
    """People by bin, those without a value in a bin of their own; bins are tenths of the people before."""
    if numeric:
        one, two = (v.astype("float64").to_numpy() for v in (before, now))
        known = one[np.isfinite(one)]
        cuts = (
            np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(known) else np.zeros(0)
        )
        places = [np.where(np.isfinite(v), np.searchsorted(cuts, v), len(cuts) + 1) for v in (one, two)]
    else:
        texts = pd.Index(sorted({*before.dropna(), *now.dropna()}))
        places = [np.where(v.notna(), texts.get_indexer(v), len(texts)) for v in (before, now)]
    size = max(int(p.max(initial=0)) for p in places) + 1
    counts = np.stack([np.bincount(p, minlength=size) for p in places]).astype(np.float64)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
