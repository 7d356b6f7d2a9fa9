"""The catalogue of tags: search, coverage, distribution, drift, lineage, uses, and a condition for a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd
import traitlets

from qa_lib.charts import catalogue_bars, drift_bars, histogram, value_bars
from qa_lib.charts.html import Html, join
from qa_lib.charts.tiles import note
from qa_lib.charts.words import pick
from qa_lib.errors import ReadOnly, SpecError
from qa_lib.rules import Attribute, Tag
from qa_lib.widgets.screen import Screen
from qa_lib.widgets.screen_parts import Action, Choice, Drawing, Entry, Options, Row, Words, names
from qa_lib.widgets.tag_catalogue_figures import COMPARED, TagFigures
from qa_lib.widgets.tag_catalogue_page import CataloguePage
from qa_lib.workspace import Snapshot, Workspace, see_through

if TYPE_CHECKING:
    from qa_lib.widgets.rule_builder import RuleBuilder

_LISTED = 300
_FOUND = names("search", "family", "type", "owner")


class TagCatalogue(Screen):
    """Every tag of a snapshot, and everything about a chosen one. It never writes.

    Parameters
    ----------
    source
        A workspace, whose current snapshot is shown, or a snapshot.
    builder
        Gets the condition when *use in a rule* is pressed: it is added to the rule that stands there.

    Attributes
    ----------
    search : str
        Words of names, labels and descriptions.
    family, type, owner : str or None
        Filters.
    tag : str or None
        The chosen tag.
    against : str or None
        The earlier snapshot with which the found tags are compared; see `others`.

    Raises
    ------
    UnknownName
        For something that is not there.
    NothingBuilt
        When no snapshot is published.
    """

    search = traitlets.Unicode("")
    family = traitlets.Unicode(None, allow_none=True)
    type = traitlets.Unicode(None, allow_none=True)
    owner = traitlets.Unicode(None, allow_none=True)
    tag = traitlets.Unicode(None, allow_none=True)
    against = traitlets.Unicode(None, allow_none=True)
    SHOWN = ("search", "family", "type", "owner", "tag", "against")
    TITLE, STEM = "catalogue", "tag-catalogue"

    def __init__(
        self,
        source: Workspace | Snapshot,
        *,
        builder: RuleBuilder | None = None,
        tag: str | None = None,
        language: str = "zh",
    ) -> None:
        if isinstance(source, Workspace):
            workspace, self.snapshot = source, source.snapshot()
        else:
            workspace, self.snapshot = Workspace.open(source.root, read_only=True), source
        self.figures = TagFigures(workspace, self.snapshot)
        self.builder = builder
        self.others = self.figures.others()
        super().__init__(language=language, **({"tag": tag} if tag else {}))

    # -- figures -------------------------------------------------------------------------------

    @property
    def found(self) -> pd.DataFrame:
        """The tags that were found: the columns of `qa_lib.profiles.tags`, `family_zh` and `family_en`."""
        chosen = (self.search, self.family, self.type, self.owner)
        return self.once(("found", *chosen), lambda: self.figures.found(*chosen))

    @property
    def used(self) -> dict[str, list[str]]:
        """By tag, the active audiences that name it."""
        return self.once("used", self.figures.used)

    @property
    def values(self) -> pd.Series:
        """The chosen tag of everybody."""
        return self.once(("values", self.tag), lambda: self.figures.values(str(self.tag)))

    @property
    def drift(self) -> pd.DataFrame | None:
        """The found tags against the earlier snapshot; None when none is chosen."""
        if self.against is None:
            return None
        before, chosen = self.others[self.against], list(self.found["name"])
        return self.once(("drift", self.against, *chosen), lambda: self.figures.drift(before, chosen))

    @property
    def condition(self) -> Tag | Attribute | None:
        """A condition on the chosen tag to start a rule from."""
        if self.tag is None:
            return None
        return self.once(("condition", self.tag), lambda: self.figures.condition(str(self.tag)))

    def use_in_rule(self) -> str:
        """Give the condition to the rule builder; returns what was done, in words.

        Raises
        ------
        SpecError
            When no tag is chosen, or no builder was given.
        ReadOnly
            When the builder cannot be changed.
        """
        if self.condition is None or self.builder is None:
            raise SpecError(self.say("nothing_chosen"))
        if self.builder.read_only:
            raise ReadOnly(self.say("refused"))
        before, condition = dict(self.builder.value), self.condition.to_dict()
        words = pick(self.figures.sentence(self.condition), self.language)
        see_through()
        if before.get("kind") == "all" and not before.get("negated"):
            self.builder.value = {**before, "of": [*before.get("of", []), condition]}
        else:
            self.builder.value = {"kind": "all", "negated": False, "of": [before, condition]}
        return self.say("used_now", field=words)

    # -- what may be chosen --------------------------------------------------------------------

    @traitlets.validate("tag")
    def _valid_tag(self, proposal: Any) -> Any:
        return self.one_of(proposal, "tag", self.figures.names)

    @traitlets.validate("family", "type", "owner")
    def _valid_filter(self, proposal: Any) -> Any:
        column = proposal["trait"].name
        return self.one_of(proposal, column, sorted(set(self.figures.tags[column])))

    @traitlets.validate("against")
    def _valid_against(self, proposal: Any) -> Any:
        return self.one_of(proposal, "earlier snapshot", list(self.others))

    # -- what is shown -------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        compared = _FOUND | {"against"}
        return [
            [Words("catalogue", self._header, frozenset())],
            [Words("catalogue_tiles", self._tiles, compared)],
            [
                Entry("search"),
                Choice("family", lambda: self._filter_options("family")),
                Choice("type", lambda: self._filter_options("type")),
                Choice("owner", lambda: self._filter_options("owner")),
                Choice("against", self._against_options),
            ],
            [
                Drawing("coverage", self._coverage, _FOUND | {"tag"}, {"tag": self.picks("tag", "tag")}),
                Words("list", self._list, _FOUND | {"tag"}),
            ],
            [
                Choice("tag", self._tag_options, _FOUND),
                *(
                    [Action("use_in_rule", self.use_in_rule, names("tag"), lambda: self.tag is not None)]
                    if self.builder
                    else []
                ),
            ],
            [
                Drawing("distribution", self._distribution, names("tag")),
                Words("tag_words", self._tag_words, names("tag", "against")),
            ],
            [Drawing("drift", self._drift_chart, compared), Words("drift_note", self._drift_note, compared)],
        ]

    def tables(self) -> Mapping[str, Callable[[], pd.DataFrame]]:
        if self.found.empty:
            return {}
        values = {"values": lambda: self.figures.counts(str(self.tag), self.language)} if self.tag else {}
        has_drift = self.drift is not None and len(self.drift)
        drift = {"drift": lambda: self.drift if self.drift is not None else pd.DataFrame()}
        return {"tags": lambda: self.found, **values, **(drift if has_drift else {})}

    @property
    def moment(self) -> datetime:
        return self.snapshot.as_of

    @property
    def _page(self) -> CataloguePage:
        return CataloguePage(self.language, self.snapshot.zone)

    def _label(self, name: str) -> str:
        return str(self.figures.tag(name)[f"label_{self.language}"])

    def _filter_options(self, column: str) -> Options:
        values = list(dict.fromkeys(self.figures.tags[column]))
        words = {v: v for v in values}
        if column == "type":
            words = {v: self.say(f"type_{v}") for v in values}
        elif column == "family":
            words = dict(
                zip(self.figures.tags["family"], self.figures.tags[f"family_{self.language}"], strict=True)
            )
        return [(self.say("everything"), None), *((words[v], v) for v in values)]

    def _against_options(self) -> Options:
        return [(self.say("no_comparison"), None), *((n, n) for n in self.others)] if self.others else []

    def _tag_options(self) -> Options:
        listed = list(self.found["name"].head(_LISTED))
        if self.tag is not None and self.tag not in listed:
            listed.insert(0, self.tag)
        return [("—", None), *((f"{self._label(n)} · {n}", n) for n in listed)] if listed else []

    def _header(self) -> Html:
        return self._page.header(self.snapshot)

    def _tiles(self) -> Html:
        moved = None if self.drift is None else int((self.drift["verdict"] == "moved").sum())
        return self._page.tiles(self.found, len(self.figures.tags), self.used, moved)

    def _list(self) -> Html:
        return self._page.list(self.found, self.used, self.tag)

    def _tag_words(self) -> Html:
        if self.tag is None or self.condition is None:
            return join()
        drifted: dict[str, Any] | None = None
        if self.drift is not None:
            rows = self.drift[self.drift["name"] == self.tag]
            if len(rows):
                drifted = {str(k): v for k, v in rows.iloc[0].to_dict().items()} | {"before": self.against}
        summary = self.once(("summary", self.tag), lambda: self.figures.summary(str(self.tag)))
        words = pick(self.figures.sentence(self.condition), self.language)
        return join(
            self._page.tag(self.figures.tag(self.tag), summary, self.used.get(self.tag, []), drifted),
            self._page.condition(self.condition, words),
        )

    def _coverage(self) -> alt.LayerChart | None:
        if self.found.empty:
            return None
        return catalogue_bars(self.found, language=self.language, selected=self.tag)

    def _distribution(self) -> alt.Chart | alt.LayerChart | Html | None:
        if self.tag is None:
            return None
        row = self.figures.tag(self.tag)
        if not row["people_count"]:
            return note(self.say("nobody_has"), "warning")
        if row["type"] == "number":
            return histogram(
                self.values, self._label(self.tag), language=self.language, unit=row["unit"], width=400
            )
        return value_bars(
            self.figures.counts(self.tag, self.language), self._label(self.tag), language=self.language
        )

    def _drift_chart(self) -> alt.LayerChart | None:
        if self.drift is None or self.drift.empty:
            return None
        return drift_bars(self.drift, str(self.against), language=self.language)

    def _drift_note(self) -> Html:
        if self.drift is None or len(self.found) <= COMPARED:
            return join()
        return note(self.say("drift_first", n=str(COMPARED)))
