"""Elasticsearch's ingest: bulk requests, single documents, and the conversation around them.

Meshseal keeps an append-only log. `create` and `index` store a document; `update` and `delete` are
refused one by one, in the item of each, with a status that no sender tries again. So is a source
that is no JSON object: it can never be stored, and must not hold up the documents beside it. What
is not a bulk request is refused as a whole, and so is everything when there is no room.

A document's `_id` names it and does not replace another. A request in which every document has an
`_id` is stored once a day, however often it comes: its name is the hash of its bytes.

Source: Elasticsearch's reference, "Bulk API"; elastic/elasticsearch, `BulkRequestParser` (read for
its behaviour).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import (
    AuthenticationError,
    ForbiddenError,
    MeshsealError,
    OverloadedError,
    PayloadError,
    TooLargeError,
)
from meshseal.wire.elastic_reply import (
    ARGUMENT_ERROR,
    MAPPING_ERROR,
    Action,
    Items,
    answer,
    error_body,
    parse_filter,
)
from meshseal.wire.elastic_start import NO_CHANGES, converse
from meshseal.wire.protocol import NOT_JSON, Decoded, Protocol, Query, Reply, Request, retry_after

INDEX_LABEL = "elasticsearch.index"
PIPELINE_LABEL = "elasticsearch.pipeline"
MAX_LINES = 400_000
"""The most lines of a request: its answer has an item for every second one."""

_MAX_NAME_BYTES = 512
_KEY_PREFIX = "msk_"
_NOT_AN_OBJECT = "failed to parse: the document is not a JSON object"

_DOCUMENT = re.compile(r"/+[^_/][^/]*/(_doc|_create|[^_/][^/]*)(/[^_/][^/]*)?/?")
"""`/{index}/_doc[/{id}]`, `/{index}/_create/{id}`, and as version 6 had it, `/{index}/{type}`."""


class _Meta(msgspec.Struct):
    index: str | None = msgspec.field(default=None, name="_index")
    id: str | int | float | None = msgspec.field(default=None, name="_id")


class _Object(msgspec.Struct):
    """Any JSON object: what is in it is checked and not kept."""


_ACTION = msgspec.json.Decoder(dict[Literal["create", "index", "update", "delete"], _Meta])
_OBJECT = msgspec.json.Decoder(_Object)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A bulk request taken apart.

    Attributes:
        content: The lines to store: an action and its source in turn.
        records: How many documents these are.
        refused: How many more documents came.
        items: The items of the answer.
        named: Whether every document to store has an `_id`.
    """

    content: bytes
    records: int
    refused: int
    items: list[bytes]
    named: bool


def decode(request: Request) -> Decoded:
    """Take documents, or answer a request of the conversation around them.

    Raises: PayloadError.
    """
    parts = [part for part in request.path.split("/") if part]
    if request.method in ("POST", "PUT"):
        if parts[-1:] == ["_bulk"]:
            return _bulk(request, parts[0] if len(parts) > 1 else "")
        if _DOCUMENT.fullmatch(request.path):
            return _document(request, parts)
    return Decoded((), converse(request))


def credential(_path: str, _query: Query, headers: Mapping[str, str]) -> str:
    """Return the API key of `Authorization: ApiKey …`, or ''.

    It is Meshseal's key itself, or what Elasticsearch's clients make of an id and a key:
    base64 of `id:key`. Either Meshseal's key is the second (or the first) of the two, or its id
    and its secret are the two.
    """
    kind, _, value = headers.get("authorization", "").partition(" ")
    value = value.strip()
    if kind.lower() != "apikey":
        return ""
    if value.startswith(_KEY_PREFIX):
        return value
    try:
        first, _, second = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "unreadable"
    for part in (second, first):
        if part.startswith(_KEY_PREFIX):
            return part
    return f"{_KEY_PREFIX}{first}_{second}"


def refuse(error: MeshsealError, headers: Mapping[str, str]) -> Reply:
    """Answer with Elasticsearch's error envelope. 429 and 503 are tried again by every sender."""
    extra = retry_after(error)
    if isinstance(error, AuthenticationError):
        extra = (("WWW-Authenticate", "ApiKey"),)
    body = error_body(error.http_status, _kind_of(error), str(error))
    return answer(error.http_status, body, headers, extra=extra)


def _kind_of(error: MeshsealError) -> str:
    """Return Elasticsearch's name for an error."""
    if isinstance(error, OverloadedError):
        return "es_rejected_execution_exception"
    if isinstance(error, (AuthenticationError, ForbiddenError)):
        return "security_exception"
    if isinstance(error, TooLargeError):
        return "content_too_long_exception"
    return ARGUMENT_ERROR


# ---- Bulk requests -----------------------------------------------------------------------------


def _bulk(request: Request, index: str) -> Decoded:
    if not request.body:
        raise PayloadError("request body is required")
    if request.body.count(b"\n") > MAX_LINES:
        raise TooLargeError(f"a bulk request has at most {MAX_LINES} lines: send less at once")
    lines = request.body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    reply = _Replies(request, index)
    parsed = _regular(request.body, lines, reply) or _irregular(lines, reply)
    if not parsed.items:
        raise PayloadError("Validation Failed: 1: no requests added;")
    envelope = _envelope(request, index, parsed.content, parsed.records, named=parsed.named)
    return Decoded(
        (envelope,) if parsed.records else (),
        answer(200, reply.items.body(parsed.items), request.headers),
        refused=parsed.refused,
    )


class _Replies:
    """Writes the items of one request's answer.

    A document without an `_id` is told one, as Elasticsearch does: the request's hash and the
    document's place.
    """

    def __init__(self, request: Request, index: str) -> None:
        _check_name(index)
        self.index = msgspec.json.encode(index) if index else b""
        self.items = Items(parse_filter(",".join(request.query.get("filter_path", []))))
        self._prefix = b""
        if self.items.named:
            digest = hashlib.sha256(request.body).digest()[:9]
            self._prefix = b'"' + base64.urlsafe_b64encode(digest)

    def stored(self, action: Action, place: int) -> bytes:
        """Return the item of a document that is stored."""
        if self.items.uniform:
            return self.items.stored(action, b"", b"")
        name = action.id or b'%b%08x"' % (self._prefix, place)
        return self.items.stored(action, action.index or self.index, name)

    def failed(self, action: Action, kind: str, reason: str) -> bytes:
        """Return the item of an operation that is refused."""
        return self.items.failed(action, action.index or self.index, kind, reason)


def _regular(body: bytes, lines: list[bytes], reply: _Replies) -> _Parsed | None:
    """Take a request in which all is as it nearly always is: documents to store, no more.

    Returns None where anything is not: `_irregular` finds out what.
    """
    if b"" in lines:
        # rsyslog puts an empty line behind every source.
        if not all(_is_pairs(part.strip(b"\n")) for part in body.split(b"\n\n")):
            return None
        lines = list(filter(None, lines))
        body = b"\n".join(lines)
    if len(lines) % 2:
        return None
    try:
        # No line holds two values, so there are as many as lines only if each holds one.
        if len(_OBJECT.decode_lines(body)) != len(lines):
            return None
        actions = {line: _read_action(line, reply.index) for line in set(lines[::2])}
    except (PayloadError, *NOT_JSON):
        return None
    if any(action.verb in ("update", "delete") for action in actions.values()):
        return None
    if reply.items.uniform:
        written = {line: reply.stored(action, 0) for line, action in actions.items()}
        items = [written[line] for line in lines[::2]]
    else:
        items = [reply.stored(actions[line], place) for place, line in enumerate(lines[::2])]
    named = all(action.id for action in actions.values())
    return _Parsed(body, len(items), 0, items, named)


def _is_pairs(lines: bytes) -> bool:
    """Say whether lines without empty ones between them are even in number."""
    return not lines or lines.count(b"\n") % 2 == 1


def _irregular(lines: list[bytes], reply: _Replies) -> _Parsed:
    """Take a request line by line. Raises: PayloadError naming the first action that is none."""
    items: list[bytes] = []
    kept: list[bytes] = []
    refused, named = 0, True
    numbered = iter(enumerate(lines, 1))
    for number, line in numbered:
        if not line.strip():
            continue
        try:
            action = _read_action(line, reply.index)
        except (PayloadError, *NOT_JSON) as error:
            raise PayloadError(f"Malformed action/metadata line [{number}]: {error}") from error
        if action.verb == "delete":
            items.append(reply.failed(action, ARGUMENT_ERROR, NO_CHANGES))
            continue
        _, source = next(numbered, (0, None))
        if source is None:
            raise PayloadError(f"the action of line [{number}] has no source line")
        if action.verb == "update":
            items.append(reply.failed(action, ARGUMENT_ERROR, NO_CHANGES))
            refused += 1
        elif not _is_object(source):
            items.append(reply.failed(action, MAPPING_ERROR, _NOT_AN_OBJECT))
            refused += 1
        else:
            items.append(reply.stored(action, len(items)))
            kept += (line, source)
            named = named and bool(action.id)
    return _Parsed(b"\n".join(kept), len(kept) // 2, refused, items, named)


def _read_action(line: bytes, index: bytes) -> Action:
    """Read an action line. Raises: PayloadError, and what decoding JSON raises."""
    found = _ACTION.decode(line)
    if len(found) != 1:
        raise PayloadError("expected one of create, index, update and delete")
    ((verb, meta),) = found.items()
    if meta.index is not None:
        _check_name(meta.index)
    if not meta.index and not index:
        raise PayloadError("index is missing")
    name = b""
    if meta.id is not None and meta.id != "":
        name = msgspec.json.encode(meta.id if isinstance(meta.id, str) else str(meta.id))
        _check_name(name)
    return Action(verb, msgspec.json.encode(meta.index) if meta.index else b"", name)


def _check_name(name: str | bytes) -> None:
    if len(name) > _MAX_NAME_BYTES + 2:
        raise PayloadError(f"a name is longer than {_MAX_NAME_BYTES} bytes")


def _is_object(source: bytes) -> bool:
    try:
        _OBJECT.decode(source)
    except NOT_JSON:
        # What else a sender's own JSON library may write: half a surrogate pair, NaN.
        try:
            return isinstance(json.loads(source), dict)
        except (ValueError, RecursionError):
            return False
    return True


def _envelope(
    request: Request, index: str, content: bytes, records: int, *, named: bool
) -> Envelope:
    labels = {INDEX_LABEL: index, PIPELINE_LABEL: request.parameter("pipeline")}
    delivery = ""
    if named:
        delivery = hashlib.sha256(b"\0".join((index.encode(), content))).hexdigest()
    return request.envelope(
        Payload.ELASTIC_DOCUMENTS,
        content,
        records,
        labels={name: value for name, value in labels.items() if value},
        delivery=delivery,
    )


# ---- Single documents --------------------------------------------------------------------------


def _document(request: Request, parts: list[str]) -> Decoded:
    """Take one document, as if it were a bulk request of one."""
    index, name = parts[0], "".join(parts[2:3])
    try:
        source = msgspec.json.format(request.body, indent=-1)
    except NOT_JSON as error:
        raise PayloadError(f"failed to parse: {error}") from error
    if not source.startswith(b"{"):
        raise PayloadError(_NOT_AN_OBJECT)
    meta = {"_index": index} | ({"_id": name} if name else {})
    line = msgspec.json.encode({"create": meta})
    action = _read_action(line, b"")
    given = action.id or msgspec.json.encode(hashlib.sha256(request.body).hexdigest()[:20])
    body = b'{"_index":%b,"_id":%b,"_version":1,"result":"created","_shards":%b}' % (
        action.index,
        given,
        b'{"total":1,"successful":1,"failed":0}',
    )
    envelope = _envelope(request, "", b"\n".join((line, source)), 1, named=bool(name))
    return Decoded((envelope,), answer(201, body, request.headers))


BULK = Protocol(
    name="elasticsearch",
    title="Elasticsearch bulk",
    paths=("/_bulk",),
    prefix="/elasticsearch",
    methods=("POST", "PUT", "GET", "HEAD", "DELETE"),
    decode=decode,
    refuse=refuse,
    credential=credential,
    native_port=9200,
    acknowledges="200 with one item per action after fsync; every client retries 429 and 503",
    clients=(
        "Filebeat and other Beats",
        "Logstash",
        "Fluent Bit",
        "Fluentd",
        "Vector",
        "rsyslog omelasticsearch",
        "the official clients",
    ),
)

PROTOCOLS = (BULK,)
