"""Rules: a rule is a function from people to yes or no, and has one meaning however it is run.

The spec (groups `All` and `Any`; conditions `Attribute`, `Tag`, `Event`, `Sequence`, `Lifecycle`,
`InAudience`, `RandomSplit`), the tables of operators and measures, the check
against a catalogue, the sentence in both languages, the SQL, and the engine that runs it on bits.
"""

from qa_lib.rules.bits import Bits, overlaps, to_numbers
from qa_lib.rules.catalogue import Catalogue, EventType, Field, Suggestion
from qa_lib.rules.check import Problem, check, require
from qa_lib.rules.compile import Compiled, compile_condition, compile_rule
from qa_lib.rules.diff import Change, PartChange, RuleDiff, diff_rules
from qa_lib.rules.engine import AudienceResolver, Engine, Evaluation, SavedMembers, run_sql
from qa_lib.rules.faults import read_or_faults
from qa_lib.rules.form import form_catalogue
from qa_lib.rules.model import (
    All,
    Any,
    Attribute,
    Count,
    Distinct,
    Duration,
    Event,
    InAudience,
    Lifecycle,
    Measure,
    Not,
    Path,
    RandomSplit,
    Rule,
    Sequence,
    Step,
    Sum,
    Tag,
    read_rule,
    rule_schema,
)
from qa_lib.rules.sentence import sentence, sentences
from qa_lib.rules.spark import SparkEngine, spark_session
from qa_lib.rules.windows import Ago, Dates, Ever, Last

__all__ = [
    "Ago",
    "All",
    "Any",
    "Attribute",
    "AudienceResolver",
    "Bits",
    "Catalogue",
    "Change",
    "Compiled",
    "Count",
    "Dates",
    "Distinct",
    "Duration",
    "Engine",
    "Evaluation",
    "Event",
    "EventType",
    "Ever",
    "Field",
    "InAudience",
    "Last",
    "Lifecycle",
    "Measure",
    "Not",
    "PartChange",
    "Path",
    "Problem",
    "RandomSplit",
    "Rule",
    "RuleDiff",
    "SavedMembers",
    "Sequence",
    "SparkEngine",
    "Step",
    "Suggestion",
    "Sum",
    "Tag",
    "check",
    "compile_condition",
    "compile_rule",
    "diff_rules",
    "form_catalogue",
    "overlaps",
    "read_or_faults",
    "read_rule",
    "require",
    "rule_schema",
    "run_sql",
    "sentence",
    "sentences",
    "spark_session",
    "to_numbers",
]
