"""Asks the store of a running server directly, as its owner can, to see what is really there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from tests.server import ServerProcess


def ask(server: ServerProcess, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a statement."""
    with _client(server) as client:
        return [tuple(row) for row in client.query(sql).result_rows]


def command(server: ServerProcess, sql: str) -> None:
    """Run a statement that has no result."""
    with _client(server) as client:
        client.command(sql)


@contextmanager
def _client(server: ServerProcess) -> Iterator[Client]:
    endpoint = json.loads((server.data / "running.json").read_text())
    client = clickhouse_connect.get_client(
        host=endpoint["host"],
        port=endpoint["port"],
        username=endpoint["user"],
        password=endpoint["password"],
        compress=False,
        autogenerate_session_id=False,
    )
    try:
        yield client
    finally:
        client.close()
