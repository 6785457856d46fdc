"""The one client of the store: `clickhouse-connect`, over HTTP, with bound parameters."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError

from meshseal.model.errors import EngineError
from meshseal.store.settings import QuerySettings
from meshseal.store.supervisor import Endpoint


@dataclass(frozen=True, slots=True)
class Rows:
    """The result of a query: its columns' names, and its rows."""

    names: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


class Store:
    """Runs queries. Use it from one event loop.

    Args:
        settings: Limits of one query.
    """

    def __init__(self, settings: QuerySettings) -> None:
        self._settings = settings
        self._client: AsyncClient | None = None

    @property
    def connected(self) -> bool:
        """Whether there is an engine to ask."""
        return self._client is not None

    async def connect(self, endpoint: Endpoint) -> None:
        """Use the engine at an endpoint from now on. Raises: EngineError."""
        with _engine_errors():
            client = await clickhouse_connect.get_async_client(
                host=endpoint.host,
                port=endpoint.port,
                username=endpoint.user,
                password=endpoint.password,
                compress=False,
                query_limit=0,
                send_receive_timeout=self._settings.max_seconds + 10,
                autogenerate_session_id=False,
            )
        await self.disconnect()
        self._client = client

    async def disconnect(self) -> None:
        """Forget the engine."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(ClickHouseError, OSError):
                await client.close()

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
    ) -> Rows:
        """Run a query within the limits of one read, and return all its rows.

        A caller that is cancelled ends the query in the engine too.

        Raises: EngineError.
        """
        client = self._require()
        with _engine_errors():
            result = await client.query(
                sql,
                parameters=dict(parameters or {}),
                settings={**self._limits(), **(settings or {})},
            )
        return Rows(tuple(result.column_names), result.result_rows)

    async def insert(self, table: str, rows: bytes) -> None:
        """Insert rows, in format RowBinary, of all columns of a table. Raises: EngineError."""
        with _engine_errors():
            await self._require().raw_insert(
                table,
                insert_block=rows,
                fmt="RowBinary",
                # Equal rows at two times are no copies.
                settings={"insert_deduplicate": 0},
            )

    async def command(self, sql: str) -> None:
        """Run a statement that has no result. Raises: EngineError."""
        with _engine_errors():
            await self._require().command(sql)

    @asynccontextmanager
    async def stream(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, output: str
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Run a query and give its result in an output format, in pieces. Raises: EngineError."""
        with _engine_errors():
            stream = await self._require().raw_stream(
                sql, parameters=dict(parameters or {}), settings=self._limits(), fmt=output
            )
            async with stream as pieces:
                yield pieces

    def _limits(self) -> dict[str, Any]:
        return {
            "max_execution_time": self._settings.max_seconds,
            "max_memory_usage": self._settings.max_memory_bytes,
            "query_id": secrets.token_hex(8),
            # A repeated scan may be answered from what the last one noted; all else is as it was.
            "use_query_condition_cache": 1,
        }

    def _require(self) -> AsyncClient:
        if self._client is None:
            raise EngineError("the storage engine is not ready: try again in a few seconds")
        return self._client


@contextlib.contextmanager
def _engine_errors():  # type: ignore[no-untyped-def]  # noqa: ANN202
    """Turn what the client raises into EngineError."""
    try:
        yield
    except ClickHouseError as error:
        code = int(getattr(error, "code", None) or 0)
        message = str(error)[:2000] if code else f"the storage engine does not answer: {error}"
        raise EngineError(message, engine_code=code) from error
    except (OSError, TimeoutError) as error:
        raise EngineError(f"the storage engine does not answer: {error}") from error
