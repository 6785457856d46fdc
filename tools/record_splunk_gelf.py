"""Records what clients of Splunk's event collector and of GELF send, for `tests/wire/captures`.

    python tools/record_splunk_gelf.py

HTTP requests are kept as `tools/record_captures.py` keeps them; what comes by TCP is one file,
`sent.bin`; datagrams are `datagrams.json`, each in base64. This script never touches
`expected.json`. Records have fixed times and hosts, so that a new recording differs only where the
client does.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import graypy
import pygelf
from splunk_handler import SplunkHandler

ROOT = Path(__file__).resolve().parent.parent
CAPTURES = ROOT / "tests/wire/captures"
AT_UNIX = 1_789_899_072.123456
_LEFT_OUT = ("host", "content-length", "connection")
_SPLUNK = """
const {Logger} = require("splunk-logging");
const logger = new Logger({token: "token", url: process.argv[1], maxBatchCount: 2});
for (const [text, severity] of [["slow page", "warn"], ["paid", "info"]]) {
    logger.send({
        message: {message: text, order: {id: 7, "a}{b": "}{"}}, severity,
        metadata: {time: 1789899072.123, host: "vm-7", source: "shop", sourcetype: "orders"},
    });
}
"""
_GELF = """
const log = require("gelf-pro");
const [adapterName, port] = process.argv.slice(1);
log.setConfig({adapterName, adapterOptions: {host: "127.0.0.1", port: Number(port), family: 4,
    protocol: "udp4"}});
const note = adapterName === "udp" ? Array.from({length: 900}, (_, i) => i * 7919).join(" ") : "n";
log.message("slow page", 4, {
    host: "vm-7", timestamp: 1789899072.123, full_message: "slow page\\n  at web.js", note,
    order: {id: 7},
});
"""


def record() -> logging.LogRecord:
    """Return the record that Python's libraries send."""
    one = logging.makeLogRecord(
        {
            "name": "shop.web",
            "msg": "slow page %d",
            "args": (7,),
            "levelno": logging.WARNING,
            "created": AT_UNIX,
            "user_id": "u1",
            "pathname": "/app/web.py",
            "filename": "web.py",
            "module": "web",
            "funcName": "pay",
            "lineno": 42,
            "process": 11,
        }
    )
    one.exc_text = "Traceback:\n  pay"
    return one


def over_http(case: str, send: Callable[[int], None]) -> None:
    """Record the request that `send`, given a port, sends."""
    taken = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept = {name: value for name, value in headers.items() if name not in _LEFT_OUT}
            request = {"path": self.path, "headers": dict(sorted(kept.items()))}
            write(case, "request.json", (json.dumps(request, indent=2) + "\n").encode())
            write(case, "body.bin", body)
            taken.set()
            answer = b'{"text":"Success","code":0}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            with contextlib.suppress(OSError):  # Some do not wait for it.
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    send(server.server_port)
    if not taken.wait(30):
        raise TimeoutError(f"{case} sent nothing")
    server.shutdown()
    server.server_close()


def over_tcp(case: str, send: Callable[[int], None]) -> None:
    """Record what `send`, given a port, sends over one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        send(listener.getsockname()[1])
        with listener.accept()[0] as connection:
            data = b""
            while piece := connection.recv(65536):
                data += piece
    write(case, "sent.bin", data)


def over_udp(case: str, send: Callable[[int], None]) -> None:
    """Record the datagrams that `send`, given a port, sends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        send(sock.getsockname()[1])
        sock.settimeout(0.5)
        found: list[str] = []
        try:
            while True:
                found.append(base64.b64encode(sock.recv(65536)).decode())
        except TimeoutError:
            pass
    write(case, "datagrams.json", (json.dumps(found, indent=2) + "\n").encode())


def write(case: str, name: str, content: bytes) -> None:
    """Write a file of a case."""
    folder = CAPTURES / case
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def handled(make: Callable[[int], logging.Handler]) -> Callable[[int], None]:
    """Return what sends the record with a handler."""

    def send(port: int) -> None:
        handler = make(port)
        with mock.patch("socket.gethostname", return_value="vm-7"):
            handler.handle(record())
        handler.close()

    return send


def node(script: str, *before: str, url: str = "{port}") -> Callable[[int], None]:
    """Return what sends with a script; NODE_PATH says where the packages are."""
    program = shutil.which("node") or "node"

    def send(port: int) -> None:
        command = [program, "-e", script, *before, url.format(port=port)]
        subprocess.run(command, check=True, env=dict(os.environ), timeout=60)

    return send


def _splunk(port: int) -> logging.Handler:
    handler: logging.Handler = SplunkHandler(
        "127.0.0.1",
        port,
        "token",
        "main",
        flush_interval=0,
        hostname="vm-7",
        protocol="http",
        source="/app/web.py",
        sourcetype="shop",
        verify=False,
    )
    return handler


def main() -> int:
    """Record all cases."""
    gray, py = f"graypy-{version('graypy')}", f"pygelf-{version('pygelf')}"
    splunk = f"splunk-handler-{version('splunk-handler')}"
    with mock.patch("splunk_handler.time.time", return_value=AT_UNIX):
        over_http(f"splunk_hec/{splunk}", handled(_splunk))
    over_http("splunk_hec/splunk-logging-0.11.1", node(_SPLUNK, url="http://127.0.0.1:{port}"))
    with mock.patch("socket.gethostname", return_value="vm-7"):
        over_http(f"gelf_http/{gray}", handled(lambda p: graypy.GELFHTTPHandler("127.0.0.1", p)))
        over_http(
            f"gelf_http/{py}",
            handled(lambda p: pygelf.GelfHttpHandler("127.0.0.1", p, include_extra_fields=True)),
        )
        over_tcp(
            f"gelf/{py}",
            handled(lambda p: pygelf.GelfTcpHandler("127.0.0.1", p, debug=True, _app="shop")),
        )
        over_tcp(f"gelf/{gray}", handled(lambda p: graypy.GELFTCPHandler("127.0.0.1", p)))
        over_udp(
            f"gelf_udp/{gray}",
            handled(lambda p: graypy.GELFUDPHandler("127.0.0.1", p, level_names=True)),
        )
    over_tcp("gelf/gelf-pro-1.4.0", node(_GELF, "tcp"))
    over_udp("gelf_udp/gelf-pro-1.4.0", node(_GELF, "udp"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
