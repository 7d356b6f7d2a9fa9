"""Sources: files and streams become rows of the shared tables, under a contract.

A `Feed` is one declaration; `land` applies it to a file; what breaks the contract is in `rejects`.
`journey` declares the real demo data, `generated` adds browsing to them and says so, `company` makes
the 500 people that tests use.
"""

from qa_lib.sources.company import write_company
from qa_lib.sources.feeds import Constant, Feed, From, find_feed
from qa_lib.sources.generated import generate_interactions
from qa_lib.sources.journey import FEEDS, feed_files, journey_files
from qa_lib.sources.land import land, land_all
from qa_lib.sources.quality import landed, recorded, rejects

__all__ = [
    "FEEDS",
    "Constant",
    "Feed",
    "From",
    "feed_files",
    "find_feed",
    "generate_interactions",
    "journey_files",
    "land",
    "land_all",
    "landed",
    "recorded",
    "rejects",
    "write_company",
]
