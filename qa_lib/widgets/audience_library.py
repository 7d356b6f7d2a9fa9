"""The audience library on screen: find, open, compare, save, load and roll back saved audiences, and see overlaps."""

from __future__ import annotations

from typing import Any as AnyValue
from typing import Literal

import ipywidgets
import pandas as pd
import traitlets

from qa_lib.audiences import Audience, AudienceService, PeopleDiff, Version, person_ids
from qa_lib.charts import is_static
from qa_lib.charts.exporting import Export
from qa_lib.charts.html import Html
from qa_lib.errors import ReadOnly, SpecError, WorkbenchError
from qa_lib.rules import All, InAudience, Rule
from qa_lib.rules.bits import count
from qa_lib.widgets.exports import ExportMenu, Exports
from qa_lib.widgets.library_answers import ANSWERS, SLOW
from qa_lib.widgets.library_draft import BuilderRule, account
from qa_lib.widgets.library_exports import library_exports, library_html
from qa_lib.widgets.library_overlap import OverlapChart
from qa_lib.widgets.library_panel import LibraryPanel
from qa_lib.widgets.library_rows import opened_rows, shelf_rows
from qa_lib.widgets.rule_builder import RuleBuilder
from qa_lib.workspace import go_on

#: The rule in the builder, where a version of the open audience is meant.
DRAFT = "draft"
Compared = int | Literal["draft"]
#: Ids that one message hands to the browser, about 5 MB.
MOST_IDS = 500_000


class AudienceLibrary(ipywidgets.VBox, Exports):
    """The saved audiences of a workspace, beside a rule builder or alone.

    It works without a browser: each thing that can be done on the screen is a method. Whatever a browser
    sends only names things; what is read-only is refused here, not hidden there.

    Parameters
    ----------
    service
        What is asked; a workspace that is open read-only makes the library read-only.
    builder
        The rule builder whose rule is saved and into which versions are loaded.
    language
        `zh` or `en`; shared with the builder. The builder's when not given.
    author
        Who saves; the account when not given.
    resume
        Open what `author` saved last and load it into the builder: after a restart, go on where you were.

    Attributes
    ----------
    compared : PeopleDiff or None
        What was compared last.
    """

    language = traitlets.Enum(("zh", "en"), default_value="zh")

    def __init__(
        self,
        service: AudienceService,
        builder: RuleBuilder | None = None,
        language: str | None = None,
        *,
        author: str | None = None,
        resume: bool = False,
    ) -> None:
        self.service, self.builder = service, builder
        self.author = author or account()
        self._held = BuilderRule(builder)
        self._opened: str | None = None
        self._sizes: dict[tuple[str, int], int] = {}
        stamp, people = service.snapshot.stamp(), service.snapshot.people_count
        self.panel = LibraryPanel(
            lambda asked: ANSWERS[asked.topic](self, asked),
            ANSWERS,
            slow=SLOW,
            given_up=lambda topic: self.reload() if topic == "count" else None,
            language=language or (builder.language if builder is not None else "zh"),
            read_only=service.workspace.read_only,
            about={
                "author": self.author,
                "snapshot": stamp["snapshot"],
                "as_of": stamp["as_of"],
                "people_count": people,
            },
            shelf=shelf_rows(service, self._sizes),
        )
        self.chart = OverlapChart(self.combine_exactly if builder is not None else None)
        self.compared: PeopleDiff | None = None
        self._menu = ExportMenu(self, language=self.panel.language)
        super().__init__(children=(self.panel, self.chart, self._menu), language=self.panel.language)
        self.add_class("qa-view")
        traitlets.link((self.panel, "language"), (self, "language"))
        if builder is not None:
            builder.language = self.language
            traitlets.link((self, "language"), (builder, "language"))
        self.observe(self._other_language, "language")
        if builder is not None:
            builder.refresh_audiences()
        mine = [row for row in self.panel.shelf if row["author"] == self.author] if resume else []
        if mine:
            last = max(mine, key=lambda row: str(row["saved_at"]))["name"]
            self.show_audience(last) if builder is None else self.load(last)
        if builder is not None:
            builder.on_answer(lambda _: self._show_draft())

    # -- looking -------------------------------------------------------------------------------

    @property
    def read_only(self) -> bool:
        """Whether nothing can be saved, taken back or filed."""
        return self.service.workspace.read_only

    @property
    def loaded(self) -> Version | None:
        """The version that was loaded into the builder, or saved from it, last."""
        return self._held.loaded

    def reload(self) -> None:
        """Read anew what is saved."""
        self.panel.put(shelf=shelf_rows(self.service, self._sizes))
        if self._opened is not None:
            self.panel.put(opened=opened_rows(self.service, self._opened))
        self._menu.refresh(self.language)
        if self.builder is not None:
            self.builder.refresh_audiences()

    def show_audience(self, name: str) -> None:
        """Show the versions of an audience and where it is used.

        Raises
        ------
        UnknownName
            When no audience of that name is saved.
        """
        rows = opened_rows(self.service, name)
        self._opened = name
        self.panel.put(opened=rows)
        self._menu.refresh(self.language)

    def count_sizes(self) -> None:
        """Count the active version of every audience at the service's snapshot.

        The members are kept where the workspace may be written to; a reader's counts are its own. What was
        counted before a cancel stays.
        """
        if not self.read_only:
            self.service.refresh()
        else:
            for row in self.panel.shelf:
                go_on()
                members = self.service.bits([row["name"]])[row["name"]]
                self._sizes[row["name"], row["active"]] = count(members)
        self.reload()

    def compare(self, name: str, old: Compared, new: Compared) -> PeopleDiff:
        """Who enters and who leaves between two versions, or a version and the rule in the builder.

        Raises
        ------
        UnknownName
            For an audience or a version that is not there.
        SpecError
            When there is no builder, or its rule has a fault.
        """
        found = self.service.diff_people(self._side(name, old), self._side(name, new))
        go_on()
        self.compared = found
        self._menu.refresh(self.language)
        return found

    def overlap(self, *names: str) -> pd.DataFrame:
        """How many people are in exactly which of these audiences; drawn below the list.

        Raises
        ------
        UnknownName
            For an audience that is not saved.
        SpecError
            For fewer than two audiences, or more than can be combined.
        """
        chosen = tuple(dict.fromkeys(names))
        if len(chosen) < 2:
            raise SpecError(f"An overlap is of two audiences or more, got {len(chosen)}. Choose another.")
        found = self.service.upset(*chosen)
        go_on()
        self.chart.draw(found, self.language)
        self._menu.refresh(self.language)
        return found

    def member_ids(self, name: str) -> pd.Series:
        """Who is in the active version of an audience: their ids, in the order of person numbers.

        Raises
        ------
        ReadOnly
            When the workspace is open read-only: a reader sees masked ids only.
        UnknownName
            When no audience of that name is saved.
        SpecError
            When it has more than `MOST_IDS` people.
        """
        self._writable("taken away")
        members = self.service.bits([name])[name]
        if (people := count(members)) > MOST_IDS:
            raise SpecError(
                f"{name!r} has {people:,} people; the browser is handed at most {MOST_IDS:,} ids. "
                "Use `qa audience members`, which has no such limit."
            )
        return person_ids(self.service.snapshot, members)

    # -- the rule in the builder ---------------------------------------------------------------

    def draft(self, name: str = "") -> Audience:
        """The rule in the builder as an audience; base, description and priority are those of what was loaded.

        Raises
        ------
        SpecError
            When there is no builder, or its rule has a fault.
        """
        return self._held.audience(name)

    def load(self, name: str, version: int | None = None) -> Version:
        """Put a version into the builder, where it is one step of undo; the newest when not given.

        Raises
        ------
        UnknownName
            For an audience or a version that is not there.
        SpecError
            When there is no builder.
        """
        self._held.builder  # noqa: B018 raises where there is none
        found = self.service.library.get(name, version)
        self._held.hold(found)
        self.show_audience(name)
        self._show_draft()
        return found

    def combine(self, inside: tuple[str, ...], outside: tuple[str, ...] = ()) -> Rule:
        """Make the people who are in all of some audiences and in none of others the rule in the builder.

        Raises
        ------
        UnknownName
            For an audience that is not saved.
        SpecError
            When there is no builder, or no audience is named.
        """
        builder = self._held.builder
        if not inside:
            raise SpecError("A combination names at least one audience that people are in.")
        for name in (*inside, *outside):
            self.service.library.labels(name)
        parts = [InAudience(audience=one) for one in inside]
        rule = All(of=(*parts, *(InAudience(audience=one, member=False) for one in outside)))
        self._held.loaded = None
        builder.refresh_audiences()
        builder.rule = rule
        self._show_draft()
        return rule

    def combine_exactly(self, inside: tuple[str, ...]) -> Rule:
        """As `combine`: in these, and in none of the others whose overlap was asked last."""
        return self.combine(inside, tuple(name for name in self.chart.names if name not in inside))

    # -- what changes the library --------------------------------------------------------------

    def save(self, name: str = "", note: str = "", *, over: int | None = None) -> Version:
        """Save the builder's rule: a new version of what was loaded, or an audience of another name.

        Parameters
        ----------
        over
            The newest version, for who has seen it and saves over it all the same.

        Raises
        ------
        ReadOnly
            When the workspace is open read-only.
        VersionConflict
            When somebody saved a newer version than the one that was loaded, or the name is taken.
        SpecError
            When the rule has a fault, or no name is given.
        """
        self._writable("saved")
        wanted = name.strip() or (self._held.loaded.name if self._held.loaded else "")
        if not wanted:
            raise SpecError("The audience has no name yet. Give it one that says who they are.")
        mine = self._held.loaded is not None and self._held.loaded.name == wanted
        based_on = (
            over if over is not None else self._held.loaded.number if mine and self._held.loaded else None
        )
        saved = self.service.save(self.draft(wanted), self.author, note, based_on)
        self._held.loaded = saved
        self._changed(wanted)
        return saved

    def rollback(self, name: str, to: int, note: str = "") -> Version:
        """Take an audience back: a new, active version with the content of an old one, also in the builder.

        Raises
        ------
        ReadOnly
            When the workspace is open read-only.
        UnknownName, VersionConflict, SpecError
            As `AudienceLibrary.rollback` of `qa_lib.audiences`.
        """
        self._writable("taken back")
        made = self.service.rollback(name, to, self.author, note)
        if self.builder is not None and self._held.loaded is not None and self._held.loaded.name == name:
            self._held.hold(made)
        self._changed(name)
        return made

    def activate(self, name: str, version: int) -> None:
        """Make a version the one that conditions and campaigns follow.

        Raises
        ------
        ReadOnly, UnknownName, SpecError
            As `AudienceLibrary.activate` of `qa_lib.audiences`.
        """
        self._writable("changed")
        self.service.library.activate(name, version, self.author)
        self._changed(name)

    def organise(self, name: str, folder: str = "", tags: tuple[str, ...] = ()) -> None:
        """File an audience in a folder and under tags.

        Raises
        ------
        ReadOnly, UnknownName, SpecError
            As `AudienceLibrary.organise` of `qa_lib.audiences`.
        """
        self._writable("filed")
        self.service.library.organise(name, folder.strip().strip("/"), tags)
        self.reload()

    # -- on screen -----------------------------------------------------------------------------

    def static_html(self) -> Html:
        """The list, the versions of the open audience and the overlap, without script, for reports."""
        return library_html(self)

    @property
    def exports(self) -> list[Export]:
        """The list, and what is open, compared and overlapped."""
        return library_exports(self)

    @property
    def export_stem(self) -> str:
        """The screen, and the moment of its data."""
        return f"audience-library-{self.service.snapshot.as_of:%Y%m%d}"

    def _repr_mimebundle_(self, **options: AnyValue) -> AnyValue:
        if is_static():
            return {"text/html": str(self.static_html()), "text/plain": repr(self)}
        return super()._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        return f"AudienceLibrary({len(self.panel.shelf)} audiences)"

    def _other_language(self, _: AnyValue) -> None:
        self.chart.draw(self.chart.frame, self.language)
        self._menu.refresh(self.language)

    def _changed(self, name: str) -> None:
        """Keep the members of what is active now, and show it."""
        self._opened = name
        failed = None
        try:
            self.service.refresh([name])
        except WorkbenchError as error:  # the version is saved all the same; its size is not known
            failed = error
        self.reload()
        self._show_draft()
        if failed is not None:
            raise SpecError(f"{name!r} is saved, but its members could not be counted: {failed}") from failed

    def _show_draft(self) -> None:
        self.panel.put(draft=self._held.row())

    def _side(self, name: str, which: Compared) -> Audience:
        if which == DRAFT:
            return self.draft(name)
        return self.service.library.get(name, which).audience

    def _writable(self, done: str) -> None:
        if self.read_only:
            raise ReadOnly(
                f"Nothing can be {done} here: the workspace {self.service.workspace.root} is open read-only. "
                "Open it with Workspace.open(…, read_only=False)."
            )
