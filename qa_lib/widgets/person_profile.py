"""The screen of one person: the whole profile, the timeline, messages, identifiers, audiences and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import altair as alt
import pandas as pd
import traitlets

from qa_lib.audiences import Explanation
from qa_lib.charts import person_timeline
from qa_lib.charts.html import Html, join
from qa_lib.charts.words import pick
from qa_lib.errors import UnknownName
from qa_lib.widgets.masking import shown_id
from qa_lib.widgets.person_profile_figures import PersonFigures
from qa_lib.widgets.person_profile_page import ProfilePage
from qa_lib.widgets.screen import Screen
from qa_lib.widgets.screen_parts import Choice, Drawing, Entry, Options, Row, Words, names
from qa_lib.workspace import Workspace


class PersonProfile(Screen):
    """Everything that is known of one person as of the current snapshot. It never writes.

    Identifiers and source ids are masked. Membership is that of the active version of each saved audience,
    and the reasons are those of `qa_lib.audiences.AudienceService.explain`.

    Parameters
    ----------
    person
        An id, one that was merged into it, or `kind:value`; nobody when None.

    Attributes
    ----------
    number : int or None
        The chosen person's number in the snapshot.
    ask : str
        An id or `kind:value` that was asked for; sets `number`.
    words : str
        Words of tags to be shown.
    event : str or None
        The kind of event that is listed; all when None.
    audience : str or None
        The saved audience that is explained.

    Raises
    ------
    UnknownName
        For something that is not there.
    NothingBuilt
        When no snapshot is published.
    """

    number = traitlets.Int(None, allow_none=True)
    ask = traitlets.Unicode("")
    words = traitlets.Unicode("")
    event = traitlets.Unicode(None, allow_none=True)
    audience = traitlets.Unicode(None, allow_none=True)
    SHOWN = ("number", "ask", "words", "event", "audience")
    TITLE, STEM = "profile", "person"

    def __init__(self, workspace: Workspace, person: str | None = None, *, language: str = "zh") -> None:
        self.figures = PersonFigures(workspace)
        chosen = {} if person is None else {"number": self.figures.find(person)}
        super().__init__(language=language, **chosen)

    # -- figures -------------------------------------------------------------------------------

    @property
    def person(self) -> str | None:
        """The chosen person's id."""
        if self.number is None:
            return None
        return self._id(self.number)

    @property
    def profile(self) -> pd.DataFrame:
        """Every tag of the person; see `PersonFigures.profile`."""
        return self._read[0]

    @property
    def lookup_ms(self) -> float:
        """How long reading the profile took."""
        return self._read[1]

    @property
    def days(self) -> pd.DataFrame:
        """Events by kind and day."""
        return self.once(("days", self.number), lambda: self.figures.days(self._chosen))

    @property
    def events(self) -> pd.DataFrame:
        """The newest events of the chosen kind."""
        return self.once(
            ("events", self.number, self.event), lambda: self.figures.newest(self._chosen, self.event)
        )

    @property
    def sends(self) -> pd.DataFrame:
        """Messages to the person."""
        return self.once(("sends", self.number), lambda: self.figures.sends(str(self.person)))

    @property
    def identifiers(self) -> pd.DataFrame:
        """The person's identifiers, in clear: mask them before they are shown."""
        return self.once(("identifiers", self.number), lambda: self.figures.identifiers(str(self.person)))

    @property
    def audiences(self) -> pd.DataFrame:
        """Every saved audience, and whether the person is in it."""
        return self.once(("audiences", self.number), lambda: self.figures.audiences(self._chosen))

    @property
    def why(self) -> Explanation | None:
        """Why the person is in the chosen audience, or not."""
        if self.number is None or self.audience is None:
            return None
        key = ("why", self.number, self.audience)
        return self.once(key, lambda: self.figures.why(str(self.audience), str(self.person)))

    @property
    def _read(self) -> tuple[pd.DataFrame, float]:
        return self.once(("profile", self.number), lambda: self.figures.profile(self._chosen))

    def _id(self, number: int) -> str:
        return str(self.once(("id", number), lambda: self.figures.person_id(number)))

    @property
    def _chosen(self) -> int:
        assert self.number is not None
        return self.number

    # -- what may be chosen --------------------------------------------------------------------

    @traitlets.validate("number")
    def _valid_number(self, proposal: Any) -> Any:
        value, count = proposal["value"], self.figures.snapshot.people_count
        if value is not None and not 0 <= value < count:
            raise UnknownName(f"There is no person number {value}; the snapshot has {count:,} people.")
        return value

    @traitlets.validate("ask")
    def _valid_ask(self, proposal: Any) -> Any:
        if proposal["value"].strip():
            self.figures.find(proposal["value"])
        return proposal["value"]

    @traitlets.validate("event")
    def _valid_event(self, proposal: Any) -> Any:
        return self.one_of(proposal, "kind of event", list(self.figures.events_by_name))

    @traitlets.validate("audience")
    def _valid_audience(self, proposal: Any) -> Any:
        return self.one_of(proposal, "audience", list(self.figures.service.library.list()["name"]))

    @traitlets.observe("ask", "number")
    def _follow(self, change: Any) -> None:
        with self.together():
            if change["name"] == "ask" and change["new"].strip():
                self.number = self.figures.find(change["new"])
            elif change["name"] == "number":
                self.event = None

    # -- what is shown -------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        who = names("number")
        return [
            [Words("profile", self._header, who)],
            [Entry("ask"), Choice("number", self._example_options)],
            [Words("profile_tiles", self._tiles, who)],
            [Drawing("timeline", self._timeline, who | {"event"}, {"event": self.picks("event", "event")})],
            [Choice("event", self._event_options, who)],
            [Words("events", self._events, who | {"event"}), Words("sends", self._sends, who)],
            [Choice("audience", self._audience_options, who)],
            [
                Words("audiences", self._audiences, who | {"audience"}),
                Words("why", self._why, who | {"audience"}),
            ],
            [Words("identifiers", self._identifiers, who)],
            [*([Entry("words")])],
            [Words("tags", self._tags, who | {"words"})],
        ]

    def tables(self) -> Mapping[str, Callable[[], pd.DataFrame]]:
        if self.number is None:
            return {}
        more = {
            "days": lambda: self.days,
            "sends": lambda: self.sends,
            "memberships": lambda: self.audiences,
        }
        there = {key: frame for key, frame in more.items() if len(frame())}
        return {"profile": lambda: self.profile, **there}

    @property
    def moment(self) -> datetime:
        return self.figures.snapshot.as_of

    @property
    def _page(self) -> ProfilePage:
        return ProfilePage(self.language, self.figures.snapshot.zone)

    def _example_options(self) -> Options:
        offered = self.once("examples", self.figures.examples)
        listed = list(dict.fromkeys([*([self.number] if self.number is not None else []), *offered]))
        return [("—", None), *((shown_id(self._id(n)), n) for n in listed)]

    def _event_options(self) -> Options:
        if self.number is None or self.days.empty:
            return []
        counts = self.days.groupby("event", sort=False)["times"].sum()
        types = self.figures.events_by_name
        return [
            (self.say("everything"), None),
            *((f"{pick(types[n].label, self.language)} (n={counts[n]:,})", n) for n in counts.index),
        ]

    def _audience_options(self) -> Options:
        if self.number is None or self.audiences.empty:
            return []
        words = {True: "is_in", False: "is_out"}
        rows = [r for r in self.audiences.to_dict("records") if r["is_in"] in words]
        return [("—", None), *((f"{r['name']} · {self.say(words[r['is_in']])}", r["name"]) for r in rows)]

    def _header(self) -> Html:
        return self._page.header(self.figures.snapshot, self.person)

    def _tiles(self) -> Html:
        if self.number is None:
            return join()
        first = self.figures.first_seen_at(self._chosen)
        events = int(self.days["times"].sum())
        return self._page.tiles(self.profile, self.lookup_ms, events, self.audiences, first)

    def _timeline(self) -> alt.LayerChart | None:
        if self.number is None or self.days.empty:
            return None
        return person_timeline(self.days.tail(5_000), language=self.language, selected=self.event)

    def _events(self) -> Html:
        if self.number is None:
            return join()
        return self._page.events(self.events, self.figures.events_by_name, self.event)

    def _sends(self) -> Html:
        return join() if self.number is None else self._page.sends(self.sends)

    def _audiences(self) -> Html:
        return join() if self.number is None else self._page.audiences(self.audiences, self.audience)

    def _why(self) -> Html:
        return join() if self.why is None else self._page.why(str(self.audience), self.why)

    def _identifiers(self) -> Html:
        return join() if self.number is None else self._page.identifiers(self.identifiers)

    def _tags(self) -> Html:
        return join() if self.number is None else self._page.tags(self.profile, self.words)
