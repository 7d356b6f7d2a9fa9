"""Identifiers in one form; every kind passes the same battery."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_lib.errors import DataError, UnknownName
from qa_lib.identity import KINDS, hash_identifier, kind, normalise
from qa_lib.identity.kinds import fold_dots

EXAMPLES = {
    "member": "M-1",
    "card": "C00000001",
    "union_id": "oX6",
    "phone": "+86 138 0013 8000",
    "phone_md5": "D41D8CD98F00B204E9800998ECF8427E",
    "phone_sha256": "E3" * 32,
    "email": "Ann@Example.com",
    "email_md5": "d41d8cd98f00b204e9800998ecf8427e",
    "email_sha256": "ab" * 32,
    "open_id": "oABC",
    "device": "AB-CD",
    "cookie": "GA1.2",
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_labels_a_rank_a_cap_and_a_form_that_stays(name: str) -> None:
    row = kind(name)
    assert row.label.zh
    assert row.label.en
    assert row.rank >= 1
    assert row.degree_cap >= 1
    once = normalise(name, EXAMPLES[name])
    assert normalise(name, once) == once
    with pytest.raises(DataError, match=f"kind '{name}'"):
        normalise(name, "  ")


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        ("ＡＮＮ@Ｅxample.com", "ann@example.com"),
        (" Zoë@Example.COM ", "zoë@example.com"),
        ("Zoe\u0308@example.com", "zoë@example.com"),
        ("李雷@例子.中国", "李雷@例子.中国"),
        ("a.b+shop@x.com", "a.b+shop@x.com"),
    ],
)
def test_an_email_is_lower_case_and_one_unicode_form_with_its_dots(given_value: str, expected: str) -> None:
    assert normalise("email", given_value) == expected


@given(st.text(min_size=1, max_size=20))
def test_a_normalised_email_is_its_own_normal_form(name: str) -> None:
    try:
        once = normalise("email", f"{name}@x.com")
    except DataError:
        return
    assert normalise("email", once) == once


def test_dots_fold_only_where_it_is_switched_on() -> None:
    assert normalise("email", "A.B+shop@X.com", fold_email_dots=True) == "ab@x.com"
    assert fold_dots("...@x.com") == "...@x.com"


@pytest.mark.parametrize("bad", ["13800138000", "+0861", "+86138", "+86 138 0013 8000 ext 3", "phone"])
def test_a_phone_without_its_country_is_refused_with_the_form_that_is_wanted(bad: str) -> None:
    with pytest.raises(DataError, match=r"E\.164"):
        normalise("phone", bad)


def test_a_phone_is_e164_whatever_stands_between_its_digits() -> None:
    assert normalise("phone", "＋８６ (138) 0013-8000") == "+8613800138000"


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_hash_is_of_the_normalised_value_and_its_case_does_not_matter(algorithm: str) -> None:
    name, value = hash_identifier("email", "Ann@Example.com", algorithm)
    assert value == hashlib.new(algorithm, b"ann@example.com").hexdigest()
    assert normalise(name, value.upper()) == value


def test_what_has_no_hashed_form_is_named() -> None:
    with pytest.raises(UnknownName, match="card_md5"):
        hash_identifier("card", "c1", "md5")


def test_a_national_spelling_joins_with_the_international_one_where_the_country_is_said() -> None:
    assert normalise("phone", "138 0013 8000", region="CN") == normalise("phone", "+86 13800138000")
    assert normalise("phone", "(415) 555-2671", region="US") == "+14155552671"
    assert normalise("phone", "+44 20 7946 0958", region="CN") == "+442079460958"
    assert normalise("email", "Ann@x.com", region="CN") == "ann@x.com"
    clear = hash_identifier("phone", "+8613800138000", "sha256")
    assert hash_identifier("phone", "138-0013-8000", "sha256", region="CN") == clear
    with pytest.raises(DataError, match="a region such as CN or US, not 'Atlantis'"):
        normalise("phone", "13800138000", region="Atlantis")


@pytest.mark.parametrize("bad", ["+86138", "+86 138 0013 8000 0000", "+999 123 456 789", "+1 800 FLOWERS"])
def test_a_number_that_no_countrys_plan_has_room_for_is_refused(bad: str) -> None:
    with pytest.raises(DataError, match=r"expected E\.164"):
        normalise("phone", bad)
