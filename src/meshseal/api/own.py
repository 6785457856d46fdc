"""Meshseal's own API: proofs, the live tail, the ledger, health and metrics.

Errors are `{"error": {"code": …, "message": …}}`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from meshseal.access.identity import ANY_TENANT, Permission
from meshseal.api.reading import Read, ReadContext
from meshseal.api.tails import Tails
from meshseal.model import telemetry
from meshseal.model.errors import (
    ForbiddenError,
    MeshsealError,
    NotFoundError,
    QueryError,
)
from meshseal.model.identifiers import PLATFORM_TENANT
from meshseal.query.logql import parse
from meshseal.query.proofs import ProofMaker
from meshseal.query.reader import Record
from meshseal.query.tree import LogQuery
from meshseal.seal.ledger import CHECKPOINT
from meshseal.seal.note import Verifier
from meshseal.seal.tiles import ENTRIES, TILE_WIDTH, TileName, Tiles

_API = "meshseal"
_MAX_BATCH = 2**63
_KEEP_ALIVE_SECONDS = 15.0


class OwnApi:
    """The API's routes.

    Args:
        context: What reads need.
        proofs: Makes proofs.
        tails: The live tail.
        ledger: The log's directory.
        verifier: The log's key.
        status: Says how the server is.
        is_ready: Says whether records can be taken in and found.
    """

    def __init__(
        self,
        context: ReadContext,
        *,
        proofs: ProofMaker,
        tails: Tails,
        ledger: Path,
        verifier: Verifier,
        status: Callable[[], dict[str, Any]],
        is_ready: Callable[[], bool],
    ) -> None:
        self._context = context
        self._proofs = proofs
        self._tails = tails
        self._ledger = ledger
        self._tiles = Tiles(ledger)
        self._verifier = verifier
        self._status = status
        self._is_ready = is_ready

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/meshseal/v1/proof", answering(self._proof)),
            Route("/meshseal/v1/tail", answering(self._tail)),
            Route("/meshseal/v1/status", answering(self._show_status)),
            Route("/ledger/key", answering(self._key)),
            Route("/ledger/checkpoint", answering(self._checkpoint)),
            Route("/ledger/{path:path}", answering(self._tile)),
            Route("/healthz", self._healthy),
            Route("/readyz", self._ready),
            Route("/metrics", answering(self._metrics)),
        ]

    async def _proof(self, request: Request) -> Response:
        batch, seq = (_number(request, name) for name in ("batch", "seq"))
        tenant = request.query_params.get("tenant")
        async with self._context.reading(
            request, api=_API, action="records.proof", tenant=tenant
        ) as read:
            read.details |= {"batch": str(batch), "seq": seq, "rows": 1}
            proof = await self._proofs.proof(tenant=read.tenant, batch=batch, seq=seq)
            name = f"meshseal-proof-{batch}-{seq}.json"
            return Response(
                proof.encode(),
                media_type="application/json",
                headers={"Content-Disposition": f'attachment; filename="{name}"'},
            )

    async def _tail(self, request: Request) -> Response:
        text = request.query_params.get("query", "")
        query = parse(text)
        if not isinstance(query, LogQuery):
            raise QueryError("only a log query can be followed")
        tenant = request.query_params.get("tenant")
        async with self._context.reading(
            request, api=_API, action="logs.tail", tenant=tenant
        ) as read:
            read.details["query"] = text
            after = request.headers.get("last-event-id") or request.query_params.get("after", "")
            return StreamingResponse(
                self._events(query, read, after), media_type="text/event-stream", headers=_NO_STORE
            )

    async def _events(self, query: LogQuery, read: Read, after: str) -> AsyncIterator[bytes]:
        """Yield new records as server-sent events, and a comment now and then to keep the line.

        An event's id is the point to go on from when all before it has arrived.
        """
        async with self._tails.follow(query, tenant=read.tenant, after=after) as follower:
            yield b": following\n\n"
            while True:
                news = await follower.next(_KEEP_ALIVE_SECONDS)
                if news.skipped:
                    yield b"event: skipped\ndata: {}\n\n"
                for record in news.records:
                    yield b"data: " + msgspec.json.encode(shown(record)) + b"\n\n"
                if not news.records:
                    yield b": still here\n"
                yield f"id: {news.point}\n\n".encode() if news.point else b"\n"

    async def _show_status(self, request: Request) -> Response:
        async with self._context.reading(
            request, api=_API, action="server.status", permission=Permission.READ_LEDGER
        ):
            return Response(msgspec.json.encode(self._status()), media_type="application/json")

    # ---- The ledger ------------------------------------------------------------------------

    async def _key(self, request: Request) -> Response:
        principal = await self._context.gate.principal(request.headers)
        principal.require(Permission.READ_LEDGER)
        return PlainTextResponse(f"{self._verifier}\n")

    async def _checkpoint(self, request: Request) -> Response:
        principal = await self._context.gate.principal(request.headers)
        principal.require(Permission.READ_LEDGER)
        note = await asyncio.to_thread((self._ledger / CHECKPOINT).read_text)
        return PlainTextResponse(note, headers=_NO_STORE)

    async def _tile(self, request: Request) -> Response:
        principal = await self._context.gate.principal(request.headers)
        principal.require(Permission.READ_LEDGER)
        name = TileName.parse(request.path_params["path"])
        if name.level == ENTRIES and principal.tenant not in (ANY_TENANT, PLATFORM_TENANT):
            raise ForbiddenError("manifests name every tenant: ask as one who may read them all")
        level = name.level if name.level == ENTRIES else int(name.level)
        content = await asyncio.to_thread(self._tiles.read, level, name.number, name.width)
        full = name.width == TILE_WIDTH
        caching = {"Cache-Control": "public, max-age=31536000, immutable"} if full else _NO_STORE
        return Response(content, media_type="application/octet-stream", headers=caching)

    # ---- Health ----------------------------------------------------------------------------

    async def _healthy(self, _request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _ready(self, _request: Request) -> Response:
        if self._is_ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("not ready\n", 503, headers={"Retry-After": "1"})

    async def _metrics(self, request: Request) -> Response:
        principal = await self._context.gate.principal(request.headers)
        principal.require(Permission.READ_LEDGER)
        self._status()
        return Response(generate_latest(telemetry.REGISTRY), media_type=CONTENT_TYPE_LATEST)


_NO_STORE = {"Cache-Control": "no-store"}


def shown(record: Record) -> dict[str, Any]:
    """Return a record as our own API shows it."""
    return {
        "time_unix_nano": str(record.time_unix_nano),
        "line": record.line,
        "level": record.level,
        "labels": record.stream,
        "metadata": record.metadata,
        "parsed": record.parsed,
    }


def answering(
    handler: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that turns the errors of the house into answers."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except MeshsealError as error:
            return refused(error)

    return endpoint


def refused(error: MeshsealError) -> Response:
    """Return the answer to an error."""
    headers = {}
    if error.retryable:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.http_status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="meshseal"'
    content = {"error": {"code": error.code, "message": str(error)}}
    return Response(
        msgspec.json.encode(content),
        error.http_status,
        media_type="application/json",
        headers=headers,
    )


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not text.isascii() or not text.isdecimal() or int(text) >= _MAX_BATCH:
        raise NotFoundError(f"{name}={text[:40]!r} is not a number: give batch=… and seq=…")
    return int(text)
