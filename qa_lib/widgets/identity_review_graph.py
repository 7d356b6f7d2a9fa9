"""One person's identifiers as a graph, with the chain of evidence between two of them drawn thick."""

from __future__ import annotations

import altair as alt
import pandas as pd

from qa_lib.charts import cluster_graph
from qa_lib.charts.words import pick
from qa_lib.identity import Cluster, Explanation
from qa_lib.identity.explain import _STATUS
from qa_lib.widgets.identity_review_page import IdentityPage


def draw_cluster(found: Cluster, why: Explanation | None, page: IdentityPage) -> alt.LayerChart:
    """The graph of a person's identifiers, all of them masked.

    Parameters
    ----------
    why
        The chain that is drawn thick; None where there is none.
    """
    named = zip(found.nodes["kind"], found.nodes["value"], strict=True)
    nodes = pd.DataFrame(
        {
            "label": [page.identifier(identifier) for identifier in named],
            "kind": [page.kind(kind) for kind in found.nodes["kind"]],
            "is_member": found.nodes["is_member"],
        }
    )
    words = [pick(_STATUS[status], page.language) for status in found.edges["status"]]
    edges = found.edges.assign(status_words=words)
    return cluster_graph(nodes, edges, language=page.language, path=_path_of(found, why))


def _path_of(found: Cluster, why: Explanation | None) -> frozenset[tuple[int, int]]:
    """The chain's steps as places in the graph."""
    if why is None:
        return frozenset()
    place = {i: n for n, i in enumerate(zip(found.nodes["kind"], found.nodes["value"], strict=True))}
    steps = (
        (place.get((s["from_kind"], s["from_value"])), place.get((s["to_kind"], s["to_value"])))
        for s in why.path.to_dict("records")
    )
    return frozenset((min(a, b), max(a, b)) for a, b in steps if a is not None and b is not None)
