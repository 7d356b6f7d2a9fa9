"""Specs in files: JSON or YAML, read with messages that name the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from qa_lib.errors import FileUnreadable, SpecError
from qa_lib.rules.spec import Spec, load_json

S = TypeVar("S", bound=Spec)


def read_values(path: str | Path, what: str) -> Any:
    """The plain values of a JSON or YAML file (`.yaml`, `.yml`).

    Parameters
    ----------
    what
        What the file is, as a message names it, such as *rule file*.

    Raises
    ------
    FileUnreadable
        When it cannot be read as UTF-8 text.
    SpecError
        When it is no JSON, or no YAML.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(
            f"The {what} {path} cannot be read: {error}. Give the path of a JSON or YAML file."
        ) from None
    if path.suffix.lower() not in (".yaml", ".yml"):
        return load_json(text, f"The {what} {path}")
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SpecError(f"The {what} {path} is not YAML: {error}.") from None


def read_spec(path: str | Path, spec: type[S], what: str) -> S:
    """The spec in a JSON or YAML file.

    Raises
    ------
    FileUnreadable, SpecError
        Naming the file, the place in it and what was expected.
    """
    value = read_values(path, what)
    try:
        return spec.from_dict(value)
    except SpecError as error:
        raise SpecError(f"The {what} {path}: {error}") from None


def write_spec(path: str | Path, spec: Spec) -> None:
    """Keep a spec as YAML, as people read and change it; in one step."""
    import yaml

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.beside")
    beside.write_text(yaml.safe_dump(spec.to_dict(), allow_unicode=True, sort_keys=False), encoding="utf-8")
    beside.replace(path)
