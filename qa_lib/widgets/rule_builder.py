"""The drag-and-drop rule builder: the browser shows, Python decides.

`value` is the rule's JSON, `builder.rule` the spec. Everything that the browser can send is treated as
hostile: names are looked up in the catalogue, values are bound, counts are computed here and never read
from a trait, and what only Python may set is put back when the browser changes it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any as AnyValue

import anywidget
import traitlets

from qa_lib.audiences import engine_of
from qa_lib.charts import is_static
from qa_lib.charts.html import Html
from qa_lib.errors import ReadOnly, RuleTooLarge, SpecError, WorkbenchError
from qa_lib.rules import (
    All,
    Evaluation,
    Path,
    Rule,
    check,
    form_catalogue,
    read_or_faults,
    read_rule,
    sentence,
)
from qa_lib.rules.model import check_size
from qa_lib.tables import Label
from qa_lib.widgets.builder_answers import ANSWERS, Asked, saved_audiences
from qa_lib.widgets.bundle import script, style
from qa_lib.widgets.rule_page import rule_page
from qa_lib.workspace import Snapshot

EVERYBODY = All()


class RuleBuilder(anywidget.AnyWidget):
    """A rule that is dragged together while the count follows.

    Parameters
    ----------
    snapshot
        What the rule is counted over.
    rule
        What to start with; everybody when not given.
    language
        `zh` or `en`; the person at the screen can change it.
    read_only
        Show the rule without letting it be changed.

    Attributes
    ----------
    value : dict
        The rule's JSON, as in `qa_lib.rules.rule_schema()`; set it to change what is shown.
    result : dict
        What the browser shows: `seq`, `count`, `universe`, `nodes` (count by path), `sentence`,
        `problems`, `ms`, `as_of`. Written by Python only.
    audiences : list of dict
        The saved audiences that a condition can name; see `qa_lib.widgets.builder_answers`.
    answers : dict
        The last answer to each thing that the browser asked, by topic, with the number it asked under.
    """

    _esm = script("rule_builder")
    _css = style("rule_builder")

    value = traitlets.Dict().tag(sync=True)
    seq = traitlets.Int(0).tag(sync=True)
    catalogue = traitlets.Dict().tag(sync=True)
    result = traitlets.Dict().tag(sync=True)
    audiences: traitlets.List[AnyValue] = traitlets.List().tag(sync=True)
    answers = traitlets.Dict().tag(sync=True)
    language = traitlets.Enum(("zh", "en"), default_value="zh").tag(sync=True)
    read_only = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        snapshot: Snapshot,
        rule: Rule | None = None,
        *,
        language: str = "zh",
        read_only: bool = False,
    ) -> None:
        self._engine = engine_of(snapshot)
        self._snapshot = snapshot
        self._own: dict[str, AnyValue] = {
            "catalogue": form_catalogue(self._engine.catalogue),
            "result": {},
            "read_only": read_only,
            "audiences": saved_audiences(snapshot),
            "answers": {},
        }
        self._evaluation: Evaluation | None = None
        self._answered: tuple[int, AnyValue] | None = None
        self._listeners: list[Callable[[RuleBuilder], None]] = []
        self._before: list[Callable[[], None]] = []
        start = (rule or EVERYBODY).to_dict()
        self._shown = start
        super().__init__(value=start, language=language, **self._own)
        self.observe(self._changed, names=["value", "seq"])
        self.observe(self._forged, names=list(self._own))
        self.on_msg(self._asked)

    def open(self) -> None:
        """Tell the browser of this widget once the first count is there.

        JupyterLab reads the state of all widgets whenever it connects, on a thread beside the cells: a state from
        before the count would come late and stand over it.
        """
        self._answer()
        super().open()

    # -- for Python -----------------------------------------------------------------------------

    @property
    def rule(self) -> Rule:
        """The rule as a spec.

        Raises
        ------
        SpecError
            When what stands in `value` is no rule.
        """
        return read_rule(self.value)

    @rule.setter
    def rule(self, rule: Rule) -> None:
        if self._own["read_only"]:
            raise ReadOnly("This rule builder is read-only. Make another with read_only=False.")
        self.value = rule.to_dict()

    @property
    def evaluation(self) -> Evaluation | None:
        """Who the rule selects; None while it has a fault."""
        return self._evaluation

    @property
    def snapshot(self) -> Snapshot:
        """What the rule is counted over."""
        return self._snapshot

    def on_edit(self, listener: Callable[[], None]) -> None:
        """Call `listener()` before an edit is counted, so that what concerns the rule before can be given up."""
        self._before.append(listener)

    def on_answer(self, listener: Callable[[RuleBuilder], None]) -> None:
        """Call `listener(builder)` after every answer, and once now."""
        self._listeners.append(listener)
        listener(self)

    def refresh_audiences(self) -> None:
        """Read anew which saved audiences there are."""
        self._own["audiences"] = saved_audiences(self._snapshot)
        self.audiences = self._own["audiences"]

    def static_html(self) -> Html:
        """The rule and its counts without script, for reports.

        Raises
        ------
        SpecError, UnknownName
            When the rule has a fault.
        """
        found = self._evaluation or self._engine.evaluate(self.rule)
        return rule_page(found.rule, self._engine.catalogue, found.counts, found.universe, self.language)

    def _repr_mimebundle_(self, **options: AnyValue) -> AnyValue:
        if is_static():
            return {"text/html": str(self.static_html()), "text/plain": repr(self)}
        return super()._repr_mimebundle_(**options)

    # -- for the browser --------------------------------------------------------------------------

    def set_state(self, sync_data: dict[str, AnyValue]) -> None:
        """Take what the browser sends; a rule too large to be walked through never becomes the value."""
        try:
            check_size(sync_data.get("value"))
        except RuleTooLarge as error:
            super().set_state({k: v for k, v in sync_data.items() if k != "value"})
            self._publish(self._refused(error))
            return
        super().set_state(sync_data)

    def _changed(self, _: AnyValue) -> None:
        if self._own["read_only"] and self.value != self._shown:
            self.value = self._shown
            return
        if self._answered != (self.seq, self.value):  # one message may set both traits
            self._answer()

    def _forged(self, change: AnyValue) -> None:
        """Put back what only Python may set."""
        if change["new"] != self._own[change["name"]]:
            setattr(self, change["name"], self._own[change["name"]])

    def _answer(self) -> None:
        self._answered = (self.seq, self.value)
        self._evaluation = None
        for listener in self._before:
            listener()
        try:
            rule, problems = read_or_faults(self.value)
            if rule is not None:
                problems = check(rule, self._engine.catalogue)
            if rule is None or problems:
                answer: dict[str, AnyValue] = {
                    "problems": [p.to_dict() for p in problems],
                    "nodes": self._sound_counts(self.value, (), {p.path for p in problems}),
                }
            else:
                found = self._engine.evaluate(rule)
                self._evaluation = found
                answer = {
                    "count": found.count,
                    "nodes": _by_place(found.counts, ()),
                    "sentence": sentence(rule, self._engine.catalogue).to_dict(),
                    "ms": round(found.elapsed_ms, 1),
                }
        except WorkbenchError as error:
            answer = self._refused(error)
        self._publish(answer)

    def _refused(self, error: WorkbenchError) -> dict[str, AnyValue]:
        """The answer to something that is no rule, or that cannot be counted at one place."""
        path = error.path if isinstance(error, SpecError) else ()
        words = Label(f"{'此条件无法计算' if path else '这条规则无法读取'}：{error}", str(error))
        return {
            "problems": [{"path": ".".join(map(str, path)), **words.to_dict()}],
            "nodes": self._sound_counts(self.value, (), {path}) if path else {},
        }

    def _publish(self, answer: dict[str, AnyValue]) -> None:
        """Show an answer, and tell who listens."""
        self._own["result"] = {
            "seq": self.seq,
            "count": None,
            "universe": self._engine.size,
            "nodes": {},
            "sentence": {"zh": "", "en": ""},
            "problems": [],
            "ms": 0.0,
            "as_of": self._snapshot.stamp()["as_of"],
            **answer,
        }
        self.result = self._own["result"]
        for listener in self._listeners:
            listener(self)

    def _sound_counts(self, value: AnyValue, path: Path, faulty: set[Path]) -> dict[str, int]:
        """The counts of those parts of a faulty rule that have no fault in them."""
        if not any(place[: len(path)] == path for place in faulty):
            with contextlib.suppress(WorkbenchError):  # a fault that is found by counting only
                return _by_place(self._engine.evaluate(read_rule(value)).counts, path)
        counts: dict[str, int] = {}
        children = value.get("of") if isinstance(value, dict) else None
        for i, child in enumerate(children if isinstance(children, list | tuple) else ()):
            counts |= self._sound_counts(child, (*path, i), faulty)
        return counts

    def _asked(self, _: AnyValue, content: AnyValue, __: AnyValue) -> None:
        """Answer what the browser asks besides counts, under the number it asked with."""
        asked = Asked.read(content, ("audiences", *ANSWERS))
        if asked is None:
            return
        if asked.topic == "audiences":
            self.refresh_audiences()
            return
        answer = ANSWERS[asked.topic](self._snapshot, self.value, asked)
        self._own["answers"] = {**self._own["answers"], asked.topic: {"seq": asked.seq, **answer}}
        self.answers = self._own["answers"]


def _by_place(counts: Mapping[Path, int], under: Path) -> dict[str, int]:
    """Counts keyed as the browser names places: child numbers joined by dots."""
    return {".".join(map(str, (*under, *path))): n for path, n in counts.items()}
