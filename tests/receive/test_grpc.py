"""The gRPC door's framing, encodings and errors, against the real door on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import threading
import zlib
from collections.abc import Iterator

import grpc
import h2.config
import h2.connection
import h2.events
import pytest
from backports import zstd

from meshseal.receive.body import InFlight
from meshseal.receive.grpc import GrpcApp, GrpcCall, GrpcReply, GrpcServer
from meshseal.receive.settings import LimitSettings, TlsSettings
from tests.certificates import Files
from tests.receive.http2 import call, framed

ECHO, REFUSE, SLOW = (f"/test.Service/{name}" for name in ("Echo", "Refuse", "Slow"))
LIMITS = LimitSettings(max_request_bytes=100_000)


async def _echo(call_: GrpcCall) -> GrpcReply:
    return GrpcReply(0, call_.message)


async def _refuse(_: GrpcCall) -> GrpcReply:
    return GrpcReply(14, error="not now: Käse", details=b"\x00details\xff")


RECEIVED, RELEASE, LOST = threading.Event(), threading.Event(), threading.Event()


async def _slow(_: GrpcCall) -> GrpcReply:
    RECEIVED.set()
    await asyncio.to_thread(RELEASE.wait, 30)
    return GrpcReply(0, b"too late", on_lost=LOST.set)


def _app() -> GrpcApp:
    methods = {ECHO: _echo, REFUSE: _refuse, SLOW: _slow}
    return GrpcApp(methods, limits=LIMITS, inflight=InFlight(1 << 20))


@contextlib.contextmanager
def running(tls: TlsSettings) -> Iterator[tuple[str, int]]:
    """The door, in an event loop of its own."""
    sock = socket.create_server(("127.0.0.1", 0))
    where = sock.getsockname()
    sock.setblocking(False)
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        server = GrpcServer(sock, _app(), limits=LIMITS, tls=tls)
        await server.start()
        await stop.wait()
        await server.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield where
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with running(TlsSettings()) as where:
        yield where


@pytest.fixture
def channel(address: tuple[str, int]) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"{address[0]}:{address[1]}") as opened:
        yield opened


MESSAGE = b"message " * 1000


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        pytest.param("", None, id="none said"),
        pytest.param("identity", None, id="identity"),
        pytest.param("gzip", gzip.compress(MESSAGE), id="gzip"),
        pytest.param("deflate", zlib.compress(MESSAGE), id="deflate"),
        pytest.param("zstd", zstd.compress(MESSAGE), id="zstd"),
        pytest.param("gzip", None, id="said and not used"),
    ],
)
def test_a_message_arrives_unpacked(
    address: tuple[str, int], encoding: str, packed: bytes | None
) -> None:
    body = framed(MESSAGE) if packed is None else framed(packed, compressed=True)
    answer = call(address, body, path=ECHO, headers={"grpc-encoding": encoding} if encoding else {})
    assert answer.grpc_status == 0
    assert answer.body == framed(MESSAGE)
    assert answer.headers["grpc-accept-encoding"] == "identity,gzip,deflate,zstd"


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        pytest.param(b"", "", 3, id="no message"),
        pytest.param(b"\0\0\0", "", 3, id="half a prefix"),
        pytest.param(framed(b"abc")[:-1], "", 3, id="cut short"),
        pytest.param(framed(b"abc") + b"x", "", 3, id="too long"),
        pytest.param(framed(b"abc") * 2, "", 3, id="two messages"),
        pytest.param(b"\x02\0\0\0\0", "", 3, id="flag is no flag"),
        pytest.param(framed(b"abc", compressed=True), "gzip", 3, id="not gzip"),
        pytest.param(framed(b"abc", compressed=True), "identity", 0, id="identity, flagged"),
        pytest.param(framed(b"abc", compressed=True), "snappy", 12, id="unknown encoding"),
        pytest.param(framed(b"abc", compressed=True), "gzip,zstd", 12, id="two encodings"),
        pytest.param(framed(bytes(200_000)), "", 8, id="larger than the limit"),
        pytest.param(
            framed(gzip.compress(bytes(200_000)), compressed=True), "gzip", 8, id="unpacks too far"
        ),
    ],
)
def test_the_status_of_a_bad_call(
    address: tuple[str, int], body: bytes, encoding: str, status: int
) -> None:
    headers = {"grpc-encoding": encoding} if encoding else {}
    answer = call(address, body, path=ECHO, headers=headers)
    assert answer.grpc_status == status
    assert answer.headers[":status"] == "200"


def test_a_real_client_hears_the_status_the_reason_and_the_details(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(REFUSE)(b"x", timeout=30)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert caught.value.details() == "not now: Käse"
    trailers = dict(caught.value.trailing_metadata())
    assert trailers["grpc-status-details-bin"] == b"\x00details\xff"


@pytest.mark.parametrize(
    "compression",
    [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate],
)
def test_a_real_client_is_understood(channel: grpc.Channel, compression: grpc.Compression) -> None:
    assert channel.unary_unary(ECHO)(MESSAGE, compression=compression, timeout=30) == MESSAGE


@pytest.mark.parametrize("one_file", [False, True], ids=["two files", "key and certificate in one"])
def test_tls_is_on_where_it_is_configured(files: Files, one_file: bool) -> None:
    two = TlsSettings(certificate_file=str(files.certificate), key_file=str(files.key))
    tls = TlsSettings(certificate_file=str(files.both)) if one_file else two
    with running(tls) as where:
        assert _export(where, files) is grpc.StatusCode.OK
        with grpc.insecure_channel(f"localhost:{where[1]}") as plain:
            assert plain.unary_unary(ECHO).future(b"x", timeout=5).code() is not grpc.StatusCode.OK


def test_a_client_certificate_is_asked_for_where_one_is_configured(files: Files) -> None:
    tls = TlsSettings(
        certificate_file=str(files.certificate),
        key_file=str(files.key),
        client_ca_file=str(files.certificate),
    )
    with running(tls) as where:
        assert _export(where, files) is grpc.StatusCode.UNAVAILABLE
        assert _export(where, files, with_certificate=True) is grpc.StatusCode.OK


def _export(
    where: tuple[str, int], files: Files, *, with_certificate: bool = False
) -> grpc.StatusCode:
    root = files.certificate.read_bytes()
    own = (files.key.read_bytes(), root) if with_certificate else (None, None)
    credentials = grpc.ssl_channel_credentials(root, *own)
    with grpc.secure_channel(f"localhost:{where[1]}", credentials) as channel:
        return channel.unary_unary(ECHO).future(b"x", timeout=10).code()


@pytest.mark.parametrize(
    ("path", "media_type", "body"),
    [
        pytest.param("/no.Such/Method", "application/grpc", framed(b"late"), id="unknown method"),
        pytest.param(ECHO, "text/html", b"late", id="not gRPC"),
        pytest.param(ECHO, "application/grpc", framed(bytes(150_000)), id="too large"),
    ],
)
def test_a_call_that_is_refused_early_does_not_end_the_others(
    address: tuple[str, int], path: str, media_type: str, body: bytes
) -> None:
    with socket.create_connection(address, timeout=0.5) as sock:
        client = _Client(sock)
        client.begin(1, _headers(path, media_type))
        client.begin(3, _headers(ECHO))
        client.wait({1, 3})
        sock.settimeout(10)
        client.send(1, body)
        client.send(3, framed(b"late"))
        client.wait({1, 3})
    assert client.ended == {1, 3}


class _Client:
    """Several calls on one connection, each sent piece by piece."""

    def __init__(self, sock: socket.socket) -> None:
        self.ended: set[int] = set()
        self._sock = sock
        self._http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self._http2.initiate_connection()

    def begin(self, stream: int, headers: list[tuple[str, str]]) -> None:
        self._http2.send_headers(stream, headers)
        self._flush()

    def send(self, stream: int, data: bytes) -> None:
        for start in range(0, len(data), 16_000):
            while self._http2.local_flow_control_window(stream) < 16_000:
                self._take()
            self._http2.send_data(stream, data[start : start + 16_000])
            self._flush()
        self._http2.end_stream(stream)
        self._flush()

    def wait(self, streams: set[int]) -> None:
        """Return when all these calls have ended, or the socket's time is over."""
        with contextlib.suppress(TimeoutError):
            while self.ended != streams:
                self._take()

    def _flush(self) -> None:
        self._sock.sendall(self._http2.data_to_send())

    def _take(self) -> None:
        received = self._sock.recv(65536)
        if not received:
            raise ConnectionError("the server closed the connection")
        for event in self._http2.receive_data(received):
            if isinstance(event, h2.events.StreamEnded):
                self.ended.add(event.stream_id)
        self._flush()


def _headers(path: str, media_type: str = "application/grpc") -> list[tuple[str, str]]:
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "localhost"),
        (":path", path),
        ("content-type", media_type),
        ("te", "trailers"),
    ]


@pytest.mark.parametrize("gone", [pytest.param(True, id="gone"), pytest.param(False, id="there")])
def test_a_call_whose_caller_is_gone_is_noted_and_no_other(
    address: tuple[str, int], gone: bool
) -> None:
    for event in (RECEIVED, RELEASE, LOST):
        event.clear()
    with grpc.insecure_channel(f"{address[0]}:{address[1]}") as opened:
        method = opened.unary_unary(SLOW, request_serializer=None, response_deserializer=None)
        future = method.future(b"message")
        assert RECEIVED.wait(30)
        if gone:
            future.cancel()
            # The cancellation is behind this call on the same connection.
            assert opened.unary_unary(ECHO)(b"next") == b"next"
        RELEASE.set()
        if not gone:
            assert future.result(timeout=30) == b"too late"
        assert LOST.wait(10 if gone else 0.2) is gone
