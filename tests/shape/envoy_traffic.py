"""A real Envoy that writes one format as text and as JSON, and what is asked of it."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.doors.envoy import (
    Certificates,
    Envoy,
    Json,
    cluster,
    http_listener,
    make_certificates,
    running_envoy,
    tcp_listener,
)

CLUSTER = "inbound|8000||"
POD = "cart-7d4b9c-x2x9p"
_FILE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: what it is to show, its head, and how it is sent."""

    id: str
    head: bytes
    listener: str = "web"
    abort: bool = False


def _get(path: str = "/a/b?page=1&x=2", agent: bytes = b"curl/8", more: bytes = b"") -> bytes:
    head = f"GET {path} HTTP/1.1\r\nhost: cart.shop:8000\r\n".encode()
    return head + b"user-agent: " + agent + b"\r\n" + more + b"\r\n"


AGENTS: dict[str, bytes] = {
    "quotes": b'say "hi" \\"x\\" [y]',
    "what looks like the end of the field": b'evil" "x',
    "a backslash at the end": b"back\\",
    "UTF-8": "käse \U0001f512".encode(),
    "no UTF-8": b"q\xff\xfe",
    "nothing": b"",
    "spaces": b"Mozilla/5.0 (X11; Linux x86_64)",
}
ASKED: tuple[Ask, ...] = (
    *(Ask(name, _get(agent=agent)) for name, agent in AGENTS.items()),
    Ask("a long path", _get(f"/long/{'x' * 6000}?q={'y' * 500}")),
    Ask(
        "proxies, a trace and a tenant",
        _get(
            more=b"x-forwarded-for: 203.0.113.7, 10.0.0.1\r\nx-team: blue team of twelve\r\n"
            + f"traceparent: 00-{TRACE}-{SPAN}-01\r\n".encode()
        ),
    ),
    Ask("a body", b"POST /in HTTP/1.1\r\nhost: cart.shop\r\ncontent-length: 3\r\n\r\nabc"),
    Ask("no route to it", b"GET /direct HTTP/1.1\r\nhost: [2001:db8::1]:8443\r\n\r\n"),
    Ask("the client leaves", _get("/slow"), abort=True),
    Ask("mutual TLS", _get(), "secure"),
    Ask("a connection", _get(), "tcp"),
)


class _Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/slow":
            time.sleep(1)
        self.send_response(503 if self.path == "/in" else 200)
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Say nothing of a client that leaves."""


@contextmanager
def _service() -> Iterator[int]:
    with _Server(("127.0.0.1", 0), _Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _log(path: Path, log_format: Json) -> Json:
    config = {"@type": _FILE, "path": str(path), "log_format": log_format}
    return {"name": "envoy.access_loggers.file", "typed_config": config}


def ask_envoy(folder: Path, text: str, document: Json) -> tuple[list[bytes], list[bytes]]:
    """Return what a real Envoy wrote of all that is `ASKED`: lines of text, and of JSON."""
    files = {"text": folder / "text.log", "json": folder / "json.log"}
    logs = [
        _log(files["text"], {"text_format_source": {"inline_string": f"{text}\n"}}),
        _log(files["json"], {"json_format": document}),
    ]
    certificates = make_certificates(folder)
    with _service() as port, patch.dict(os.environ, POD_NAME=POD):
        listeners = [
            http_listener("web", CLUSTER, logs),
            http_listener("secure", CLUSTER, logs, transport_socket=certificates.context("cart")),
            tcp_listener("tcp", CLUSTER, logs),
        ]
        with running_envoy(folder, listeners, [cluster(CLUSTER, port)]) as envoy:
            for number, ask in enumerate(ASKED, 1):
                _send(envoy, ask, certificates)
                _wait_for_entries(envoy, number)
    # It writes all that is left when it ends.
    return (
        files["text"].read_bytes().splitlines(),
        files["json"].read_bytes().splitlines(),
    )


def _send(envoy: Envoy, ask: Ask, certificates: Certificates) -> None:
    with socket.create_connection(("127.0.0.1", envoy.ports[ask.listener]), timeout=30) as plain:
        if ask.listener == "secure":
            context = ssl.create_default_context(cafile=str(certificates.folder / "ca.pem"))
            chain, key = certificates.folder / "web.pem", certificates.folder / "web.key"
            context.load_cert_chain(str(chain), str(key))
            context.check_hostname = False
            with context.wrap_socket(plain, server_hostname="cart.shop") as secure:
                secure.sendall(ask.head)
                assert secure.recv(1 << 16)
            return
        plain.sendall(ask.head)
        if ask.abort:
            time.sleep(0.2)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            assert plain.recv(1 << 16)


def _wait_for_entries(envoy: Envoy, count: int) -> None:
    """Wait until Envoy has noted so many requests in each of both files: so they are in order."""
    deadline = time.monotonic() + 30
    while _entries(envoy) < 2 * count:
        assert time.monotonic() < deadline, (count, _entries(envoy))
        time.sleep(0.02)


def _entries(envoy: Envoy) -> int:
    return envoy.stat("filesystem.write_buffered")
