"""Profiles: what is known of each person at one moment, as tags.

A tag is a declaration; a family is one query that computes several; `build` computes all of them as of
a moment and publishes the snapshot; `catalogue` is what rules may speak of. `rfm`, `aipl`, `lifetime` and `propensity`
are functions over a snapshot, in modules of their own; `scores` declares them as tags of every build.
"""

from qa_lib.profiles.behaviour import BehaviourFamily, FamilyMeasure
from qa_lib.profiles.build import FAMILIES, build, build_moment, data_range
from qa_lib.profiles.catalogue import catalogue, tags
from qa_lib.profiles.events import EVENT_SOURCES, events_of
from qa_lib.profiles.live import AsProfiled, TagsNow, stream_tags
from qa_lib.profiles.lookup import PersonLookup
from qa_lib.profiles.read import person_profile, tag_counts, tag_values
from qa_lib.profiles.scores_build import model_calibration, model_reports
from qa_lib.profiles.standard import standard_families, write_standard
from qa_lib.profiles.tags import Family, TagSpec

__all__ = [
    "EVENT_SOURCES",
    "FAMILIES",
    "AsProfiled",
    "BehaviourFamily",
    "Family",
    "FamilyMeasure",
    "PersonLookup",
    "TagSpec",
    "TagsNow",
    "build",
    "build_moment",
    "catalogue",
    "data_range",
    "events_of",
    "model_calibration",
    "model_reports",
    "person_profile",
    "standard_families",
    "stream_tags",
    "tag_counts",
    "tag_values",
    "tags",
    "write_standard",
]
