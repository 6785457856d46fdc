"""Any bytes on any door: the protocol's own error or acceptance, and no record goes missing."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.model.errors import PayloadError
from meshseal.wire import PROTOCOL, PROTOCOLS
from meshseal.wire.protocol import Request
from tests.conservation import check_conserved, check_well
from tests.receive.http2 import call, framed
from tests.server import ServerProcess
from tests.wire.answers import Answer, check_answer, records_of
from tests.wire.bent import BODIES, GRPC_TARGETS, PACKERS, TARGETS, TENANTS, Call, bent, calls
from tests.wire.samples import PROTOBUF, grpc_samples, samples

pytestmark = pytest.mark.e2e


@dataclass(slots=True)
class Doors:
    """The server under test, and what it said that it took: (door, tenant) -> records."""

    server: ServerProcess
    acknowledged: Counter[tuple[str, str]] = field(default_factory=Counter)

    def address(self, listener: str) -> tuple[str, int]:
        parts = urlsplit(self.server.urls[listener])
        return str(parts.hostname), int(parts.port or 0)


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    data = tmp_path_factory.mktemp("doors") / "data"
    with ServerProcess(data, "--set", "limits.max_request_bytes=2000000") as process:
        yield Doors(process)


# ---- What comes back ---------------------------------------------------------------------------


def send(doors: Doors, one: Call) -> Answer:
    """Send a request, check its answer, and note what it says was taken."""
    connection = http.client.HTTPConnection(*doors.address(one.listener), timeout=60)
    try:
        connection.putrequest("POST", one.path)
        for name, value in one.headers.items():
            if value:
                connection.putheader(name, value.encode("latin-1"))
        connection.putheader("Content-Length", str(len(one.body)))
        connection.endheaders(one.body)
        found = connection.getresponse()
        headers = {name.lower(): value for name, value in found.getheaders()}
        answer = Answer(found.status, headers, found.read())
    finally:
        connection.close()
    if check_answer(one, answer):
        doors.acknowledged[one.protocol, one.tenant] += records_of(one)
    return answer


_SETTINGS = settings(
    deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True
)


@settings(_SETTINGS, max_examples=2500)
@given(one=calls())
def test_any_request_gets_an_answer_of_its_protocol(doors: Doors, one: Call) -> None:
    send(doors, one)


_BOMB = bytes(3_000_000)


@pytest.mark.parametrize(("protocol", "listener", "path"), TARGETS)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "lz4", "gzip, gzip"])
def test_what_unpacks_to_more_than_the_limit_is_too_large(
    doors: Doors, protocol: str, listener: str, path: str, encoding: str
) -> None:
    body = _BOMB
    for name in encoding.split(", "):
        body = PACKERS[name](body)
    media_type = BODIES[path][0][1]
    one = Call(
        protocol, listener, path, body, {"Content-Type": media_type, "Content-Encoding": encoding}
    )
    assert send(doors, one).status == 413


def test_a_snappy_block_that_promises_more_than_the_limit_is_too_large(doors: Doors) -> None:
    promise = b"\xff\xff\xff\xff\x0f"
    one = Call("loki", "loki", "/loki/api/v1/push", promise, {"Content-Type": PROTOBUF})
    assert send(doors, one).status == 413


@settings(_SETTINGS, max_examples=80)
@given(data=st.binary(max_size=400), listener=st.sampled_from(("main", "otlp_http", "loki")))
def test_bytes_that_are_no_request_are_answered_or_cut_off(
    doors: Doors, data: bytes, listener: str
) -> None:
    answer = _raw(doors.address(listener), data)
    assert not answer or answer.startswith(b"HTTP/1.1 4"), answer


_HEADS = [
    pytest.param(b"GET /v1/logs HTTP/1.1\r\nHost: localhost\r\n\r\n", b"4", id="wrong method"),
    pytest.param(b"POST /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404", id="unknown path"),
    pytest.param(
        b"POST /v1/logs HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n",
        b"403",
        id="another name for this machine",
    ),
    pytest.param(
        b"POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"400",
        id="negative length",
    ),
    pytest.param(
        b"POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
        b"413",
        id="announced too large",
    ),
    pytest.param(
        b"POST /ingest/v1/lines HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"zz\r\n",
        b"400",
        id="bad chunk",
    ),
]


@pytest.mark.parametrize(("head", "status"), _HEADS)
def test_a_bad_head_is_refused(doors: Doors, head: bytes, status: bytes) -> None:
    assert _raw(doors.address("main"), head).startswith(b"HTTP/1.1 " + status)


def test_a_head_larger_than_the_limit_is_refused_or_cut_off(doors: Doors) -> None:
    head = b"POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 300_000 + b"\r\n\r\n"
    # A reset of the connection may overtake the answer.
    assert _raw(doors.address("main"), head)[:12] in (b"", b"HTTP/1.1 400")


def _raw(address: tuple[str, int], data: bytes) -> bytes:
    """Return what the server answers to bytes, up to where it closes the connection."""
    answer = b""
    with socket.create_connection(address, timeout=30) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while piece := sock.recv(65536):
                answer += piece
    return answer


# ---- gRPC --------------------------------------------------------------------------------------

INVALID = {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED}
_COMPRESSIONS = (
    grpc.Compression.NoCompression,
    grpc.Compression.Gzip,
    grpc.Compression.Deflate,
)


Channels = dict[str, grpc.Channel]


@pytest.fixture(scope="module")
def channels(doors: Doors) -> Iterator[Channels]:
    """A channel to each door that speaks gRPC."""
    with contextlib.ExitStack() as stack:
        yield {
            protocol.name: stack.enter_context(
                grpc.insecure_channel("{}:{}".format(*doors.address(protocol.name)))
            )
            for protocol in PROTOCOLS
            if protocol.grpc
        }


@settings(_SETTINGS, max_examples=250)
@given(
    data=st.data(),
    target=st.sampled_from(GRPC_TARGETS),
    compression=st.sampled_from(_COMPRESSIONS),
    tenant=st.sampled_from((*TENANTS, "bad tenant!", "_platform")),
)
def test_any_message_over_grpc_gets_a_status(
    doors: Doors,
    channels: Channels,
    data: st.DataObject,
    target: tuple[str, str],
    compression: grpc.Compression,
    tenant: str,
) -> None:
    door, path = target
    sample = BODIES[path][0][0]
    message = data.draw(st.one_of(st.binary(max_size=300), st.just(sample), bent(sample)))
    metadata = (("x-scope-orgid", tenant),) if tenant else ()
    done = (
        channels[door]
        .unary_unary(path)
        .future(message, metadata=metadata, compression=compression, timeout=60)
    )
    assert done.code() in {grpc.StatusCode.OK, *INVALID}, done.details()
    assert bool(done.details()) == (done.code() is not grpc.StatusCode.OK)
    if done.code() is grpc.StatusCode.OK:
        one = Call(door, door, path, message, {"X-Scope-OrgID": tenant})
        doors.acknowledged[one.protocol, one.tenant] += records_of(one)


ACCESS_LOGS = PROTOCOL["envoy_als"]


@settings(_SETTINGS, max_examples=150)
@given(data=st.data(), tenant=st.sampled_from(TENANTS))
def test_any_messages_of_a_call_get_a_status(
    doors: Doors, channels: Channels, data: st.DataObject, tenant: str
) -> None:
    ((sample, _),) = BODIES[ACCESS_LOGS.paths[0]]
    some = st.one_of(st.just(sample), bent(sample), st.binary(max_size=100))
    messages = data.draw(st.lists(some, max_size=4))
    send = channels[ACCESS_LOGS.name].stream_unary(ACCESS_LOGS.paths[0])
    metadata = (("x-scope-orgid", tenant),) if tenant else ()
    done = send.future(iter(messages), metadata=metadata, timeout=60)
    records, is_whole = _entries(messages)
    assert done.code() in {grpc.StatusCode.OK, *INVALID}, done.details()
    assert (done.code() is grpc.StatusCode.OK) == is_whole
    doors.acknowledged[ACCESS_LOGS.name, tenant or "default"] += records


def _entries(messages: list[bytes]) -> tuple[int, bool]:
    """Return how many records stand before a message that is none, and whether there is none."""
    request = Request(
        path=ACCESS_LOGS.paths[0],
        query={},
        headers={},
        body=b"",
        received_unix_nano=time.time_ns(),
        door=ACCESS_LOGS.name,
        tenant="default",
        source="trial",
    )
    assert ACCESS_LOGS.stream is not None
    stream, records = ACCESS_LOGS.stream(request), 0
    try:
        for message in messages:
            records += sum(one.records for one in stream.received([message], 7))
    except PayloadError:
        return records, False
    return records, True


@pytest.mark.parametrize("door", [one.name for one in PROTOCOLS if one.grpc])
def test_an_unknown_grpc_method_is_unimplemented(channels: Channels, door: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channels[door].unary_unary("/no.Such/Method")(b"", timeout=60)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


_ENCODINGS = ("", "identity", "gzip", "deflate", "zstd", "lz4", "snappy", "nonsense", "gzip,gzip")


@settings(_SETTINGS, max_examples=150)
@given(
    body=st.one_of(
        st.binary(max_size=60),
        st.builds(framed, st.binary(max_size=60), compressed=st.booleans()),
        st.builds(framed, st.binary(max_size=40).map(gzip.compress), compressed=st.just(True)),
        st.just(framed(gzip.compress(_BOMB), compressed=True)),
    ),
    encoding=st.sampled_from(_ENCODINGS),
)
def test_any_framing_of_a_grpc_call_gets_a_status(doors: Doors, body: bytes, encoding: str) -> None:
    headers = {"grpc-encoding": encoding} if encoding else {}
    answer = call(doors.address("otlp_grpc"), body, headers=headers)
    assert answer.headers[":status"] == "200"
    assert answer.grpc_status in {0, 3, 8, 12}


def test_the_grpc_port_tells_other_http2_clients_what_it_is(doors: Doors) -> None:
    answer = call(doors.address("otlp_grpc"), b"", headers={"content-type": "text/html"})
    assert answer.headers[":status"] == "415"


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@settings(_SETTINGS, max_examples=80)
@given(data=st.binary(min_size=1, max_size=300).map(PREFACE.__add__) | st.binary(min_size=1))
def test_bytes_that_are_no_http2_end_the_connection_only(doors: Doors, data: bytes) -> None:
    _raw(doors.address("otlp_grpc"), data)
    answer = call(doors.address("otlp_grpc"), framed(b""))
    assert answer.grpc_status == 0


# ---- At the end --------------------------------------------------------------------------------


def test_at_the_end_no_record_is_missing_and_the_server_is_well(doors: Doors) -> None:
    taken = {door for (door, _), records in doors.acknowledged.items() if records}
    assert taken == {one.protocol for one in (*samples(), *grpc_samples())}
    check_conserved(doors.server, doors.acknowledged)
    check_well(doors.server)
