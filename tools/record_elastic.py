"""Records what real clients of Elasticsearch send, for `tests/wire/captures/elasticsearch`.

    python -m tools.record_elastic [CASE...]

Beside the bulk request (`request.json`, `body.bin`) each case has `conversation.json`: every
request of the client in order, with the status it was given. The client speaks to the protocol's
own `decode`, so what is recorded is what it sends to Meshseal. Needs Debian's rsyslog and
rsyslog-elasticsearch, node and npm.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from meshseal.receive.decompress import decompress
from meshseal.wire.elastic import BULK
from meshseal.wire.protocol import MAX_REQUEST_BYTES, Request
from tests.doors.python_clients import python
from tests.doors.test_elastic_e2e import VERSIONS

CAPTURES = Path(__file__).resolve().parent.parent / "tests/wire/captures/elasticsearch"
NODE_CLIENT = "9.4.3"
_LEFT_OUT = ("host", "content-length", "connection")
_KERNEL = re.compile(r"linux [^;)]+")
_WAIT_SECONDS = 30.0

OPERATIONS: list[dict[str, Any]] = [
    {
        "_index": "logs-shop.cart-prod",
        "_op_type": "create",
        "@timestamp": "2026-09-20T10:11:12.123Z",
        "message": "no stock for Käse",
        "log.level": "error",
        "service": {"name": "cart", "version": "1.4.0"},
        "host": {"name": "vm-7"},
        "trace": {"id": "5b8efff798038103d269b633813fc60c"},
        "http": {"response": {"status_code": 409}},
        "retry": True,
    },
    {
        "_index": "shop",
        "_id": "order-7",
        "@timestamp": "2026-09-20T10:11:13Z",
        "message": "order placed",
        "level": "INFO",
        "kubernetes": {"pod": {"name": "cart-1"}, "namespace": "shop"},
    },
]

_NODE = """
const { Client } = require('@elastic/elasticsearch')
const operations = JSON.parse(process.argv[2])
const client = new Client({ node: process.argv[1], compression: true })
const action = o => o._op_type === 'create'
  ? { create: { _index: o._index } } : { index: { _index: o._index, _id: o._id } }
const source = o => { const { _index, _id, _op_type, ...rest } = o; return rest }
client.info()
  .then(() => client.bulk({ operations: operations.flatMap(o => [action(o), source(o)]) }))
  .then(r => { if (r.errors || r.items.length !== operations.length) throw new Error('bulk') })
  .catch(e => { console.error(e); process.exit(1) })
"""

_RSYSLOG = """
module(load="imtcp")
module(load="omelasticsearch")
input(type="imtcp" port="{listen}" address="127.0.0.1")
template(name="document" type="list" option.jsonf="on") {{
    property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
    property(outname="host.name" name="hostname" format="jsonf")
    property(outname="log.level" name="syslogseverity-text" format="jsonf")
    property(outname="service.name" name="programname" format="jsonf")
    property(outname="message" name="msg" format="jsonf")
}}
action(type="omelasticsearch" server="127.0.0.1" serverport="{port}" template="document"
       searchIndex="syslog" searchType="" bulkmode="on" healthchecktimeout="5000")
"""
_SYSLOG = (
    "<11>1 2026-09-20T10:11:12.123456Z vm-7 nginx 42 - - upstream timed out\n"
    "<14>1 2026-09-20T10:11:13Z vm-7 nginx 42 - - reloaded\n"
)


class Recorder:
    """Answers a client as the protocol does, and keeps what it asked."""

    def __init__(self, case: str) -> None:
        self._folder = CAPTURES / case
        self.conversation: list[dict[str, Any]] = []
        self.stored = threading.Event()

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Any:
        """Return the reply to one request."""
        path, _, query = target.partition("?")
        unpacked = decompress(
            body, headers.get("content-encoding", ""), limit_bytes=MAX_REQUEST_BYTES
        )
        request = Request(
            path, parse_qs(query), headers, unpacked, 0, "elasticsearch", "t", "s", method=method
        )
        decoded = BULK.decode(request)
        kept = {
            name: _KERNEL.sub("linux", value)
            for name, value in sorted(headers.items())
            if name not in _LEFT_OUT
        }
        self.conversation.append(
            {
                "method": method,
                "path": target,
                "headers": kept,
                "status": decoded.reply.status,
                "records": decoded.records,
            }
        )
        if decoded.records:
            self._folder.mkdir(parents=True, exist_ok=True)
            written = json.dumps({"path": target, "headers": kept}, indent=2) + "\n"
            (self._folder / "request.json").write_text(written)
            (self._folder / "body.bin").write_bytes(body)
            self.stored.set()
        return decoded.reply

    def record(self, send: Callable[[str], None]) -> None:
        """Record what `send`, given a base URL, asks until it has sent documents."""
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = recorder.answer(self.command, self.path, headers, body)
                self.send_response(reply.status)
                for name, value in (*reply.headers, ("Content-Type", reply.media_type)):
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(reply.body)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            send(f"http://127.0.0.1:{server.server_port}")
            if not self.stored.wait(_WAIT_SECONDS):
                raise RuntimeError("no documents came")
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
        written = json.dumps(self.conversation, indent=2) + "\n"
        (self._folder / "conversation.json").write_text(written)


def _python(version: str) -> Callable[[str], None]:
    def send(url: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            address = Path(folder) / "address"
            address.write_text(url)
            lines = "".join(json.dumps(one) + "\n" for one in OPERATIONS)
            process = python(f"elasticsearch-{version}", "elastic_sender.py", address)
            output, _ = process.communicate(lines, timeout=60)
            if process.returncode:
                raise RuntimeError(output)

    return send


def _node(url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        npm, node = shutil.which("npm") or "npm", shutil.which("node") or "node"
        package = f"@elastic/elasticsearch@{NODE_CLIENT}"
        subprocess.run([npm, "install", "--silent", "--prefix", folder, package], check=True)
        command = [node, "-e", _NODE, url, json.dumps(OPERATIONS)]
        subprocess.run(command, check=True, cwd=folder)


def _rsyslog(url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with socket.create_server(("127.0.0.1", 0)) as free:
            listen = free.getsockname()[1]
        configuration = Path(folder) / "rsyslog.conf"
        port = url.rpartition(":")[2]
        configuration.write_text(_RSYSLOG.format(port=port, listen=listen))
        daemon = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
        pid = Path(folder) / "pid"
        process = subprocess.Popen([daemon, "-n", "-f", str(configuration), "-i", str(pid)])
        try:
            _say(listen, _SYSLOG.encode())
            time.sleep(3)
        finally:
            process.terminate()
            process.wait(30)


def _say(port: int, content: bytes) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(content)
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


CASES: dict[str, Callable[[str], None]] = {
    **{f"elasticsearch-py-{version}": _python(version) for version in VERSIONS},
    f"elasticsearch-js-{NODE_CLIENT}": _node,
    "rsyslog-8.2302.0": _rsyslog,
}


def main() -> int:
    """Record the cases that are named, or all."""
    for name in sys.argv[1:] or CASES:
        Recorder(name).record(CASES[name])
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
