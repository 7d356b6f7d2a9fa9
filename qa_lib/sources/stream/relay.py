"""Who enters and leaves audiences, carried from the state to the topic `matches`: at least once, in order.

What was sent is noted after the log has confirmed it. A relay that is killed in between sends some changes again,
under the same `change_id`; none is left out.
"""

from __future__ import annotations

from qa_lib.sources.stream.log import Log
from qa_lib.sources.stream.match_rows import changes_after
from qa_lib.sources.stream.state import StreamState
from qa_lib.sources.stream.topics import match_records

_MOST = 2_000


class MatchRelay:
    """Sends the changes of one state to one log; let one process at a time do so.

    Parameters
    ----------
    log
        The topic that goes out; its name says up to where it was sent to.
    most
        Changes in one sending, about: a person's changes of one micro-batch are sent together.
    """

    def __init__(self, state: StreamState, log: Log, *, most: int = _MOST) -> None:
        self._state, self._log, self._most = state, log, most

    def sent(self) -> int:
        """The `change_id` up to which everything was sent."""
        rows = self._state.rows("SELECT change_no FROM relayed WHERE topic = ?", (self._log.name,))
        return int(rows[0][0]) if rows else 0

    def send(self) -> int:
        """Send what was not sent yet, some of it where it is much; returns how many changes.

        Raises
        ------
        LogUnavailable, StreamBehind
            When the log does not take them; the next call sends them again.
        """
        sent = self.sent()
        with self._state.reading() as con:
            rows = changes_after(con, sent, self._most)
        if not rows:
            return 0
        self._log.append(match_records(rows))
        with self._state.writing() as con:
            con.execute(
                "INSERT INTO relayed VALUES (?, ?) ON CONFLICT DO UPDATE SET "
                "change_no = max(change_no, excluded.change_no)",
                (self._log.name, rows[-1].change_no),
            )
        return len(rows)
