"""The SMTP adapter against a real server on loopback, with faults injected: right states, no duplicates."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as Server

from qa_lib.campaigns import EmailMessage as CampaignMail
from qa_lib.deliver import Ledger, Message, counts, history_of, run, unknowns
from qa_lib.deliver.smtp import Smtp
from qa_lib.errors import CannotCarry, ChannelUnavailable
from qa_lib.workspace.state import State

START = datetime(2026, 6, 1, tzinfo=UTC)
LONG_LINK = "https://example.com/stop?token=" + "abcdefgh" * 40


class Mailbox:
    """What the server took; the local part of an address says which fault befalls its message."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.seen: Counter[str] = Counter()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.seen[address] += 1
        if address.startswith("never"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("greylisted") and self.seen[address] < 3:
            return "451 4.7.1 try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        address = envelope.rcpt_tos[0]
        if address.startswith("full") and self.seen[address] < 2:
            return "452 4.2.2 mailbox full"
        if address.startswith("spam"):
            return "554 5.7.1 refused for its content"
        self.taken.append((address, envelope.original_content))
        if address.startswith("dropped"):
            server.transport.abort()
        if address.startswith("slow"):
            await asyncio.sleep(3)
        return "250 OK queued"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()

    class OnAnyPort(Controller):
        def _trigger_server(self) -> None:
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

        def factory(self) -> Server:
            return Server(self.handler, hostname="mail.example", loop=self.loop)

    controller = OnAnyPort(box, hostname="127.0.0.1", port=0)
    controller.start()
    yield box, controller.port
    controller.stop()


def letter(to: str, n: int = 0, **content: str) -> Message:
    parts = {
        "subject": "春季优惠 Spring offers that are long enough to be folded once or twice on their way " * 2,
        "text": "您好\n" + "A line that is very long. " * 200,
        "html": "<p>您好</p>",
        "unsubscribe_url": LONG_LINK,
    }
    return Message(
        "spring", "spring@1", "first", f"person-{to}-{n}", "email", f"{to}{n}@example.com", parts | content
    )


def adapter(port: int, **told: Any) -> Smtp:
    return Smtp("127.0.0.1", port, sender="news@shop.example", sender_name="Shop", start_tls=False, **told)


@pytest.fixture
def ledger(tmp_path: Any) -> Iterator[Ledger]:
    state = State(f"sqlite:///{tmp_path / 'state.db'}")
    yield Ledger(state, back_off=timedelta(milliseconds=40))
    state.engine.dispose()


def test_every_fault_ends_in_its_state_and_nobody_gets_two(
    ledger: Ledger, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    plain = [letter("fine", n) for n in range(40)]
    faulty = [
        letter(name, n) for name in ("never", "spam", "greylisted", "full", "dropped") for n in range(3)
    ]
    smtp = adapter(port)
    ledger.plan([*plain, *faulty], START, smtp.check)
    seen: list[dict[str, int]] = []
    done = run(ledger, smtp, lease=timedelta(minutes=1), progress=seen.append)
    assert done.next_at is None
    assert done.counts == {"accepted": 46, "refused": 6, "unknown": 3} == counts(ledger) == seen[-1]
    assert max(Counter(address for address, _ in box.taken).values()) == 1
    assert len(box.taken) == 49  # the three that were dropped had been taken
    assert sorted(unknowns(ledger)["address"]) == [f"dropped{n}@example.com" for n in range(3)]
    assert unknowns(ledger)["reason"].str.startswith("after DATA").all()
    steps = [(h["from_state"], h["to_state"]) for h in history_of(ledger, letter("greylisted").key)]
    retry = [("planned", "dispatching"), ("dispatching", "deferred"), ("deferred", "dispatching")]
    assert steps == [
        (None, "planned"),
        *retry,
        ("dispatching", "deferred"),
        retry[-1],
        ("dispatching", "accepted"),
    ]
    assert history_of(ledger, letter("never").key)[-1]["reason"] == "550 5.1.1 no such mailbox"
    assert run(ledger, smtp, lease=timedelta(minutes=1)).handed_over == 0


def test_a_server_slower_than_the_time_out_leaves_an_unknown(
    ledger: Ledger, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    smtp = adapter(port, timeout=timedelta(seconds=0.5))
    ledger.plan([letter("slow"), letter("fine")], START, smtp.check)
    assert run(ledger, smtp, lease=timedelta(minutes=1)).counts == {"accepted": 1, "unknown": 1}
    assert sorted(address for address, _ in box.taken) == ["fine0@example.com", "slow0@example.com"]


def test_what_arrives_can_be_unsubscribed_from_by_one_click(
    ledger: Ledger, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    message = letter("fine")
    ledger.plan([message], START)
    run(ledger, adapter(port), lease=timedelta(minutes=1))
    raw = box.taken[0][1]
    assert max(len(line) for line in raw.split(b"\r\n") if not line.startswith(b"List-Unsubscribe")) <= 78
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert f"List-Unsubscribe: <{LONG_LINK}>".encode() in raw.split(b"\r\n")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Message-ID"] == f"<{message.key}@shop.example>"
    assert mail["Subject"].strip() == str(message.content["subject"]).strip()
    assert mail["From"] == "Shop <news@shop.example>"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == str(message.content["text"]).splitlines()
    assert html.get_content().strip() == "<p>您好</p>"


def test_the_one_click_headers_of_a_planned_message_are_those_that_travel() -> None:
    """RFC 8058 and RFC 2369: each header once and in one line, whatever the address, which a plan has checked."""
    smtp = adapter(25)
    for token in ("a1", "张三 <a@b>", "x" * 860, "a,b;c=(d)%"):
        planned = CampaignMail(
            subject="s", text="t", unsubscribe_url="https://shop.example/stop?p={{ token }}"
        ).render({"token": token})
        headers = {name: value for name, value in planned.content.items() if name.startswith("List-")}
        message = letter("fine", unsubscribe_url=headers["List-Unsubscribe"].strip("<>"))
        smtp.check(message)
        lines = smtp.render(message).partition(b"\r\n\r\n")[0].split(b"\r\n")
        assert [line for line in lines if line.startswith(b"List-")] == [
            f"{name}: {value}".encode() for name, value in headers.items()
        ]


def test_a_server_that_is_not_there_leaves_everything_planned(
    ledger: Ledger, mailbox: tuple[Mailbox, int]
) -> None:
    _, port = mailbox
    ledger.plan([letter("fine", n) for n in range(5)], START)
    with pytest.raises(ChannelUnavailable, match="Nothing left"):
        run(ledger, adapter(1), lease=timedelta(minutes=1))
    assert counts(ledger) == {"planned": 5}
    assert run(ledger, adapter(port), lease=timedelta(minutes=1)).counts == {"accepted": 5}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"buttons": "Buy"}, "cannot carry 'buttons'.*It carries|cannot carry 'buttons'"),
        ({"unsubscribe_url": ""}, "needs 'unsubscribe_url'"),
        ({"unsubscribe_url": "http://example.com/stop"}, "https"),
        ({"unsubscribe_url": "https://example.com/a\r\nBcc: x@y.z"}, "https"),
        ({"subject": "Hello\r\nBcc: x@y.z"}, "one line"),
    ],
)
def test_what_mail_cannot_carry_is_an_error_in_the_plan_and_nothing_is_planned(
    ledger: Ledger, content: dict[str, str], words: str
) -> None:
    with pytest.raises(CannotCarry, match=words):
        ledger.plan([letter("fine"), letter("fine", 1, **content)], START, adapter(25).check)
    assert counts(ledger) == {}


@pytest.mark.parametrize(
    "address", ["nobody", "a@b@c.com", "a@b.com\r\nRCPT TO:<x@y.z>", "张@例子.com", "a b@c.com"]
)
def test_an_address_that_is_none_is_refused_before_the_server_sees_it(address: str) -> None:
    message = Message("c", "c@1", "s", "p", "email", address, letter("fine").content)
    with pytest.raises(CannotCarry, match="ASCII address"):
        adapter(25).check(message)
