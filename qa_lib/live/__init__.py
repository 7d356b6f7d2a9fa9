"""The live stream: events of the log change people, who enter and leave rules, and profiles as of now.

`LiveStream` consumes and matches, `LiveProfiles` looks one person up, `status` says how far it is, and `produce`
sends made-up events at a steady rate.
"""

from qa_lib.live.produce import produce
from qa_lib.live.service import LiveProfiles, LiveStream, ProfileNow, open_view
from qa_lib.live.status import Status, status
from qa_lib.live.view import LiveView

__all__ = ["LiveProfiles", "LiveStream", "LiveView", "ProfileNow", "Status", "open_view", "produce", "status"]
