"""Write `answers.json`: what json-logic-js says of many expressions, to hold our evaluator against.

`npm install json-logic-js@2.0.5` in a folder of its own, then `python record.py THAT_FOLDER`.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VALUES: list[Any] = [None, 0, 1, -1, 2.5, "", "0", "1", "2.5", "a", "b", "null", " 1 ", "é", "😀", True, False, [], ["a"]]  # fmt: skip
PERSON = {
    "age": 30,
    "name": "Ann",
    "city": "",
    "vip": False,
    "none": None,
    "tags": ["x", "y"],
    "empty": [],
    "order": {"total": 12.5, "items": [{"sku": "a", "quantity": 2}, {"sku": "b", "quantity": 0}]},
}
NAMES = [
    "age",
    "name",
    "city",
    "vip",
    "none",
    "tags",
    "empty",
    "absent",
    "order.total",
    "order.items.1.sku",
    "",
    None,
]
SCRIPT = """
const logic = require("json-logic-js");
const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
const told = cases.map(([rule, data]) => {
  const answer = logic.apply(rule, data);
  return [rule, data, answer === undefined ? null : answer];
}).filter(([, , answer]) => typeof answer !== "number" || Number.isFinite(answer));
console.log(JSON.stringify(told));
"""


def cases() -> list[list[Any]]:
    made: list[list[Any]] = []
    for op in ("==", "===", "!=", "!==", "<", "<=", ">", ">="):
        made += [[{op: [a, b]}, None] for a, b in itertools.product(VALUES, repeat=2)]
    few = [None, 0, 1, 3, "2", "a"]
    for op in ("<", "<="):
        made += [[{op: list(three)}, None] for three in itertools.product(few, repeat=3)]
    for op in ("!", "!!", "missing", "cat", "merge", "-"):
        made += [[{op: [v]}, None] for v in VALUES] + [[{op: v}, None] for v in VALUES]
    for op in ("and", "or", "if", "?:", "merge", "cat", "max", "min"):
        made += [[{op: []}, None]] if op not in ("max", "min") else []
        made += [[{op: [a, b]}, None] for a, b in itertools.product([None, 0, 1, "", "a", True], repeat=2)]
    for three in itertools.product([0, 1, "", "a", []], repeat=3):
        made += [[{op: list(three)}, None] for op in ("and", "or", "if")]
    made += [[{"if": [0, 1, a, b, c]}, None] for a, b, c in itertools.product([0, 2], repeat=3)]
    made += [[{"if": [0, 1, a, b]}, None] for a, b in itertools.product([0, 2], repeat=2)]
    for op in ("+", "-", "*", "/", "%"):
        numbers = [0, 1, -7, 2.5, "3", "4x", 10]
        made += [[{op: [a, b]}, None] for a, b in itertools.product(numbers, repeat=2)]
    for haystack in ([], ["a", 1, None, "", True], "", "abc", "1", 5, None, "a,b"):
        made += [[{"in": [v, haystack]}, None] for v in VALUES]
    for name in NAMES:
        made += [[{"var": name}, PERSON], [{"var": [name]}, PERSON], [{"var": [name, "d"]}, PERSON]]
        made += [[{"!": {"var": name}}, PERSON], [{"==": [{"var": name}, None]}, PERSON]]
        made += [[{op: [{"var": name}, 18]}, PERSON] for op in ("<", "<=", ">", ">=")]
    made += [
        [{"var": []}, PERSON],
        [{"var": 1}, ["a", "b"]],
        [{"var": "a.b"}, None],
        [{"var": ["a.b", 3]}, None],
    ]
    known = ["age", "name", "city", "none", "absent", "order.total"]
    for n in range(4):
        for some in itertools.combinations(known, n):
            made += [[{"missing": list(some)}, PERSON]]
            made += [[{"missing_some": [k, list(some)]}, PERSON] for k in range(4)]
    made += [[{"missing": {"merge": ["age", {"if": [{"var": "vip"}, ["name"], ["city"]]}]}}, PERSON]]
    texts = ["jsonlogic", "null", "", "é😀x", 12345, None]
    for text, start in itertools.product(texts, [0, 2, 4, -3, -20, 20]):
        made += [[{"substr": [text, start]}, None]]
        made += [[{"substr": [text, start, length]}, None] for length in (0, 1, 3, -2, 50)]
    tests = [{"in": [{"var": ""}, ["x"]]}, {"==": [{"var": ""}, "y"]}, True, False, {"!": {"var": ""}}]
    for op, name, test in itertools.product(
        ("all", "some", "none", "filter", "map"), ["tags", "empty", "none", "age", "absent"], tests
    ):
        made += [[{op: [{"var": name}, test]}, PERSON]]
    quantity = {"var": "quantity"}
    for op in ("all", "some", "none", "filter", "map"):
        made += [[{op: [{"var": "order.items"}, {">": [quantity, 1]}]}, PERSON]]
    total = {"+": [{"var": "current.quantity"}, {"var": "accumulator"}]}
    made += [[{"reduce": [{"var": name}, total, 0]}, PERSON] for name in ("order.items", "empty", "absent")]
    return made


def main(folder: str) -> None:
    told = subprocess.run(
        ["node", "-e", SCRIPT],
        input=json.dumps(cases()),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [
        json.dumps(one, ensure_ascii=False, separators=(",", ":"))
        for one in json.loads(told.stdout)
        # half of a surrogate pair is no text that a file should hold
        if not any("\ud800" <= letter <= "\udfff" for letter in str(one[2]))
    ]
    (HERE / "answers.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
