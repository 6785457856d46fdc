"""Thirty operators and more in one format of one's own, as text and as JSON: a real Envoy writes
both of the same requests, and each line gives exactly the record that its values ask for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from meshseal.model.envelope import Payload
from meshseal.shape.custom import compile_format
from tests.shape.decoder import Decoder, Row
from tests.shape.envoy_traffic import AGENTS, ASKED, POD, SPAN, TRACE, ask_envoy

pytestmark = pytest.mark.engine

OPERATORS: dict[str, str] = {
    "time": "%START_TIME(%s.%3f)%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "code": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "received": "%BYTES_RECEIVED%",
    "sent": "%BYTES_SENT%",
    "took": "%DURATION%",
    "micros": "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
    "service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "server": "%RESP(SERVER)%",
    "agent": "%REQ(USER-AGENT)%",
    "id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%",
    "forwarded": "%REQ(X-FORWARDED-FOR)%",
    "trace": "%REQ(TRACEPARENT)%",
    "tenant": "%REQ(X-TENANT?X-TEAM):9%",
    "page": "%QUERY_PARAM(page)%",
    "host": "%UPSTREAM_HOST%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "up_local": "%UPSTREAM_LOCAL_ADDRESS%",
    "local": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "remote": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "route": "%ROUTE_NAME%",
    "kind": "%METADATA(ROUTE:com.example:kind)%",
    "sni": "%REQUESTED_SERVER_NAME%",
    "tls": "%DOWNSTREAM_TLS_VERSION%",
    "cipher": "%DOWNSTREAM_TLS_CIPHER%",
    "peer": "%DOWNSTREAM_PEER_URI_SAN%",
    "own": "%DOWNSTREAM_LOCAL_URI_SAN%",
    "subject": "%DOWNSTREAM_PEER_SUBJECT%",
    "issuer": "%DOWNSTREAM_PEER_ISSUER%",
    "hash": "%DOWNSTREAM_PEER_FINGERPRINT_256%",
    "from": "%DOWNSTREAM_PEER_CERT_V_START%",
    "to": "%DOWNSTREAM_PEER_CERT_V_END(%b %e %H:%M:%S %Y %Z)%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "connection": "%CONNECTION_ID%",
    "stream": "%STREAM_ID%",
    "type": "%ACCESS_LOG_TYPE%",
    "pod": "%ENVIRONMENT(POD_NAME)%",
    "machine": "%HOSTNAME%",
}
_Q = {name: f'"{operator}"' for name, operator in OPERATORS.items()}
TEXT = (
    "mine [{time}] {method} {path} {protocol}\t{code}/{flags} 100%% {details} {received}+{sent} "
    "{took}ms ({micros}us) {service_time} {server} {agent} {id} {authority} {forwarded} "
    "trace={trace} {tenant} {page} {host} {cluster} {up_local}>{local}<{remote} route={route} "
    "{kind} {sni} {tls}:{cipher} {peer} {own} {subject} {issuer} {hash} {from} {to} "
    "{attempts} {connection} {stream} {type} {pod}@{machine};"
).format(
    **OPERATORS
    | {
        name: _Q[name]
        for name in (
            "path",
            "server",
            "agent",
            "id",
            "authority",
            "forwarded",
            "tenant",
            "page",
            "peer",
            "own",
            "subject",
            "issuer",
            "to",
        )
    }
)
DOCUMENT: dict[str, Any] = {
    "request": {
        name: OPERATORS[name] for name in ("time", "method", "path", "protocol", "id", "authority")
    },
    "tls": [OPERATORS[name] for name in ("tls", "cipher", "peer", "own")],
    "say \"'\\`$${x}": "it's 100%%",
    "env": "prod",
    "level": 7,
    "both": "from {remote} to {host}".format(**OPERATORS),
    **{
        name: operator
        for name, operator in OPERATORS.items()
        if name
        not in (
            "time",
            "method",
            "path",
            "protocol",
            "id",
            "authority",
            "tls",
            "cipher",
            "peer",
            "own",
            "remote",
            "host",
        )
    },
}

ATTRIBUTES = {
    "page": "envoy.query_param.page",
    "server": "http.response.header.server",
    "tenant": "http.request.header.x-tenant",
    "trace": "http.request.header.traceparent",
    "micros": "envoy.common_duration.DS_RX_BEG:DS_TX_END:us",
    "kind": "envoy.metadata.ROUTE:com.example:kind",
    "cipher": "tls.cipher",
    "subject": "tls.client.subject",
    "issuer": "tls.client.issuer",
    "hash": "tls.client.hash.sha256",
    "from": "tls.client.not_before",
    "to": "tls.client.not_after",
    "connection": "envoy.connection_id",
    "stream": "envoy.stream_id",
    "type": "mesh.access_log_type",
}
COLUMNS = {
    "method": "HttpRequestMethod",
    "flags": "ResponseFlags",
    "details": "ResponseCodeDetails",
    "received": "HttpRequestBodySize",
    "sent": "HttpResponseBodySize",
    "agent": "UserAgentOriginal",
    "id": "RequestId",
    "cluster": "UpstreamCluster",
    "route": "Route",
    "sni": "TlsServerName",
    "peer": "PeerSpiffeId",
    "own": "LocalSpiffeId",
}


SEVERITIES: dict[str, Row] = {
    "503": {"SeverityText": "ERROR", "SeverityNumber": "17"},
    "0": {"SeverityText": "WARN", "SeverityNumber": "13"},
}
"""Of what is no success, with a flag where there was no answer."""


def values(line: bytes) -> dict[str, str]:
    """Return the values of a line of JSON by our names, '' where Envoy says that there is none."""
    found = json.loads(line)
    found |= found.pop("request")
    found |= dict(zip(("tls", "cipher", "peer", "own"), found["tls"], strict=True))
    found["remote"], found["host"] = found["both"].removeprefix("from ").split(" to ")
    return {name: "" if found[name] in (None, "-") else str(found[name]) for name in OPERATORS}


def expected(given: Mapping[str, str]) -> Row:
    """Return the columns that these values ask for, written out by hand."""
    flags, code = given["flags"], int(given["code"])
    row: Row = {column: given[name] for name, column in COLUMNS.items()}
    other = {attribute: given[name] for name, attribute in ATTRIBUTES.items()}
    row["Timestamp"] = str(int(given["time"].replace(".", "")) * 10**6)
    row["SeverityText"], row["SeverityNumber"] = "INFO", "9"
    row |= SEVERITIES.get(given["code"], {}) if code or flags else {}
    row["UrlPath"], _, row["UrlQuery"] = given["path"].partition("?")
    if code:
        row["HttpResponseStatusCode"] = str(code)
    else:
        other["http.response.status_code"] = "0"
    row["NetworkProtocolName"] = "http" if given["protocol"] else ""
    row["NetworkProtocolVersion"] = given["protocol"].removeprefix("HTTP/")
    row["DurationNanos"] = str(int(given["took"]) * 10**6)
    if given["service_time"]:
        row["UpstreamServiceTimeNanos"] = str(int(given["service_time"]) * 10**6)
    row["ErrorType"] = {"DC": "DownstreamConnectionTermination"}.get(flags, "")
    row["ErrorType"] = row["ErrorType"] or ("503" if code == 503 else "")
    host, _, port = given["authority"].rpartition(":")
    if not port.isdigit():
        host, port = given["authority"], ""
    row["ServerAddress"], row["ServerPort"] = host.strip("[]"), port
    remote, _, remote_port = given["remote"].rpartition(":")
    row["ClientAddress"] = remote
    if given["forwarded"]:
        row["ClientAddress"] = "203.0.113.7"
        other["http.request.header.x-forwarded-for"] = given["forwarded"]
    row["Reporter"] = "inbound" if given["cluster"] else ""
    # A request that Envoy answers itself has no upstream, whichever side it is on.
    row["NetworkPeerAddress"], row["NetworkPeerPort"] = remote, remote_port
    if remote_port == "0":  # Envoy has it from the header, which names no port.
        row["NetworkPeerPort"], other["network.peer.port"] = "", "0"
    row["NetworkLocalAddress"], _, row["NetworkLocalPort"] = given["local"].rpartition(":")
    row["UpstreamHost"], row["UpstreamLocalAddress"] = given["host"], given["up_local"]
    if given["trace"]:
        row["TraceId"], row["SpanId"] = TRACE, SPAN
    row["Mtls"] = "mutual" if given["peer"] else "plaintext"
    if given["tls"]:
        other["tls.protocol.name"], other["tls.protocol.version"] = "tls", given["tls"][4:]
    if given["attempts"] == "0":
        other["envoy.upstream_request_attempt_count"] = "0"
    else:
        other["mesh.retries"] = str(int(given["attempts"]) - 1)
    row["ResourceAttributes"] = {"host.name": given["machine"], "k8s.pod.name": POD}
    row["ServiceName"] = "unknown_service"
    row["OtherAttributes"] = {name: value for name, value in other.items() if value}
    return {name: value for name, value in row.items() if value}


Written = tuple[list[bytes], list[bytes]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return ask_envoy(tmp_path_factory.mktemp("envoy"), TEXT, DOCUMENT)


@pytest.fixture(scope="module")
def own(decoder: Decoder) -> Iterator[Decoder]:
    decoder.use(compile_format("mine_text", TEXT), compile_format("mine_json", DOCUMENT))
    yield decoder
    decoder.use()


def test_the_formats_hold_what_they_promise() -> None:
    assert len(OPERATORS) >= 30
    assert all(TEXT.count(operator) == 1 for operator in OPERATORS.values())


def test_envoy_wrote_every_request(written: Written) -> None:
    text, documents = written
    assert len(text) == len(documents) == len(ASKED)


def test_every_line_of_text_gives_its_record(own: Decoder, written: Written) -> None:
    lines, documents = written
    rows = decoded(own, lines)
    for ask, line, document, row in zip(ASKED, lines, documents, rows, strict=True):
        given = values(document)
        if ask.id in AGENTS:
            given["agent"] = AGENTS[ask.id].decode(errors="surrogateescape")
        wanted = expected(given) | {
            "Format": "mine_text",
            "Body": line.decode(errors="surrogateescape"),
        }
        assert row == wanted, ask.id


def test_every_line_of_json_gives_its_record(own: Decoder, written: Written) -> None:
    _, lines = written
    rows = decoded(own, lines)
    for ask, line, row in zip(ASKED, lines, rows, strict=True):
        wanted = expected(values(line)) | {"Format": "mine_json", "Body": line.decode()}
        wanted["OtherAttributes"] |= {
            "say \"'\\`$${x}": "it's 100%",
            "env": "prod",
            "level": "7",
        }
        assert row == wanted, ask.id


def test_a_hint_is_no_reason_to_read_a_line_that_is_of_another_format(
    own: Decoder, written: Written
) -> None:
    line = written[0][0].removeprefix(b"mine ")
    assert own.line(line, "mine_text")["Format"] == "unparsed"
    assert own.line('{"a":"b"}', "mine_text")["Format"] == "json"


def test_a_time_that_is_not_believed_is_kept(own: Decoder, written: Written) -> None:
    # Every test record is received two months before this one was written.
    other = own.line(written[0][0])["OtherAttributes"]
    stamp = values(written[1][0])["time"].replace(".", "")
    assert other["meshseal.timestamp.original"] == f"{stamp}000000"


def decoded(decoder: Decoder, lines: list[bytes]) -> list[Row]:
    """Return the records of lines that are received now."""
    content = b"\n".join(lines)
    return decoder.rows(Payload.LINES, content, len(lines), received_unix_nano=time.time_ns())
