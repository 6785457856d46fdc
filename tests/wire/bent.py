"""Requests of every protocol over HTTP: whole, bent, or nothing of the kind."""

from __future__ import annotations

import gzip
import string
import zlib
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import cramjam
import lz4.frame
from backports import zstd
from hypothesis import strategies as st

from meshseal.wire import PROTOCOL, PROTOCOLS
from tests.wire.samples import JSON, PROTOBUF, fitting

TENANTS = ("", "team-a", "team.b")
TARGETS = [
    *(
        (protocol.name, listener, path)
        for protocol in PROTOCOLS
        if not protocol.grpc
        for path in protocol.paths
        if fitting(protocol, path)
        for listener in ("main", *([protocol.name] if protocol.native_port else []))
    ),
    ("otlp_http", "loki", "/otlp/v1/logs"),
    ("otlp_http", "loki", "/otlp/v1/traces"),
    ("elasticsearch", "main", "/elasticsearch/_bulk"),
    ("datadog", "main", "/datadog/api/v2/logs"),
    ("datadog", "main", "/datadog/v0.5/traces"),
]
GRPC_TARGETS = [
    (protocol.name, path)
    for protocol in PROTOCOLS
    if protocol.grpc and not protocol.stream
    for path in protocol.paths
    if fitting(protocol, path)
]
PACKERS = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
    "lz4": lz4.frame.compress,
    "snappy": lambda body: bytes(cramjam.snappy.compress_raw(body)),
}
_PRINTABLE = "".join(chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x100)))
_TEXT = st.text(_PRINTABLE, max_size=40).map(str.strip)
_LABELS = st.text(string.ascii_letters + '=,\\ "é\0\n%&.', max_size=60)


@st.composite
def bent(draw: st.DrawFn, body: bytes) -> bytes:
    """A body with some bytes flipped, cut off, cut out, repeated or put in."""
    data = bytearray(body)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(1, 40))
        piece = bytes(data[at : at + length])
        how = draw(st.sampled_from(("flip", "cut", "out", "repeat", "put")))
        if how == "flip" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "cut":
            del data[at:]
        elif how == "out":
            del data[at : at + length]
        elif how == "repeat":
            data[at:at] = piece * draw(st.integers(1, 50))
        else:
            data[at:at] = draw(st.binary(max_size=20))
    return bytes(data)


BODIES = {
    path: [(sample.body, sample.media_type) for sample in fitting(protocol, path)]
    for protocol in PROTOCOLS
    for path in protocol.paths
} | {
    path: [(sample.body, sample.media_type) for sample in fitting(PROTOCOL[name], path)]
    for name, _, path in TARGETS
}
"""What may be sent to each path, and as what."""


@dataclass(frozen=True, slots=True)
class Call:
    protocol: str
    listener: str
    path: str
    body: bytes
    headers: dict[str, str]

    @property
    def tenant(self) -> str:
        """Whose records are in it."""
        return self.headers.get("X-Scope-OrgID") or "default"


@st.composite
def calls(draw: st.DrawFn) -> Call:
    protocol, listener, path = draw(st.sampled_from(TARGETS))
    valid, media_type = draw(st.sampled_from(BODIES[path]))
    raw = st.binary(max_size=300)
    body = draw(st.one_of(st.just(valid), bent(valid), bent(valid), raw))
    if draw(st.integers(0, 4)) == 0:
        other = st.sampled_from((PROTOBUF, JSON, "text/plain", "", "application/json; charset=x"))
        media_type = draw(st.one_of(other, _TEXT))
    headers = {"Content-Type": media_type, "X-Scope-OrgID": draw(st.sampled_from(TENANTS))}
    packing, said = "", ""
    if draw(st.booleans()):
        packing = said = draw(st.sampled_from(list(PACKERS)))
        if draw(st.integers(0, 3)) == 0:
            said = draw(st.sampled_from([*PACKERS, "br", "gzip, zstd", "gzip, gzip, gzip", ","]))
    if draw(st.integers(0, 9)) == 0:
        name = draw(st.sampled_from(("Meshseal-Chunk", "X-Scope-OrgID", "Accept", "Cookie")))
        headers[name] = draw(st.one_of(_TEXT, st.just("agent/1/0"), st.just("a/b/c")))
    body = PACKERS[packing](body)
    body = draw(st.sampled_from((body, body, body[: len(body) // 2]))) if packing else body
    headers["Content-Encoding"] = said
    return Call(protocol, listener, path + draw(_queries()), body, headers)


@st.composite
def _queries(draw: st.DrawFn) -> str:
    if draw(st.integers(0, 4)):
        return ""
    names = st.sampled_from(("labels", "format", "", "other"))
    values = st.one_of(
        _LABELS, st.sampled_from(("istio_json", "unparsed", "logfmt", "service.name=x,a=b"))
    )
    pairs = draw(st.lists(st.tuples(names, values), max_size=3))
    return "?" + draw(st.sampled_from((urlencode(pairs), quote(draw(_TEXT), safe="&=%+;"))))
