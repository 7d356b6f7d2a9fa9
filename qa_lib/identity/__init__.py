"""One person behind many identifiers: evidence as links, people with stable ids, every change undoable.

`normalise` and `KINDS` say what an identifier is; `add_links` takes evidence in; `resolve` makes people
of it and records merges, splits and quarantines; `undo` takes one back; `former_ids` says which ids a merge ended; `explain` shows the chain of
evidence; `pair_quality` and `group_sizes` measure it against a kept truth. `generate_aliases` makes the
demo's.
"""

from qa_lib.identity.aliases import AliasErrors, aliases_of, generate_aliases, read_truth
from qa_lib.identity.cluster import Cluster, Evidence
from qa_lib.identity.decisions import decide_quarantine, quarantine_decided, quarantine_queue
from qa_lib.identity.explain import Explanation, explain
from qa_lib.identity.graph import Groups, Policy, group_links
from qa_lib.identity.kinds import KINDS, Kind, hash_identifier, kind, normalise
from qa_lib.identity.quality import PairQuality, group_sizes, pair_quality
from qa_lib.identity.record import (
    add_links,
    normalise_links,
    read_links,
    read_resolution,
    resolve,
    undo,
    undo_change,
)
from qa_lib.identity.resolve import Resolution, former_ids, resolve_links

__all__ = [
    "KINDS",
    "AliasErrors",
    "Cluster",
    "Evidence",
    "Explanation",
    "Groups",
    "Kind",
    "PairQuality",
    "Policy",
    "Resolution",
    "add_links",
    "aliases_of",
    "decide_quarantine",
    "explain",
    "former_ids",
    "generate_aliases",
    "group_links",
    "group_sizes",
    "hash_identifier",
    "kind",
    "normalise",
    "normalise_links",
    "pair_quality",
    "quarantine_decided",
    "quarantine_queue",
    "read_links",
    "read_resolution",
    "read_truth",
    "resolve",
    "resolve_links",
    "undo",
    "undo_change",
]
