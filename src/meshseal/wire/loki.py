"""Loki push: protobuf in a snappy block, or JSON.

Source: grafana/loki, pkg/push/push.proto and docs/sources/reference/loki-http-api.md (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import msgspec
from google.protobuf.message import DecodeError

from meshseal.model.envelope import Payload
from meshseal.model.errors import MeshsealError, PayloadError
from meshseal.receive.decompress import decompress_snappy
from meshseal.wire.protocol import (
    MAX_REQUEST_BYTES,
    NOT_JSON,
    Decoded,
    Protocol,
    Reply,
    Request,
    retry_after,
)
from meshseal.wire.protos.spool_pb2 import LokiPush

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_PAIR = rf'{_NAME}\s*=\s*"(?:[^"\\]|\\.)*"'
_LABELS = re.compile(rf"\s*\{{\s*(?:{_PAIR}(?:\s*,\s*{_PAIR})*\s*,?)?\s*\}}\s*".encode(), re.DOTALL)
_LABEL_NAME = re.compile(_NAME)

_Timestamp = Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,19}$")]


class _Entry(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    timestamp: _Timestamp
    line: str
    metadata: dict[str, str] = {}


class _Stream(msgspec.Struct):
    stream: dict[str, str] = {}
    values: list[_Entry] = []
    # What Loki's JSON called the two before version 0.4.
    labels: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    entries: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Push(msgspec.Struct):
    streams: list[_Stream] = []


_JSON = msgspec.json.Decoder(_Push)


def decode(request: Request) -> Decoded:
    """Take a push. Any media type but JSON means protobuf in a snappy block, as in Loki.

    Raises: PayloadError, TooLargeError.
    """
    if request.media_type == "application/json":
        kind, content = Payload.LOKI_PUSH_JSON, request.body
        records = _count_json(content)
    else:
        kind = Payload.LOKI_PUSH
        content = decompress_snappy(request.body, limit_bytes=MAX_REQUEST_BYTES)
        records = _count_protobuf(content)
    envelope = request.envelope(kind, content, records)
    return Decoded((envelope,) if records else (), Reply(204))


def refuse(error: MeshsealError, _headers: Mapping[str, str]) -> Reply:
    """Answer as Loki does: a status and plain text. Promtail and Alloy retry 429 and 5xx only."""
    status = 400 if error.http_status == 415 else error.http_status
    return Reply(status, f"{error}\n".encode(), "text/plain; charset=utf-8", retry_after(error))


def _count_protobuf(content: bytes) -> int:
    try:
        push = LokiPush.FromString(content)
    except DecodeError as error:
        raise PayloadError("the body is not a logproto.PushRequest") from error
    records = 0
    for stream in push.streams:
        if not _LABELS.fullmatch(stream.labels):
            raise PayloadError(f"these are not labels: {stream.labels[:200]!r}")
        records += len(stream.entries)
    return records


def _count_json(content: bytes) -> int:
    try:
        push = _JSON.decode(content)
    except NOT_JSON as error:
        raise PayloadError(f"the body is not a Loki push: {error}") from error
    for stream in push.streams:
        if stream.labels is not msgspec.UNSET or stream.entries is not msgspec.UNSET:
            raise PayloadError("write a stream's `labels` and `entries` as `stream` and `values`")
        for name in stream.stream:
            if not _LABEL_NAME.fullmatch(name):
                raise PayloadError(f"this is not a label name: {name[:80]!r}")
    return sum(len(stream.values) for stream in push.streams)


PUSH = Protocol(
    name="loki",
    title="Loki push",
    paths=("/loki/api/v1/push", "/api/prom/push"),
    decode=decode,
    refuse=refuse,
    native_port=3100,
    reads=("/loki/api/v1/", "/ready"),
    acknowledges="204 after fsync; 503 is retried by every client",
    clients=("Promtail", "Grafana Alloy", "Fluent Bit", "Vector", "Docker driver"),
)

PROTOCOLS = (PUSH,)
