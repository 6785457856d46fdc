"""A format of one's own with thirty operators, as text and as JSON, and lines of both."""

from __future__ import annotations

import json

from meshseal.shape.custom import compile_format
from meshseal.shape.formats import Formats

TEXT, JSON = "custom_text_30", "custom_json_30"
TITLES = {TEXT: "custom text, 30 operators", JSON: "custom JSON, 30 operators"}

# Key, operator, and what three requests have there: from an ingress, inside the mesh, and one that
# failed before an upstream was found.
_OPERATORS: tuple[tuple[str, str, tuple[str | int, str | int, str | int]], ...] = (
    ("time", "%START_TIME%", ("2026-09-20T10:11:12.345Z",) * 3),
    ("method", "%REQ(:METHOD)%", ("GET", "POST", "GET")),
    (
        "path",
        "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        ("/cart/items?page=2", "/api.v1.Orders/Add", "/"),
    ),
    ("protocol", "%PROTOCOL%", ("HTTP/1.1", "HTTP/2", "HTTP/1.1")),
    ("code", "%RESPONSE_CODE%", (200, 200, 503)),
    ("flags", "%RESPONSE_FLAGS%", ("-", "-", "UF,URX")),
    ("details", "%RESPONSE_CODE_DETAILS%", ("via_upstream", "via_upstream", "-")),
    ("received", "%BYTES_RECEIVED%", (0, 512, 0)),
    ("sent", "%BYTES_SENT%", (18342, 96, 91)),
    ("took", "%DURATION%", (47, 12, 2004)),
    ("service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%", ("45", "11", "-")),
    ("forwarded", "%REQ(X-FORWARDED-FOR)%", ("203.0.113.7, 10.0.0.1", "-", "203.0.113.9")),
    (
        "agent",
        "%REQ(USER-AGENT)%",
        ("Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0", "grpc-go/1.75.0", 'say "hi"'),
    ),
    ("id", "%REQ(X-REQUEST-ID)%", ("9703202c-b8b3-4dc4-b46c-225212c0064f",) * 3),
    (
        "authority",
        "%REQ(:AUTHORITY)%",
        ("shop.example.com", "orders.shop:8080", "shop.example.com"),
    ),
    (
        "trace",
        "%REQ(TRACEPARENT)%",
        (
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "-",
        ),
    ),
    ("host", "%UPSTREAM_HOST%", ("10.1.2.3:8080", "10.1.4.7:8080", "-")),
    (
        "cluster",
        "%UPSTREAM_CLUSTER%",
        (
            "outbound|8080||cart.shop.svc.cluster.local",
            "inbound|8080||",
            "outbound|8080||web.shop.svc.cluster.local",
        ),
    ),
    ("up_local", "%UPSTREAM_LOCAL_ADDRESS%", ("10.1.9.1:41022", "127.0.0.6:50312", "-")),
    ("local", "%DOWNSTREAM_LOCAL_ADDRESS%", ("10.1.9.1:8443", "10.1.4.7:8080", "10.1.9.1:8443")),
    (
        "remote",
        "%DOWNSTREAM_REMOTE_ADDRESS%",
        ("203.0.113.7:51004", "10.1.2.3:41022", "203.0.113.9:60112"),
    ),
    ("route", "%ROUTE_NAME%", ("default", "default", "-")),
    ("sni", "%REQUESTED_SERVER_NAME%", ("shop.example.com", "-", "shop.example.com")),
    ("tls", "%DOWNSTREAM_TLS_VERSION%", ("TLSv1.3",) * 3),
    ("cipher", "%DOWNSTREAM_TLS_CIPHER%", ("TLS_AES_256_GCM_SHA384",) * 3),
    (
        "peer",
        "%DOWNSTREAM_PEER_URI_SAN%",
        ("-", "spiffe://cluster.local/ns/shop/sa/web", "-"),
    ),
    ("own", "%DOWNSTREAM_LOCAL_URI_SAN%", ("spiffe://cluster.local/ns/shop/sa/cart",) * 3),
    ("subject", "%DOWNSTREAM_PEER_SUBJECT%", ("-", "CN=web,O=shop", "-")),
    ("attempts", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%", (1, 2, 3)),
    ("connection", "%CONNECTION_ID%", (31, 57, 96)),
)
assert len(_OPERATORS) == 30
_QUOTED = ("path", "forwarded", "agent", "id", "authority", "host", "peer", "own", "subject")


def _quoted(key: str, text: str) -> str:
    return f'"{text}"' if key in _QUOTED else text


FORMATS = Formats(
    [
        compile_format(TEXT, " ".join(_quoted(key, operator) for key, operator, _ in _OPERATORS)),
        compile_format(JSON, {key: operator for key, operator, _ in _OPERATORS}),
    ]
)
"""The formats built in, and these."""


def lines() -> dict[str, list[str]]:
    """Return lines of both formats, as Envoy writes them."""
    found: dict[str, list[str]] = {TEXT: [], JSON: []}
    for number in range(3):
        row = {key: values[number] for key, _, values in _OPERATORS}
        found[TEXT].append(" ".join(_quoted(key, str(value)) for key, value in row.items()))
        given = {
            key: None if value == "-" and key != "flags" else value for key, value in row.items()
        }
        found[JSON].append(json.dumps(given, separators=(",", ":"), sort_keys=True))
    return found
