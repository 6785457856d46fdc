"""JSON, logfmt and lines of no format; hints; times in every notation; lines and their ends."""

from __future__ import annotations

import json

import pytest

from meshseal.model.envelope import Payload
from meshseal.shape.formats import BUILT_IN, FORMATS
from meshseal.wire.lines import FORMAT_HINTS
from tests.shape.cases import Case, decode_all
from tests.shape.decoder import Decoder, Row
from tests.shape.test_access_logs import AT, ISTIO_CLIENT, OK, istio_json

pytestmark = pytest.mark.engine

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def stamped(key: str, value: object, at: str) -> Case:
    """A JSON line with nothing but a time in it."""
    text = value if isinstance(value, str) else json.dumps(value)
    line = json.dumps({key: value})
    return Case(f"time {key}={value!r}", line, "json", at=at, other={key: text})


SECOND = "2026-09-20T10:11:12"
TIMES = [
    stamped("time", "2026-09-20T10:11:12Z", SECOND),
    stamped("timestamp", "2026-09-20T10:11:12.123456789Z", f"{SECOND}.123456789"),
    stamped("@timestamp", "2026-09-20T10:11:12.123+00:00", f"{SECOND}.123"),
    stamped("ts", "2026-09-20T05:41:12-04:30", SECOND),
    stamped("time", "2026-09-20 10:11:12", SECOND),
    stamped("time", "2026-09-20 10:11:12.5", f"{SECOND}.5"),
    stamped("ts", 1789899072, SECOND),
    stamped("ts", "1789899072", SECOND),
    stamped("ts", 1789899072123, f"{SECOND}.123"),
    stamped("ts", "1789899072123456", f"{SECOND}.123456"),
    stamped("ts", "1789899072123456789", f"{SECOND}.123456789"),
    stamped("ts", "1789899072.25", f"{SECOND}.25"),
    stamped("time", "yesterday", ""),
    stamped("time", "99", ""),
]

LEVELS = [
    Case(f"level {word}", f'{{"level":"{word}"}}', "json", columns, other={"level": word})
    for word, columns in {
        "trace": {"SeverityText": "trace", "SeverityNumber": "1"},
        "DEBUG": {"SeverityText": "DEBUG", "SeverityNumber": "5"},
        "Info": {"SeverityText": "Info", "SeverityNumber": "9"},
        "notice": {"SeverityText": "notice", "SeverityNumber": "10"},
        "warning": {"SeverityText": "warning", "SeverityNumber": "13"},
        "err": {"SeverityText": "err", "SeverityNumber": "17"},
        "crit": {"SeverityText": "crit", "SeverityNumber": "18"},
        "panic": {"SeverityText": "panic", "SeverityNumber": "21"},
        "loud": {"SeverityText": "loud"},
    }.items()
]

JSONS = [
    Case(
        "an application's JSON with all that is known",
        json.dumps(
            {
                "timestamp": "2026-09-20T10:11:12Z",
                "severity": "ERROR",
                "service": "checkout",
                "traceId": TRACE.upper(),
                "spanId": SPAN,
                "message": "no stock",
                "http.request.method": "PUT",
                "http": {"response": {"status_code": 409}},
            }
        ),
        "json",
        {
            "SeverityText": "ERROR",
            "SeverityNumber": "17",
            "TraceId": TRACE,
            "SpanId": SPAN,
            "HttpRequestMethod": "PUT",
            "HttpResponseStatusCode": "409",
        },
        at=SECOND,
        other={
            "timestamp": "2026-09-20T10:11:12Z",
            "severity": "ERROR",
            "service": "checkout",
            "traceId": TRACE.upper(),
            "spanId": SPAN,
            "message": "no stock",
        },
        service="checkout",
    ),
    Case(
        "nesting is paths, four levels deep",
        '{"a":{"b":{"c":{"d":1,"e":{"f":2}}}},"l":[1,{"x":2}],"t":true,"n":null,"z":0.5,"s":""}',
        "json",
        other={
            "a.b.c.d": "1",
            "a.b.c.e": '{"f":2}',
            "l": '[1,{"x":2}]',
            "t": "true",
            "z": "0.5",
            "s": "",
        },
    ),
    Case("an empty object", "{}", "json"),
    Case("an object that does not end", '{"a":1', "unparsed"),
    Case("braces that hold no JSON", "{hello}", "unparsed"),
    Case("an array is no object", '[{"a":1}]', "unparsed"),
    Case("a short trace id is filled up", f'{{"trace_id":"{SPAN}"}}', "json",
         {"TraceId": f"0000000000000000{SPAN}"}, other={"trace_id": SPAN}),
    Case("a trace id of zeros is none", f'{{"trace_id":"{"0" * 32}"}}', "json",
         other={"trace_id": "0" * 32}),
    Case("a trace id that is none", '{"trace_id":"abc","span_id":"xyz"}', "json",
         other={"trace_id": "abc", "span_id": "xyz"}),
    Case(
        "one key twice keeps both",
        '{"http.request.method":"A","http.request.method":"B"}',
        "json",
        {"HttpRequestMethod": "A"},
        other={"http.request.method": "B"},
    ),
    Case("a status that is no number stays an attribute", '{"http.response.status_code":"2xx"}',
         "json", other={"http.response.status_code": "2xx"}),
    Case("escapes and text beyond ASCII", '{"k\\u00e4":"a\\n\\"\\ud83d\\udd12\\u0000"}', "json",
         other={"kä": 'a\n"\U0001f512\0'}),
]  # fmt: skip

LOGFMTS = [
    Case(
        "logfmt with quotes",
        'time=2026-09-20T10:11:12Z level=err service=web msg="a \\"b\\" = c" empty= q="" '
        "path=/x?y=1",
        "logfmt",
        {"SeverityText": "err", "SeverityNumber": "17"},
        at=SECOND,
        other={
            "time": "2026-09-20T10:11:12Z",
            "level": "err",
            "service": "web",
            "msg": 'a "b" = c',
            "empty": "",
            "q": "",
            "path": "/x?y=1",
        },
        service="web",
    ),
    Case("one pair", "a=1", "logfmt", other={"a": "1"}),
    Case("words before the pairs", "hello a=1", "unparsed"),
    Case("a lonely equals sign", "=", "unparsed"),
]

PLAIN = [
    Case("words", "hello world", "unparsed"),
    Case("spaces are kept", "  two spaces  ", "unparsed"),
    Case("control characters are kept", "\x1b[31mred\x1b[0m\t\x00\x7f", "unparsed"),
    Case("what is no UTF-8 is kept", b"\xff\xfe caf\xe9", "unparsed"),
    Case("one letter", "x", "unparsed"),
    Case("a hundred thousand letters", "y" * 100_000, "unparsed"),
    Case("a bracket", "[2026-09-20T10:11:12Z] starting up", "unparsed"),
]

HINTED = [
    Case("a hint that fits", istio_json(), "istio_json", OK, at=AT, hint="istio_json"),
    Case("a hint that does not fit gives way", "a=1", "logfmt", other={"a": "1"}, hint="json"),
    Case("a hint for words gives way", "hello", "unparsed", hint="istio_text"),
    Case(
        "a hint may say less than the content",
        '{"start_time":"2026-09-20T10:11:12Z","response_code":200}',
        "json",
        at=SECOND,
        other={"start_time": "2026-09-20T10:11:12Z", "response_code": "200"},
        hint="json",
    ),
    Case("kept as it is", ISTIO_CLIENT, "unparsed", hint="unparsed"),
]

CASES = [*TIMES, *LEVELS, *JSONS, *LOGFMTS, *PLAIN, *HINTED]


@pytest.fixture(scope="module")
def rows(decoder: Decoder) -> dict[str, Row]:
    return decode_all(decoder, CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_line_gives_its_record(rows: dict[str, Row], case: Case) -> None:
    assert rows[case.id] == case.expected()


def test_every_format_has_a_hint_and_the_door_knows_them_all() -> None:
    assert FORMAT_HINTS == BUILT_IN.hints == {*(entry.name for entry in FORMATS), "unparsed"}


@pytest.mark.parametrize(
    ("content", "bodies"),
    [
        pytest.param(b"a\nb", ["a", "b"], id="no end of line at the end"),
        pytest.param(b"a\nb\n", ["a", "b"], id="an end of line at the end"),
        pytest.param(b"a\r\nb\r\n", ["a", "b"], id="CRLF"),
        pytest.param(b"\n\r\n\na\n\n\nb\n\n", ["a", "b"], id="empty lines are no records"),
        pytest.param(b"a\rb\n", ["a\rb"], id="CR alone ends nothing"),
        pytest.param(b"a \n b", ["a ", " b"], id="spaces stay"),
        pytest.param(b"a\0b\n\0", ["a\0b", "\0"], id="NUL"),
    ],
)
def test_lines_end_as_the_door_counts_them(
    decoder: Decoder, content: bytes, bodies: list[str]
) -> None:
    rows = decoder.rows(Payload.LINES, content, len(bodies))
    assert [row["Body"] for row in rows] == bodies


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        pytest.param({"service.name": "a", "app": "b"}, "a", id="service.name first"),
        pytest.param({"app": "b", "job": "c"}, "b", id="then Loki's order"),
        pytest.param({"k8s.job.name": "j"}, "j", id="Kubernetes"),
        pytest.param({"service.name": ""}, "unknown_service", id="an empty name is none"),
        pytest.param({'ü=,"': "x"}, "unknown_service", id="odd labels"),
    ],
)
def test_labels_are_resource_attributes_and_name_the_service(
    decoder: Decoder, labels: dict[str, str], service: str
) -> None:
    row = decoder.line("hello", **labels)
    assert row["ServiceName"] == service
    assert row["ResourceAttributes"] == labels


def test_documents_are_records_like_lines(decoder: Decoder) -> None:
    content = b'{"level":"info"}\n\n"text"\r\n17\n[1]\n'
    rows = decoder.rows(Payload.DOCUMENTS, content, 4)
    assert [(row["Format"], row["Body"]) for row in rows] == [
        ("json", '{"level":"info"}'),
        ("unparsed", '"text"'),
        ("unparsed", "17"),
        ("unparsed", "[1]"),
    ]
