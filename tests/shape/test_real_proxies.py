"""Lines that real NGINX and HAProxy have just written under real traffic, and their columns.

Exact, apart from times, ports and counts of connections, which must have their forms.
"""

from __future__ import annotations

import re
import time

import pytest

from tests.shape.decoder import Decoder, Row
from tests.shape.real_proxies import AGENT, Written, traffic
from tests.shape.sample_lines import records

pytestmark = [pytest.mark.engine, pytest.mark.e2e]

VARIES = {
    "Timestamp": "[0-9]{19}",
    "meshseal.timestamp.original": "[0-9]{19}",
    "DurationNanos": "[0-9]+",
    "UpstreamServiceTimeNanos": "[0-9]+",
    "NetworkPeerPort": "[0-9]{4,5}",
    "ServerPort": "[0-9]{4,5}",
    "DownstreamRemoteAddress": r"(127[.]0[.]0[.]1|\[::1\]):[0-9]{4,5}",
    "UpstreamHost": "http://127[.]0[.]0[.]1:[0-9]+/dead/1",
    "process.pid": "[0-9]+",
    "thread.id": "[0-9]+",
    "nginx.connection.id": "[0-9]+",
    **{f"haproxy.{name}_time_ms": "[0-9]+" for name in ("request", "queue", "connect")},
    **{
        f"haproxy.connections.{end}": "[0-9]+"
        for end in ("active", "frontend", "backend", "server")
    },
}
HTTP11 = {"NetworkProtocolName": "http", "NetworkProtocolVersion": "1.1"}
HTTP2 = {"NetworkProtocolName": "http", "NetworkProtocolVersion": "2"}
GET = {**HTTP11, "HttpRequestMethod": "GET"}
INFO = {"SeverityText": "INFO", "SeverityNumber": "9", "HttpResponseStatusCode": "200"}
WARN = {"SeverityText": "WARN", "SeverityNumber": "13"}
ERROR = {"SeverityText": "ERROR", "SeverityNumber": "17"}
CURL = {"UserAgentOriginal": "curl"}
CLIENT = {"ClientAddress": "127.0.0.1"}
NGINX = {
    "Format": "nginx_combined",
    "ServiceName": "unknown_service",
    "Reporter": "gateway",
    "NetworkPeerAddress": "127.0.0.1",
    **CLIENT,
}
ITEM = {"UrlPath": "/items/1", "UrlQuery": "page=2"}
NGINX_ROWS = {
    "quotes and UTF-8": {
        **NGINX,
        **GET,
        **INFO,
        **ITEM,
        "HttpResponseBodySize": "6",
        "UserAgentOriginal": AGENT,
        "http.request.header.referer": "http://from/?a=b",
    },
    "not found, a user": {
        **NGINX,
        **GET,
        **WARN,
        **CURL,
        "UrlPath": "/missing/1",
        "HttpResponseStatusCode": "404",
        "HttpResponseBodySize": "153",
        "user.name": "alice",
    },
    "the upstream is down": {
        **NGINX,
        **HTTP11,
        **ERROR,
        **CURL,
        "HttpRequestMethod": "POST",
        "UrlPath": "/dead/1",
        "HttpResponseStatusCode": "502",
        "HttpResponseBodySize": "157",
        "ErrorType": "502",
    },
    "the client leaves": {
        **NGINX,
        **GET,
        **WARN,
        "UrlPath": "/slow/1",
        "HttpResponseStatusCode": "499",
        "HttpResponseBodySize": "0",
        "ErrorType": "client_closed_request",
    },
    "IPv6": {
        **NGINX,
        **GET,
        **INFO,
        **CURL,
        "UrlPath": "/six",
        "HttpResponseBodySize": "6",
        "ClientAddress": "::1",
        "NetworkPeerAddress": "::1",
    },
    "TLS with a client's certificate, HTTP/2": {
        **NGINX,
        **HTTP2,
        **INFO,
        **CURL,
        "HttpRequestMethod": "GET",
        "UrlPath": "/secure",
        "HttpResponseBodySize": "6",
    },
    "no request": {
        **NGINX,
        **WARN,
        "HttpResponseStatusCode": "400",
        "HttpResponseBodySize": "157",
    },
}
HAPROXY = {
    "Format": "haproxy_http",
    "ServiceName": "unknown_service",
    "Reporter": "gateway",
    **CLIENT,
    "haproxy.frontend": "web",
    "haproxy.queue.server": "0",
    "haproxy.queue.backend": "0",
    "mesh.retries": "0",
}
ENDED = {"haproxy.termination_state": "----"}


def to(backend: str) -> dict[str, str]:
    return {"UpstreamCluster": backend, "PeerService": backend, "haproxy.server": "one"}


HELLO = {"HttpResponseBodySize": "128", "haproxy.response.headers": "text/plain"}
NO_SERVER = {"UpstreamCluster": "web", "NetworkPeerAddress": "127.0.0.1"}
AGENT_OF_CURL = {"haproxy.request.headers": "curl"}
HAPROXY_ROWS = {
    "quotes and UTF-8": {
        **HAPROXY,
        **GET,
        **INFO,
        **ITEM,
        **ENDED,
        **HELLO,
        **to("shop"),
        "haproxy.request.headers": AGENT,
    },
    "not found": {
        **HAPROXY,
        **GET,
        **WARN,
        **ENDED,
        **AGENT_OF_CURL,
        **to("shop"),
        "UrlPath": "/missing/1",
        "HttpResponseStatusCode": "404",
        "HttpResponseBodySize": "283",
        "haproxy.response.headers": "text/html",
    },
    "the server is down": {
        **HAPROXY,
        **GET,
        **ERROR,
        **AGENT_OF_CURL,
        **to("dead"),
        "UrlPath": "/dead/1",
        "HttpResponseStatusCode": "503",
        "HttpResponseBodySize": "217",
        "ErrorType": "server_abort_connection",
        "haproxy.termination_state": "SC--",
        "mesh.retries": "1",
    },
    "the server is late": {
        **HAPROXY,
        **GET,
        **ERROR,
        **AGENT_OF_CURL,
        **to("late"),
        "UrlPath": "/late/1",
        "HttpResponseStatusCode": "504",
        "HttpResponseBodySize": "198",
        "ErrorType": "server_timeout_headers",
        "haproxy.termination_state": "sH--",
    },
    "the client leaves": {
        **HAPROXY,
        **GET,
        **WARN,
        **to("slow"),
        "UrlPath": "/slow/1",
        "HttpResponseStatusCode": "400",
        "HttpResponseBodySize": "206",
        "ErrorType": "client_abort_headers",
        "haproxy.termination_state": "CH--",
    },
    "denied": {
        **HAPROXY,
        **GET,
        **WARN,
        **NO_SERVER,
        **AGENT_OF_CURL,
        "UrlPath": "/denied/1",
        "HttpResponseStatusCode": "403",
        "HttpResponseBodySize": "192",
        "ErrorType": "proxy_abort_request",
        "haproxy.termination_state": "PR--",
    },
    "no request": {
        **HAPROXY,
        **WARN,
        **NO_SERVER,
        "HttpResponseStatusCode": "400",
        "HttpResponseBodySize": "0",
        "ErrorType": "proxy_abort_request",
        "haproxy.termination_state": "PR--",
    },
    "a quote in the path": {
        **HAPROXY,
        **GET,
        **INFO,
        **ENDED,
        **HELLO,
        **to("shop"),
        "UrlPath": '/a"b',
    },
    "IPv6": {
        **HAPROXY,
        **GET,
        **INFO,
        **ENDED,
        **HELLO,
        **AGENT_OF_CURL,
        **to("shop"),
        "UrlPath": "/six",
        "ClientAddress": "::1",
    },
    "TLS with a client's certificate, HTTP/2": {
        **HAPROXY,
        **HTTP2,
        **INFO,
        **ENDED,
        **to("shop"),
        "Format": "haproxy_https",
        "haproxy.frontend": "secure",
        "HttpRequestMethod": "GET",
        "UrlPath": "/secure",
        "url.scheme": "https",
        "ServerAddress": "localhost",
        "HttpResponseBodySize": "128",
        "TlsServerName": "localhost",
        "tls.established": "true",
        "tls.protocol.name": "tls",
        "tls.protocol.version": "1.3",
        "tls.cipher": "TLS_AES_256_GCM_SHA384",
        "tls.resumed": "false",
        "haproxy.connection.error": "0",
        "haproxy.tls.error": "0000000000000000",
        "haproxy.tls.client.error": "0",
        "haproxy.tls.client.ca_error": "0",
    },
    "no TLS where it is asked for": {
        **WARN,
        **CLIENT,
        "Format": "haproxy_tcp",
        "ServiceName": "unknown_service",
        "Reporter": "gateway",
        "NetworkPeerAddress": "127.0.0.1",
        "ErrorType": "SSL handshake failure",
        "haproxy.frontend": "secure",
        "haproxy.bind": "1",
    },
    "TCP": {
        **HAPROXY,
        **to("tcp"),
        "Format": "haproxy_tcp",
        "SeverityText": "INFO",
        "SeverityNumber": "9",
        "haproxy.frontend": "tcp",
        "HttpResponseBodySize": "153",
        "haproxy.termination_state": "--",
    },
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return traffic(tmp_path_factory.mktemp("proxies"))


def fixed(row: Row) -> dict[str, str]:
    """Return what does not vary, with the attributes among the columns, and check what does."""
    flat = {**row, **row.get("OtherAttributes", {})}
    for name in ("OtherAttributes", "Body"):
        flat.pop(name, None)
    for name in ("UserAgentOriginal", "haproxy.request.headers"):
        if str(flat.get(name, "")).startswith("curl/"):
            flat[name] = "curl"
    for name in VARIES.keys() & flat.keys():
        assert re.fullmatch(VARIES[name], flat.pop(name)), name
    return flat


def check_times(rows: list[Row]) -> None:
    """Check that they were written just now: the decoder's clock stands still at another time."""
    for row in rows:
        others = row.get("OtherAttributes", {})
        stamp = others.get("meshseal.timestamp.original", row["Timestamp"])
        assert 0 <= time.time_ns() - int(stamp) < 600 * 10**9


def test_nginx(decoder: Decoder, written: Written) -> None:
    rows = records(decoder, written.nginx[: len(NGINX_ROWS)])
    check_times(rows)
    assert dict(zip(NGINX_ROWS, map(fixed, rows), strict=True)) == NGINX_ROWS


def test_nginx_errors(decoder: Decoder, written: Written) -> None:
    rows = records(decoder, [line for line in written.nginx_errors if " [error] " in line])
    check_times(rows)
    assert [fixed(row) for row in rows] == [
        {
            **HTTP11,
            **CLIENT,
            "Format": "nginx_error",
            "ServiceName": "unknown_service",
            "SeverityText": "error",
            "SeverityNumber": "17",
            "Reporter": "gateway",
            "HttpRequestMethod": "POST",
            "UrlPath": "/dead/1",
            "ErrorType": "Connection refused",
            "error.message": "connect() failed (111: Connection refused) while connecting to "
            "upstream",
            "ServerAddress": "127.0.0.1",
            "NetworkPeerAddress": "127.0.0.1",
        }
    ]


def test_haproxy(decoder: Decoder, written: Written) -> None:
    # The first is of the look whether it listens.
    rows = records(decoder, written.haproxy[1:])
    check_times(rows)
    assert dict(zip(HAPROXY_ROWS, map(fixed, rows), strict=True)) == HAPROXY_ROWS
