"""Runs rendered queries, and puts what the engine says of one that it cannot run into words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meshseal.model.errors import EngineError, QueryError
from meshseal.query.sql import Sql
from meshseal.store.client import Store

_QUERY_ERRORS = {
    159: "the query took longer than query.max_seconds: narrow its time range, or its selector",
    241: "the query needs more memory than one query may use: narrow it, or group by fewer labels",
    394: "the query was cancelled",
    427: "a regular expression in the query is not valid",
}
"""What the engine says when the query asks for too much, or is not one it can run."""


async def ask(store: Store, sql: Sql) -> Sequence[Sequence[Any]]:
    """Return the rows of a query.

    Raises: QueryError when the query asks for too much; EngineError.
    """
    try:
        return (await store.query(sql.text, sql.parameters)).rows
    except EngineError as error:
        if error.engine_code in _QUERY_ERRORS:
            raise QueryError(_QUERY_ERRORS[error.engine_code]) from error
        raise
