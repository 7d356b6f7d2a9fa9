"""Caps against a naive oracle that counts message by message, and who goes first in any order."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_lib.errors import SpecError
from qa_lib.guards import CANDIDATE_COLUMNS, PAST_COLUMNS, Cap, admit, blocked, counts

NOW = datetime(2025, 3, 9, 12, tzinfo=UTC)  # the clocks of New York go forward on this day
ZONES = ("America/New_York", "Asia/Shanghai", "Europe/Berlin")

moments = st.integers(-40 * 24 * 4, 0).map(lambda q: NOW + timedelta(minutes=15 * q))
caps = st.builds(
    lambda n, every, window, what, delivered, only: Cap(
        n,
        every,
        window[0],
        calendar=window[1],
        scope=what[0],
        of=what[1],
        counts="delivered" if delivered else "sent",
        marketing_only=only,
    ),
    st.one_of(st.none(), st.integers(0, 3)),
    st.integers(1, 3),
    st.sampled_from(
        [("hour", False), ("day", False), ("week", False), ("day", True), ("week", True), ("month", True)]
    ),
    st.sampled_from(
        [("all", None), ("channel", None), ("channel", "sms"), ("campaign_type", None), ("tag", "vip")]
    ),
    st.booleans(),
    st.booleans(),
)


def messages(at: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "person_id": st.sampled_from(["a", "b", "c"]),
            at: moments,
            "channel": st.sampled_from(["sms", "email", None]),
            "campaign_type": st.sampled_from(["TypeA", "TypeB"]),
            "tags": st.sampled_from([[], ["vip"], ["vip", "spring"]]),
            "is_marketing": st.booleans(),
        }
    )


past_messages = st.tuples(messages("sent_at"), st.one_of(st.none(), st.integers(0, 48))).map(
    lambda m: {**m[0], "delivered_at": None if m[1] is None else m[0]["sent_at"] + timedelta(hours=m[1])}
)
candidate_messages = st.tuples(messages("send_at"), st.integers(0, 2), st.integers(0, 2)).map(
    lambda m: {
        **m[0],
        "zone": ZONES["abc".index(m[0]["person_id"])],
        "priority": m[1],
        "expected_value_amount": m[2],
    }
)


def frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=[*columns, *({k for r in rows for k in r} - set(columns))])
    for column in ("sent_at", "delivered_at", "send_at"):
        if column in made:
            made[column] = pd.to_datetime(made[column], utc=True)
    return made


def start_of(cap: Cap, moment: datetime, zone: str) -> datetime:
    """The start of the window, found by walking back day by day on the local calendar."""
    if not cap.calendar:
        return (
            moment
            - cap.every * {"hour": timedelta(hours=1), "day": timedelta(1), "week": timedelta(7)}[cap.unit]
        )
    day = moment.astimezone(ZoneInfo(zone)).date()
    firsts = {"day": lambda d: True, "week": lambda d: d.isoweekday() == 1, "month": lambda d: d.day == 1}[
        cap.unit
    ]
    left = cap.every
    while True:
        if firsts(day):
            left -= 1
            if not left:
                break
        day = date.fromordinal(day.toordinal() - 1)
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def counts_together(cap: Cap, one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one["person_id"] != other["person_id"]:
        return False
    for m in (one, other):
        if cap.marketing_only and not m["is_marketing"]:
            return False
        if cap.scope == "tag" and cap.of not in m["tags"]:
            return False
        if cap.scope == "channel" and cap.of and m["channel"] != cap.of:
            return False
    if cap.scope == "channel":
        return one["channel"] == other["channel"]
    return cap.scope != "campaign_type" or one["campaign_type"] == other["campaign_type"]


def naive_count(cap: Cap, candidate: dict[str, Any], past: list[dict[str, Any]]) -> int:
    at = "sent_at" if cap.counts == "sent" else "delivered_at"
    start = start_of(cap, candidate["send_at"], candidate["zone"])
    return sum(
        counts_together(cap, candidate, m) and m[at] is not None and start <= m[at] < candidate["send_at"]
        for m in past
    )


@settings(max_examples=150, deadline=None)
@given(caps, st.lists(candidate_messages, max_size=6), st.lists(past_messages, max_size=14))
def test_counts_are_those_of_the_naive_oracle(
    cap: Cap, candidates: list[dict[str, Any]], past: list[dict[str, Any]]
) -> None:
    asked, told = frame(candidates, CANDIDATE_COLUMNS), frame(past, PAST_COLUMNS)
    expected = [naive_count(cap, c, past) for c in candidates]
    assert counts(cap, asked, told).tolist() == expected
    within = [counts_together(cap, c, c) for c in candidates]
    stopped = [cap.n is not None and w and e >= cap.n for w, e in zip(within, expected, strict=True)]
    assert blocked([cap], asked, told).tolist() == stopped


@settings(max_examples=120, deadline=None)
@given(
    st.lists(caps, max_size=3),
    st.lists(candidate_messages, max_size=8),
    st.lists(past_messages, max_size=6),
    st.randoms(),
)
def test_who_goes_first_is_never_decided_by_processing_order(
    limits: list[Cap], candidates: list[dict[str, Any]], past: list[dict[str, Any]], random: Any
) -> None:
    rows = [{**c, "tie": i} for i, c in enumerate(candidates)]
    told = frame(past, PAST_COLUMNS)
    once = admit(limits, frame(rows, CANDIDATE_COLUMNS), told)
    shuffled = rows[:]
    random.shuffle(shuffled)
    again = admit(limits, frame(shuffled, CANDIDATE_COLUMNS), told.sample(frac=1, random_state=1))
    assert {r["tie"] for r, ok in zip(rows, once, strict=True) if ok} == {
        r["tie"] for r, ok in zip(shuffled, again, strict=True) if ok
    }


@settings(max_examples=120, deadline=None)
@given(
    st.lists(caps, max_size=3), st.lists(candidate_messages, max_size=8), st.lists(past_messages, max_size=6)
)
def test_what_was_admitted_keeps_to_every_cap_and_the_first_in_line_is_never_passed_over(
    limits: list[Cap], candidates: list[dict[str, Any]], past: list[dict[str, Any]]
) -> None:
    rows = [{**c, "tie": i} for i, c in enumerate(candidates)]
    admitted = admit(limits, frame(rows, CANDIDATE_COLUMNS), frame(past, PAST_COLUMNS))
    kept = [r for r, ok in zip(rows, admitted, strict=True) if ok]
    for cap in limits:
        if cap.n is None:
            continue
        for row in kept:
            others = [
                {**k, "sent_at": k["send_at"], "delivered_at": k["send_at"]} for k in kept if k is not row
            ]
            if counts_together(cap, row, row):
                assert naive_count(cap, row, past + others) < cap.n
    alone = ~blocked(limits, frame(rows, CANDIDATE_COLUMNS), frame(past, PAST_COLUMNS))
    for person in "abc":
        mine = [r for r, ok in zip(rows, alone, strict=True) if ok and r["person_id"] == person]
        if mine:
            first = max(mine, key=lambda r: (r["priority"], r["expected_value_amount"], -r["tie"]))
            told = [
                m[at] for m in past if m["person_id"] == person for at in ("sent_at", "delivered_at") if m[at]
            ]
            if all(moment < first["send_at"] for moment in told):
                assert first in kept


def test_unset_is_no_cap_and_zero_is_none_allowed() -> None:
    one = frame(
        [
            {
                "person_id": "a",
                "send_at": NOW,
                "zone": "UTC",
                "channel": "sms",
                "campaign_type": "T",
                "tags": [],
                "is_marketing": True,
            }
        ],
        CANDIDATE_COLUMNS,
    )
    nothing = frame([], PAST_COLUMNS)
    assert not blocked([], one, nothing).any()
    assert not blocked([Cap()], one, nothing).any()
    assert blocked([Cap(0)], one, nothing).all()
    assert not blocked([Cap(0, scope="channel", of="email")], one, nothing).any()


def test_a_rolling_window_holds_its_start_and_not_its_end() -> None:
    rows = [
        {
            "person_id": "a",
            "sent_at": NOW + timedelta(hours=h),
            "delivered_at": None,
            "channel": "sms",
            "campaign_type": "T",
            "tags": [],
            "is_marketing": True,
        }
        for h in (-25, -24, 0)
    ]
    candidate = frame([{**rows[0], "send_at": NOW, "zone": "UTC"}], CANDIDATE_COLUMNS)
    assert counts(Cap(1), candidate, frame(rows, PAST_COLUMNS)).tolist() == [1]
    assert counts(Cap(1), candidate, frame(rows, PAST_COLUMNS), later_too=True).tolist() == [2]


def test_a_calendar_day_of_a_change_of_clocks_has_23_hours() -> None:
    """9 March 2025 in New York: midnight is 05:00 UTC, the next one 04:00 UTC."""
    common = {"person_id": "a", "channel": "sms", "campaign_type": "T", "tags": [], "is_marketing": True}
    late = datetime(2025, 3, 10, 3, 59, tzinfo=UTC)
    candidate = frame([{**common, "send_at": late, "zone": "America/New_York"}], CANDIDATE_COLUMNS)
    for sent, found in (
        (datetime(2025, 3, 9, 5, tzinfo=UTC), 1),
        (datetime(2025, 3, 9, 4, 59, tzinfo=UTC), 0),
    ):
        past = frame([{**common, "sent_at": sent, "delivered_at": None}], PAST_COLUMNS)
        assert counts(Cap(1, calendar=True), candidate, past).tolist() == [found]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"unit": "month"}, "calendar=True"),
        ({"unit": "hour", "calendar": True}, "days, weeks or months"),
        ({"scope": "tag"}, "of="),
        ({"of": "sms"}, "leave `of` out"),
        ({"n": -1}, "greater than or equal to 0"),
    ],
)
def test_a_cap_that_cannot_be_says_why(how: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        Cap(**{"n": 1, **how})


def test_messages_that_tie_in_everything_are_refused() -> None:
    row = {
        "person_id": "a",
        "send_at": NOW,
        "zone": "UTC",
        "channel": "sms",
        "campaign_type": "T",
        "tags": [],
        "is_marketing": True,
        "priority": 1,
        "expected_value_amount": 1,
        "tie": 1,
    }
    with pytest.raises(SpecError, match="tie"):
        admit([Cap(1)], frame([row, row], CANDIDATE_COLUMNS), frame([], PAST_COLUMNS))
    assert np.array_equal(admit([], frame([], CANDIDATE_COLUMNS), frame([], PAST_COLUMNS)), [])
