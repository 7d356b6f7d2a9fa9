"""How much of the machine's memory a consumer takes: people that it follows, and pages of its state."""

from __future__ import annotations

import os

from qa_lib.rules.matcher import Matcher

#: What people in memory take at most, and the state's pages.
_PEOPLE, _PAGES = 1 / 4, 1 / 24
#: What a person takes beside truths and bits: objects, values, the key.
_BYTES_A_PERSON = 2_048
#: Where the system does not say.
_ASSUMED = 8 * 2**30


def machine_bytes() -> int:
    """The memory of this machine."""
    if not hasattr(os, "sysconf"):
        return _ASSUMED
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def people_in_memory(matcher: Matcher) -> int:
    """How many people are followed in memory at most, for these rules."""
    bits = len(matcher.rules) + len(matcher.terms.rule_of)
    return int(machine_bytes() * _PEOPLE / (_BYTES_A_PERSON + matcher.predicates.size + bits // 8))


def pages_mib() -> int:
    """MiB of the state's pages that a consumer keeps at most."""
    return int(machine_bytes() * _PAGES) >> 20
