"""Rules as YAML, the same values as in JSON: for people to read, change and compare."""

from __future__ import annotations

from datetime import date
from typing import Any as AnyValue

import yaml

from qa_lib.errors import SpecError
from qa_lib.rules.model import Rule, read_rule

LANGUAGE = "YAML"


class _Loader(yaml.SafeLoader):
    """Plain values only, each written where it stands: aliases can make a short text endless."""

    def compose_node(self, parent: AnyValue, index: AnyValue) -> AnyValue:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(
                None, None, "aliases (*name) are not read; write the part out", event.start_mark
            )
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # Unquoted, PyYAML writes these line breaks as they are and reads them back as another one.
    style = '"' if any(one in text for one in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump_yaml(value: AnyValue) -> str:
    """Plain values as YAML text, in their order, every text as it was."""
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False)


def to_yaml(rule: Rule) -> str:
    """The rule as YAML text; `from_yaml` gives an equal rule back."""
    return dump_yaml(rule.to_dict())


def from_yaml(text: str | bytes) -> Rule:
    """The rule of a YAML text, or of JSON, which is YAML too. A day may stand without quotes.

    Raises
    ------
    SpecError
        When it is no YAML, or no rule; the message says where and what was expected.
    RuleTooLarge
        When it is deeper or longer than a rule may be.
    """
    return read_rule(load_yaml(text, "The rule"))


def load_yaml(text: str | bytes, what: str) -> AnyValue:
    """The plain values of a YAML text; days as texts, as they are in JSON.

    Raises
    ------
    SpecError
        When it is no YAML, nested too deeply, or holds aliases.
    """
    try:
        return _as_json(yaml.load(text, _Loader))
    except RecursionError:
        raise SpecError(f"{what}: the YAML is nested too deeply to be read.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise SpecError(f"{what} is not YAML: {error}.") from None


def _as_json(value: AnyValue) -> AnyValue:
    if isinstance(value, dict):
        return {str(key): _as_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value
