"""What Elasticsearch answers: items of a bulk request, errors, and media types.

Everything is compact JSON: Vector and Fluent Bit look for `"errors":true` and
`"errors":false,"items":[` in the text of the answer.

Source: elastic/elasticsearch, `BulkResponse`, `BulkItemResponse` and `FilterPath` (read for their
behaviour); vectordotdev/vector, `src/sinks/elasticsearch/retry.rs`; fluent/fluent-bit,
`plugins/out_es/es.c`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from meshseal.model.errors import PayloadError
from meshseal.wire.protocol import Reply

PRODUCT = (("X-Elastic-Product", "Elasticsearch"),)
"""The header without which the official clients, from version 7.14 on, do not go on."""

MAPPING_ERROR = "mapper_parsing_exception"
ARGUMENT_ERROR = "illegal_argument_exception"

_MAX_PATTERNS = 64
_MAX_DEPTH = 16
_COMPATIBLE = re.compile(r"application/vnd\.elasticsearch\+json\s*;\s*compatible-with=(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Action:
    """The action line of one operation.

    Attributes:
        verb: `create`, `index`, `update` or `delete`.
        index: Where it is to go, as JSON text; empty where the line does not say.
        id: The document's name, as JSON text; empty where the line does not say.
    """

    verb: str
    index: bytes
    id: bytes


Pattern = tuple[re.Pattern[str] | None, ...]
"""One path of a filter: for every level a name, or None for any number of levels."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What of an answer the sender wants: the `filter_path` of its query."""

    wanted: tuple[Pattern, ...]
    unwanted: tuple[Pattern, ...]

    def keeps(self, *path: str) -> bool:
        """Say whether a member of the answer stays in it; a path that matches keeps all below."""
        if self.wanted and not any(_matches(pattern, path) for pattern in self.wanted):
            return False
        return not any(_matches(pattern, path) for pattern in self.unwanted)


@functools.lru_cache(maxsize=64)
def parse_filter(text: str) -> Filter:
    """Return the filter of a `filter_path`, such as `errors,items.*.error,-items.**._shards`.

    Raises: PayloadError when it is longer than any client's.
    """
    patterns = [pattern.strip() for pattern in text.split(",") if pattern.strip()]
    if len(patterns) > _MAX_PATTERNS:
        raise PayloadError(f"filter_path has more than {_MAX_PATTERNS} paths")
    wanted = tuple(_pattern(one) for one in patterns if not one.startswith("-"))
    unwanted = tuple(_pattern(one[1:]) for one in patterns if one.startswith("-"))
    return Filter(wanted, unwanted)


def _pattern(text: str) -> Pattern:
    levels: list[re.Pattern[str] | None] = []
    for name in text.split("."):
        if name != "**":
            parts = re.split(r"\*+", name)
            levels.append(re.compile(".*".join(map(re.escape, parts)), re.DOTALL))
        elif not levels or levels[-1] is not None:
            levels.append(None)
    if len(levels) > _MAX_DEPTH:
        raise PayloadError(f"a path of filter_path has more than {_MAX_DEPTH} levels")
    return tuple(levels)


def _matches(pattern: Pattern, path: tuple[str, ...]) -> bool:
    if not pattern:
        return True
    first, rest = pattern[0], pattern[1:]
    if first is None:
        return _matches(rest, path) or (bool(path) and _matches(pattern, path[1:]))
    return bool(path) and bool(first.fullmatch(path[0])) and _matches(rest, path[1:])


_SHARDS = {"total": 1, "successful": 1, "failed": 0}


class Items:
    """Writes the items of a bulk answer, as far as a filter keeps them."""

    def __init__(self, kept: Filter) -> None:
        self._kept = kept
        self._kept_paths: dict[tuple[str, ...], bool] = {}
        self.errors = False
        self._stored = {verb: self._template(verb) for verb in ("create", "index")}
        self.named = any(b"%(id)b" in template for template in self._stored.values())
        self.uniform = not any(b"%(" in template for template in self._stored.values())

    def stored(self, action: Action, index: bytes, name: bytes) -> bytes:
        """Return the item of a document that was stored; `index` and `name` are JSON text."""
        template = self._stored[action.verb]
        return template if self.uniform else template % {b"index": index, b"id": name}

    def failed(self, action: Action, index: bytes, kind: str, reason: str) -> bytes:
        """Return the item of an operation that cannot be done, status 400."""
        self.errors = True
        fields: dict[str, object] = {"_index": msgspec.Raw(index), "status": 400}
        if action.id:
            fields["_id"] = msgspec.Raw(action.id)
        error = {
            name: value
            for name, value in (("type", kind), ("reason", reason))
            if self._keeps(action.verb, "error", name)
        }
        kept = {name: value for name, value in fields.items() if self._keeps(action.verb, name)} | (
            {"error": error} if error else {}
        )
        return msgspec.json.encode({action.verb: kept}) if kept else b""

    def _keeps(self, *path: str) -> bool:
        """Say whether a member of an item is kept; there are few, and many items."""
        found = self._kept_paths.get(path)
        if found is None:
            found = self._kept_paths[path] = self._kept.keeps("items", *path)
        return found

    def _template(self, verb: str) -> bytes:
        shards = {name: n for name, n in _SHARDS.items() if self._keeps(verb, "_shards", name)}
        written = (
            ("_index", b'"_index":%(index)b'),
            ("_id", b'"_id":%(id)b'),
            ("_version", b'"_version":1'),
            ("result", b'"result":"created"'),
            ("_shards", b'"_shards":' + msgspec.json.encode(shards) if shards else b""),
            ("status", b'"status":201'),
        )
        inner = [
            text
            for name, text in written
            if text and (name == "_shards" or self._keeps(verb, name))
        ]
        return b'{"%b":{%b}}' % (verb.encode(), b",".join(inner)) if inner else b""

    def body(self, items: list[bytes]) -> bytes:
        """Return the whole answer; an item of which nothing is kept is left out."""
        kept = self._kept
        text = b",".join(filter(None, items) if b"" in items else items)
        members = (
            b'"took":0' if kept.keeps("took") else b"",
            b'"errors":%b' % (b"true" if self.errors else b"false")
            if kept.keeps("errors")
            else b"",
            b'"items":[%b]' % text if text else b"",
        )
        return b"{%b}" % b",".join(filter(None, members))


def answer(
    status: int, body: bytes, headers: Mapping[str, str], *, extra: tuple[tuple[str, str], ...] = ()
) -> Reply:
    """Return an answer in the media type that the sender accepts."""
    found = _COMPATIBLE.search(headers.get("accept", ""))
    media_type = (
        f"application/vnd.elasticsearch+json;compatible-with={found[1]}"
        if found
        else "application/json"
    )
    return Reply(status, body, media_type, PRODUCT + extra)


def error_body(status: int, kind: str, reason: str) -> bytes:
    """Return Elasticsearch's error envelope."""
    cause = {"type": kind, "reason": reason}
    return msgspec.json.encode(
        {"error": {"root_cause": [cause], "type": kind, "reason": reason}, "status": status}
    )
