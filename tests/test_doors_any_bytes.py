"""Any bytes on any door: the protocol's own error or acceptance, and no record goes missing."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import grpc
import pytest
from google.rpc.status_pb2 import Status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.wire import PROTOCOLS
from tests.receive.http2 import EXPORT, Answer, call, framed
from tests.server import ServerProcess
from tests.store_access import ask
from tests.wire.bent import BODIES, PACKERS, TARGETS, TENANTS, Call, bent, calls
from tests.wire.samples import JSON, PROTOBUF

pytestmark = pytest.mark.e2e

NAMES = {"received", "stored", "refused", "deduplicated", "set_aside"}
EVERYTHING = 'sum(count_over_time({service_name=~"(?s).*"}[3660d]))'


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


def send(doors: Doors, one: Call) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(*doors.address(one.listener), timeout=60)
    try:
        connection.putrequest("POST", one.path)
        for name, value in one.headers.items():
            if value:
                connection.putheader(name, value.encode("latin-1"))
        connection.putheader("Content-Length", str(len(one.body)))
        connection.endheaders(one.body)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()
    finally:
        connection.close()


def check_answer(doors: Doors, one: Call, answer: tuple[int, dict[str, str], bytes]) -> None:
    """Fail unless the answer is one that the protocol has for such a request."""
    status, headers, body = answer
    if one.protocol == "elasticsearch":
        check_elasticsearch(status, headers, body)
        return
    if one.protocol == "splunk_hec":
        check_splunk(status, headers, body)
        return
    if one.protocol == "datadog":
        check_datadog(status, headers, body)
        return
    family = "lines" if one.protocol == "documents" else one.protocol
    successes = {"otlp_http": 200, "loki": 204, "lines": 200, "gelf_http": 202}
    if status == successes[family]:
        _acknowledged(doors, one, family, headers, body)
        return
    assert status in {400, 403, 413, 415, 503}, (status, body)
    assert status != 503 or headers["retry-after"].isdigit()
    if family in ("loki", "gelf_http"):
        assert status != 415
        assert headers["content-type"].startswith("text/plain")
        assert body.decode()
    elif family == "lines":
        assert headers["content-type"] == "application/json"
        error = json.loads(body)["error"]
        assert error["code"]
        assert error["message"]
    elif headers["content-type"] == JSON:
        assert json.loads(body)["code"] > 0
    else:
        assert headers["content-type"] == PROTOBUF
        assert Status.FromString(body).code > 0


def check_datadog(status: int, headers: dict[str, str], body: bytes) -> None:
    """Fail unless Datadog answers like this; 415 would be sent again without end."""
    assert headers["content-type"] == JSON
    found = json.loads(body)
    if status in {200, 202}:
        assert found in ({}, {"rate_by_service": {}}, {"valid": True})
        return
    assert status in {400, 403, 413, 503}, (status, body)
    assert status != 503 or headers["retry-after"].isdigit()
    assert found["errors"][0]["status"] == str(status)


def check_splunk(status: int, headers: dict[str, str], body: bytes) -> None:
    """Fail unless Splunk answers like this."""
    assert headers["content-type"] == JSON
    found = json.loads(body)
    assert status in {200, 400, 403, 413, 415, 503}, (status, body)
    assert status != 503 or headers["retry-after"].isdigit()
    if "acks" not in found:
        assert (status == 200) == (found["code"] in (0, 17))
        assert found["text"]


def check_elasticsearch(status: int, headers: dict[str, str], body: bytes) -> None:
    """Fail unless Elasticsearch answers like this."""
    assert headers["x-elastic-product"] == "Elasticsearch"
    assert headers["content-type"] == JSON
    found = json.loads(body)
    if status == 200:
        statuses = [one["status"] for item in found["items"] for one in item.values()]
        assert found["errors"] == (400 in statuses)
        return
    assert status in {400, 403, 413, 415, 503}, (status, body)
    assert status != 503 or headers["retry-after"].isdigit()
    assert found["status"] == status
    assert found["error"]["type"]


def _acknowledged(
    doors: Doors, one: Call, family: str, headers: dict[str, str], body: bytes
) -> None:
    if family == "lines":
        tenant = one.headers["X-Scope-OrgID"] or "default"
        doors.acknowledged[one.protocol, tenant] += json.loads(body)["records"]
    elif family == "otlp_http":
        assert body in (b"", b"{}")
    else:
        assert body == b""
    assert "content-type" in headers or not body


_SETTINGS = settings(
    deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True
)


@settings(_SETTINGS, max_examples=1200)
@given(one=calls())
def test_any_request_gets_an_answer_of_its_protocol(doors: Doors, one: Call) -> None:
    check_answer(doors, one, send(doors, one))


_BOMB = bytes(3_000_000)


@pytest.mark.parametrize(("protocol", "listener", "path"), TARGETS)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "lz4", "gzip, gzip"])
def test_what_unpacks_to_more_than_the_limit_is_too_large(
    doors: Doors, protocol: str, listener: str, path: str, encoding: str
) -> None:
    body = _BOMB
    for name in encoding.split(", "):
        body = PACKERS[name](body)
    media_type = BODIES[protocol][0][1]
    one = Call(
        protocol, listener, path, body, {"Content-Type": media_type, "Content-Encoding": encoding}
    )
    answer = send(doors, one)
    check_answer(doors, one, answer)
    assert answer[0] == 413


def test_a_snappy_block_that_promises_more_than_the_limit_is_too_large(doors: Doors) -> None:
    promise = b"\xff\xff\xff\xff\x0f"
    one = Call("loki", "loki", "/loki/api/v1/push", promise, {"Content-Type": PROTOBUF})
    assert send(doors, one)[0] == 413


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


@pytest.fixture(scope="module")
def channel(doors: Doors) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel("{}:{}".format(*doors.address("otlp_grpc"))) as opened:
        yield opened


@settings(_SETTINGS, max_examples=150)
@given(
    message=st.one_of(st.binary(max_size=300), bent(BODIES["otlp_http"][0][0])),
    compression=st.sampled_from(_COMPRESSIONS),
    tenant=st.sampled_from((*TENANTS, "bad tenant!", "_platform")),
)
def test_any_message_over_grpc_gets_a_status(
    doors: Doors, channel: grpc.Channel, message: bytes, compression: grpc.Compression, tenant: str
) -> None:
    export = channel.unary_unary(EXPORT)
    metadata = (("x-scope-orgid", tenant),) if tenant else ()
    done = export.future(message, metadata=metadata, compression=compression, timeout=60)
    assert done.code() in {grpc.StatusCode.OK, *INVALID}, done.details()
    assert bool(done.details()) == (done.code() is not grpc.StatusCode.OK)


def test_an_unknown_grpc_method_is_unimplemented(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/no.Such/Method")(b"", timeout=60)
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
    answer: Answer = call(doors.address("otlp_grpc"), b"", headers={"content-type": "text/html"})
    assert answer.headers[":status"] == "415"


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@settings(_SETTINGS, max_examples=80)
@given(data=st.binary(min_size=1, max_size=300).map(PREFACE.__add__) | st.binary(min_size=1))
def test_bytes_that_are_no_http2_end_the_connection_only(doors: Doors, data: bytes) -> None:
    _raw(doors.address("otlp_grpc"), data)
    answer = call(doors.address("otlp_grpc"), framed(b""))
    assert answer.grpc_status == 0


# ---- At the end --------------------------------------------------------------------------------


def _sums(server: ServerProcess) -> dict[tuple[str, str], dict[str, float]]:
    found: dict[tuple[str, str], dict[str, float]] = {}
    for (name, door, tenant), value in server.metrics().items():
        short = name.removeprefix("meshseal_records_").removesuffix("_total")
        if short in NAMES:
            sums = found.setdefault((door, tenant), dict.fromkeys(NAMES, 0.0))
            sums[short] += value
    return found


def _settled(doors: Doors) -> dict[tuple[str, str], dict[str, float]]:
    """Return the counters once nothing waits in the spool any more."""
    for _ in range(600):
        sums = _sums(doors.server)
        waiting = [
            key
            for key, one in sums.items()
            if one["received"] != sum(one[name] for name in NAMES - {"received"})
        ]
        if not waiting:
            return sums
        time.sleep(0.1)
    raise AssertionError(f"received is not stored + refused + deduplicated + aside: {waiting}")


def _complaints(server: ServerProcess) -> list[str]:
    """Return what the log has of exceptions that nobody expected."""
    found = (json.loads(line) for line in server.log().splitlines() if line.startswith("{"))
    # What is no HTTP/2 can make the library below the gRPC door raise; that ends the connection.
    known = "Unhandled exception in client_connected_cb"
    return [
        str(entry)[:2000]
        for entry in found
        if "exception" in entry and not entry["event"].startswith(known)
    ]


def test_at_the_end_no_record_is_missing_and_the_server_is_well(doors: Doors) -> None:
    sums = _settled(doors)
    assert {door for door, _ in sums} >= {p.name for p in PROTOCOLS}
    for key, records in doors.acknowledged.items():
        assert sums[key]["received"] == records, key
    rows = ask(doors.server, "SELECT Door, Tenant, count() FROM logs GROUP BY Door, Tenant")
    stored = {(door, tenant): count for door, tenant, count in rows}
    assert {key: one["stored"] for key, one in sums.items() if one["stored"]} == stored
    for tenant in {tenant for _, tenant in sums}:
        expected = sum(count for key, count in stored.items() if key[1] == tenant)
        # A bent time may lie up to a day ahead.
        found = doors.server.metric(EVERYTHING, tenant=tenant, at=time.time() + 2 * 86_400)
        assert found == expected, tenant
    assert doors.server.get("/readyz").status_code == 200
    os.kill(doors.server.pid, 0)
    assert _complaints(doors.server) == []
    assert doors.server.get("/meshseal/v1/status").json()["engine"]["restarts"] == 0
