"""The review of identities: who is one person and why, what was set aside, what was merged; decisions undoable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import altair as alt
import pandas as pd
import traitlets

from qa_lib.charts import cluster_sizes
from qa_lib.charts.html import Html, join, tag
from qa_lib.charts.tiles import note
from qa_lib.errors import SpecError
from qa_lib.identity import Cluster, Explanation, decide_quarantine, undo
from qa_lib.identity.decisions import Verdict
from qa_lib.widgets.identity_review_figures import LISTED, Identifier, IdentityFigures
from qa_lib.widgets.identity_review_graph import draw_cluster
from qa_lib.widgets.identity_review_page import IdentityPage
from qa_lib.widgets.masking import shown_id
from qa_lib.widgets.screen import Screen
from qa_lib.widgets.screen_parts import Action, Choice, Drawing, Entry, Options, Row, Words, names
from qa_lib.workspace import Workspace


class IdentityReview(Screen):
    """People by their identifiers, the evidence of one, the queue of what was set aside, and the history.

    A link that was refused can be accepted or kept apart, and every merge, split and decision undone; each is
    recorded by `qa_lib.identity` under `author`, and the next build follows. Where the workspace is read-only
    all of it is refused, whatever the browser sends.

    Parameters
    ----------
    author
        Who reviews; stands in the reason of a decision.

    Attributes
    ----------
    size : int or None
        Only people with so many identifiers.
    person : str or None
        The chosen person's id.
    find : str
        An id, or `kind:value`; sets `person`.
    one, other : int or None
        Places of two of the person's identifiers, whose chain of evidence is shown; first and last when None.
    cause, quarantine, change : str or None
        What of the queue is listed, and what is chosen of the queue and of the history.

    Raises
    ------
    UnknownName
        For something that is not there.
    """

    size = traitlets.Int(None, allow_none=True)
    person = traitlets.Unicode(None, allow_none=True)
    find = traitlets.Unicode("")
    one = traitlets.Int(None, allow_none=True)
    other = traitlets.Int(None, allow_none=True)
    cause = traitlets.Unicode(None, allow_none=True)
    quarantine = traitlets.Unicode(None, allow_none=True)
    change = traitlets.Unicode(None, allow_none=True)
    revision = traitlets.Int(0)
    SHOWN = ("size", "person", "find", "one", "other", "cause", "quarantine", "change", "revision")
    TITLE, STEM = "identity", "identity-review"

    def __init__(self, workspace: Workspace, *, language: str = "zh", author: str = "") -> None:
        self._workspace = workspace
        self._author = author
        self.figures = IdentityFigures(workspace)
        super().__init__(language=language)

    # -- figures -------------------------------------------------------------------------------

    @property
    def is_read_only(self) -> bool:
        """Whether the workspace refuses changes."""
        return self._workspace.read_only

    @property
    def sizes(self) -> pd.DataFrame:
        """How many people have how many identifiers."""
        return self.once("sizes", self.figures.sizes)

    @property
    def people(self) -> list[str]:
        """The listed people, those with the most identifiers first."""
        return self.once(("people", self.size), lambda: self.figures.people(self.size))

    @property
    def cluster(self) -> Cluster | None:
        """The chosen person's identifiers and what links them."""
        if self.person is None or not self.figures.has_links:
            return None
        return self.once(("cluster", self.person), lambda: self.figures.cluster(str(self.person)))

    @property
    def pair(self) -> tuple[Identifier, Identifier] | None:
        """The two identifiers whose chain is shown; None where the person has one only."""
        if self.person is None or len(found := self.members) < 2:
            return None
        return found[self.one or 0], found[-1 if self.other is None else self.other]

    @property
    def why(self) -> Explanation | None:
        """The chain of evidence between the two."""
        if (pair := self.pair) is None:
            return None
        return self.once(("why", pair), lambda: self.figures.why(*pair))

    @property
    def members(self) -> list[Identifier]:
        """The chosen person's identifiers."""
        if self.person is None or not self.figures.has_links:
            return []
        return self.once(("members", self.person), lambda: self.figures.members(str(self.person)))

    @property
    def queue(self) -> pd.DataFrame:
        """What was set aside, of the chosen cause; see `qa_lib.identity.quarantine_queue`."""
        frame = self.once("queue", self.figures.queue)
        return frame if self.cause is None else frame[frame["cause"] == self.cause].reset_index(drop=True)

    @property
    def history(self) -> pd.DataFrame:
        """Merges, splits, decisions and undos, newest first."""
        return self.once("history", self.figures.history)

    # -- decisions -----------------------------------------------------------------------------

    def decide(self, verdict: Verdict) -> str:
        """Record a decision about the chosen quarantine: `accept` or `apart`; returns what was recorded.

        Raises
        ------
        ReadOnly
            When the workspace is open read-only.
        SpecError
            When nothing is chosen, or it cannot be.
        """
        self.check_writable(self._workspace)
        if self.quarantine is None:
            raise SpecError(self.say("nothing_chosen"))
        decide_quarantine(
            self._workspace, self.quarantine, verdict, self.figures.clock(), author=self._author
        )
        return self._recorded(f"{self.quarantine} · {self._page.verdict(verdict)}")

    def undo(self, change_id: str | None = None) -> str:
        """Undo the chosen merge, split or decision; returns what was recorded. Errors as `decide`."""
        self.check_writable(self._workspace)
        chosen = change_id or self.change
        if chosen is None:
            raise SpecError(self.say("nothing_chosen"))
        undo(self._workspace, chosen, self.figures.clock())
        return self._recorded(f"{chosen} · {self.say('undone')}")

    def undo_decision(self) -> str:
        """Take back the decision about the chosen quarantine. Errors as `decide`."""
        self.check_writable(self._workspace)
        row = self.queue[self.queue["change_id"] == self.quarantine]
        if row.empty or row["decision_id"].iloc[0] is None:
            raise SpecError(self.say("nothing_chosen"))
        return self.undo(str(row["decision_id"].iloc[0]))

    def _recorded(self, what: str) -> str:
        with self.together():
            self._known.clear()
            self.figures = IdentityFigures(self._workspace)
            person, quarantine, change = self.person, self.quarantine, self.change
            self.size = self.person = self.one = self.other = self.quarantine = self.change = None
            self.person = person if person in self.figures._sizes.index else None
            self.quarantine = quarantine if quarantine in set(self.queue["change_id"]) else None
            self.change = change if change in set(self.history["change_id"]) else None
            self.revision += 1
        return self.say("decided", what=what)

    # -- what may be chosen --------------------------------------------------------------------

    @traitlets.validate("size")
    def _valid_size(self, proposal: Any) -> Any:
        return self.one_of(proposal, "number of identifiers", list(self.sizes["identifier_count"]))

    @traitlets.validate("person")
    def _valid_person(self, proposal: Any) -> Any:
        value = proposal["value"]
        return value if value is None else self.figures.find(value)

    @traitlets.validate("one", "other")
    def _valid_end(self, proposal: Any) -> Any:
        return self.one_of(proposal, "identifier of the person", range(len(self.members)))

    @traitlets.validate("cause")
    def _valid_cause(self, proposal: Any) -> Any:
        return self.one_of(proposal, "cause", ["shared", "conflict", "large"])

    @traitlets.validate("quarantine")
    def _valid_quarantine(self, proposal: Any) -> Any:
        return self.one_of(proposal, "quarantine", list(self.queue["change_id"]))

    @traitlets.validate("change")
    def _valid_change(self, proposal: Any) -> Any:
        return self.one_of(proposal, "change", list(self.history["change_id"]))

    @traitlets.observe("find", "person", "cause")
    def _follow(self, change: Any) -> None:
        with self.together():
            if change["name"] == "find" and change["new"]:
                self.person = change["new"]
            elif change["name"] == "person":
                self.one = self.other = None
            elif change["name"] == "cause":
                self.quarantine = None

    # -- what is shown -------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        one = names("person", "revision")
        chain = names("person", "one", "other", "revision")
        queue, history = names("cause", "quarantine", "revision"), names("change", "revision")
        return [
            [Words("header", self._header, names("revision"))],
            [Words("tiles", self._tiles, names("revision"))],
            [
                Choice("size", self._size_options, names("revision")),
                Choice("person", self._person_options, names("size", "revision")),
                *([] if self.figures.is_empty else [Entry("find")]),
            ],
            [
                Drawing(
                    "sizes",
                    self._sizes_chart,
                    names("size", "revision"),
                    {"size": self.picks("size", "size")},
                ),
                Drawing("cluster", self._graph, chain, is_live=True),
            ],
            [Choice("one", self._end_options, one), Choice("other", self._end_options, one)],
            [Words("why", self._why, chain)],
            [
                Choice("cause", self._cause_options, names("revision")),
                Choice("quarantine", self._queue_options, queue),
                Action("accept", lambda: self.decide("accept"), queue, lambda: self._is_open("conflict")),
                Action("keep_apart", lambda: self.decide("apart"), queue, self._is_open),
                Action("undo_decision", self.undo_decision, queue, self._is_decided),
            ],
            [Words("queue", self._queue, queue)],
            [
                Choice("change", self._change_options, names("revision")),
                Action("undo_change", self.undo, history, self._can_undo),
            ],
            [Words("history", self._history, history)],
        ]

    def tables(self) -> Mapping[str, Callable[[], pd.DataFrame]]:
        if self.figures.is_empty:
            return {}
        queue = {"queue": lambda: self._page.queue_frame(self.queue)} if len(self.queue) else {}
        history = {"history": lambda: self._page.history_frame(self.history)} if len(self.history) else {}
        return {"identifiers": lambda: self.sizes, **queue, **history}

    @property
    def moment(self) -> datetime | None:
        return self.figures.resolution.last_at

    @property
    def _page(self) -> IdentityPage:
        return IdentityPage(self.language, self._workspace.zone)

    def _is_open(self, cause: str | None = None) -> bool:
        row = self.queue[self.queue["change_id"] == self.quarantine]
        return len(row) == 1 and row["decision"].iloc[0] is None and cause in (None, row["cause"].iloc[0])

    def _is_decided(self) -> bool:
        row = self.queue[self.queue["change_id"] == self.quarantine]
        return len(row) == 1 and row["decision"].iloc[0] is not None

    def _can_undo(self) -> bool:
        row = self.history[self.history["change_id"] == self.change]
        return len(row) == 1 and bool(row["can_undo"].iloc[0])

    def _size_options(self) -> Options:
        if self.figures.is_empty:
            return []
        sizes = zip(self.sizes["identifier_count"], self.sizes["people_count"], strict=True)
        return [(self.say("everything"), None), *((f"{s} (n={n:,})", int(s)) for s, n in sizes)]

    def _person_options(self) -> Options:
        if self.figures.is_empty:
            return []
        listed = list(dict.fromkeys([*([self.person] if self.person else []), *self.people]))
        return [("—", None), *((shown_id(p), p) for p in listed)]

    def _end_options(self) -> Options:
        found = [(f"{i + 1} · {self._page.identifier(m)}", i) for i, m in enumerate(self.members)]
        return [("—", None), *found] if len(found) > 1 else []

    def _cause_options(self) -> Options:
        causes = dict.fromkeys(self.once("queue", self.figures.queue)["cause"])
        return (
            [(self.say("everything"), None), *((self.say(f"cause_{c}"), c) for c in causes)] if causes else []
        )

    def _queue_options(self) -> Options:
        found = [
            (
                f"{r.change_id} · {self.say(f'cause_{r.cause}')} · {self._page.verdict(r.decision)}",
                r.change_id,
            )
            for r in self.queue.head(LISTED).itertuples()
        ]
        return [("—", None), *found] if found else []

    def _change_options(self) -> Options:
        rows = self.history[self.history["can_undo"]].head(LISTED).to_dict("records")
        found = [
            (
                f"{r['change_id']} · {self.say('change_' + r['change'])} · {shown_id(r['person_id'])}",
                r["change_id"],
            )
            for r in rows
        ]
        return [("—", None), *found] if found else []

    def _header(self) -> Html:
        if self.figures.is_empty:
            return join(tag("h2", self.say("identity")), note(self.say("identity_empty"), "warning"))
        return self._page.header(self.figures.resolution.last_at)

    def _tiles(self) -> Html:
        return join() if self.figures.is_empty else self._page.tiles(self.once("counts", self.figures.counts))

    def _sizes_chart(self) -> alt.LayerChart | None:
        if self.figures.is_empty:
            return None
        return cluster_sizes(self.sizes, language=self.language, selected=self.size)

    def _graph(self) -> alt.LayerChart | None:
        return None if self.cluster is None else draw_cluster(self.cluster, self.why, self._page)

    def _why(self) -> Html:
        return join() if self.why is None else self._page.why(self.why)

    def _queue(self) -> Html:
        return join() if self.figures.is_empty else self._page.queue(self.queue, self.quarantine)

    def _history(self) -> Html:
        return join() if self.figures.is_empty else self._page.history(self.history, self.change)
