"""Senders that do not give up: each request is sent again until it is acknowledged."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable

import requests

from tests.server import ServerProcess, istio_line

LINES = 100


class Load:
    """Some senders of numbered lines. The server has promised to keep what is `acknowledged`."""

    def __init__(self, server: ServerProcess, senders: int = 3) -> None:
        self._server = server
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.acknowledged: list[int] = []
        self.refused = 0
        self.unexpected: list[str] = []
        self._threads = [
            threading.Thread(target=self._send_on, daemon=True) for _ in range(senders)
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Stop, once each sender's last request is acknowledged."""
        self._stop.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive(), "a sender never got its last request acknowledged"

    def _send_on(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                mine = [next(self._numbers) for _ in range(LINES)]
            now = time.time_ns()
            body = "\n".join(istio_line(number, at_unix_nano=now) for number in mine).encode()
            self._send_until_acknowledged(body)
            with self._lock:
                self.acknowledged += mine

    def _send_until_acknowledged(self, body: bytes) -> None:
        while True:
            try:
                url = f"{self._server.url}/ingest/v1/lines"
                response = requests.post(url, data=body, timeout=30)
            except (requests.RequestException, KeyError):
                time.sleep(0.02)  # the server is down just now
                continue
            if response.status_code == 200:
                assert response.json()["records"] == LINES
                return
            if response.status_code != 503:
                self.unexpected.append(f"{response.status_code} {response.text[:200]}")
            self.refused += 1
            time.sleep(0.05)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    """Return when a condition holds; fail if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} seconds"
        time.sleep(0.1)
