"""Access logs of Envoy, Istio and Consul: real lines and their odd relatives.

Sources of the samples: the access log pages of Envoy's and Istio's documentation, and Consul's
`json_format` in its proxy defaults.
"""

from __future__ import annotations

import json

import pytest

from tests.shape.cases import Case, decode_all
from tests.shape.decoder import Decoder, Row

pytestmark = pytest.mark.engine

ENVOY = (
    '[2016-04-15T20:17:00.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" '
    '"nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80"'
)
ISTIO_CLIENT = (
    '[2020-11-25T21:26:18.409Z] "GET /status/418 HTTP/1.1" 418 - via_upstream - "-" 0 135 4 4 "-" '
    '"curl/7.73.0-DEV" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "10.44.1.27:80" '
    "outbound|8000||httpbin.foo.svc.cluster.local 10.44.1.23:37652 10.0.45.184:8000 "
    "10.44.1.23:46520 - default"
)
ISTIO_SERVER = (
    '[2020-11-25T21:26:18.409Z] "GET /status/418 HTTP/1.1" 418 - via_upstream - "-" 0 135 3 1 "-" '
    '"curl/7.73.0-DEV" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "127.0.0.1:80" '
    "inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 10.44.1.23:37652 "
    "outbound_.8000_._.httpbin.foo.svc.cluster.local default"
)
INFO = {"SeverityText": "INFO", "SeverityNumber": "9"}
WARN = {"SeverityText": "WARN", "SeverityNumber": "13"}
ERROR = {"SeverityText": "ERROR", "SeverityNumber": "17"}
HTTP11 = {"NetworkProtocolName": "http", "NetworkProtocolVersion": "1.1"}
TEAPOT = {
    **WARN,
    **HTTP11,
    "HttpRequestMethod": "GET",
    "UrlPath": "/status/418",
    "HttpResponseStatusCode": "418",
    "HttpRequestBodySize": "0",
    "HttpResponseBodySize": "135",
    "ResponseCodeDetails": "via_upstream",
    "ServerAddress": "httpbin",
    "ServerPort": "8000",
    "UserAgentOriginal": "curl/7.73.0-DEV",
    "RequestId": "84961386-6d84-929d-98bd-c5aee93b5c88",
    "Route": "default",
}


def istio_json(**changes: object) -> str:
    """Return a line of Istio's JSON with some fields changed; None leaves a field out."""
    fields: dict[str, object] = {
        "start_time": "2026-09-20T10:11:12.345Z",
        "method": "GET",
        "path": "/",
        "protocol": "HTTP/1.1",
        "response_code": 200,
        "response_flags": "-",
        **changes,
    }
    kept = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False)


PLAIN = {**INFO, **HTTP11, "HttpRequestMethod": "GET", "UrlPath": "/"}
OK = {**PLAIN, "HttpResponseStatusCode": "200"}
AT = "2026-09-20T10:11:12.345"

CASES = [
    Case(
        "Envoy, default text, ten years old",
        ENVOY,
        "envoy_text",
        {
            **INFO,
            "HttpRequestMethod": "POST",
            "UrlPath": "/api/v1/locations",
            "NetworkProtocolName": "http",
            "NetworkProtocolVersion": "2",
            "HttpResponseStatusCode": "204",
            "HttpRequestBodySize": "154",
            "HttpResponseBodySize": "0",
            "DurationNanos": "226000000",
            "UpstreamServiceTimeNanos": "100000000",
            "ClientAddress": "10.0.35.28",
            "UserAgentOriginal": "nsq2http",
            "RequestId": "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2",
            "ServerAddress": "locations",
            "NetworkPeerAddress": "10.0.2.1",
            "NetworkPeerPort": "80",
        },
        other={"meshseal.timestamp.original": "1460751420310000000"},
    ),
    Case(
        "Istio text, the client's side",
        ISTIO_CLIENT,
        "istio_text",
        {
            **TEAPOT,
            "DurationNanos": "4000000",
            "UpstreamServiceTimeNanos": "4000000",
            "Reporter": "outbound",
            "PeerService": "httpbin",
            "PeerNamespace": "foo",
            "UpstreamCluster": "outbound|8000||httpbin.foo.svc.cluster.local",
            "NetworkPeerAddress": "10.44.1.27",
            "NetworkPeerPort": "80",
            "NetworkLocalAddress": "10.44.1.23",
            "NetworkLocalPort": "37652",
            "ClientAddress": "10.44.1.23",
            "DownstreamLocalAddress": "10.0.45.184:8000",
            "DownstreamRemoteAddress": "10.44.1.23:46520",
        },
        at="2020-11-25T21:26:18.409",
    ),
    Case(
        "Istio text, the server's side",
        ISTIO_SERVER,
        "istio_text",
        {
            **TEAPOT,
            "DurationNanos": "3000000",
            "UpstreamServiceTimeNanos": "1000000",
            "Reporter": "inbound",
            "UpstreamCluster": "inbound|8000||",
            "ClientAddress": "10.44.1.23",
            "NetworkPeerAddress": "10.44.1.23",
            "NetworkPeerPort": "37652",
            "NetworkLocalAddress": "10.44.1.27",
            "NetworkLocalPort": "80",
            "UpstreamHost": "127.0.0.1:80",
            "UpstreamLocalAddress": "127.0.0.1:41854",
            "TlsServerName": "outbound_.8000_._.httpbin.foo.svc.cluster.local",
        },
        at="2020-11-25T21:26:18.409",
        other={"service.namespace": "foo"},
        service="httpbin",
    ),
    Case(
        "Istio text, nothing but dashes",
        '[2026-09-20T10:11:12.345Z] "- - -" 0 UF,URX - - '
        '"delayed_connect_error:_111" 0 0 10000 - "-" "-" "-" "-" "-" '
        "outbound|9000||db.prod.svc.cluster.local - 10.0.0.9:9000 10.0.0.2:4000 - -",
        "istio_text",
        {
            **WARN,
            "HttpRequestBodySize": "0",
            "HttpResponseBodySize": "0",
            "DurationNanos": "10000000000",
            "ResponseFlags": "UF,URX",
            "ErrorType": "UpstreamConnectionFailure",
            "UpstreamCluster": "outbound|9000||db.prod.svc.cluster.local",
            "Reporter": "outbound",
            "PeerService": "db",
            "PeerNamespace": "prod",
            "ClientAddress": "10.0.0.2",
            "NetworkPeerAddress": "10.0.0.2",
            "NetworkPeerPort": "4000",
            "NetworkLocalAddress": "10.0.0.9",
            "NetworkLocalPort": "9000",
        },
        at=AT,
        other={
            "mesh.upstream_transport_failure_reason": "delayed_connect_error:_111",
            "http.response.status_code": "0",
        },
    ),
    Case(
        "Istio text, quotes and brackets in what users send",
        '[2026-09-20T10:11:12.345Z] "GET /a\\"b?q=[x] y HTTP/1.1" 200 - via_upstream - "-" 0 1 2 3 '
        '"2001:db8::1,10.0.0.1" "a \\"b\\" [c]" "r" "[2001:db8::2]:8443" "[2001:db8::3]:80" '
        "inbound|80|| - [2001:db8::4]:80 [2001:db8::5]:999 - -",
        "istio_text",
        {
            **INFO,
            **HTTP11,
            "HttpRequestMethod": "GET",
            "UrlPath": '/a\\"b',
            "UrlQuery": "q=[x] y",
            "HttpResponseStatusCode": "200",
            "HttpRequestBodySize": "0",
            "HttpResponseBodySize": "1",
            "DurationNanos": "2000000",
            "UpstreamServiceTimeNanos": "3000000",
            "ResponseCodeDetails": "via_upstream",
            "ClientAddress": "2001:db8::1",
            "UserAgentOriginal": 'a \\"b\\" [c]',
            "RequestId": "r",
            "ServerAddress": "2001:db8::2",
            "ServerPort": "8443",
            "UpstreamHost": "[2001:db8::3]:80",
            "UpstreamCluster": "inbound|80||",
            "Reporter": "inbound",
            "NetworkPeerAddress": "2001:db8::5",
            "NetworkPeerPort": "999",
            "NetworkLocalAddress": "2001:db8::4",
            "NetworkLocalPort": "80",
        },
        at=AT,
        other={"http.request.header.x-forwarded-for": "2001:db8::1,10.0.0.1"},
    ),
    Case(
        "Consul JSON, a failure with null and dashes",
        istio_json(
            path="/a?b=c?d",
            response_code=503,
            response_flags="UF,URX",
            response_code_details="upstream_reset",
            bytes_received=0,
            bytes_sent=91,
            duration=12,
            upstream_service_time="-",
            x_forwarded_for="1.2.3.4, 5.6.7.8",
            authority="web.example:443",
            upstream_host="10.1.1.1:8080",
            upstream_cluster="db.default.dc1.internal.0f0f.consul",
            downstream_local_address="10.0.0.1:80",
            downstream_remote_address="10.0.0.2:999",
            route_name="-",
            user_agent=None,
        ),
        "istio_json",
        {
            **PLAIN,
            **ERROR,
            "UrlPath": "/a",
            "UrlQuery": "b=c?d",
            "HttpResponseStatusCode": "503",
            "ResponseFlags": "UF,URX",
            "ResponseCodeDetails": "upstream_reset",
            "ErrorType": "UpstreamConnectionFailure",
            "HttpRequestBodySize": "0",
            "HttpResponseBodySize": "91",
            "DurationNanos": "12000000",
            "ClientAddress": "5.6.7.8",
            "ServerAddress": "web.example",
            "ServerPort": "443",
            "NetworkPeerAddress": "10.1.1.1",
            "NetworkPeerPort": "8080",
            "NetworkLocalAddress": "10.0.0.1",
            "NetworkLocalPort": "80",
            "DownstreamRemoteAddress": "10.0.0.2:999",
            "UpstreamCluster": "db.default.dc1.internal.0f0f.consul",
            "Reporter": "outbound",
            "PeerService": "db",
            "PeerNamespace": "default",
        },
        at=AT,
        other={"http.request.header.x-forwarded-for": "1.2.3.4, 5.6.7.8"},
    ),
    Case("Istio JSON, numbers as numbers", istio_json(), "istio_json", OK, at=AT),
    Case("Istio JSON, numbers as text", istio_json(response_code="200"), "istio_json", OK, at=AT),
    Case(
        "Istio JSON, keys that its user has added",
        istio_json(
            tenant="blue",
            extra={"a": 1, "b": {"c": "d"}},
            list=[1, "x"],
            unset=None,
            dash="-",
            authority=None,
            **{"url.path": "/mine", "dd.trace_id": '":null'},
        ),
        "istio_json",
        OK,
        at=AT,
        other={
            "tenant": "blue",
            "extra.a": "1",
            "extra.b.c": "d",
            "list": '[1,"x"]',
            "envoy.url.path": "/mine",
            "dd.trace_id": '":null',
        },
    ),
    Case(
        "Istio JSON, a value that looks like members that are null",
        istio_json(user_agent='":null,":null,":null', tenant="blue", route_name=""),
        "istio_json",
        {**OK, "UserAgentOriginal": '":null,":null,":null'},
        at=AT,
        other={"tenant": "blue"},
    ),
    Case(
        "Istio JSON, an object with nulls of its own",
        istio_json(labels={"app": None, "zone": "a"}, tenant="blue"),
        "istio_json",
        OK,
        at=AT,
        other={"tenant": "blue", "labels.zone": "a"},
    ),
    Case(
        "Istio JSON, an object with nothing but nulls before one that says something",
        istio_json(a={"x": None, "y": None}, b={"z": 1}),
        "istio_json",
        OK,
        at=AT,
        other={"b.z": "1"},
    ),
    Case(
        "Istio JSON, a number that no column holds is kept as text",
        istio_json(duration="1e300", bytes_sent="18446744073709551616", bytes_received=-1),
        "istio_json",
        OK,
        at=AT,
        other={
            "mesh.duration_ms": "1e300",
            "http.response.body.size": "18446744073709551616",
            "http.request.body.size": "-1",
        },
    ),
    Case(
        "Istio JSON, the largest number that a column holds",
        istio_json(bytes_sent="18446744073709551615", duration="999999999999"),
        "istio_json",
        {
            **OK,
            "HttpResponseBodySize": "18446744073709551615",
            "DurationNanos": "999999999999000000",
        },
        at=AT,
    ),
    Case(
        "Istio JSON, a status that is no number",
        istio_json(response_code="teapot"),
        "istio_json",
        PLAIN,
        at=AT,
        other={"http.response.status_code": "teapot"},
    ),
    Case(
        "Istio JSON, a status with a leading zero stays as written",
        istio_json(response_code="0200"),
        "istio_json",
        PLAIN,
        at=AT,
        other={"http.response.status_code": "0200"},
    ),
    Case(
        "Istio JSON, text beyond ASCII and control characters",
        istio_json(path="/käse/\u0001\t\U0001f512", user_agent="\u2028x"),
        "istio_json",
        {**OK, "UrlPath": "/käse/\u0001\t\U0001f512", "UserAgentOriginal": "\u2028x"},
        at=AT,
    ),
    Case(
        "Istio JSON, no time: the time of receipt",
        istio_json(start_time="soon"),
        "istio_json",
        OK,
    ),
    Case(
        "Istio JSON, nanoseconds and another zone",
        istio_json(start_time="2026-09-20T12:11:12.123456789+02:00"),
        "istio_json",
        OK,
        at="2026-09-20T10:11:12.123456789",
    ),
    Case(
        "Istio JSON, a time of next year is not believed",
        istio_json(start_time="2027-09-20T10:11:12Z"),
        "istio_json",
        OK,
        other={"meshseal.timestamp.original": "1821435072000000000"},
    ),
    Case(
        "Istio JSON, passthrough",
        istio_json(upstream_cluster="PassthroughCluster", upstream_host="1.1.1.1:443"),
        "istio_json",
        {
            **OK,
            "UpstreamCluster": "PassthroughCluster",
            "Reporter": "outbound",
            "NetworkPeerAddress": "1.1.1.1",
            "NetworkPeerPort": "443",
        },
        at=AT,
    ),
    Case(
        "Istio text, cut off in the middle, is kept whole",
        ISTIO_CLIENT[:150],
        "unparsed",
    ),
    Case("Istio JSON, cut off, is kept whole", istio_json()[:-1], "unparsed"),
]


@pytest.fixture(scope="module")
def rows(decoder: Decoder) -> dict[str, Row]:
    return decode_all(decoder, CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_line_gives_its_record(rows: dict[str, Row], case: Case) -> None:
    assert rows[case.id] == case.expected()
