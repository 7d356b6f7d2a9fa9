"""The kinds of identifier: one row each, with rank, how many a person may have, labels and normaliser."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from qa_lib.errors import DataError, UnknownName, did_you_mean
from qa_lib.tables import Label

_HASHES: dict[str, int] = {"md5": 32, "sha256": 64}


@dataclass(frozen=True)
class Kind:
    """One kind of identifier.

    Parameters
    ----------
    rank
        1 is the strongest evidence. A link is as strong as the weaker of its two ends.
    is_single
        Whether a person has at most one; two of them never become one person by links alone.
    degree_cap
        Most distinct other identifiers that one of this kind may stand beside; beyond it, the
        identifier is shared and links nobody.
    normalise
        The one form under which it is stored; raises ValueError with what was expected.
    hash_of, algorithm
        For a hashed kind: of which kind's normalised value it is the hash, and by which function.
    """

    name: str
    label: Label
    rank: int
    is_single: bool
    degree_cap: int
    normalise: Callable[[str], str]
    hash_of: str | None = None
    algorithm: str | None = None


def _trimmed(value: str) -> str:
    text = unicodedata.normalize("NFKC", value).strip()
    if not text or len(text) > 200:
        raise ValueError("1 to 200 characters")
    return text


def _device(value: str) -> str:
    return _trimmed(value).lower()


def _email(value: str) -> str:
    text = unicodedata.normalize("NFKC", value).strip().lower()
    # NFKC once more: lower case of a composed letter may be two characters
    text = unicodedata.normalize("NFKC", text)
    name, at, domain = text.rpartition("@")
    if not at or not name or not domain or re.search(r"\s", text) or "@" in name or len(text) > 254:
        raise ValueError("an address such as name@example.com")
    return text


def fold_dots(value: str) -> str:
    """An e-mail address whose local part is without dots and without what follows a plus.

    Some providers deliver such spellings to one mailbox, most do not: it is applied only where it was
    switched on, to a value that is normalised already.
    """
    name, _, domain = value.rpartition("@")
    return f"{name.partition('+')[0].replace('.', '') or name}@{domain}"


def _phone(value: str) -> str:
    return parse_phone(value, None)


@lru_cache(maxsize=65_536)
def parse_phone(value: str, region: str | None) -> str:
    """A telephone number in E.164 by the numbering plans that the package phonenumbers carries.

    Parameters
    ----------
    region
        Country code such as `CN` whose national spelling is meant where no + leads; None takes only
        international spellings.

    Raises
    ------
    ValueError
        With what was expected: a number whose length no plan of its country has is none.
    """
    import phonenumbers

    text = unicodedata.normalize("NFKC", value).strip()
    expected = "E.164: + and country code, such as +8613800138000"
    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"a region such as CN or US, not {region!r}")
    if re.search(r"[^\W\d_]", text):
        raise ValueError(expected)  # letters on a keypad and extensions are nobody's identifier
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise ValueError(expected) from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError(expected)
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _digest(algorithm: str) -> Callable[[str], str]:
    digits = _HASHES[algorithm]

    def normalise(value: str) -> str:
        text = unicodedata.normalize("NFKC", value).strip().lower()
        if not re.fullmatch(rf"[0-9a-f]{{{digits}}}", text):
            raise ValueError(f"{digits} hexadecimal digits")
        return text

    return normalise


def _hashed(kind: Kind) -> list[Kind]:
    return [
        Kind(
            f"{kind.name}_{algorithm}",
            Label(f"{kind.label.zh}（{algorithm}）", f"{kind.label.en} ({algorithm})"),
            kind.rank,
            kind.is_single,
            kind.degree_cap,
            _digest(algorithm),
            kind.name,
            algorithm,
        )
        for algorithm in _HASHES
    ]


_PHONE = Kind("phone", Label("手机号", "Phone"), 4, False, 12, _phone)
_EMAIL = Kind("email", Label("邮箱", "E-mail"), 5, False, 12, _email)

#: Every kind by name, the strongest first.
KINDS: dict[str, Kind] = {
    k.name: k
    for k in (
        Kind("member", Label("会员号", "Member id"), 1, True, 40, _trimmed),
        Kind("card", Label("会员卡", "Loyalty card"), 2, True, 40, _trimmed),
        Kind("union_id", Label("UnionID", "Union id"), 3, True, 40, _trimmed),
        _PHONE,
        *_hashed(_PHONE),
        _EMAIL,
        *_hashed(_EMAIL),
        Kind("open_id", Label("OpenID（小程序）", "Open id (mini-program)"), 6, False, 12, _trimmed),
        Kind("device", Label("设备", "Device"), 7, False, 8, _device),
        Kind("cookie", Label("Cookie", "Cookie"), 8, False, 8, _trimmed),
    )
}


def kind(name: str) -> Kind:
    """The kind of that name.

    Raises
    ------
    UnknownName
        With the nearest names.
    """
    try:
        return KINDS[name]
    except (KeyError, TypeError):
        raise UnknownName(
            f"Unknown kind of identifier {name!r}.{did_you_mean(str(name), KINDS)} See qa_lib.identity.KINDS."
        ) from None


def normalise(kind_name: str, value: str, *, fold_email_dots: bool = False, region: str | None = None) -> str:
    """The one form of an identifier's value, under which equal identifiers are equal texts.

    Parameters
    ----------
    fold_email_dots
        Take `a.b+shop@x.com` for `ab@x.com`. Off unless switched on: most providers tell them apart.
    region
        The country whose national spelling of telephone numbers is meant, such as `CN`.

    Raises
    ------
    UnknownName
        For a kind that is not there.
    DataError
        For a value that is none of this kind.
    """
    of = kind(kind_name)
    try:
        found = parse_phone(value, region) if of is _PHONE and region else of.normalise(value)
    except (ValueError, TypeError) as problem:
        raise DataError(
            f"{value!r} is no {of.label.en.lower()} (kind '{of.name}'): expected {problem}. "
            "Correct it, or leave the row out."
        ) from None
    return fold_dots(found) if fold_email_dots and of.name == "email" else found


def hash_identifier(
    kind_name: str, value: str, algorithm: str, *, region: str | None = None
) -> tuple[str, str]:
    """The hashed identifier that joins with a clear one: (kind, lower-case hex of the normalised value).

    Raises
    ------
    UnknownName
        For a kind that has no hashed form under that algorithm.
    """
    name = f"{kind_name}_{algorithm}"
    kind(name)
    return name, hashlib.new(algorithm, normalise(kind_name, value, region=region).encode()).hexdigest()
