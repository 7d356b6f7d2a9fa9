"""The live preview of a rule: the count at once, and everything else about its people while it is looked at.

`value` is the rule's JSON; `follow(builder)` lets it come from a rule builder. The count is told with the rule.
What takes longer waits for a pause in the edits, is computed on another thread for the tab that is on screen
only, can be cancelled, and is dropped when the rule has changed since. The browser sends messages and sets
nothing: what only Python may set is put back.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import Any as AnyValue

import anywidget
import traitlets

from qa_lib.audiences import BREAKDOWN_BY, AudienceService
from qa_lib.charts import is_static
from qa_lib.charts.html import Html
from qa_lib.errors import SpecError, WorkbenchError
from qa_lib.rules import All, Evaluation, Rule, check, read_or_faults, read_rule
from qa_lib.tables import Label
from qa_lib.widgets.bundle import script, style
from qa_lib.widgets.preview_parts import PARTS, TABS, Asked, sample_ids
from qa_lib.widgets.preview_work import PAUSE, Work
from qa_lib.widgets.rule_builder import RuleBuilder

_COMPARABLE = ("text", "boolean", "list")
_MAX_TEXT = 200


class LivePreview(anywidget.AnyWidget):
    """What a rule selects, beside the rule: count, share, and a tab for each question about its people.

    Parameters
    ----------
    service
        Whom the rule is asked of; all figures are its answers.
    rule
        What to start with; everybody when not given.
    language
        `zh` or `en`; it follows the builder's.

    Attributes
    ----------
    value : dict
        The rule's JSON; set it to see another rule.
    head : dict
        `turn` (the number of the rule shown), `count`, `universe`, `share`, `problems`, `as_of`, `snapshot`.
    by : str
        The field that the people are compared by; see `compare_by`.
    cuts, reach, breakdown, differing, over_time, sample, why : dict
        The newest answer of each part (see `qa_lib.widgets.preview_parts`), with the `turn` it belongs to.
    work : dict
        What is being computed or was cancelled, by part: `working` or `cancelled`.
    """

    _esm = script("live_preview")
    _css = style("live_preview")

    value = traitlets.Dict()
    language = traitlets.Enum(("zh", "en"), default_value="zh").tag(sync=True)
    head = traitlets.Dict().tag(sync=True)
    tab = traitlets.Unicode("cuts").tag(sync=True)
    by = traitlets.Unicode("").tag(sync=True)
    fields: traitlets.List[AnyValue] = traitlets.List().tag(sync=True)
    cuts = traitlets.Dict().tag(sync=True)
    reach = traitlets.Dict().tag(sync=True)
    breakdown = traitlets.Dict().tag(sync=True)
    differing = traitlets.Dict().tag(sync=True)
    over_time = traitlets.Dict().tag(sync=True)
    sample = traitlets.Dict().tag(sync=True)
    why = traitlets.Dict().tag(sync=True)
    work = traitlets.Dict().tag(sync=True)

    def __init__(self, service: AudienceService, rule: Rule | None = None, language: str = "zh") -> None:
        self.service = service
        self._lock = threading.RLock()  # messages, edits and answers come from different threads
        comparable = [f for f in service.catalogue.fields if f.type in _COMPARABLE]
        names = [f.name for f in comparable]
        self._person = ""
        self._row: int | None = None
        self._turn = 0
        self._found: Evaluation | None = None
        self._given: tuple[AnyValue, Evaluation | None, list[AnyValue]] | None = None
        self._keys: dict[str, tuple[AnyValue, ...]] = {}
        self._is_seen = False
        self._pause = PAUSE
        self._work = Work({}, self._take)
        self._own: dict[str, AnyValue] = {key: {} for key in PARTS} | {
            "fields": [{"name": f.name, **f.label.to_dict()} for f in comparable],
            "by": next((name for name in BREAKDOWN_BY if name in names), names[0]),
            "tab": "cuts",
            "head": {},
            "work": {},
        }
        super().__init__(value=(rule or All()).to_dict(), language=language, **self._own)
        self.observe(lambda _: self._show(), names="value")
        self.observe(self._forged, names=list(self._own))
        self.on_msg(self._asked)

    def open(self) -> None:
        """Tell the browser of this widget once the first count is there; see `RuleBuilder.open`."""
        self._show()
        super().open()

    # -- for Python -----------------------------------------------------------------------------

    @property
    def rule(self) -> Rule:
        """The rule as a spec; SpecError when what stands in `value` is none."""
        return read_rule(self.value)

    @rule.setter
    def rule(self, rule: Rule) -> None:
        self.value = rule.to_dict()

    @property
    def evaluation(self) -> Evaluation | None:
        """Who the rule selects; None while it has a fault."""
        return self._found

    def compare_by(self, name: str) -> None:
        """Compare the people by this field.

        Raises
        ------
        UnknownName, SpecError
            When there is no such field, or it is none of texts, booleans or lists.
        """
        field = self.service.catalogue.field(name)
        if field.type not in _COMPARABLE:
            raise SpecError(
                f"People are compared by text, boolean or list fields; {name!r} is {field.type}. "
                f"Choose one such as {self.fields[0]['name']!r}."
            )
        with self._lock:
            self._tell("by", name)
            self._compute()

    def follow(self, builder: RuleBuilder) -> None:
        """Show what the builder holds from now on: each answer of its own, and its language.

        Raises
        ------
        SpecError
            When the builder counts over another snapshot: the figures would not agree.
        """
        if builder.snapshot.version != self.service.snapshot.version:
            raise SpecError(
                f"The rule builder counts over the snapshot {builder.snapshot.version}, the preview over "
                f"{self.service.snapshot.version}. Make both from the same `AudienceService`."
            )
        builder.on_edit(self.cancel)
        builder.on_answer(self._answered)
        builder.observe(lambda change: setattr(self, "language", change["new"]), names="language")
        self.language = builder.language

    def ask(self, part: str) -> dict[str, AnyValue]:
        """One part, computed here and now: what the browser would be told.

        Raises
        ------
        SpecError, UnknownName
            When the rule has a fault.
        """
        self.rule  # noqa: B018 raises what is wrong with a rule that cannot be read
        found = self._found or self.service.evaluate(self.rule)
        return PARTS[part](Asked(self.service, found, self.by, self._person, self._row))

    def cancel(self) -> None:
        """Give up what is being computed."""
        with self._lock:
            self._work.cancel()
            if going := [p for p, state in self.work.items() if state == "working"]:
                self._tell("work", {**self.work, **dict.fromkeys(going, "cancelled")})

    def wait(self, seconds: float = 60) -> None:
        """Wait for what is being computed; TimeoutError when it takes longer."""
        self._work.wait(seconds)

    def static_html(self) -> Html:
        """The figures without script, for reports.

        Raises
        ------
        SpecError, UnknownName
            When the rule has a fault.
        """
        from qa_lib.widgets.preview_page import preview_page  # loads Altair, which no screen waits for

        self.rule  # noqa: B018
        found = self._found or self.service.evaluate(self.rule)
        return preview_page(Asked(self.service, found, self.by, self._person, self._row), self.language)

    def _repr_mimebundle_(self, **options: AnyValue) -> AnyValue:
        if is_static():
            return {"text/html": str(self.static_html()), "text/plain": repr(self)}
        return super()._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        return f"LivePreview({self.head.get('count')} of {self.service.snapshot.people_count} people)"

    # -- the rule ---------------------------------------------------------------------------------

    def _answered(self, builder: RuleBuilder) -> None:
        """What a builder counted is not counted again."""
        problems = list(builder.result.get("problems", []))
        given = (builder.value, None if problems else builder.evaluation, problems)
        with self._lock:
            self._given = given
            if self.value == builder.value:
                self._show()
            else:
                self.value = builder.value

    def _show(self) -> None:
        with self._lock:
            given, self._given = self._given, None
            if given is None or given[0] != self.value:
                given = (self.value, *self._count())
            _, self._found, problems = given
            self._turn += 1
            found = self._found
            self._tell(
                "head",
                {
                    "turn": self._turn,
                    "count": found.count if found else None,
                    "universe": found.universe if found else self.service.snapshot.people_count,
                    "share": found.share if found else None,
                    "problems": problems,
                    "as_of": self.service.snapshot.stamp()["as_of"],
                    "snapshot": self.service.snapshot.version,
                },
            )
            self._compute()

    def _count(self) -> tuple[Evaluation | None, list[AnyValue]]:
        try:
            rule, problems = read_or_faults(self.value)
            if rule is not None:
                problems = check(rule, self.service.catalogue)
            if rule is not None and not problems:
                return self.service.evaluate(rule), []
            return None, [p.to_dict() for p in problems]
        except WorkbenchError as error:
            return None, [{"path": "", **Label(f"无法计算：{error}", str(error)).to_dict()}]

    # -- the parts --------------------------------------------------------------------------------

    def _key(self, part: str) -> tuple[AnyValue, ...]:
        """What a part's answer depends on."""
        more = {"breakdown": (self.by,), "why": (self._person,)}.get(part, ())
        return (self._turn, *more)

    def _compute(self) -> None:
        """Begin what is on screen and not there yet; nothing while nobody looks."""
        self._work.cancel()
        found = self._found
        wanted = [
            p for p in TABS[self.tab] if self._keys.get(p) != self._key(p) and (p != "why" or self._person)
        ]
        if found is None or not wanted or not self._is_seen:
            self._tell("work", {})
            return
        asked = Asked(self.service, found, self.by, self._person, self._row)

        self._work = Work({part: partial(PARTS[part], asked) for part in wanted}, self._take)
        self._tell("work", dict.fromkeys(wanted, "working"))
        self._work.start(self._pause)

    def _take(self, work: Work, part: str, answer: dict[str, AnyValue]) -> None:
        """An answer has come; one to an old question is dropped."""
        with self._lock:
            if work is not self._work or self.work.get(part) != "working":
                return
            self._keys[part] = self._key(part)
            self._tell(part, {**answer, "turn": self._turn})
            self._tell("work", {p: s for p, s in self.work.items() if p != part})

    def _tell(self, name: str, value: AnyValue) -> None:
        self._own[name] = value
        setattr(self, name, value)

    def _forged(self, change: AnyValue) -> None:
        """Put back what only Python may set."""
        if change["new"] != self._own[change["name"]]:
            setattr(self, change["name"], self._own[change["name"]])

    # -- for the browser --------------------------------------------------------------------------

    def _asked(self, _: AnyValue, content: AnyValue, __: AnyValue) -> None:
        """A message of the browser: what is looked at, compared by, who is asked about, cancel, again."""
        if not isinstance(content, dict):
            return
        named = {k: v for k, v in content.items() if isinstance(v, str) and len(v) <= _MAX_TEXT}
        with self._lock:
            match content.get("ask"):
                case "look" if named.get("tab") in TABS:
                    self._is_seen = True
                    self._tell("tab", named["tab"])
                    self._compute()
                case "by" if any(f["name"] == named.get("by") for f in self._own["fields"]):
                    self.compare_by(named["by"])
                case "why":
                    self._ask_why(named.get("person", "").strip(), content.get("row"), content.get("turn"))
                case "cancel":
                    self.cancel()
                case "again":
                    for part in TABS[self.tab]:
                        self._keys.pop(part, None)
                    self._compute()

    def _ask_why(self, person: str, row: AnyValue, turn: AnyValue) -> None:
        """Explain a person who was typed, or who stands in a row of the sample of this turn."""
        if self._found is None:
            return
        if person:
            self._person, self._row = person, None
        elif isinstance(row, int) and turn == self._turn:
            ids = sample_ids(Asked(self.service, self._found, self.by))
            if not 0 <= row < len(ids):
                return
            self._person, self._row = ids[row], row
        else:
            return
        self._keys.pop("why", None)
        self._compute()
