"""Fetching a document within a time and a size, from ends that do whatever they like."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from meshseal.receive.fetch import FetchError, fetch, tls_context
from tests.certificates import write_certificate

LIMIT = 1000
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def end(answer: Answer, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A listener that reads the head of a request, answers and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def saying(content: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(content)

    return answer


async def got(port: int, *, scheme: str = "http", context: ssl.SSLContext | None = None) -> bytes:
    return await fetch(
        f"{scheme}://127.0.0.1:{port}/stats?x=1",
        timeout_seconds=1.0,
        limit_bytes=LIMIT,
        headers={"Authorization": "Bearer s3cret"},
        context=context,
    )


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
    ],
)
async def test_an_answer(content: bytes) -> None:
    async with end(saying(content)) as port:
        assert await got(port) == b"hello"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not answered"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404"),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP"),
        (b"\x00\xff" * 50, "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000, "larger than 1000"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000, "larger than 1000"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 100_000, "larger than 1000|no HTTP"),
    ],
)
async def test_what_is_no_document(content: bytes, reason: str) -> None:
    async with end(saying(content)) as port:
        with pytest.raises(FetchError, match=reason):
            await got(port)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_an_end_that_drips(head: bytes) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"X")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with end(answer) as port:
        with pytest.raises(FetchError, match=r"no whole answer within 1 s|no HTTP"):
            await got(port)


async def test_nobody_there() -> None:
    async with end(saying(b"")) as port:
        pass
    with pytest.raises(FetchError):
        await got(port)


async def test_tls_is_checked(tmp_path: Path) -> None:
    files = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    document = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    async with end(document, context) as port:
        trusted = tls_context(str(files.certificate), "", "")
        assert await got(port, scheme="https", context=trusted) == b"hello"
        with pytest.raises(FetchError):
            await got(port, scheme="https", context=tls_context("", "", ""))
