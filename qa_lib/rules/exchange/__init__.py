"""Rules in other languages: YAML, react-querybuilder and JSON-Logic, in and out.

What the other language has no words for is refused with the part and the way on, never dropped. Wherever an
export succeeds, importing it gives a rule with the same hash back.
"""

from qa_lib.rules.exchange.evaluate import evaluate, holds
from qa_lib.rules.exchange.formats import FORMATS, RuleFormat, export_rule, import_rule
from qa_lib.rules.exchange.from_logic import from_json_logic
from qa_lib.rules.exchange.querybuilder import from_querybuilder, to_querybuilder
from qa_lib.rules.exchange.to_logic import to_json_logic
from qa_lib.rules.exchange.yaml_text import from_yaml, to_yaml

__all__ = [
    "FORMATS",
    "RuleFormat",
    "evaluate",
    "export_rule",
    "from_json_logic",
    "from_querybuilder",
    "from_yaml",
    "holds",
    "import_rule",
    "to_json_logic",
    "to_querybuilder",
    "to_yaml",
]
