"""Fetching one small document over HTTP, within a time and a size, whatever the other end does."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httptools

from meshseal.model.errors import MeshsealError

_PIECE_BYTES = 64 * 1024


class FetchError(MeshsealError):
    """A document could not be fetched. Raised: the caller tries again later."""

    code = "fetch_failed"


class _Answer:
    """Gathers an answer; httptools calls it back."""

    def __init__(self, limit_bytes: int) -> None:
        self.body = bytearray()
        self.whole = False
        self.too_large = False
        self._limit = limit_bytes

    def on_body(self, data: bytes) -> None:
        self.too_large = self.too_large or len(self.body) + len(data) > self._limit
        if not self.too_large:
            self.body += data

    def on_message_complete(self) -> None:
        self.whole = True


def tls_context(ca_file: str, certificate_file: str, key_file: str) -> ssl.SSLContext:
    """Return how to speak TLS: whom to trust, and who we are. Raises: OSError, ssl.SSLError."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate_file:
        context.load_cert_chain(certificate_file, key_file or None)
    return context


def secret_of(path: str) -> str:
    """Return the secret in a file, without the line's end. Raises: OSError."""
    return Path(path).read_text().strip()


async def fetch(
    url: str,
    *,
    timeout_seconds: float,
    limit_bytes: int,
    headers: Mapping[str, str],
    context: ssl.SSLContext | None,
) -> bytes:
    """Return the body of a GET that is answered with 200. No redirection is followed.

    Raises: FetchError with the reason, which holds nothing of what was answered.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _fetch(url, limit_bytes, headers, context)
    except TimeoutError as error:
        raise FetchError(f"no whole answer within {timeout_seconds:g} s") from error
    except (OSError, ssl.SSLError) as error:
        raise FetchError(error.strerror or type(error).__name__) from error


async def _fetch(
    url: str, limit_bytes: int, headers: Mapping[str, str], context: ssl.SSLContext | None
) -> bytes:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(
        host, port, ssl=context if secure else None, limit=_PIECE_BYTES
    )
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        wanted = {"Host": parts.netloc.rpartition("@")[2], "Connection": "close", **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in wanted.items())
        writer.write(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1", "replace"))
        await writer.drain()
        return await _read(reader, limit_bytes)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _read(reader: asyncio.StreamReader, limit_bytes: int) -> bytes:
    answer = _Answer(limit_bytes)
    parser = httptools.HttpResponseParser(answer)
    head = 0
    while not answer.whole:
        data = await reader.read(_PIECE_BYTES)
        if not data:
            break
        head += len(data) if not answer.body else 0
        try:
            parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise FetchError("what answers is no HTTP") from error
        if answer.too_large or head > limit_bytes + _PIECE_BYTES:
            raise FetchError(f"the answer is larger than {limit_bytes} bytes")
    status = parser.get_status_code()
    if status != 200:
        raise FetchError(f"answered with status {status}" if status else "not answered")
    return bytes(answer.body)
