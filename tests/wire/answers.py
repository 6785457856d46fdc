"""What each protocol over HTTP may answer, and how many records an answer then speaks of."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from google.rpc.status_pb2 import Status

from meshseal.receive.decompress import decompress, decompress_by_magic
from meshseal.wire import PROTOCOL
from meshseal.wire.protocol import MAX_REQUEST_BYTES, Request
from tests.wire.bent import Call
from tests.wire.samples import JSON, PROTOBUF


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]


def check_answer(one: Call, answer: Answer) -> bool:
    """Fail unless the answer is one that the protocol has for such a request.

    Return whether it says that the request was taken.
    """
    assert answer.status in {200, 202, 204, 400, 403, 413, 415, 503}, answer
    assert answer.status != 503 or answer.headers["retry-after"].isdigit()
    _CHECKS[one.protocol](one, answer)
    return answer.status < 300


def records_of(one: Call) -> int:
    """Return how many records are in a request that is taken, refused ones with them."""
    protocol = PROTOCOL[one.protocol]
    path, _, query = one.path.partition("?")
    headers = {name.lower(): value for name, value in one.headers.items()}
    encoding = headers.get("content-encoding", "")
    body = one.body
    if protocol.packed_by_magic:
        body = decompress_by_magic(body, limit_bytes=MAX_REQUEST_BYTES)
    elif encoding.lower() != "snappy":
        body = decompress(body, encoding, limit_bytes=MAX_REQUEST_BYTES)
    request = Request(
        path=path if path in protocol.paths else path.removeprefix(protocol.prefix),
        query=parse_qs(query, keep_blank_values=True),
        headers=headers,
        body=body,
        received_unix_nano=time.time_ns(),
        door=one.protocol,
        tenant=one.tenant,
        source="trial",
    )
    decoded = protocol.decode(request)
    return decoded.records + decoded.refused


# ---- Each of them ------------------------------------------------------------------------------


def _otlp(_: Call, answer: Answer) -> None:
    if answer.status == 200:
        is_partial = b"metrics" in answer.body
        assert is_partial or answer.body in (b"", b"{}")
    elif answer.media_type == JSON:
        assert json.loads(answer.body)["code"] > 0
    else:
        assert answer.media_type == PROTOBUF
        assert Status.FromString(answer.body).code > 0


def _plain(success: int, *, unsupported: int = 415) -> Callable[[Call, Answer], None]:
    """What answers with the reason as text, and with nothing where all is well."""

    def check(_: Call, answer: Answer) -> None:
        if answer.status < 300:
            assert (answer.status, answer.body) == (success, b"")
            return
        assert answer.status in {400, 403, 413, unsupported, 503}
        assert answer.media_type == "text/plain"
        assert answer.body.decode()

    return check


def _own(one: Call, answer: Answer) -> None:
    assert answer.media_type == JSON
    found = json.loads(answer.body)
    if answer.status == 200:
        assert found == {"records": records_of(one)}
    else:
        assert found["error"]["code"]
        assert found["error"]["message"]


def _datadog(_: Call, answer: Answer) -> None:
    # 415 would be sent again without end.
    assert answer.status != 415
    assert answer.media_type == JSON
    found = json.loads(answer.body)
    if answer.status in {200, 202}:
        assert found in ({}, {"rate_by_service": {}}, {"valid": True})
    else:
        assert found["errors"][0]["status"] == str(answer.status)


def _splunk(_: Call, answer: Answer) -> None:
    assert answer.media_type == JSON
    found = json.loads(answer.body)
    if "acks" not in found:
        assert (answer.status == 200) == (found["code"] in (0, 17))
        assert found["text"]


def _elasticsearch(_: Call, answer: Answer) -> None:
    assert answer.headers["x-elastic-product"] == "Elasticsearch"
    assert answer.media_type == JSON
    found = json.loads(answer.body)
    if answer.status == 200:
        statuses = [one["status"] for item in found["items"] for one in item.values()]
        assert found["errors"] == (400 in statuses)
    else:
        assert found["status"] == answer.status
        assert found["error"]["type"]


def _firehose(_: Call, answer: Answer) -> None:
    assert answer.media_type == JSON
    found = json.loads(answer.body)
    if answer.status == 200:
        assert found["requestId"]
        assert found["timestamp"] > 0
    else:
        assert found["errorMessage"]


_CHECKS: dict[str, Callable[[Call, Answer], None]] = {
    "otlp_http": _otlp,
    "loki": _plain(204, unsupported=400),
    "lines": _own,
    "documents": _own,
    "elasticsearch": _elasticsearch,
    "splunk_hec": _splunk,
    "gelf_http": _plain(202, unsupported=400),
    "aws_firehose": _firehose,
    "gcp_pubsub": _plain(204),
    "azure_records": _plain(202),
    "datadog": _datadog,
    "zipkin": _plain(202),
    "jaeger_http": _plain(202),
}
