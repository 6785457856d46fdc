"""The canonical form: what SQL seals is what the verifier's plain Python computes."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from meshseal.model.columns import LOG_COLUMNS
from meshseal.model.envelope import Payload
from meshseal.seal.canonical import Pairs, canonical, leaf, netstring, salt
from meshseal.wire.protos.spool_pb2 import OtlpLogs
from tests.shape.decoder import BATCH_KEY, RECEIVED_UNIX_NANO, Decoder, envelope
from tests.shape.test_access_logs import ISTIO_CLIENT, ISTIO_SERVER, istio_json

pytestmark = pytest.mark.engine

_TEXT = st.text(max_size=20) | st.sampled_from(["", ",", "3:abc,", "\0", "é" * 300, "1:,2:"])
_ANY_BYTES = st.binary(max_size=20) | _TEXT.map(lambda text: text.encode(errors="replace"))
_KEYS = _TEXT | st.sampled_from(
    ["http.request.method", "mesh.duration_ms", "http.response.body.size", "mesh.mtls", "b", "a"]
)
_VALUES = _TEXT | st.sampled_from(["0", "00", "12", "1.5", "18446744073709551615", "mutual"])
_BODIES = _TEXT | st.sampled_from([ISTIO_CLIENT, ISTIO_SERVER, istio_json(duration="1.25")])


@st.composite
def requests(draw: st.DrawFn) -> ExportLogsServiceRequest:
    """Many records in one request: a pass through the engine is what costs time."""
    request = ExportLogsServiceRequest()
    for _ in range(draw(st.integers(1, 3))):
        resource = request.resource_logs.add(schema_url=draw(_TEXT))
        for key, value in draw(st.lists(st.tuples(_KEYS, _VALUES), max_size=4)):
            resource.resource.attributes.add(key=key).value.string_value = value
        scope = resource.scope_logs.add(schema_url=draw(_TEXT))
        scope.scope.name, scope.scope.version = draw(_TEXT), draw(_TEXT)
        for _ in range(draw(st.integers(1, 10))):
            record = scope.log_records.add(
                time_unix_nano=draw(st.integers(0, 2**64 - 1) | st.just(RECEIVED_UNIX_NANO - 1)),
                observed_time_unix_nano=draw(st.integers(0, 2**63 - 1)),
                severity_text=draw(_TEXT),
                severity_number=draw(st.integers(0, 24)),
                trace_id=draw(st.binary(max_size=16)),
                span_id=draw(st.binary(max_size=8)),
                flags=draw(st.integers(0, 2**32 - 1)),
                event_name=draw(_TEXT),
            )
            record.body.string_value = draw(_BODIES)
            for key, value in draw(st.lists(st.tuples(_KEYS, _VALUES), max_size=6)):
                record.attributes.add(key=key).value.string_value = value
    return request


_SETTINGS = settings(
    deadline=None, database=None, max_examples=40, suppress_health_check=list(HealthCheck)
)


def check_leaves(decoder: Decoder, content: bytes, records: int, kind: Payload) -> None:
    one = replace(envelope(kind, content, records), tenant="team-a", labels={"k": "é,"})
    decoded = decoder.decode(one)
    assert len(decoded) == records
    for seq, each in enumerate(decoded):
        assert each.record["Seq"] == b"%d" % seq
        assert each.leaf == leaf(each.record, salt(BATCH_KEY, seq))


@_SETTINGS
@given(request=requests())
def test_sql_and_python_compute_the_same_leaf(
    decoder: Decoder, request: ExportLogsServiceRequest
) -> None:
    records = sum(len(one.scope_logs[0].log_records) for one in request.resource_logs)
    check_leaves(decoder, request.SerializeToString(), records, Payload.OTLP_LOGS)


@_SETTINGS
@given(values=st.lists(st.tuples(_ANY_BYTES, _ANY_BYTES), min_size=1, max_size=30))
def test_bytes_that_are_no_text_hash_alike_too(
    decoder: Decoder, values: list[tuple[bytes, bytes]]
) -> None:
    request = OtlpLogs()
    scope = request.resource_logs.add().scope_logs.add()
    for key, value in values:
        record = scope.log_records.add(severity_text=value)
        record.body.string_value = key
        record.attributes.add(key=key).value.string_value = value
        record.attributes.add(key=value).value.string_value = key
        record.attributes.add(key=key).value.string_value = b"again"
    check_leaves(decoder, request.SerializeToString(), len(values), Payload.OTLP_LOGS)


@_SETTINGS
@given(lines=st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=60))
def test_lines_hash_alike(decoder: Decoder, lines: list[str]) -> None:
    encoded = [line.encode(errors="replace").replace(b"\n", b"").strip(b"\r") for line in lines]
    kept = [line for line in encoded if line]
    if kept:
        check_leaves(decoder, b"\n".join(kept), len(kept), Payload.LINES)


def test_a_known_record_has_a_known_leaf() -> None:
    # Written out by hand from the definition, so that no change of the form goes unseen.
    record: dict[str, bytes | Pairs] = {column.name: b"" for column in LOG_COLUMNS}
    record |= {
        "ResourceAttributes": [(b"b", b"2"), (b"a", b"1"), (b"a", b"0")],
        "ScopeAttributes": [],
        "OtherAttributes": [],
        "Body": "ä,".encode(),
        "Seq": b"7",
    }
    parts = {"ResourceAttributes": b"24:1:a,1:0,1:a,1:1,1:b,1:2,,", "Body": "3:ä,,".encode()}
    parts["Seq"] = b"1:7,"
    expected = b"meshseal-record-v1" + b"".join(
        parts.get(column.name, b"0:,") for column in LOG_COLUMNS
    )
    assert canonical(record) == expected
    salted = hashlib.sha256(BATCH_KEY + struct.pack(">Q", 7)).digest()
    assert leaf(record, salt(BATCH_KEY, 7)) == hashlib.sha256(b"\0" + salted + expected).digest()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", b"0:,"),
        (b"a", b"1:a,"),
        ("ä".encode(), b"2:\xc3\xa4,"),
        (b"x" * 12, b"12:" + b"x" * 12 + b","),
    ],
)
def test_a_netstring_counts_bytes(content: bytes, expected: bytes) -> None:
    assert netstring(content) == expected


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"Body": None}, id="a column is missing"),
        pytest.param({"Body": [(b"a", b"b")]}, id="pairs where text belongs"),
        pytest.param({"OtherAttributes": b"text"}, id="text where pairs belong"),
    ],
)
def test_a_record_of_the_wrong_shape_has_no_form(change: dict[str, object]) -> None:
    maps = ("ResourceAttributes", "ScopeAttributes", "OtherAttributes")
    record = {column.name: [] if column.name in maps else b"" for column in LOG_COLUMNS} | change
    kept = {name: value for name, value in record.items() if value is not None}
    with pytest.raises((KeyError, TypeError)):
        canonical(kept)  # type: ignore[arg-type]
