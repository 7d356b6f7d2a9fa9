"""The adapter contract: one class per provider, what it can do as a row, and the file outbox."""

from __future__ import annotations

import fcntl
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from qa_lib.deliver.messages import Message, Outcome
from qa_lib.errors import CannotCarry, did_you_mean

#: What can be done about a message whose confirmation was lost: send it again under its key, ask, or neither.
Recovery = Literal["idempotency_key", "lookup", "none"]


@dataclass(frozen=True)
class Capabilities:
    """What one provider can do, one row per adapter.

    Parameters
    ----------
    recovery
        `idempotency_key`: the provider takes a key once; `lookup`: it can be asked whether it took one;
        `none`: neither, so an unconfirmed message is held as `unknown`.
    carries, needs
        Fields of a message's content that it has a place for, and those it cannot do without.
    batch_size
        Messages in flight at once, and so the most that one crash leaves unconfirmed.
    timeout
        The longest after which a message that left can still be taken.
    key_window
        How long the provider remembers a key; for ever when None.
    """

    name: str
    channel: str
    recovery: Recovery
    carries: frozenset[str]
    needs: frozenset[str] = frozenset()
    batch_size: int = 500
    timeout: timedelta = timedelta(seconds=30)
    key_window: timedelta | None = None


class Adapter(ABC):
    """A provider. `send` gives one outcome for each message it finished with, as they come."""

    capabilities: Capabilities

    def check(self, message: Message) -> None:
        """Refuse a message that the provider cannot carry whole.

        Raises
        ------
        CannotCarry
            Naming the field, and those that the channel carries.
        """
        able = self.capabilities
        if message.channel != able.channel:
            raise CannotCarry(
                f"The message {message.key} is for the channel {message.channel!r}; {able.name} serves "
                f"{able.channel!r}. Choose that channel's adapter."
            )
        given = {name for name, value in message.content.items() if value not in (None, "")}
        if extra := sorted(given - able.carries):
            raise CannotCarry(
                f"{able.name} cannot carry {extra[0]!r} of the message to {message.person_id!r}; it carries "
                f"{', '.join(sorted(able.carries))}.{did_you_mean(extra[0], able.carries)}"
            )
        if missing := sorted(able.needs - given):
            raise CannotCarry(
                f"{able.name} needs {missing[0]!r}, which the message to {message.person_id!r} does not have. "
                f"It needs {', '.join(sorted(able.needs))}."
            )

    @abstractmethod
    def send(self, batch: Iterable[Message]) -> Iterable[Outcome]:
        """Hand messages over, taking each out of the batch when its turn comes.

        What was taken out and gets no outcome, as when this raises, counts as unknown.
        """

    def lookup(self, messages: Sequence[Message]) -> Mapping[str, str]:
        """Key → the provider's id, for those that it took; asked only where `recovery` is `lookup`.

        Raises
        ------
        ChannelUnavailable
            When it cannot be asked now.
        """
        raise CannotCarry(f"{self.capabilities.name} cannot be asked what it took.")


#: Every field of every channel's content, since a line of JSON has a place for all.
_FIELDS = frozenset(
    {
        *("subject", "text", "html", "unsubscribe_url"),
        *("title", "body", "image", "buttons", "payload"),
        *("template_id", "fields"),
    }
)


class FileOutbox(Adapter):
    """Messages as lines of JSON in a file: for another system to collect, and for trying things out.

    A batch is appended in one piece under a lock and synced before it counts as accepted. A line that a
    crash left half is no message: the next append removes it.
    """

    def __init__(self, path: str | Path, *, channel: str = "file") -> None:
        self.path = Path(path)
        self.capabilities = Capabilities(
            name="The file outbox",
            channel=channel,
            recovery="lookup",
            carries=_FIELDS,
        )

    def send(self, batch: Iterable[Message]) -> list[Outcome]:
        messages = list(batch)
        lines = [
            json.dumps(
                {
                    "key": m.key,
                    "campaign_id": m.campaign_id,
                    "campaign_version": m.campaign_version,
                    "step": m.step,
                    "person_id": m.person_id,
                    "channel": m.channel,
                    "address": m.address,
                    "content": dict(m.content),
                },
                ensure_ascii=False,
            )
            for m in messages
        ]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.truncate(_whole_lines(file.fileno()))
            file.write(("\n".join(lines) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
        return [Outcome(m.key, "accepted", provider_id=m.key) for m in messages]

    def lookup(self, messages: Sequence[Message]) -> dict[str, str]:
        wanted = {m.key for m in messages}
        return {key: key for key in (line["key"] for line in self.read()) if key in wanted}

    def read(self) -> list[dict[str, object]]:
        """Every message in the file, in the order of arrival."""
        if not self.path.exists():
            return []
        with open(self.path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            text = file.read(_whole_lines(file.fileno()))
        return [json.loads(line) for line in text.splitlines()]


def _whole_lines(descriptor: int) -> int:
    """The length of a file up to and with its last line's end."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - 65_536)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
