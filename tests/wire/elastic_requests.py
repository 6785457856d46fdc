"""Requests to Elasticsearch's door, decoded."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from meshseal.wire.elastic import decode
from meshseal.wire.protocol import Decoded, Request


def ask(
    method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Decoded:
    path, _, query = target.partition("?")
    return decode(
        Request(
            path=path,
            query=parse_qs(query, keep_blank_values=True),
            headers=headers or {},
            body=body,
            received_unix_nano=7,
            door="elasticsearch",
            tenant="t",
            source="s",
            method=method,
        )
    )


def bulk(body: bytes | str, target: str = "/_bulk") -> Decoded:
    return ask("POST", target, body if isinstance(body, bytes) else body.encode())
