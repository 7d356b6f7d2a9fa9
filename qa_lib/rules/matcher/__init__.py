"""The real-time matcher: one person or a micro-batch against all active rules, exact and fast.

An event from outside is first held against a Bloom filter of what the rules can concern (`Admission`). Then
the truth of every distinct predicate is written once (`predicates`), terms are chosen by their rarest
predicate and checked to the end (`terms`), and weights and groups say who wins (`active`). The answer is the
batch engine's for every rule and person.
"""

from qa_lib.rules.matcher.active import ActiveRule
from qa_lib.rules.matcher.admission import Admission, Admitted
from qa_lib.rules.matcher.batch import BatchMatches
from qa_lib.rules.matcher.cache import MatchCache
from qa_lib.rules.matcher.cold import ColdStart
from qa_lib.rules.matcher.explain import Explanation, Verdict, explain
from qa_lib.rules.matcher.follow import Followed, Follower
from qa_lib.rules.matcher.matcher import Matcher, Matches, Steps
from qa_lib.rules.matcher.people import People
from qa_lib.rules.matcher.person import EventLog, Person, read_people, read_person
from qa_lib.rules.matcher.records import Records
from qa_lib.rules.matcher.sections import Leaf, Plug
from qa_lib.rules.matcher.shares import measured_shares

__all__ = [
    "ActiveRule",
    "Admission",
    "Admitted",
    "BatchMatches",
    "ColdStart",
    "EventLog",
    "Explanation",
    "Followed",
    "Follower",
    "Leaf",
    "MatchCache",
    "Matcher",
    "Matches",
    "People",
    "Person",
    "Plug",
    "Records",
    "Steps",
    "Verdict",
    "explain",
    "measured_shares",
    "read_people",
    "read_person",
]
