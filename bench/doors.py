"""Every door at its fastest: records a second until all are stored and sealed, and what they cost.

python -m bench --doors             each door, with 300,000 records
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from bench import loads
from bench.ingest import Clock, Run
from bench.loads import Load
from tests.server import ServerProcess

RECORDS = 300_000
SINGLE_REQUESTS = 30_000
_CONNECTIONS = 2
_SINGLE_CONNECTIONS = 8
_RECEIVE_BYTES = 65_536

LOADS: tuple[Callable[[int], Load], ...] = (
    loads.elasticsearch,
    loads.loki,
    loads.lumberjack,
    loads.splunk,
    loads.datadog,
    loads.envoy_als,
    loads.otlp_traces,
    loads.zipkin,
    loads.jaeger,
    loads.forward,
    loads.syslog,
)


def measure(directory: Path, say: Callable[[str, str], None]) -> None:
    """Measure every door on a server of its own, one after the other."""
    directory.mkdir(exist_ok=True)
    with ServerProcess(directory / "data") as server:
        for make in LOADS:
            load = make(RECORDS)
            say(load.what, str(send(server, load)))
        one = loads.single(SINGLE_REQUESTS)
        run = send(server, one, connections=_SINGLE_CONNECTIONS)
        answered = one.records / run.acknowledged_seconds
        say(one.what, f"{answered:,.0f} requests/s answered; {run}")


def send(server: ServerProcess, load: Load, *, connections: int = _CONNECTIONS) -> Run:
    """Send a load over several connections, and wait until all of it is stored and sealed."""
    target = _http if load.path else _grpc if load.method else _stream
    shares = [load.requests[n::connections] for n in range(connections)]
    failures: list[BaseException] = []

    def work(share: list[bytes]) -> None:
        try:
            target(server, load, share)
        except BaseException as error:
            failures.append(error)
            raise

    clock = Clock(server)
    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return clock.finish(load.records)


def _connect(server: ServerProcess, door: str) -> socket.socket:
    parts = urlsplit(server.urls[door])
    connection = socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=120)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _http(server: ServerProcess, load: Load, requests: list[bytes]) -> None:
    """POST with as little as a client can do: what is measured is the server."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in load.headers)
    head = f"POST {load.path} HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: "
    with _connect(server, load.door) as connection:
        for body in requests:
            message = head.encode() + b"%d\r\n\r\n" % len(body) + body
            while True:
                connection.sendall(message)
                status, retry_after = _read_answer(connection)
                if status < 300:
                    break
                if status not in (429, 503):
                    raise AssertionError(f"{load.what}: {status}")
                time.sleep(retry_after)


def _read_answer(connection: socket.socket) -> tuple[int, float]:
    """Read one answer whole; return its status and when to try again."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _receive(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    left = int(fields.get(b"content-length", b"0")) - len(body)
    while left > 0:
        left -= len(_receive(connection))
    return int(head[9:12]), float(fields.get(b"retry-after", b"1"))


def _stream(server: ServerProcess, load: Load, pieces: list[bytes]) -> None:
    """Write pieces to a connection; where they are answered, wait for each answer."""
    with _connect(server, load.door) as connection:
        for piece in pieces:
            connection.sendall(piece)
            left = load.ack_bytes
            while left > 0:
                left -= len(_receive(connection))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(_RECEIVE_BYTES):
            pass


def _grpc(server: ServerProcess, load: Load, messages: list[bytes]) -> None:
    """Send messages on one stream, which is never answered, and end it."""
    address = urlsplit(server.urls[load.door]).netloc
    with grpc.insecure_channel(address) as channel:
        call = channel.stream_unary(load.method)
        try:
            call(iter(messages))
        except grpc.RpcError as error:
            # The stream's end is answered with nothing, or not at all.
            if error.code() not in (grpc.StatusCode.OK, grpc.StatusCode.INTERNAL):
                raise


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(_RECEIVE_BYTES)
    if not data:
        raise ConnectionResetError("the server closed the connection")
    return data
