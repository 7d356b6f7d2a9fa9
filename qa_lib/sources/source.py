"""A scheduled source: one declaration of where rows come from and what they become, a YAML file in the workspace.

`read` says where and how far; `into` is one contract for each shared table that the rows go to. A secret is
named, never written: an environment variable or a file that holds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from qa_lib.errors import FileUnreadable, SpecError, UnknownName, did_you_mean
from qa_lib.sources import feeds
from qa_lib.sources.feeds import Constant, Feed, From
from qa_lib.tables import Label
from qa_lib.workspace import Workspace
from qa_lib.workspace.settings import zone_of

#: The folder of a workspace that holds the declarations.
FOLDER = "sources"
_NAME = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Secret(_Part):
    """Where a secret is found when it is needed: the name of an environment variable, or a file."""

    env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    file: Path | None = None

    @model_validator(mode="after")
    def _one(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("name an environment variable (env) or a file (file), one of the two")
        return self

    @property
    def words(self) -> str:
        """What a message calls it."""
        return f"${self.env}" if self.env else f"the file {self.file}"


class Database(_Part):
    """Rows of one table of a database, by SQLAlchemy URL; with a watermark, those that are new or changed.

    Parameters
    ----------
    watermark
        A column that only grows when a row is written, such as updated_at.
    lag_hours
        Rows this much before the watermark are read again, for those that were committed late.
    rows_per_load
        So many rows are landed at a time: what memory and a restart cost.
    """

    kind: Literal["database"]
    url: Secret
    table: str = Field(min_length=1)
    schema_name: str | None = Field(default=None, alias="schema")
    watermark: str | None = None
    lag_hours: float = Field(default=0, ge=0)
    rows_per_load: int = Field(default=500_000, ge=1)


class Pages(_Part):
    """How an API goes on: by page number, by offset, by a cursor or link in the answer, or in one page."""

    kind: Literal["one", "page", "offset", "cursor", "link"] = "one"
    param: str = ""
    at: str = ""
    size: int = Field(default=100, ge=1)
    first: int = 1

    @model_validator(mode="after")
    def _has_place(self) -> Pages:
        if self.kind in ("cursor", "link") and not self.at:
            raise ValueError(
                f"pages by {self.kind} need `at`: where the answer holds it, such as paging.next"
            )
        return self


class Rest(_Part):
    """Records of a JSON API over HTTP, page by page; with a watermark, those since it.

    Parameters
    ----------
    records
        Where in an answer the list of records is, such as data.items; the answer itself when empty.
    watermark, since_param
        The field of a record that only grows, and the parameter that takes the value to read from.
    attempts, longest_wait_seconds
        How often a request is tried when the server says 429 or 5xx or is not there, and the longest pause
        between; a shorter `Retry-After` is kept to.
    """

    kind: Literal["rest"]
    base_url: str
    path: str
    records: str = ""
    pages: Pages = Pages()
    params: Mapping[str, str | int] = Field(default_factory=dict)
    token: Secret | None = None
    watermark: str | None = None
    since_param: str | None = None
    timeout_seconds: float = Field(default=30, gt=0)
    attempts: int = Field(default=5, ge=1, le=20)
    longest_wait_seconds: float = Field(default=60, gt=0)

    @field_validator("base_url")
    @classmethod
    def _plain(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected an address such as https://shop.example/api")
        if parts.username or parts.password or parts.query:
            raise ValueError("an address without user, password or query: name the secret in `token`")
        return url

    @model_validator(mode="after")
    def _both(self) -> Rest:
        if (self.watermark is None) != (self.since_param is None):
            raise ValueError("watermark and since_param go together")
        return self


class Files(_Part):
    """Files that somebody drops into a folder; each lands once. Names that end in .part or .tmp are left alone."""

    kind: Literal["files"]
    folder: Path
    pattern: str = "*"
    encoding: str = "utf-8"
    sheet: str | None = None


Read = Annotated[Database | Rest | Files, Field(discriminator="kind")]


class Into(_Part):
    """The contract for one shared table: a `Feed` in writing.

    `columns` names each column of the table once: `{code: card_no}`, `{money: amount}`, `{value: observed}`,
    or null where it is not recorded.
    """

    table: str
    load: Literal["replace", "add", "merge"] = "replace"
    columns: Mapping[str, Mapping[str, Any] | None]
    key: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    time: str = ""
    fresh_hours: float | None = Field(default=None, gt=0)


class Source(_Part):
    """Where rows come from (`read`) and which tables they go to (`into`)."""

    name: str = Field(pattern=_NAME)
    label_zh: str = Field(min_length=1)
    label_en: str = Field(min_length=1)
    description: str = ""
    read: Read
    into: tuple[Into, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _feeds_hold(self) -> Source:
        for feed in self.feeds:
            grows = getattr(self.read, "watermark", None) or isinstance(self.read, Files)
            if grows and not (feed.adds or feed.merges):
                raise ValueError(
                    f"'{feed.name}' is read a part at a time, so it must add or merge (`load:`), not replace"
                )
            if (feed.adds or feed.merges) and not feed.row_key:
                raise ValueError(
                    f"table '{feed.table_name}' has no key: name in `key` what tells its rows apart, so that rows "
                    "that are read again change nothing"
                )
        names = [feed.name for feed in self.feeds]
        if len(set(names)) < len(names):
            raise ValueError("two parts of `into` go to one table and name no different `only_with`")
        return self

    @property
    def label(self) -> Label:
        """What it is called on screen."""
        return Label(self.label_zh, self.label_en)

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The contracts, one for each table: `NAME.TABLE`, or with what they ask for where a table comes twice."""
        tables = [part.table for part in self.into]
        made = []
        everything = {s for part in self.into for s in _sources(part)}
        for part in self.into:
            name = f"{self.name}.{part.table}"
            if tables.count(part.table) > 1 and part.only_with:
                name += "." + "_".join(re.sub(r"\W", "_", c) for c in part.only_with)
            # what another part reads is known
            others = tuple(sorted({*part.leaves, *(everything - _sources(part))}))
            made.append(
                Feed(
                    name,
                    part.table,
                    self.description or self.label_en,
                    {column: mapping(told) for column, told in part.columns.items()},
                    adds=part.load == "add",
                    merges=part.load == "merge",
                    key=part.key,
                    only_with=part.only_with,
                    leaves=others,
                    time=part.time,
                    fresh_hours=part.fresh_hours,
                )
            )
        return tuple(made)


def _sources(part: Into) -> set[str]:
    read = {str(v) for told in part.columns.values() if told for k, v in told.items() if k in _VERBS}
    return read | {*part.only_with}


#: What a mapping may say of a column of the source, and the further words that it takes.
_VERBS: dict[str, tuple[str, ...]] = {
    "code": ("prefix",),
    "text": (),
    "whole": (),
    "money": (),
    "cents": (),
    "utc": (),
    "local": ("zone",),
    "day": (),
    "phone": ("country", "prefix"),
    "email": ("prefix",),
    "one_of": ("values",),
}


def mapping(told: Mapping[str, Any] | None) -> From | Constant:
    """The mapping of one column, as it is written: `{code: card_no, prefix: "open_id:"}`.

    Raises
    ------
    SpecError
        For words that it does not know.
    """
    if told is None:
        return Constant(None)
    if set(told) == {"value"}:
        return Constant(None if told["value"] is None else str(told["value"]))
    verbs = [word for word in told if word in _VERBS]
    if len(verbs) != 1:
        raise SpecError(
            f"The mapping {dict(told)} names no way to read a column: expected one of {', '.join(_VERBS)}, or value."
        )
    verb, more = verbs[0], {k: v for k, v in told.items() if k != verbs[0]}
    for word in set(more) - set(_VERBS[verb]):
        raise UnknownName(f"The mapping {dict(told)} has {word!r}.{did_you_mean(word, _VERBS[verb])}")
    prefix = str(more.pop("prefix", ""))
    if verb == "local":
        zone_of(str(more.get("zone", "")))
    found: From = getattr(feeds, verb)(str(told[verb]), **more)
    return feeds.prefixed(found, prefix) if prefix else found


def read_source(path: str | Path) -> Source:
    """The source in a YAML file.

    Raises
    ------
    FileUnreadable
        When the file cannot be read.
    SpecError
        When it is no source; the message names the place.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(f"The source {path} cannot be read: {error}. Give a YAML file.") from None
    except yaml.YAMLError as error:
        raise SpecError(f"The source {path} is no YAML: {' '.join(str(error).split())}") from None
    try:
        return Source.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise SpecError(f"The source {path} is not valid at {place}: {first['msg']}.") from None
    except SpecError as error:
        raise type(error)(f"The source {path}: {error}") from None


def read_sources(workspace: Workspace) -> dict[str, Source]:
    """The sources that are declared in a workspace, by name.

    Raises
    ------
    SpecError
        When two files declare one name.
    """
    found: dict[str, Source] = {}
    for path in sorted((workspace.root / FOLDER).glob("*.y*ml")):
        source = read_source(path)
        if source.name in found:
            raise SpecError(f"Two files in {path.parent} declare the source '{source.name}'. Rename one.")
        found[source.name] = source
    return found


def find_source(workspace: Workspace, name: str) -> Source:
    """The source of that name.

    Raises
    ------
    UnknownName
        With the nearest names.
    """
    there = read_sources(workspace)
    if name not in there:
        raise UnknownName(
            f"No source {name!r} in {workspace.root / FOLDER}.{did_you_mean(name, there)} "
            "A source is a YAML file there."
        )
    return there[name]


def write_source(workspace: Workspace, source: Source) -> Path:
    """Keep a declaration in the workspace; returns its file."""
    path = workspace.root / FOLDER / f"{source.name}.yaml"
    values = json.loads(source.model_dump_json(by_alias=True, exclude_defaults=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(values, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path
