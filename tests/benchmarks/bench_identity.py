"""`identity`: links to people, and ten thousand new links, against scipy and splink's clustering."""

from __future__ import annotations

import importlib.util
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from measured import Figure, WrongAnswer, at_least, at_most
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from qa_lib.identity.components import Components

LINKS = {"S": 100_000, "M": 1_000_000, "L": 10_000_000}
NEW = 10_000
BAR_SCIPY, BAR_NEW = 2.0, 100.0
ROUNDS = {"S": 3, "M": 3, "L": 2}
#: Splink's clustering is asked up to here: beyond it takes minutes.
_MOST_SPLINK = 1_000_000


def run(tier: str, say: Callable[[str], None], people: int | None = None) -> list[Figure]:
    """Seconds of the processor, the best of `ROUNDS`; each contender takes the same whole numbers.

    Each runs on one thread, so these are what the clock shows on a machine with nothing else to do; splink's are of the
    clock, on all cores.
    """
    links = people or LINKS[tier]
    size, left, right = drawn(links)
    rng = np.random.default_rng(29)
    fresh = rng.integers(0, size, (2, min(NEW, links // 10)))
    whole_left, whole_right = np.concatenate([left, fresh[0]]), np.concatenate([right, fresh[1]])
    say(f"{links:,} links of {size:,} identifiers, {fresh.shape[1]:,} new ones")
    took: dict[str, list[float]] = {}

    def timed(name: str, run: Callable[[], Any]) -> Any:
        at = time.process_time()
        answer = run()
        took.setdefault(name, []).append(time.process_time() - at)
        return answer

    for number in range(ROUNDS[tier]):
        say(f"round {number + 1} of {ROUNDS[tier]}")
        timed("scipy", lambda: scipy_labels(size, left, right))
        found = timed("ours", lambda: Components(size, left, right))
        timed("new links", partial(found.add, *fresh))
        again = timed("rebuild", lambda: Components(size, whole_left, whole_right))
    say("equal answers")
    theirs = scipy_labels(size, whole_left, whole_right)
    for name, labels in (("new links", found.all()), ("rebuild", again.all())):
        if not same_groups(labels, theirs):
            raise WrongAnswer(f"identity: {name} and scipy disagree who is one person")
    best = {name: min(seconds) for name, seconds in took.items()}
    figures = [
        Figure(name, seconds, "s", "scipy" if name == "scipy" else "") for name, seconds in best.items()
    ]
    if links <= _MOST_SPLINK and importlib.util.find_spec("splink"):
        seconds, labels = splink_labels(size, left, right)
        if not same_groups(labels, scipy_labels(size, left, right)):
            raise WrongAnswer("identity: splink and scipy disagree who is one person")
        figures.append(Figure("splink's clustering", seconds, "s", "splink"))
    return [
        *figures,
        Figure("people", float(found.component_count), "people"),
        Figure("what is kept", found.byte_count / 1e6, "MB"),
        Figure("peak of the process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, "MB"),
        at_most("ours : scipy", best["ours"] / best["scipy"], "x", "scipy", BAR_SCIPY),
        *_incremental(tier, best["rebuild"] / best["new links"]),
    ]


def _incremental(tier: str, ratio: float) -> list[Figure]:
    """The bar is of tier L: at S the new links are a tenth of all."""
    if tier == "L":
        return [at_least("rebuild : new links", ratio, "x", "rebuild", BAR_NEW)]
    return [Figure("rebuild : new links", ratio, "x", "rebuild")]


def drawn(links: int) -> tuple[int, np.ndarray, np.ndarray]:
    """Chains of two to eight identifiers a person, as phones, cards and devices make them, in any order."""
    rng = np.random.default_rng(23)
    each = rng.integers(1, 8, links)
    each = each[: int(np.searchsorted(np.cumsum(each), links)) + 1]
    ends = np.cumsum(each + 1)
    size = int(ends[-1])
    is_last = np.zeros(size, dtype=bool)
    is_last[ends - 1] = True
    first = np.flatnonzero(~is_last)  # each is linked to the next
    names = rng.permutation(size)
    order = rng.permutation(len(first))
    return size, names[first][order], names[first + 1][order]


def scipy_labels(size: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    graph = coo_array((np.ones(len(left), dtype=bool), (left, right)), shape=(size, size))
    labels: np.ndarray = connected_components(graph, directed=False)[1]
    return labels


def splink_labels(size: int, left: np.ndarray, right: np.ndarray) -> tuple[float, np.ndarray]:
    """Splink's own clustering over DuckDB, the frames handed over before the clock starts."""
    import splink
    from splink.clustering import cluster_pairwise_predictions_at_threshold

    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        api = splink.DuckDBAPI(connection)
        nodes = pd.DataFrame({"node": np.arange(size)})
        edges = pd.DataFrame({"one": left, "other": right, "match_probability": np.ones(len(left))})
        at = time.perf_counter()
        clusters = cluster_pairwise_predictions_at_threshold(
            nodes, edges, api, node_id_column_name="node", edge_id_column_name_left="one",
            edge_id_column_name_right="other", threshold_match_probability=0.5,
        )  # fmt: skip
        rows = clusters.as_pandas_dataframe()
        took = time.perf_counter() - at
    return took, rows.sort_values("node")["cluster_id"].to_numpy()


def same_groups(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two labellings put the same identifiers together."""
    a, b = pd.factorize(one)[0], pd.factorize(other)[0]
    return bool(np.array_equal(a, b))
