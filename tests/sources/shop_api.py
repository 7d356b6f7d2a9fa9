"""A shop's paged API on loopback, with the faults that real ones have."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Shop:
    """Orders that the API gives out, in the order of `updated_at`, and what goes wrong next.

    Attributes
    ----------
    faults
        One for each coming request: a status, `slow`, `cut` (half an answer), `text` (no JSON), or nothing.
    asked
        Every request: path with its parameters, and the token.
    """

    orders: list[dict[str, Any]] = field(default_factory=list)
    faults: list[int | str | None] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    page_size: int = 40
    url: str = ""
    next_host: str = ""
    is_circle: bool = False
    retry_after: str = "0"

    def answer(self, query: dict[str, list[str]]) -> bytes:
        since = query.get("since", [""])[0]
        found = [o for o in self.orders if not since or o["updated_at"] >= since]
        number = int(query.get("page", ["1"])[0])
        rows = found[(number - 1) * self.page_size : number * self.page_size]
        more = number * self.page_size < len(found)
        host = self.next_host or self.url
        link = f"{host}/orders?page={1 if self.is_circle else number + 1}&since={since}" if more else None
        return json.dumps({"data": {"orders": rows}, "paging": {"next": link}}).encode()


@contextmanager
def serving(shop: Shop) -> Iterator[Shop]:
    """The API, running until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            shop.asked.append((self.path, self.headers.get("Authorization", "")))
            fault = shop.faults.pop(0) if shop.faults else None
            if isinstance(fault, int):
                self.send_response(fault)
                self.send_header("Retry-After", shop.retry_after)
                self.end_headers()
                return
            if fault == "slow":
                time.sleep(1.5)
            body = b"<html>login</html>" if fault == "text" else shop.answer(parse_qs(parts.query))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)
            except ConnectionError:  # it was too slow for the reader
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False  # closing waits for answers under way, and closes their sockets
    shop.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
