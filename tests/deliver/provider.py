"""A provider that outlives the workers: it counts what it takes, and can lose a confirmation."""

from __future__ import annotations

import json
import random
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from qa_lib.deliver import Adapter, Capabilities, Message, Outcome
from qa_lib.deliver.adapters import Recovery
from qa_lib.errors import ChannelUnavailable


class Provider:
    """A server on loopback in the test's own process; a worker that is killed cannot touch its books.

    `taken` counts every message by key. With `remembers_keys` a second copy under the same key is not
    taken again, as providers with idempotency keys promise. The answer to message number `hold_at` waits for
    `released`.
    """

    def __init__(self, *, remembers_keys: bool, drops: int = 0, delay: float = 0.0, hold_at: int = 0) -> None:
        self.taken: Counter[str] = Counter()
        self.people: dict[str, str] = {}
        self.offered = 0
        self.drops_left = drops
        self.dropped = 0
        self.released = threading.Event()
        provider = self
        chance = random.Random(23)

        class Talk(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                for line in self.rfile:
                    if not line.endswith(b"\n"):
                        return  # half a message of a worker that was killed
                    told = json.loads(line)
                    if "ask" in told:
                        answer = {"taken": [k for k in told["ask"] if provider.taken[k]]}
                    else:
                        time.sleep(delay)
                        key = told["key"]
                        with provider.lock:
                            provider.offered += 1
                            if not (remembers_keys and provider.taken[key]):
                                provider.taken[key] += 1
                                provider.people[key] = told["person_id"]
                            drop = provider.drops_left > 0 and chance.random() < 0.02
                            if drop:
                                provider.drops_left -= 1
                                provider.dropped += 1
                            hold = provider.offered == hold_at
                        if hold:
                            provider.released.wait(30)
                        if drop:
                            return  # taken, and the confirmation is lost
                        answer = {"id": f"p-{key}"}
                    try:
                        self.wfile.write(json.dumps(answer).encode() + b"\n")
                    except OSError:
                        return  # the worker was killed

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: object, client_address: object) -> None:
                """A worker that was killed resets its connection; that is no fault of the provider."""

        self.lock = threading.Lock()
        self._server = Server(("127.0.0.1", 0), Talk)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class ProviderAdapter(Adapter):
    """Talks to the provider, one message after another over one connection."""

    def __init__(self, port: int, recovery: Recovery, *, batch_size: int = 500) -> None:
        self.port = port
        self.capabilities = Capabilities(
            name="The test provider",
            channel="test",
            recovery=recovery,
            carries=frozenset({"text"}),
            needs=frozenset({"text"}),
            batch_size=batch_size,
            timeout=timedelta(seconds=0.3),
        )

    def send(self, batch: Iterable[Message]) -> Iterator[Outcome]:
        wire: socket.socket | None = None
        for message in batch:
            if wire is None:
                wire = socket.create_connection(("127.0.0.1", self.port), timeout=30)
                answers = wire.makefile("rb")
            wire.sendall(json.dumps({"key": message.key, "person_id": message.person_id}).encode() + b"\n")
            line = answers.readline()
            if line:
                yield Outcome(message.key, "accepted", provider_id=json.loads(line)["id"])
            else:  # it may have been taken
                answers.close()
                wire.close()
                wire = None
                yield Outcome(message.key, "unknown", reason="the connection was lost")
        if wire is not None:
            answers.close()
            wire.close()

    def lookup(self, messages: Sequence[Message]) -> Mapping[str, str]:
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=30) as wire,
            wire.makefile("rb") as answers,
        ):
            wire.sendall(json.dumps({"ask": [m.key for m in messages]}).encode() + b"\n")
            line = answers.readline()
        if not line:
            raise ChannelUnavailable("The test provider did not answer.")
        return {key: f"p-{key}" for key in json.loads(line)["taken"]}
