"""An audience: a named rule over everybody, or over the members of another audience."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal
from typing import Any as AnyValue

from pydantic import Field as Bounded
from pydantic import field_validator

from qa_lib.rules import All, Catalogue, InAudience, Rule, read_rule, sentence
from qa_lib.rules.model import Node, walk
from qa_lib.rules.spec import WHOLE, Fault, Spec
from qa_lib.tables import Label

#: An audience and one of its versions, or None for the version that is active.
Reference = tuple[str, int | None]


class Base(Spec):
    """The saved audience whose members are the universe of another; without a version the active one."""

    _positional: ClassVar[tuple[str, ...]] = ("audience", "version")
    audience: str = Bounded(min_length=1, max_length=200)
    version: Annotated[int, Bounded(ge=1, le=2**31 - 1), WHOLE] | None = None


class Priority(Spec):
    """How an active audience stands against others that a person matches too; it never changes who matches.

    Parameters
    ----------
    weight
        The highest goes first.
    group
        Audiences of one group compete for a person.
    keeps
        Whether the group is exclusive (`one`: the first one wins) or inclusive (`all`, in order). A group is
        inclusive only where every active audience in it says so.
    tie_key
        Orders equal weights, the smallest text first; equal keys are ordered by name.
    """

    weight: float = Bounded(default=0.0, allow_inf_nan=False)
    group: str | None = Bounded(default=None, min_length=1, max_length=200)
    keeps: Literal["one", "all"] = "one"
    tie_key: str = Bounded(default="", max_length=200)


class Audience(Spec):
    """A rule with a name.

    Parameters
    ----------
    base
        The universe against which the rule is negated and shares are told: the members of a saved
        audience, given as `Base` or by its name; all people of the workspace where it is None.
    priority
        Its weight and group where audiences are matched in real time.
    """

    name: str = Bounded(min_length=1, max_length=200)
    rule: Node
    description: str = ""
    base: Base | None = None
    priority: Priority | None = None

    @field_validator("name")
    @classmethod
    def _can_be_read(cls, name: str) -> str:
        if not name.strip() or "\0" in name:
            raise Fault(
                "a name is a text that can be read; this one is blank or holds a NUL character",
                "名称须是可读的文字，不能为空白，也不能含 NUL 字符",
            )
        return name

    @field_validator("rule", mode="before")
    @classmethod
    def _sized(cls, value: AnyValue) -> Rule:
        return read_rule(value)

    @field_validator("base", mode="before")
    @classmethod
    def _by_name(cls, value: AnyValue) -> AnyValue:
        return {"audience": value} if isinstance(value, str) else value

    @property
    def whole(self) -> Rule:
        """The rule over everybody that has the same members: those of the base for whom the rule is true."""
        if self.base is None:
            return self.rule
        inside = InAudience(audience=self.base.audience, version=self.base.version)
        if isinstance(self.rule, All) and not self.rule.negated:
            return All(of=(inside, *self.rule.of))
        return All(of=(inside, self.rule))

    def refers_to(self) -> list[Reference]:
        """The saved audiences that the rule or the base names, each once, in their order."""
        found = [(self.base.audience, self.base.version)] if self.base else []
        found += [(n.audience, n.version) for _, n in walk(self.rule) if isinstance(n, InAudience)]
        return list(dict.fromkeys(found))


def named_versions(read: Iterable[tuple[str, int]]) -> list[dict[str, AnyValue]]:
    """Which versions of saved audiences were read, as a stamp has them: each once, by name."""
    return [{"audience": name, "version": number} for name, number in sorted(set(read))]


def audience_sentence(audience: Audience | Rule, catalogue: Catalogue) -> Label:
    """What the rule of an audience says, and among whom.

    Raises
    ------
    UnknownName
        For a name that the catalogue does not hold.
    """
    if not isinstance(audience, Audience):
        return sentence(audience, catalogue)
    words = sentence(audience.rule, catalogue)
    if audience.base is None:
        return words
    zh = f"“{audience.base.audience}”"
    zh += f"第 {audience.base.version} 版" if audience.base.version else "现行版本"
    en = f"“{audience.base.audience}”" + (
        f" at version {audience.base.version}" if audience.base.version else ""
    )
    return Label(f"在人群{zh}中：{words.zh}", f"among the audience {en}: {words.en}")
