"""ClickHouse's HTTP interface in front of the embedded engine.

What a ClickHouse client relies on is here: statements in the `query` parameter or the body, bound
parameters (`param_<name>`), settings as parameters, every input and output format, inserts with
data in the body, results in pieces, errors with their code, and the end of a query whose client
goes away. It listens on loopback, with a random password.

Source: https://clickhouse.com/docs/interfaces/http
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import re
import secrets
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import parse_qsl

import structlog

from meshseal.model.errors import EngineError
from meshseal.receive.body import (
    DisconnectedError,
    InFlight,
    Message,
    Receive,
    Scope,
    Send,
    headers_of,
    read_body,
)
from meshseal.receive.http import respond
from meshseal.store.engine import Engine, Handle

_LOG = structlog.get_logger(__name__)
USER = "meshseal"
_MAX_STATEMENT_BYTES = 512 << 20
_TAKE_SECONDS = 10.0
_PIECE_BYTES = 1 << 20

# Parameters of the interface that are not settings of the engine.
_RESERVED = frozenset(
    {
        "query",
        "database",
        "default_format",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "compress",
        "decompress",
        "user",
        "password",
        "quota_key",
        "role",
        "client_protocol_version",
        "wait_end_of_query",
        "buffer_size",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "send_progress_in_http_headers",
        "cancel_http_readonly_queries_on_client_close",
    }
)
_SETTING = re.compile(r"[a-z][a-z0-9_]{0,99}")
_INSERT = re.compile(rb"\s*INSERT\s+INTO\s+[^()]*(?:\([^()]*\)\s*)?FORMAT\s+(\w+)\s*?(\n|$)", re.I)
# What the engine gives in pieces; every other statement's result comes whole.
_STREAMED = re.compile(r"[\s(]*(SELECT|WITH)\b", re.I)


@dataclass(frozen=True, slots=True)
class Statement:
    """One request to the interface, taken apart."""

    sql: str
    data: bytes
    data_format: str
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    output_format: str
    query_id: str


def parse_statement(query_string: bytes, body: bytes) -> Statement:
    """Take a request apart. Raises: EngineError for a setting's name that cannot be one."""
    values = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
    text = values.get("query", "").encode()
    statement = text + b"\n" + body if text and body else text or body
    data = b""
    found = _INSERT.match(statement)
    if found:
        statement, data = statement[: found.start(1)].rstrip(), statement[found.end() :]
        statement = re.sub(rb"\s+FORMAT$", b"", statement, flags=re.I)
    settings = {
        name: value
        for name, value in values.items()
        if name not in _RESERVED and not name.startswith("param_")
    }
    for name in settings:
        if not _SETTING.fullmatch(name):
            raise EngineError(
                f"Code: 115. DB::Exception: unknown setting {name!r}", engine_code=115
            )
    return Statement(
        sql=statement.decode(),
        data=data,
        data_format=found[1].decode() if found else "",
        parameters={k[6:]: v for k, v in values.items() if k.startswith("param_")},
        settings=settings,
        output_format=values.get("default_format", "TabSeparated"),
        query_id=values.get("query_id") or secrets.token_hex(8),
    )


class Face:
    """An ASGI application with the engine behind it.

    Args:
        engine: The engine.
        password: What clients must present.
        handles: How many queries may run at one time.
    """

    def __init__(self, engine: Engine, *, password: str, handles: int) -> None:
        self._engine = engine
        self._password = password
        self._threads = ThreadPoolExecutor(handles + 2, thread_name_prefix="query")
        self._killer = engine.open()
        self._killer_lock = asyncio.Lock()
        self._free = asyncio.Semaphore(handles)
        self._inflight = InFlight(_MAX_STATEMENT_BYTES)

    def close(self) -> None:
        """Release the threads and the handle that ends queries."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._killer.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["path"] in ("/ping", "/replicas_status"):
            await respond(send, 200, b"Ok.\n", "text/plain")
            return
        headers = headers_of(scope)
        if not self._authentic(headers):
            await _fail(send, EngineError("Code: 516. DB::Exception: no access", engine_code=516))
            return
        try:
            with self._inflight.lease() as lease:
                body = await read_body(
                    headers, receive, lease, limit_bytes=_MAX_STATEMENT_BYTES, timeout_seconds=300
                )
                statement = parse_statement(scope["query_string"], body)
                del body
                await self._run(statement, receive, send)
        except EngineError as error:
            await _fail(send, error)
        except DisconnectedError:
            pass

    def _authentic(self, headers: Mapping[str, str]) -> bool:
        given = headers.get("x-clickhouse-key", "")
        kind, _, encoded = headers.get("authorization", "").partition(" ")
        if not given and kind.lower() == "basic":
            with contextlib.suppress(ValueError):
                given = base64.b64decode(encoded).decode().partition(":")[2]
        return hmac.compare_digest(given.encode(), self._password.encode())

    async def _run(self, statement: Statement, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(_TAKE_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            message = "Code: 202. DB::Exception: too many queries run: try again later"
            raise EngineError(message, engine_code=202) from None
        try:
            await self._run_on(self._engine.take(), statement, receive, send)
        finally:
            self._free.release()

    async def _run_on(
        self, handle: Handle, statement: Statement, receive: Receive, send: Send
    ) -> None:
        """Run a statement, and end it if its client goes away."""
        work = asyncio.create_task(self._answer(handle, statement, send))
        gone = asyncio.create_task(_wait_for_disconnect(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                await self._kill(statement.query_id)
            await work
        finally:
            gone.cancel()

    async def _answer(self, handle: Handle, statement: Statement, send: Send) -> None:
        """Run the statement and send what comes of it; the handle goes back in any case."""
        loop = asyncio.get_running_loop()
        pieces = self._execute(handle, statement)
        try:
            piece = await loop.run_in_executor(self._threads, next, pieces, None)
            await _start(send, statement)
            while piece is not None:
                message: Message = {"type": "http.response.body", "body": piece, "more_body": True}
                await send(message)
                piece = await loop.run_in_executor(self._threads, next, pieces, None)
            await send({"type": "http.response.body", "body": b""})
        finally:
            await asyncio.shield(
                loop.run_in_executor(self._threads, self._restore, handle, statement, pieces)
            )

    def _execute(self, handle: Handle, statement: Statement) -> Generator[bytes, None, None]:
        """Yield the result in pieces."""
        settings = {**statement.settings, "log_comment": statement.query_id}
        handle.execute("SET " + ", ".join(f"{k} = {_literal(v)}" for k, v in settings.items()))
        if statement.data_format:
            handle.insert(statement.sql, statement.data, format_name=statement.data_format)
        elif _STREAMED.match(statement.sql):
            yield from _regrouped(
                handle.stream(statement.sql, statement.parameters, output=statement.output_format)
            )
        else:
            result = handle.execute(
                statement.sql, statement.parameters, output=statement.output_format
            )
            if result:
                yield result

    def _restore(
        self, handle: Handle, statement: Statement, pieces: Generator[bytes, None, None]
    ) -> None:
        """End the query, put the handle's settings back and the handle into the pool."""
        usable = True
        try:
            pieces.close()
            names = (*statement.settings, "log_comment")
            handle.execute("SET " + ", ".join(f"{name} = DEFAULT" for name in names))
        except EngineError:
            usable = False
        self._engine.give_back(handle, usable=usable)

    async def _kill(self, query_id: str) -> None:
        """End the query of a client that is gone."""
        loop = asyncio.get_running_loop()
        async with self._killer_lock:
            with contextlib.suppress(EngineError):
                await loop.run_in_executor(
                    self._threads,
                    lambda: self._killer.execute(
                        "KILL QUERY WHERE Settings['log_comment'] = {id:String} ASYNC",
                        {"id": query_id},
                    ),
                )


def _literal(value: str) -> str:
    return "'{}'".format(value.replace("\\", "\\\\").replace("'", "\\'"))


def _regrouped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield pieces of a size that is worth sending."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= _PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(send: Send, statement: Statement) -> None:
    headers = [
        (b"content-type", b"application/octet-stream"),
        (b"x-clickhouse-query-id", statement.query_id.encode("latin-1", "replace")),
        (b"x-clickhouse-format", statement.output_format.encode("latin-1", "replace")),
        (b"x-clickhouse-timezone", b"UTC"),
        (b"x-clickhouse-summary", b"{}"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


_STATUS = {47: 404, 60: 404, 81: 404, 62: 400, 516: 401, 202: 503, 241: 507, 159: 408}


async def _fail(send: Send, error: EngineError) -> None:
    """Answer with an error; where the result has begun already, end the connection instead."""
    code = error.engine_code
    headers = (("X-ClickHouse-Exception-Code", str(code)),)
    try:
        await respond(send, _STATUS.get(code, 500), f"{error}\n".encode(), "text/plain", headers)
    except RuntimeError:
        _LOG.warning("engine_result_cut", engine_code=code, error=str(error)[:300])
        raise
