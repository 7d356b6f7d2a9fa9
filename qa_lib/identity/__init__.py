"""One person behind many identifiers: evidence as links, people with stable ids, every change undoable.

`normalise` and `KINDS` say what an identifier is; `add_links` takes evidence in; `resolve` makes people
of it and records merges, splits and quarantines; `undo` takes one back; `former_ids` says which ids a merge ended; `explain` shows the chain of
evidence; `pair_quality`, `people_quality`, `quality_by_error` and `group_sizes`
measure it against a kept truth. `score_records` suggests links between records
that have no identifier in common. `generate_aliases` makes the demo's.
"""

from qa_lib.identity.aliases import AliasErrors, aliases_of, generate_aliases, read_truth
from qa_lib.identity.cluster import Cluster, Evidence
from qa_lib.identity.decisions import decide_quarantine, quarantine_decided, quarantine_queue
from qa_lib.identity.explain import Explanation, explain
from qa_lib.identity.graph import Groups, Policy, group_links
from qa_lib.identity.kinds import KINDS, Kind, hash_identifier, kind, normalise
from qa_lib.identity.quality import (
    PairQuality,
    PeopleQuality,
    group_sizes,
    pair_quality,
    people_quality,
    quality_by_error,
)
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
from qa_lib.identity.scored import (
    Compared,
    RecordModel,
    ThresholdPolicy,
    accepted_links,
    decide,
    explain_score,
    score_quality,
    score_records,
)

__all__ = [
    "KINDS",
    "AliasErrors",
    "Cluster",
    "Compared",
    "Evidence",
    "Explanation",
    "Groups",
    "Kind",
    "PairQuality",
    "PeopleQuality",
    "Policy",
    "RecordModel",
    "Resolution",
    "ThresholdPolicy",
    "accepted_links",
    "add_links",
    "aliases_of",
    "decide",
    "decide_quarantine",
    "explain",
    "explain_score",
    "former_ids",
    "generate_aliases",
    "group_links",
    "group_sizes",
    "hash_identifier",
    "kind",
    "normalise",
    "normalise_links",
    "pair_quality",
    "people_quality",
    "quality_by_error",
    "quarantine_decided",
    "quarantine_queue",
    "read_links",
    "read_resolution",
    "read_truth",
    "resolve",
    "resolve_links",
    "score_quality",
    "score_records",
    "undo",
    "undo_change",
]
