"""The audience workbench: a rule is dragged together, and everything about its people follows."""

from __future__ import annotations

import json
from typing import Any as AnyValue

import ipywidgets
import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from qa_lib.audiences import BREAKDOWN_BY, breakdown, engine_of, sample, sample_fields
from qa_lib.charts import Live, breakdown_dumbbells, is_static, to_svg
from qa_lib.charts.exporting import Export, chart_export, page_export, spec_export, table_export
from qa_lib.charts.format import format_value
from qa_lib.charts.html import Html, join, picture, style, tag
from qa_lib.charts.tiles import note, page, table
from qa_lib.rules import Evaluation, Field, Rule, compile_rule, sentence
from qa_lib.tables import Label
from qa_lib.widgets.exports import LABELS, ExportMenu, Exports
from qa_lib.widgets.rule_builder import RuleBuilder
from qa_lib.widgets.rule_page import rule_page
from qa_lib.workspace import Snapshot

_CSS = """
.qa-code { font-size: 12px; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 320px; overflow: auto; }
"""
_WORDS = {
    "compare": Label("对比维度", "Compare by"),
    "sample": Label("样例（编号已脱敏）", "Sample (ids masked)"),
    "nobody": Label("没有人符合这条规则。", "Nobody fits this rule."),
    "fault": Label("规则还不完整，见上方提示。", "The rule is not complete yet: see above."),
    "yes": Label("是", "yes"),
    "no": Label("否", "no"),
    "person": Label("顾客", "Person"),
    "sql": Label("SQL（只读）", "SQL (to read)"),
    "json": Label("JSON", "JSON"),
    "stamp": Label("快照 {snapshot} · 数据截至 {as_of}", "Snapshot {snapshot} · data as of {as_of}"),
}


class AudienceWorkbench(Exports):
    """The rule builder with its preview: breakdown against everybody, masked sample, SQL and JSON.

    Parameters
    ----------
    snapshot
        What the rule is counted over.
    rule
        What to start with.
    language
        `zh` or `en`; the toggle in the builder changes all of it.

    Attributes
    ----------
    builder : RuleBuilder
        Holds the rule: `workbench.builder.rule`.
    """

    def __init__(self, snapshot: Snapshot, rule: Rule | None = None, *, language: str = "zh") -> None:
        self.snapshot = snapshot
        self.builder = RuleBuilder(snapshot, rule, language=language)
        self._catalogue = engine_of(snapshot).catalogue
        self._by = BREAKDOWN_BY[0]
        if not is_static():
            self._lay_out()

    # -- figures, without a screen ----------------------------------------------------------------

    @property
    def evaluation(self) -> Evaluation | None:
        """Who the rule selects; None while it has a fault."""
        return self.builder.evaluation

    @property
    def by(self) -> str:
        """The field that the breakdown compares."""
        return self._by

    @by.setter
    def by(self, name: str) -> None:
        self._catalogue.field(name)
        if name == self._by:
            return
        self._by = name
        if not is_static():
            self._refresh()
            self._dropdown.value = name

    def breakdown(self) -> pd.DataFrame:
        """The audience against everybody by the chosen field; see `qa_lib.audiences.breakdown`."""
        found = self._found()
        return breakdown(self.snapshot, found.members[()], by=(self._by,))

    def sample(self) -> pd.DataFrame:
        """A few masked members; see `qa_lib.audiences.sample`."""
        found = self._found()
        return sample(self.snapshot, found.members[()], fields=sample_fields(found.rule))

    def _found(self) -> Evaluation:
        if self.evaluation is None:
            self.builder.rule  # noqa: B018 raises what is wrong with a rule that cannot be read
            return engine_of(self.snapshot).evaluate(self.builder.rule)
        return self.evaluation

    # -- on screen ----------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        fields = [f for f in self._catalogue.fields if f.type in ("text", "boolean", "list")]
        self._dropdown = ipywidgets.Dropdown(
            options=[(self._name(f), f.name) for f in fields],
            value=self._by,
            description=self._say("compare"),
            style={"description_width": "initial"},
        )
        self._chart = Live(self._draw())
        self._people = ipywidgets.HTML()
        self._stamp = ipywidgets.HTML()
        self._sql = ipywidgets.HTML()
        self._json = ipywidgets.HTML()
        self._source = ipywidgets.Accordion([self._sql, self._json])
        self._dropdown.observe(lambda change: setattr(self, "by", change["new"]), names="value")
        self.builder.observe(lambda _: self._translate(fields), names="language")
        half = ipywidgets.Layout(flex="1 1 420px", min_width="0", overflow="auto")
        beside = ipywidgets.HBox(
            [
                ipywidgets.VBox([self._dropdown, self._chart.widget], layout=half),
                ipywidgets.VBox([self._people], layout=half),
            ],
            layout=ipywidgets.Layout(flex_flow="row wrap", width="100%", margin="16px 0"),
        )
        self._menu = ExportMenu(self, language=self.builder.language)
        self.view = ipywidgets.VBox([self.builder, beside, self._source, self._stamp, self._menu])
        self.view.add_class("qa-view")
        self.builder.on_answer(lambda _: self._refresh())
        self._translate(fields)

    def _translate(self, fields: list[Field]) -> None:
        chosen = self._dropdown.value
        self._dropdown.options = [(self._name(f), f.name) for f in fields]
        self._dropdown.value = chosen
        self._dropdown.description = self._say("compare")
        self._menu.refresh(self.builder.language)
        self._source.titles = (self._say("sql"), self._say("json"))
        self._refresh()

    def _refresh(self) -> None:
        self._stamp.value = self._stamp_line()
        self._json.value = self._code("json", json.dumps(self.builder.value, ensure_ascii=False, indent=2))
        if self.evaluation is None:
            self._people.value = page(note(self._say("fault")))
            self._sql.value = ""
            return
        self._chart.update(self._draw())
        self._people.value = self._sample_page()
        self._sql.value = self._code("sql", self._sql_text())

    def _code(self, key: str, text: str) -> Html:
        """A text to read and copy, which scrolls by keyboard too."""
        shown = tag("pre", text, class_="qa-code", tabindex="0", role="region", aria_label=self._say(key))
        return join(style(_CSS), shown)

    def _draw(self) -> AnyValue:
        field = self._catalogue.field(self._by)
        return breakdown_dumbbells(self.breakdown(), self._name(field), language=self.builder.language)

    def _sample_page(self) -> Html:
        people = self.sample()
        if people.empty:
            return page(note(self._say("nobody")))
        heads = [self._say("person"), *(self._name(self._catalogue.field(c)) for c in people.columns[1:])]
        rows = [[self._cell(value) for value in row] for row in people.itertuples(index=False)]
        words = [i for i, column in enumerate(people) if is_bool_dtype(people[column]) or not is_numeric_dtype(people[column])]
        return page(note(self._say("sample")), table(heads, rows, words=words))

    def _sql_text(self) -> str:
        found = self._found()
        return compile_rule(found.rule, self._catalogue, self.snapshot.as_of, self.snapshot.zone).text()

    def _stamp_line(self) -> Html:
        at = self.snapshot.as_of.astimezone(self.snapshot.zone)
        as_of = f"{at:%Y-%m-%d %H:%M} ({self.snapshot.zone})"
        return page(note(self._say("stamp").format(snapshot=self.snapshot.version, as_of=as_of)))

    def static_html(self) -> Html:
        """The same figures without script, for reports."""
        found = self._found()
        return join(
            rule_page(found.rule, self._catalogue, found.counts, found.universe, self.builder.language),
            picture(to_svg(self._draw()), self._name(self._catalogue.field(self._by))),
            self._sample_page(),
            self._stamp_line(),
        )

    @property
    def exports(self) -> list[Export]:
        """The comparison, the sample, the page, and the rule to go on with elsewhere."""
        return [
            chart_export("breakdown_chart", LABELS["breakdown"], self._draw),
            table_export("breakdown", LABELS["breakdown"], self.breakdown),
            table_export("sample", LABELS["sample"], self.sample),
            spec_export("rule", LABELS["rule"], lambda: self.builder.rule.to_dict()),
            page_export(LABELS["page"], self._title, self.static_html, lambda: self.builder.language),
        ]

    @property
    def export_stem(self) -> str:
        """The view, and the moment of its data."""
        return f"audience-{self.snapshot.as_of:%Y%m%d}"

    def _title(self) -> str:
        words = sentence(self.builder.rule, self._catalogue)
        return words.zh if self.builder.language == "zh" else words.en

    def _repr_mimebundle_(self, **options: AnyValue) -> AnyValue:
        if is_static():
            return {"text/html": str(self.static_html()), "text/plain": repr(self)}
        return self.view._repr_mimebundle_(**options)

    def _say(self, key: str) -> str:
        label = _WORDS[key]
        return label.zh if self.builder.language == "zh" else label.en

    def _name(self, field: Field) -> str:
        return field.label.zh if self.builder.language == "zh" else field.label.en

    def _cell(self, value: AnyValue) -> str:
        if isinstance(value, bool | np.bool_):
            return self._say("yes" if value else "no")
        if isinstance(value, float):
            return format_value(value, "count" if value.is_integer() else "number")
        if isinstance(value, pd.Timestamp):
            return f"{value:%Y-%m-%d}"
        if isinstance(value, list | np.ndarray):
            return "、".join(map(str, value))
        return "—" if value is None or value is pd.NA or value is pd.NaT else str(value)

    def __repr__(self) -> str:
        count = self.evaluation.count if self.evaluation else None
        return f"AudienceWorkbench({count} of {self.snapshot.people_count} people)"
