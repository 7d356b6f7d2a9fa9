"""Sources: files and streams become rows of the shared tables, under a contract.

A `Feed` is one declaration; `land` applies it to a file; what breaks the contract is in `rejects`. A `Source` is
a YAML file of the workspace that says where rows are read from and which feeds they go through; `load_source`
reads what is new. Every load leaves a `Load` behind.
`journey` declares the real demo data, `generated` adds browsing to them and says so, `company` makes
the 500 people that tests use.
"""

from qa_lib.sources.company import write_company
from qa_lib.sources.feeds import Constant, Feed, From, find_feed
from qa_lib.sources.generated import generate_interactions
from qa_lib.sources.journey import FEEDS, feed_files, journey_files
from qa_lib.sources.land import land, land_all
from qa_lib.sources.loads import Load, loads
from qa_lib.sources.quality import landed, recorded, rejects
from qa_lib.sources.report import column_report, load_report, reject_reasons, rejected_rows, shape
from qa_lib.sources.scheduled import SourceLoad, load_source
from qa_lib.sources.source import Source, find_source, read_source, read_sources, write_source

__all__ = [
    "FEEDS",
    "Constant",
    "Feed",
    "From",
    "Load",
    "Source",
    "SourceLoad",
    "column_report",
    "feed_files",
    "find_feed",
    "find_source",
    "generate_interactions",
    "journey_files",
    "land",
    "land_all",
    "landed",
    "load_report",
    "load_source",
    "loads",
    "read_source",
    "read_sources",
    "recorded",
    "reject_reasons",
    "rejected_rows",
    "rejects",
    "shape",
    "write_company",
    "write_source",
]
