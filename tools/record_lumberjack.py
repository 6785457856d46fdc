"""Records what clients of Lumberjack write on one connection, for `tests/wire/captures/lumberjack`.

    python tools/record_lumberjack.py [NODE_MODULES]

With a folder that has lumberjack-client of npm in it, that is recorded too.
`sent.bin` is what the client wrote, `answered.bin` what it was answered and was content with.
`expected.json` a person writes. Records have fixed times.
"""

from __future__ import annotations

import json
import logging
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import pylogbeat
from logstash_async.formatter import LogstashEcsFormatter
from logstash_async.transport import BeatsTransport

from meshseal.wire.lumberjack import PROTOCOL
from meshseal.wire.stream import Connection, Say, Secrets, Sender, Take

CAPTURES = Path(__file__).resolve().parent.parent / "tests/wire/captures/lumberjack"
_CREATED = 1_789_899_072.25


def record(case: str, client: Callable[[int], None]) -> None:
    """Run a client against a listener that answers as the door does, and write what both said."""
    listener = socket.create_server(("127.0.0.1", 0))
    said = {"sent": b"", "answered": b""}

    def serve() -> None:
        assert PROTOCOL.session is not None
        session = PROTOCOL.session(
            Connection("", "", Sender("", ""), Secrets(), bytes(32), "", 1 << 20)
        )
        peer, _ = listener.accept()
        with peer:
            while part := peer.recv(4096):
                said["sent"] += part
                for step in session.received(part, 0):
                    answer = step.reply if isinstance(step, Take) else b""
                    answer = step.data if isinstance(step, Say) else answer
                    said["answered"] += answer
                    peer.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    client(listener.getsockname()[1])
    thread.join(10)
    folder = CAPTURES / case
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in said.items():
        (folder / f"{name}.bin").write_bytes(content)
    print(f"{case}: {len(said['sent'])} bytes")


def _pylogbeat(port: int) -> None:
    with pylogbeat.PyLogBeatClient("127.0.0.1", port, timeout=10) as client:
        client.send(
            [
                {
                    "@timestamp": "2026-09-20T10:11:12.123456Z",
                    "@metadata": {"beat": "pylogbeat", "version": "2.1.0"},
                    "message": "first ä",
                    "log": {"level": "warn"},
                    "service": {"name": "cart"},
                },
                '{\n  "message": "second, over\\nseveral lines",\n  "tags": ["a", "b"]\n}',
            ]
        )
        client.send([{"message": "third", "host": {"name": "web-1"}}])


def _python_logstash_async(port: int) -> None:
    with (
        mock.patch.object(sys, "executable", "/usr/bin/python3"),
        mock.patch.object(sys, "argv", ["cart.py"]),
        mock.patch.object(socket, "gethostname", return_value="web-1"),
    ):
        formatter = LogstashEcsFormatter(
            fqdn=False, extra_prefix=None, extra={"service": {"name": "cart"}}
        )
    lines = []
    for number in range(3):
        one = logging.LogRecord(
            "shop.cart", logging.ERROR, "/srv/cart.py", 7, "request %d failed", (number,), None
        )
        one.created, one.msecs, one.process = _CREATED + number, 250.0, 4242
        lines.append(formatter.format(one))
    transport = BeatsTransport(
        host="127.0.0.1",
        port=port,
        timeout=10,
        ssl_enable=False,
        ssl_verify=False,
        ssl_verify_flags=None,
        keyfile=None,
        certfile=None,
        ca_certs=None,
    )
    transport.send(lines)


def _lumberjack_client(port: int) -> None:
    node = shutil.which("node") or "node"
    script = (
        "const Client = require('lumberjack-client');"
        f"const client = new Client({{host: '127.0.0.1', port: {port}}});"
        "for (const n of [1, 2]) client.log({'@timestamp': `2026-09-20T10:11:1${n}.5Z`,"
        " message: `order ${n} ä`, host: {name: 'web-1'}, log: {level: 'info'}});"
        "setTimeout(() => client.socket.removeAllListeners('close').end(), 500);"
    )
    subprocess.run([node, "-e", script], env={"NODE_PATH": sys.argv[1]}, check=True, timeout=60)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        package = Path(sys.argv[1], "lumberjack-client", "package.json")
        record(
            f"lumberjack-client-{json.loads(package.read_text())['version']}", _lumberjack_client
        )
    record(f"pylogbeat-{version('pylogbeat')}", _pylogbeat)
    record(f"python-logstash-async-{version('python-logstash-async')}", _python_logstash_async)
