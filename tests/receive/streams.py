"""The door for client-streaming calls with a sink behind it, and clients of it."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import grpc
import h2.config
import h2.connection
import h2.events

from meshseal.receive.body import InFlight
from meshseal.receive.grpc import GrpcApp, GrpcCall, GrpcReply, GrpcServer
from meshseal.receive.grpc_stream import GrpcSession
from meshseal.receive.settings import LimitSettings, TlsSettings

COLLECT, REFUSED = "/test.Service/Collect", "/test.Service/Refused"
LIMITS = LimitSettings()


@dataclass
class Sink:
    """Keeps what it is handed; may be told to hold on, or to refuse a message."""

    batches: list[list[bytes]] = field(default_factory=list)
    calls: list[GrpcCall] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    @property
    def messages(self) -> list[bytes]:
        return [message for batch in self.batches for message in batch]

    async def open(self, call_: GrpcCall) -> GrpcSession | GrpcReply:
        self.calls.append(call_)
        return GrpcReply(16, error="who are you") if call_.method == REFUSED else self

    async def take(self, messages: list[bytes]) -> GrpcReply | None:
        await asyncio.to_thread(self.go_on.wait)
        self.batches.append(messages)
        return GrpcReply(3, error="not that") if b"bad" in messages else None


@dataclass
class Running:
    """A door, and what it has handed on."""

    address: tuple[str, int]
    sink: Sink
    inflight: InFlight
    stop: Callable[[], None]

    @property
    def target(self) -> str:
        return f"{self.address[0]}:{self.address[1]}"


@contextlib.contextmanager
def running(limits: LimitSettings = LIMITS, tls: TlsSettings | None = None) -> Iterator[Running]:
    sock = socket.create_server(("127.0.0.1", 0))
    loop, stopped, sink = asyncio.new_event_loop(), asyncio.Event(), Sink()
    inflight = InFlight(limits.max_inflight_bytes)
    app = GrpcApp(
        {}, streams={COLLECT: sink.open, REFUSED: sink.open}, limits=limits, inflight=inflight
    )
    where = sock.getsockname()

    async def serve() -> None:
        server = GrpcServer(sock, app, limits=limits, tls=tls or TlsSettings())
        await server.start()
        await stopped.wait()
        await server.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()

    def stop() -> None:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()

    try:
        yield Running(where, sink, inflight, stop)
    finally:
        if thread.is_alive():
            stop()
        loop.close()


class Sending:
    """A client's side of one call, fed message by message."""

    def __init__(self, channel: grpc.Channel, method: str = COLLECT, **options: object) -> None:
        self._queue: queue.Queue[bytes | None] = queue.Queue()
        stream = channel.stream_unary(method)
        self.future = stream.future(iter(self._queue.get, None), **options)

    def send(self, *messages: bytes) -> None:
        for message in messages:
            self._queue.put(message)

    def end(self) -> None:
        self._queue.put(None)

    def status(self) -> tuple[grpc.StatusCode, str]:
        code, details = self.future.code(), self.future.details()
        self.end()
        return code, details


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Client:
    """One call over plain HTTP/2, which sees how much it may send."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.headers: dict[str, str] = {}
        self.ended = False
        self.sock = socket.create_connection(address, timeout=30)
        self._http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self._http2.initiate_connection()
        head = {
            ":method": "POST",
            ":scheme": "http",
            ":authority": "localhost",
            ":path": COLLECT,
            "content-type": "application/grpc",
            "te": "trailers",
        }
        self._http2.send_headers(1, list(head.items()))
        self._flush()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self._http2.send_data(1, data)
        self._flush()

    def fill(self, data: bytes) -> int:
        """Send as much as the other end lets through, and return how much that was."""
        sent = 0
        while sent < len(data):
            window = min(self._http2.local_flow_control_window(1), 16_000, len(data) - sent)
            if window:
                self.send(data[sent : sent + window])
                sent += window
                continue
            self.sock.settimeout(1)
            try:
                self.take()
            except TimeoutError:
                return sent
        return sent

    def take(self) -> None:
        received = self.sock.recv(1 << 16)
        assert received, "the server closed the connection"
        for event in self._http2.receive_data(received):
            if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                self.headers |= {
                    bytes(name).decode(): bytes(value).decode()
                    for name, value in event.headers or ()
                }
            self.ended |= isinstance(event, h2.events.StreamEnded)
        self._flush()

    def take_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.take()

    def _flush(self) -> None:
        self.sock.sendall(self._http2.data_to_send())
