"""Specs in files: JSON or YAML, read with messages that name the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from qa_lib.errors import FileUnreadable, SpecError
from qa_lib.rules.model import Rule, read_rule
from qa_lib.rules.spec import Spec, load_json

S = TypeVar("S", bound=Spec)


def read_text(path: str | Path, what: str) -> str:
    """The text of a file.

    Raises
    ------
    FileUnreadable
        When it cannot be read as UTF-8 text.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(
            f"The {what} {path} cannot be read: {error}. Give the path of a JSON or YAML file."
        ) from None


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
    text = read_text(path, what)
    if path.suffix.lower() not in (".yaml", ".yml"):
        return load_json(text, f"The {what} {path}")
    from qa_lib.rules.exchange.yaml_text import load_yaml

    return load_yaml(text, f"The {what} {path}")


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


def read_rule_file(path: str | Path) -> Rule:
    """The rule in a JSON or YAML file; in an audience's file, its rule.

    Raises
    ------
    FileUnreadable, SpecError
        When it cannot be read, or holds no rule.
    """
    return rule_of(read_values(path, "rule file"))


def rule_of(value: Any) -> Rule:
    """The rule of plain values; of an audience's values, its rule.

    Raises
    ------
    SpecError
        When they hold no rule.
    """
    if isinstance(value, dict) and "kind" not in value and isinstance(value.get("rule"), dict):
        value = value["rule"]
    return read_rule(value)


def write_spec(path: str | Path, spec: Spec) -> None:
    """Keep a spec as YAML, as people read and change it; in one step."""
    from qa_lib.rules.exchange.yaml_text import dump_yaml

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.beside")
    beside.write_text(dump_yaml(spec.to_dict()), encoding="utf-8")
    beside.replace(path)
