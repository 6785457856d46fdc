"""Documents of bulk requests: each shipper's shape becomes its columns, and no bytes are lost."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.model.errors import PayloadError
from meshseal.wire.elastic import decode
from meshseal.wire.protocol import Request
from tests.shape.cases import RECEIVED
from tests.shape.decoder import Decoder, Row, envelope
from tests.shape.elastic_cases import AT, SHIPPERS, Case
from tests.shape.test_access_logs import istio_json

pytestmark = pytest.mark.engine

_ISTIO = istio_json()

BODIES = [
    Case(
        "a document without a message is its own body",
        {"@timestamp": AT, "event": {"action": "login"}, "level": "warn", "host": {"name": "h"}},
        None,
        {"SeverityText": "warn", "SeverityNumber": "13"},
        {"host.name": "h"},
        {"@timestamp": AT, "event.action": "login", "level": "warn", "host.name": "h"},
    ),
    Case(
        "a message that is no text is part of the document",
        {"@timestamp": AT, "message": {"a": 1}},
        None,
        other={"@timestamp": AT, "message.a": "1"},
    ),
    Case(
        "an empty message gives way to the log",
        {"@timestamp": AT, "message": "", "log": "l"},
        "l",
        other={"message": ""},
    ),
    Case(
        "JSON in the message is read",
        {"@timestamp": AT, "message": '{"level":"error","orders":7,"service":"pay"}'},
        '{"level":"error","orders":7,"service":"pay"}',
        {
            "Format": "json",
            "SeverityText": "error",
            "SeverityNumber": "17",
            "ServiceName": "pay",
        },
        other={"level": "error", "orders": "7", "service": "pay"},
    ),
    Case("no object but an empty one", "{}", None, {"Timestamp": RECEIVED}),
]

TIMES = [
    Case(f"@timestamp={value!r}", {"@timestamp": value, "message": "m"}, "m")
    for value in (
        "2026-09-20T10:11:12.123Z",
        "2026-09-20T12:11:12.123+02:00",
        1789899072123,
        "1789899072123",
        1789899072.123,
    )
] + [
    Case(
        "a time that is none stays as it is",
        {"@timestamp": "yesterday", "message": "m"},
        "m",
        {"Timestamp": RECEIVED},
        other={"@timestamp": "yesterday"},
    ),
    Case(
        "seconds in `time`",
        {"time": 1789899072.123, "message": "m"},
        "m",
        other={"time": "1789899072.123"},
    ),
]

LEVELS = [
    Case(
        f"level in {name}",
        {"@timestamp": AT, "message": "m", **document},
        "m",
        {"SeverityText": "Warning", "SeverityNumber": "13"},
        other=other,
    )
    for name, document, other in (
        ("log.level, nested", {"log": {"level": "Warning"}}, {}),
        ("log.level, flat", {"log.level": "Warning"}, {}),
        ("level", {"level": "Warning"}, {"level": "Warning"}),
        ("severity", {"severity": "Warning"}, {"severity": "Warning"}),
    )
]

NAMES = [
    Case(
        "a data stream's parts are its index's",
        {"@timestamp": AT, "message": "m"},
        "m",
        action='{"create":{"_index":"logs-nginx.access-prod-eu"}}',
        named={
            "elasticsearch.index": "logs-nginx.access-prod-eu",
            "data_stream.type": "logs",
            "data_stream.dataset": "nginx.access",
            "data_stream.namespace": "prod-eu",
        },
    ),
    Case(
        "what the document says of its data stream holds",
        {"@timestamp": AT, "message": "m", "data_stream.dataset": "other"},
        "m",
        other={"data_stream.dataset": "other"},
        action='{"create":{"_index":"logs-nginx-prod"}}',
        named={
            "elasticsearch.index": "logs-nginx-prod",
            "data_stream.type": "logs",
            "data_stream.namespace": "prod",
        },
    ),
    Case(
        "a number as id, and all that an action says",
        {"@timestamp": AT, "message": "m"},
        "m",
        action='{"index":{"_index":"a\\"b","_id":7,"routing":"r","version":3,"_type":"t"}}',
        named={
            "elasticsearch.index": 'a"b',
            "elasticsearch.id": "7",
            "elasticsearch.routing": "r",
            "elasticsearch.version": "3",
            "elasticsearch.type": "t",
        },
    ),
    Case(
        "the index of the request where the action names none",
        {"@timestamp": AT, "message": "m"},
        "m",
        action='{"index":{}}',
        named={"elasticsearch.index": "of-the-path"},
    ),
]

BYTES = [
    Case(
        "bytes that are no UTF-8",
        b'{"@timestamp":"2026-09-20T10:11:12.123Z","message":"caf\xff","n":1}',
        "caf\N{REPLACEMENT CHARACTER}",
        other={
            "n": "1",
            "log.record.original": '{"@timestamp":"2026-09-20T10:11:12.123Z",'
            '"message":"caf\udcff","n":1}',
        },
    ),
    Case(
        "half a surrogate: JSON to its sender, no JSON to the engine",
        '{"message":"\\ud800"}',
        None,
        {"Timestamp": RECEIVED, "Format": "unparsed"},
    ),
    Case(
        "what is nested deeper than four levels stays JSON",
        {"@timestamp": AT, "message": "m", "a": {"b": {"c": {"d": {"e": 1}}}}},
        "m",
        other={"a.b.c.d": '{"e":1}'},
    ),
    Case(
        "null says nothing",
        {"@timestamp": AT, "message": "m", "a": None, "b": [None, 1.5], "c": False},
        "m",
        other={"b": "[null,1.5]", "c": "false"},
    ),
]

CASES = [*SHIPPERS, *BODIES, *TIMES, *LEVELS, *NAMES, *BYTES]


CONTENT = b"\n".join(line for case in CASES for line in (case.action.encode(), case.source))
LABELS = {"elasticsearch.index": "of-the-path"}


@pytest.fixture(scope="module")
def rows(decoder: Decoder) -> dict[str, Row]:
    """The row of each case, all decoded in one pass as one request."""
    found = decoder.rows(Payload.ELASTIC_DOCUMENTS, CONTENT, len(CASES), labels=LABELS)
    return {case.id: row for case, row in zip(CASES, found, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_document_becomes_its_record(rows: dict[str, Row], case: Case) -> None:
    assert rows[case.id] == case.expected()


def test_no_attribute_stands_twice(decoder: Decoder) -> None:
    one = replace(envelope(Payload.ELASTIC_DOCUMENTS, CONTENT, len(CASES)), labels=LABELS)
    for case, decoded in zip(CASES, decoder.decode(one), strict=True):
        for name in ("OtherAttributes", "ResourceAttributes"):
            pairs = decoded.record[name]
            assert isinstance(pairs, list)
            keys = [key for key, _ in pairs]
            assert sorted(keys) == sorted(set(keys)), case.id


def test_an_access_log_is_read_wherever_it_is(decoder: Decoder) -> None:
    documents = [
        {"@timestamp": AT, "message": _ISTIO, "kubernetes": {"pod": {"name": "p"}}},
        {"@timestamp": AT, "log": _ISTIO + "\n"},
        json.loads(_ISTIO),
    ]
    lines = [line for one in documents for line in ('{"index":{"_index":"i"}}', json.dumps(one))]
    found = decoder.rows(Payload.ELASTIC_DOCUMENTS, "\n".join(lines).encode(), 3)
    plain = decoder.line(_ISTIO)
    assert [row["Format"] for row in found] == ["istio_json"] * 3
    same = ("HttpRequestMethod", "UrlPath", "HttpResponseStatusCode", "UpstreamCluster", "Reporter")
    for row in found:
        assert [row.get(name) for name in same] == [plain.get(name) for name in same]
    assert found[0]["ResourceAttributes"] == {"k8s.pod.name": "p"}
    assert [row["Body"] for row in found] == [_ISTIO, _ISTIO, json.dumps(documents[2])]


_ANY = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "message",
                    "log",
                    "level",
                    "@timestamp",
                    "host",
                    "service",
                    "name",
                    "a.b",
                    "",
                    "labels",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
_DOCUMENTS = st.dictionaries(st.text(max_size=8) | st.sampled_from(["log", "host"]), _JSON)
_ACTIONS = st.sampled_from(
    [
        '{"index":{"_index":"logs-a-b"}}',
        ' {"create" : {"_index":"i","_id":"\\u00e9","x":{"y":[1]}}} ',
        '{"create":{"_index":"i"},"create":{"_index":"j"}}',
    ]
)


@_ANY
@given(
    pairs=st.lists(
        st.tuples(_ACTIONS, _DOCUMENTS.map(json.dumps) | st.binary(max_size=20).map(repr)),
        min_size=1,
        max_size=5,
    ),
    junk=st.binary(max_size=8),
    end=st.sampled_from(["", "\n", "\r\n"]),
)
def test_the_engine_finds_as_many_records_as_the_door(
    decoder: Decoder, pairs: list[tuple[str, str]], junk: bytes, end: str
) -> None:
    text = (end or "\n").join(line for pair in pairs for line in pair) + end
    body = text.encode().replace(b"message", b"message" + junk.replace(b"\n", b"")[:1])
    try:
        decoded = decode(
            Request("/_bulk", {}, {}, body, 1, "elasticsearch", "t", "s", method="PUT")
        )
    except PayloadError:
        return
    for one in decoded.envelopes:
        # `rows` fails where the engine finds another number of records than the door.
        found = decoder.rows(Payload.ELASTIC_DOCUMENTS, bytes(one.content), one.records)
        assert len(found) == decoded.records
