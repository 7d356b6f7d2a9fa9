"""The failures a caller can act on.

::

    WorkbenchError
    ├── SpecError (ValueError)             a rule, tag, feed or campaign that cannot be
    │   ├── UnknownName (KeyError)         a field, event, operator, table … that is not there
    │   ├── CannotCarry                    a message with something that its channel has no place for
    │   ├── CannotExchange                 a part of a rule that the other rule language has no words for
    │   └── RuleTooLarge                   deeper or longer than a rule may be
    ├── DataError (ValueError)             rows or files that are not what their contract says
    │   ├── ContractBroken                 a column is missing or has another type
    │   ├── FileUnreadable (OSError)       a file that is not there, truncated or no Parquet/CSV
    │   └── ContentError                   a message that its channel cannot carry to this person
    ├── AsOfOutside (ValueError)           a moment the data or the snapshots do not cover
    ├── NothingBuilt (LookupError)         no snapshot, table or run where one was expected
    ├── WorkspaceUnusable (OSError)        a folder that cannot be read, written or is too new
    ├── VersionConflict (RuntimeError)     somebody saved a newer version than the one that was changed
    ├── ReadOnly (PermissionError)         a write through a workspace opened read-only
    ├── ChannelUnavailable (ConnectionError)  a provider that cannot be reached; nothing left, try later
    ├── StreamError                        a stream of events that cannot go on as it is
    │   ├── LogUnavailable (ConnectionError)  the log cannot be reached; nothing is lost, try later
    │   ├── StreamBehind (RuntimeError)    more events wait than may; nothing of the batch was taken
    │   ├── LogBroken (LookupError)        the log no longer holds what was not consumed yet
    │   └── Fenced (RuntimeError)          another consumer holds the partition; nothing was changed
    ├── SourceUnavailable (ConnectionError)   a database or API that cannot be read; nothing landed, try later
    ├── GivenUp (RuntimeError)             work that was cancelled before it was done
    ├── ParametersRefused (ValueError)     a notebook run with parameters it does not declare
    └── RunFailed (RuntimeError)           a notebook stopped with an error; the partial copy is kept

Every message names the thing, its value, what was expected and the way on.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WorkbenchError(Exception):
    """Everything that this library raises on purpose."""

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0]) if self.args else ""


class SpecError(WorkbenchError, ValueError):
    """A spec that cannot be: `path` says where in it, as child numbers from the root."""

    def __init__(self, message: str, path: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class UnknownName(SpecError, KeyError):
    """A name that nothing carries; the message offers the nearest ones."""


class RuleTooLarge(SpecError):
    """A rule deeper or longer than the engine accepts."""


class CannotCarry(SpecError):
    """A message with something that its channel has no place for, or without what it needs."""


class CannotExchange(SpecError):
    """A part of a rule that the other rule language, or ours, has no words for."""


class DataError(WorkbenchError, ValueError):
    """Rows or files that are not what their contract says."""


class ContractBroken(DataError):
    """A column is missing or carries another type than the feed declares."""


class FileUnreadable(DataError, OSError):
    """A file that is not there, is truncated, or is in another format."""


class ContentError(DataError):
    """A message that its channel cannot carry, or a value that it names and a person lacks."""


class AsOfOutside(WorkbenchError, ValueError):
    """A moment that the data, or the snapshots built from them, do not cover."""


class NothingBuilt(WorkbenchError, LookupError):
    """No snapshot, table or run where one was expected."""


class WorkspaceUnusable(WorkbenchError, OSError):
    """A workspace folder that cannot be read or written, or was made by a newer version."""


class VersionConflict(WorkbenchError, RuntimeError):
    """Somebody saved a newer version than the one that was changed; nothing was saved."""


class ReadOnly(WorkbenchError, PermissionError):
    """A write through a workspace that was opened read-only."""


class ChannelUnavailable(WorkbenchError, ConnectionError):
    """A provider that cannot be reached; no message left, so a later run may hand over all of them."""


class StreamError(WorkbenchError):
    """A stream of events that cannot go on as it is."""


class LogUnavailable(StreamError, ConnectionError):
    """The log cannot be reached; what was acknowledged is kept, and consuming goes on once it is back."""


class StreamBehind(StreamError, RuntimeError):
    """More events wait than may; nothing of the batch was taken."""


class LogBroken(StreamError, LookupError):
    """The log no longer holds, or never held, the events from which consuming would go on."""


class Fenced(StreamError, RuntimeError):
    """Another consumer holds the partition by now; nothing was changed."""


class SourceUnavailable(WorkbenchError, ConnectionError):
    """A database or an API that cannot be read now; what was landed before stays, a later load goes on."""


class GivenUp(WorkbenchError, RuntimeError):
    """Work that somebody cancelled before it was done; nothing was changed, it can be asked for again."""


class ParametersRefused(WorkbenchError, ValueError):
    """Parameters that the notebook does not declare, or of another type."""


class RunFailed(WorkbenchError, RuntimeError):
    """A notebook stopped with an error."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` Did you mean 'x' or 'y'?`` with the nearest known names, or all of them when few, or nothing."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    best = _likeness(name, near[0]) if near else 0.0
    near = [n for n in near if _likeness(name, n) >= best - 0.1]
    if near:
        return " Did you mean " + " or ".join(repr(n) for n in near) + "?"
    if 0 < len(names) <= 12:
        return " Known: " + ", ".join(repr(n) for n in names) + "."
    return ""


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, other, one).ratio()
