"""What every spec of the rules shares: frozen, equal by value, JSON both ways, a content hash."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictBool, ValidationError

from qa_lib.errors import SpecError

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _whole(value: Any) -> Any:
    if isinstance(value, bool | str | bytes):
        raise ValueError("a whole number is expected")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool | str | bytes):
        raise ValueError("a number is expected")
    return value


def _day(value: Any) -> Any:
    if isinstance(value, str) and _DAY.fullmatch(value):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("a day such as 2017-03-01 is expected")


#: What JSON has for them and nothing else, as the published schema says: "7" is no number and "yes" no truth.
#: Bounds of a number that may be absent stand before the check, or the schema has other words for them.
WHOLE = BeforeValidator(_whole)
Whole = Annotated[int, WHOLE]
Number = Annotated[float, BeforeValidator(_number)]
Day = Annotated[date, BeforeValidator(_day)]
Truth = StrictBool


class Fault(ValueError):
    """What is wrong with a spec, said in English by itself and in Chinese by `zh`."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.zh = zh


class Spec(BaseModel):
    """A frozen Pydantic model that is checked at construction and equal by value.

    `_positional` names the fields that may be given by position, so that a rule reads like a sentence:
    `Tag("average_order_value", ">", 500)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)
    _positional: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **fields: Any) -> None:
        if len(args) > len(self._positional):
            raise SpecError(
                f"{type(self).__name__} takes at most {len(self._positional)} values by position "
                f"({', '.join(self._positional) or 'none'}), got {len(args)}."
            )
        for name, value in zip(self._positional, args, strict=False):
            if name in fields:
                raise SpecError(f"{type(self).__name__} got '{name}' twice: by position and by name.")
            fields[name] = value
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise SpecError(in_words(error, type(self).__name__)) from error

    # Only direct construction goes through `__init__`; nested values keep Pydantic's own locations.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def to_json(self, *, indent: int | None = None) -> str:
        """The spec as JSON; `from_json` gives an equal spec back."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    def to_dict(self) -> dict[str, Any]:
        """The spec as plain JSON values, without the fields that are not set."""
        return _kind_first(self.model_dump(mode="json", exclude_none=True))

    @classmethod
    def from_dict(cls, value: Any) -> Self:
        """The spec of these JSON values.

        Raises
        ------
        SpecError
            When they are no such spec; the message says where and what was expected.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise SpecError(in_words(error, cls.__name__)) from error

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The spec of this JSON text; see `from_dict`."""
        return cls.from_dict(load_json(text, cls.__name__))

    def model_copy(self, **how: Any) -> Self:
        """Pydantic's copy, with a hash of its own content."""
        copy = super().model_copy(**how)
        copy.__dict__.pop("hash", None)
        return copy

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON (sorted keys, no blanks), as 64 hex digits."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _kind_first(value: Any) -> Any:
    """The same JSON values with `kind` at the head of every object, as people read them."""
    if isinstance(value, dict):
        head = {"kind": value["kind"]} if "kind" in value else {}
        return head | {k: _kind_first(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_kind_first(v) for v in value]
    return value


def load_json(text: str | bytes, what: str) -> Any:
    """The value of a JSON text, or a `SpecError` that says where it stops being JSON."""
    try:
        return json.loads(text)
    except RecursionError:
        raise SpecError(f"{what}: the JSON is nested too deeply to be read.") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise SpecError(f"{what}: this is not JSON: {error}.") from error


def in_words(error: ValidationError, what: str) -> str:
    """Pydantic's findings as one message: where, what was given, what was expected."""
    parts = []
    for found in error.errors(include_url=False)[:5]:
        where = ".".join(_cut(str(p)) for p in found["loc"]) or "the whole"
        given = found.get("input")
        shown = "" if isinstance(given, dict | list) else f" (got {_short(given)})"
        parts.append(f"{where}: {found['msg'].removeprefix('Value error, ')}{shown}")
    more = error.error_count() - len(parts)
    return f"{what} is not valid: " + "; ".join(parts) + (f"; and {more} more" if more > 0 else "") + "."


def _short(value: Any) -> str:
    """A value as it was given, cut where it is long."""
    try:
        return _cut(repr(value))
    except RecursionError:
        return "something that is nested too deeply to be shown"


def _cut(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:100]}… ({len(text):,} characters)"
