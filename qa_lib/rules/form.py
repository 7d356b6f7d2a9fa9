"""Everything that the form in the browser needs, as JSON values: it never offers what the engine lacks."""

from __future__ import annotations

from typing import Any

from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.check_values import MOST_DAYS
from qa_lib.rules.journeys import MAX_PERIODS, MAX_SAME, MAX_STEPS, MIN_STEPS
from qa_lib.rules.kinds import CONDITIONS, PATTERNS
from qa_lib.rules.measures import MEASURES
from qa_lib.rules.model import MAX_CONDITIONS, MAX_DEPTH
from qa_lib.rules.operators import MEASURE_OPERATORS, OPERATORS
from qa_lib.rules.sentence import UNITS, WINDOWS
from qa_lib.rules.windows import FIXED_UNITS, MAX_UNITS, WHOLE_DAYS


def form_catalogue(catalogue: Catalogue) -> dict[str, Any]:
    """Conditions, fields, events, operators, measures, windows, patterns and limits; `tests/contract/catalogue.json` is one."""
    return {
        "conditions": [kind.to_dict(key) for key, kind in CONDITIONS.items()],
        "fields": [f.to_dict() for f in catalogue.fields],
        "events": [e.to_dict() for e in catalogue.events],
        "operators": [o.to_dict() for o in OPERATORS],
        "measures": [m.to_dict() for m in MEASURES],
        "measure_operators": [o.key for o in MEASURE_OPERATORS],
        "windows": [{"key": k, "label": v.to_dict()} for k, v in WINDOWS.items()],
        "units": [
            {"key": k, "label": v.to_dict(), "whole_days": k in WHOLE_DAYS, "length": k in FIXED_UNITS}
            for k, v in UNITS.items()
        ],
        "patterns": [pattern.to_dict(key) for key, pattern in PATTERNS.items()],
        "limits": {
            "depth": MAX_DEPTH,
            "conditions": MAX_CONDITIONS,
            "min_steps": MIN_STEPS,
            "steps": MAX_STEPS,
            "same": MAX_SAME,
            "periods": MAX_PERIODS,
            "days_ahead": MOST_DAYS,
            "units": MAX_UNITS,
        },
    }
