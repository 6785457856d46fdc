"""Records what clients of Zipkin and Jaeger send, for `tests/wire/captures`.

    python tools/record_spans.py

HTTP requests and gRPC messages are kept as `tools/record_captures.py` keeps them; datagrams are
`datagrams.json`, each in base64. This script never touches `expected.json`, which a person writes.
Most clients take ids of their own, so that a new recording needs a new expectation.
"""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import grpc

from tests.doors.node_clients import node
from tests.doors.python_clients import python

ROOT = Path(__file__).resolve().parent.parent
CAPTURES = ROOT / "tests/wire/captures"
AT_MICROS = 1_789_899_072_123_456
_LEFT_OUT = ("host", "content-length", "transfer-encoding", "connection")

Start = Callable[[Path], "subprocess.Popen[str]"]


def write(case: str, path: str, headers: dict[str, str], body: bytes) -> None:
    """Write a request into a case's folder."""
    folder = CAPTURES / case
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in sorted(headers.items()) if name not in _LEFT_OUT}
    text = json.dumps({"path": path, "headers": kept}, indent=2)
    (folder / "request.json").write_text(text + "\n")
    (folder / "body.bin").write_bytes(body)


def run(start: Start, port: int) -> None:
    """Run a client, given a file with the port, to its end."""
    with tempfile.TemporaryDirectory() as folder:
        address = Path(folder) / "port"
        address.write_text(str(port))
        output, _ = start(address).communicate(timeout=60)
        print(output, end="")


def over_http(case: str, start: Start) -> None:
    """Record one request."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self._body()
            headers = {name.lower(): value for name, value in self.headers.items()}
            write(case, self.path, headers, body)
            self.send_response(202)
            self.send_header("content-length", "0")
            self.end_headers()

        def _body(self) -> bytes:
            if "content-length" in self.headers:
                return self.rfile.read(int(self.headers["content-length"]))
            body = b""
            while length := int(self.rfile.readline(), 16):
                body += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    run(start, server.server_port)
    server.shutdown()


class _Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, case: str) -> None:
        self._case = case

    def service(self, details: Any) -> Any:
        def answer(message: bytes, _context: Any) -> bytes:
            write(self._case, details.method, {}, message)
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


def over_grpc(case: str, start: Start) -> None:
    """Record one message."""
    server = grpc.server(ThreadPoolExecutor(1), handlers=[_Calls(case)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    run(start, port)
    server.stop(1).wait()


def over_udp(case: str, start: Start) -> None:
    """Record all datagrams."""
    folder = CAPTURES / case
    folder.mkdir(parents=True, exist_ok=True)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", 0))
        run(start, sock.getsockname()[1])
        sock.settimeout(1)
        datagrams = []
        try:
            while True:
                datagrams.append(base64.b64encode(sock.recv(65_536)).decode())
        except TimeoutError:
            (folder / "datagrams.json").write_text(json.dumps(datagrams, indent=2) + "\n")


def main() -> None:
    """Record everything."""
    for encoding in ("V1_JSON", "V2_JSON", "V2_PROTO3"):
        over_http(
            f"zipkin/py_zipkin-1.2.8-{encoding}",
            lambda file, encoding=encoding: python(  # type: ignore[misc]
                "py-zipkin-1.2.8", "zipkin_sender.py", encoding, file, 2, AT_MICROS
            ),
        )
    for version in ("v1", "v2"):
        over_http(
            f"zipkin/zipkin-js-0.22.0-{version}",
            lambda file, version=version: node(  # type: ignore[misc]
                "zipkin.js", f"http://127.0.0.1:{file.read_text()}/api/{version}/spans", 2
            ),
        )
    otel, old = "opentelemetry-jaeger-1.21.0", "jaeger-client-4.8.0"
    script = "jaeger_sender.py"
    over_http(f"jaeger_http/{otel}", lambda file: python(otel, script, "http", file, 2, AT_MICROS))
    over_grpc(f"jaeger_grpc/{otel}", lambda file: python(otel, script, "grpc", file, 2, AT_MICROS))
    over_udp(
        "jaeger_compact/jaeger-client-python-4.8.0",
        lambda file: python(old, script, "udp", file, 2, AT_MICROS),
    )
    over_udp(
        "jaeger_binary/jaeger-client-node-3.19.0",
        lambda file: node("jaeger.js", "udp", file.read_text(), 2, AT_MICROS),
    )
    over_http(
        "jaeger_http/jaeger-client-node-3.19.0",
        lambda file: node("jaeger.js", "http", file.read_text(), 2, AT_MICROS),
    )


if __name__ == "__main__":
    main()
