"""Meshseal's own ingest: lines of text, and documents of JSON, by plain HTTP.

```
POST /ingest/v1/lines?format=istio_json&labels=k8s.cluster.name=eu1,service.name=cart
POST /ingest/v1/documents?labels=service.name=cart
-> {"records": 1000}
```

A record is a line that is not empty. `labels` are resource attributes.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from meshseal.model.envelope import Payload
from meshseal.model.errors import MeshsealError, PayloadError
from meshseal.wire.protocol import (
    NOT_JSON,
    Decoded,
    Protocol,
    Reply,
    Request,
    count_lines,
    retry_after,
)

MAX_LABELS = 64
MAX_LABEL_BYTES = 2048
FORMAT_HINTS = frozenset(
    {
        "app_text",
        "app_trace",
        "aws_alb",
        "aws_nlb",
        "aws_vpc_flow",
        "aws_vpc_lattice",
        "envoy_text",
        "haproxy_http",
        "haproxy_https",
        "haproxy_tcp",
        "hubble",
        "ingress_nginx",
        "istio_json",
        "istio_text",
        "istio_text_old",
        "json",
        "k8s_audit",
        "kuma_http",
        "kuma_tcp",
        "linkerd_access",
        "linkerd_access_json",
        "linkerd_proxy",
        "logfmt",
        "meshseal_access",
        "nginx_combined",
        "nginx_error",
        "traefik_clf",
        "traefik_json",
        "unparsed",
        "ztunnel",
        "ztunnel_json",
    }
)
"""What `format` may be; `shape.formats` has the same names, and a test holds the two together."""

_DOCUMENT = msgspec.json.Decoder(msgspec.Raw)


def decode_lines(request: Request) -> Decoded:
    """Take lines. Raises: PayloadError when a parameter is wrong; any bytes are lines."""
    return _decoded(request, Payload.LINES, count_lines(request.body))


def decode_documents(request: Request) -> Decoded:
    """Take NDJSON. Raises: PayloadError naming the first line that is not JSON."""
    records = count_lines(request.body)
    try:
        whole = len(_DOCUMENT.decode_lines(request.body)) == records
    except NOT_JSON:
        whole = False
    if not whole:
        raise PayloadError(_first_bad_document(request.body))
    return _decoded(request, Payload.DOCUMENTS, records)


def refuse(error: MeshsealError, _headers: Mapping[str, str]) -> Reply:
    """Answer with `{"error": {"code": …, "message": …}}`."""
    content = {"error": {"code": error.code, "message": str(error)}}
    return Reply(
        error.http_status, msgspec.json.encode(content), "application/json", retry_after(error)
    )


def _first_bad_document(body: bytes) -> str:
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line.rstrip(b"\r"):
            continue
        try:
            _DOCUMENT.decode(line)
        except NOT_JSON as error:
            return f"line {number} is not a JSON document: {error}"
    return "send one JSON document per line"


def parse_labels(values: list[str]) -> dict[str, str]:
    r"""Return the labels of `k=v,k2=v2`; a comma inside a value is written `\,`.

    Raises: PayloadError.
    """
    labels: dict[str, str] = {}
    for value in values:
        for pair in value.replace("\\,", "\0").split(","):
            key, equals, content = pair.replace("\0", ",").partition("=")
            if not pair:
                continue
            if not equals or not key or len(key) + len(content) > MAX_LABEL_BYTES:
                raise PayloadError(f"labels are written key=value,key=value; not {pair[:80]!r}")
            labels[key] = content
    if len(labels) > MAX_LABELS:
        raise PayloadError(f"more than {MAX_LABELS} labels")
    return labels


def _decoded(request: Request, kind: Payload, records: int) -> Decoded:
    hint = request.parameter("format")
    if hint and hint not in FORMAT_HINTS and hint not in request.own_formats:
        known = ", ".join(sorted(FORMAT_HINTS | request.own_formats))
        raise PayloadError(f"format {hint[:40]!r} is not known: use one of {known}, or none")
    envelope = request.envelope(
        kind,
        request.body,
        records,
        format_hint=hint,
        labels=parse_labels(request.query.get("labels", [])),
    )
    reply = Reply(200, b'{"records":%d}' % records, "application/json")
    return Decoded((envelope,) if records else (), reply)


LINES = Protocol(
    name="lines",
    title="Lines of text over HTTP",
    paths=("/ingest/v1/lines",),
    decode=decode_lines,
    refuse=refuse,
    acknowledges='200 and {"records": n} after fsync',
    clients=("meshseal ship", "curl"),
)

DOCUMENTS = Protocol(
    name="documents",
    title="JSON documents over HTTP, one per line",
    paths=("/ingest/v1/documents",),
    decode=decode_documents,
    refuse=refuse,
    acknowledges='200 and {"records": n} after fsync',
    clients=("curl", "any HTTP client"),
)

PROTOCOLS = (LINES, DOCUMENTS)
