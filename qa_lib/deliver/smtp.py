"""E-mail by SMTP: text and HTML parts, one-click unsubscribe, and an honest word on every answer.

SMTP has no idempotency key and cannot be asked, so a connection that is lost once the message may have
left makes it `unknown`. The Message-ID is made from the idempotency key, so a person who looks for it in
the server's log finds it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import aiosmtplib

from qa_lib.deliver.adapters import Adapter, Capabilities
from qa_lib.deliver.messages import Message, Outcome
from qa_lib.errors import CannotCarry, SpecError

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+@[A-Za-z0-9.-]+\Z")
_LINE = 998  # RFC 5322, 2.1.1


class Smtp(Adapter):
    """A mail server.

    Parameters
    ----------
    sender
        The From address; its domain is also that of every Message-ID.
    connections
        Connections that share a batch.
    use_tls, start_tls
        TLS from the first byte; or asked for by STARTTLS (None: where the server offers it).

    References
    ----------
    RFC 5321 (SMTP), RFC 5322 (lines, Message-ID), RFC 8058 (one-click unsubscribe).
    """

    def __init__(
        self,
        host: str,
        port: int = 587,
        *,
        sender: str,
        sender_name: str = "",
        username: str | None = None,
        password: str | None = None,
        use_tls: bool = False,
        start_tls: bool | None = None,
        connections: int = 4,
        batch_size: int = 100,
        timeout: timedelta = timedelta(seconds=30),
    ) -> None:
        if not _ADDRESS.match(sender):
            raise SpecError(f"The sender {sender!r} is no e-mail address. Use one such as news@example.com.")
        self.sender, self.sender_name = sender, sender_name
        self.connections = connections
        self._server: dict[str, Any] = {
            "hostname": host,
            "port": port,
            "username": username,
            "password": password,
            "use_tls": use_tls,
            "start_tls": start_tls,
            "timeout": timeout.total_seconds(),
        }
        self.capabilities = Capabilities(
            name=f"SMTP by {host}:{port}",
            channel="email",
            recovery="none",
            carries=frozenset({"subject", "text", "html", "unsubscribe_url"}),
            needs=frozenset({"subject", "text", "unsubscribe_url"}),
            batch_size=batch_size,
            timeout=timeout,
        )

    def check(self, message: Message) -> None:
        super().check(message)
        url, subject = str(message.content["unsubscribe_url"]), str(message.content["subject"])
        if not _ADDRESS.match(message.address) or not message.address.isascii():
            raise CannotCarry(
                f"SMTP cannot carry a message to {message.address!r}; expected an ASCII address such as a@b.com."
            )
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.netloc or not re.fullmatch(r"[!-;=?-~]{1,900}", url):
            raise CannotCarry(
                f"SMTP cannot carry the unsubscribe_url {url[:80]!r}; one-click unsubscribing needs an ASCII "
                "https address of at most 900 characters."
            )
        if "\r" in subject or "\n" in subject:
            raise CannotCarry(f"SMTP cannot carry the subject {subject[:80]!r}: it must be one line.")

    def render(self, message: Message) -> bytes:
        """The message as it travels."""
        mail = EmailMessage(policy=SMTP_POLICY)
        mail["From"] = f'"{self.sender_name}" <{self.sender}>' if self.sender_name else self.sender
        mail["To"] = message.address
        mail["Subject"] = str(message.content["subject"])
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail.set_content(str(message.content["text"]))
        if message.content.get("html"):
            mail.add_alternative(str(message.content["html"]), subtype="html")
        # written by hand: the library would encode a long address as words, which no mailbox provider reads
        by_hand = (
            f"Message-ID: <{message.key}@{self.sender.rpartition('@')[2]}>\r\n"
            f"List-Unsubscribe: <{message.content['unsubscribe_url']}>\r\n"
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
        )
        assert all(len(line) <= _LINE for line in by_hand.splitlines())
        return by_hand.encode("ascii") + mail.as_bytes()

    def send(self, batch: Iterable[Message]) -> list[Outcome]:
        with ThreadPoolExecutor(1) as pool:  # a notebook's own thread has a running loop already
            return pool.submit(asyncio.run, self._send(batch)).result()

    async def _send(self, batch: Iterable[Message]) -> list[Outcome]:
        waiting = iter(batch)  # shared: each connection takes the next one
        outcomes: list[Outcome] = []

        async def connection() -> None:
            client: aiosmtplib.SMTP | None = None
            for message in waiting:
                if client is None:
                    client = aiosmtplib.SMTP(**self._server)
                    try:
                        await client.connect()
                    except (aiosmtplib.SMTPException, OSError) as error:
                        client.close()
                        client = None
                        outcomes.append(Outcome(message.key, "not_sent", reason=_words(error)))
                        continue
                outcome, usable = await self._one(client, message)
                outcomes.append(outcome)
                if not usable:
                    client.close()
                    client = None
            if client is not None:
                try:
                    await client.quit()
                except (aiosmtplib.SMTPException, OSError):
                    client.close()

        await asyncio.gather(*(connection() for _ in range(self.connections)))
        return outcomes

    async def _one(self, client: aiosmtplib.SMTP, message: Message) -> tuple[Outcome, bool]:
        """Hand one message over; whether the connection may be used again."""
        content = self.render(message)
        try:
            await client.mail(self.sender)
            await client.rcpt(message.address)
        except aiosmtplib.SMTPResponseException as error:
            return _refusal(message, error), await _reset(client)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Outcome(message.key, "retry", reason=_words(error)), False
        try:
            answer = await client.data(content)
        except aiosmtplib.SMTPDataError as error:
            return _refusal(message, error), await _reset(client)
        except (aiosmtplib.SMTPException, OSError) as error:
            return Outcome(message.key, "unknown", reason=f"after DATA: {_words(error)}"), False
        return Outcome(message.key, "accepted", provider_id=message.key, reason=answer.message[:200]), True


def _refusal(message: Message, error: aiosmtplib.SMTPResponseException) -> Outcome:
    status: Any = "refused" if 500 <= error.code < 600 else "retry"
    return Outcome(message.key, status, reason=f"{error.code} {error.message}"[:200])


async def _reset(client: aiosmtplib.SMTP) -> bool:
    try:
        await client.rset()
    except (aiosmtplib.SMTPException, OSError):
        return False
    return True


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
