"""NGINX, ingress-nginx, Traefik and HAProxy: lines from their sources, and their odd relatives.

Sources of the samples: NGINX's and Apache httpd's documentation of their log modules,
kubernetes/ingress-nginx (log-format.md), traefik/traefik (pkg/middlewares/accesslog and its
tests), HAProxy's configuration manual, section 8. Lines of real servers: `test_real_proxies.py`.
"""

from __future__ import annotations

import pytest

from tests.shape.cases import Case, decode_all
from tests.shape.decoder import Decoder, Row
from tests.shape.sample_lines import check_mutations, check_samples
from tests.shape.varied import samples

pytestmark = pytest.mark.engine

FORMATS = [
    "nginx_combined",
    "nginx_error",
    "ingress_nginx",
    "traefik_clf",
    "traefik_json",
    "haproxy_http",
    "haproxy_tcp",
    "haproxy_https",
]
INFO = {"SeverityText": "INFO", "SeverityNumber": "9"}
WARN = {"SeverityText": "WARN", "SeverityNumber": "13"}
ERROR = {"SeverityText": "ERROR", "SeverityNumber": "17"}
HTTP11 = {"NetworkProtocolName": "http", "NetworkProtocolVersion": "1.1"}
GET = {**HTTP11, "HttpRequestMethod": "GET", "UrlPath": "/"}
GATEWAY = {"Reporter": "gateway"}
FROM = {"ClientAddress": "10.0.0.9", "NetworkPeerAddress": "10.0.0.9"}
AT = "2026-09-21T14:00:00"
HEAD = "10.0.0.9 - - [21/Sep/2026:14:00:00 +0000]"
HAPROXY = "10.0.0.9:7 [21/Sep/2026:14:00:00.000] web"
COUNTS = {
    "haproxy.frontend": "web",
    "haproxy.connections.active": "1",
    "haproxy.connections.frontend": "1",
    "haproxy.connections.backend": "0",
    "haproxy.connections.server": "0",
    "haproxy.queue.server": "0",
    "haproxy.queue.backend": "0",
    "mesh.retries": "0",
}

CASES = [
    Case(
        "combined, a connection that sent no request",
        f'{HEAD} "" 400 0 "-" "-"',
        "nginx_combined",
        {**WARN, **FROM, **GATEWAY, "HttpResponseStatusCode": "400", "HttpResponseBodySize": "0"},
        at=AT,
    ),
    Case(
        "combined, Apache writes no size as a dash",
        f'{HEAD} "GET / HTTP/1.1" 304 - "-" "-"',
        "nginx_combined",
        {**INFO, **GET, **FROM, **GATEWAY, "HttpResponseStatusCode": "304"},
        at=AT,
    ),
    Case(
        "combined, HTTP 0.9",
        f'{HEAD} "GET /" 200 5',
        "nginx_combined",
        {
            **INFO,
            **FROM,
            **GATEWAY,
            "HttpRequestMethod": "GET",
            "UrlPath": "/",
            "HttpResponseStatusCode": "200",
            "HttpResponseBodySize": "5",
        },
        at=AT,
    ),
    Case(
        "combined, the whole URL, as a forward proxy is asked for it",
        f'{HEAD} "GET http://shop.example:81/a/b?c=d HTTP/1.1" 200 5 "-" "-"',
        "nginx_combined",
        {
            **INFO,
            **GET,
            **FROM,
            **GATEWAY,
            "UrlPath": "/a/b",
            "UrlQuery": "c=d",
            "ServerAddress": "shop.example",
            "ServerPort": "81",
            "HttpResponseStatusCode": "200",
            "HttpResponseBodySize": "5",
        },
        at=AT,
        other={"url.scheme": "http"},
    ),
    Case(
        "combined, CONNECT names a host and no path",
        f'{HEAD} "CONNECT shop.example:443 HTTP/1.1" 405 5 "-" "-"',
        "nginx_combined",
        {
            **WARN,
            **HTTP11,
            **FROM,
            **GATEWAY,
            "HttpRequestMethod": "CONNECT",
            "ServerAddress": "shop.example",
            "ServerPort": "443",
            "HttpResponseStatusCode": "405",
            "HttpResponseBodySize": "5",
        },
        at=AT,
    ),
    Case(
        "combined, fields of one's own behind it stay in the body",
        f'{HEAD} "GET / HTTP/1.1" 200 5 "-" "curl" rt=0.1',
        "nginx_combined",
        {
            **INFO,
            **GET,
            **FROM,
            **GATEWAY,
            "HttpResponseStatusCode": "200",
            "HttpResponseBodySize": "5",
            "UserAgentOriginal": "curl",
        },
        at=AT,
    ),
    Case("combined, no status", f'{HEAD} "GET / HTTP/1.1" abc 5 "-" "curl"', "unparsed"),
    Case("combined, cut off in the request", f'{HEAD} "GET /', "unparsed"),
    Case("a list like a common log", '- - [x] "y" 200 1', "unparsed"),
    Case(
        "ingress-nginx, a retry and an internal redirect; no request id, as old versions",
        f'{HEAD} "GET / HTTP/1.1" 503 5 "-" "-" 80 0.004 [shop-web-http] '
        "10.0.1.1:80, 10.0.1.2:80 : 10.0.2.1:81 0, 0 : 5 0.001, 0.002 : 0.001 502, 502 : 503",
        "ingress_nginx",
        {
            **ERROR,
            **GET,
            **GATEWAY,
            "ClientAddress": "10.0.0.9",
            "NetworkPeerAddress": "10.0.2.1",
            "NetworkPeerPort": "81",
            "HttpResponseStatusCode": "503",
            "ErrorType": "503",
            "HttpRequestBodySize": "80",
            "HttpResponseBodySize": "5",
            "DurationNanos": "4000000",
            "UpstreamServiceTimeNanos": "1000000",
            "UpstreamCluster": "shop-web-http",
            "PeerService": "shop-web-http",
        },
        at=AT,
        other={
            "nginx.upstream.response.length": "5",
            "nginx.upstream.status": "503",
            "mesh.retries": "1",
        },
    ),
    Case(
        "NGINX's error log, without a client",
        "2026/09/21 14:00:00 [emerg] 7#7: bind() to 0.0.0.0:80 failed (98: Address already in use)",
        "nginx_error",
        {"SeverityText": "emerg", "SeverityNumber": "21", "ErrorType": "Address already in use"},
        at=AT,
        other={
            "process.pid": "7",
            "thread.id": "7",
            "error.message": "bind() to 0.0.0.0:80 failed (98: Address already in use)",
        },
    ),
    Case(
        "a line of Go's log package",
        "2026/09/21 14:00:00 [error] something",
        "unparsed",
    ),
    Case(
        "Traefik JSON, the shortest",
        '{"DownstreamStatus":200,"Duration":1000000,"StartUTC":"2026-09-21T14:00:00Z"}',
        "traefik_json",
        {**INFO, **GATEWAY, "HttpResponseStatusCode": "200", "DurationNanos": "1000000"},
        at=AT,
    ),
    Case(
        "Traefik JSON, TLS without a client's certificate proves nothing",
        '{"DownstreamStatus":200,"Duration":1000000,"StartUTC":"2026-09-21T14:00:00Z",'
        '"RequestScheme":"https","TLSVersion":"1.2","TLSCipher":"x"}',
        "traefik_json",
        {**INFO, **GATEWAY, "HttpResponseStatusCode": "200", "DurationNanos": "1000000"},
        at=AT,
        other={
            "url.scheme": "https",
            "tls.protocol.name": "tls",
            "tls.protocol.version": "1.2",
            "tls.cipher": "x",
        },
    ),
    Case(
        "HAProxy, a page of its own: no server, no failure",
        f'{HAPROXY} stats/<STATS> 0/0/0/0/3 200 99 - - LR-- 1/1/0/0/0 0/0 "GET / HTTP/1.1"',
        "haproxy_http",
        {
            **INFO,
            **GET,
            **FROM,
            **GATEWAY,
            "NetworkPeerPort": "7",
            "HttpResponseStatusCode": "200",
            "HttpResponseBodySize": "99",
            "DurationNanos": "3000000",
            "UpstreamServiceTimeNanos": "0",
            "UpstreamCluster": "stats",
        },
        at=AT,
        other={
            **COUNTS,
            "haproxy.termination_state": "LR--",
            "haproxy.request_time_ms": "0",
            "haproxy.queue_time_ms": "0",
            "haproxy.connect_time_ms": "0",
        },
    ),
    Case(
        "HAProxy, a request that was cut off for its length",
        f'{HAPROXY} web/<NOSRV> 0/-1/-1/-1/0 414 9 - - PR-- 1/1/0/0/0 0/0 "GET /very-long',
        "haproxy_http",
        {
            **WARN,
            **FROM,
            **GATEWAY,
            "NetworkPeerPort": "7",
            "HttpRequestMethod": "GET",
            "UrlPath": "/very-long",
            "HttpResponseStatusCode": "414",
            "ErrorType": "proxy_abort_request",
            "HttpResponseBodySize": "9",
            "DurationNanos": "0",
            "UpstreamCluster": "web",
        },
        at=AT,
        other={
            **COUNTS,
            "haproxy.termination_state": "PR--",
            "haproxy.request_time_ms": "0",
        },
    ),
    Case(
        "HAProxy, cut off in the counts", f"{HAPROXY} web/a 0/0/0/0/3 200 99 - - ----", "unparsed"
    ),
]


@pytest.fixture(scope="module")
def rows(decoder: Decoder) -> dict[str, Row]:
    return decode_all(decoder, CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_line_gives_its_record(rows: dict[str, Row], case: Case) -> None:
    assert rows[case.id] == case.expected()


@pytest.mark.parametrize("format_name", FORMATS)
def test_samples_give_their_records(decoder: Decoder, format_name: str) -> None:
    assert len(samples()[format_name]) >= 2
    check_samples(decoder, format_name)


def test_no_broken_line_is_lost(decoder: Decoder) -> None:
    check_mutations(decoder, FORMATS)
