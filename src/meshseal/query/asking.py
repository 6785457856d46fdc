"""Runs rendered queries, and puts what the engine says of one that it cannot run into words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meshseal.model.errors import EngineError, QueryError
from meshseal.query.refusals import THROWN, said
from meshseal.query.sql import Binder, Sql
from meshseal.query.tree import Query, replacements
from meshseal.store.client import Store

_BAD_REGEX = 427
_TOO_DEEP = "the query is nested too deeply: take it apart into several"
_QUERY_ERRORS = {
    159: "the query took longer than query.max_seconds: narrow its time range, or its selector",
    162: _TOO_DEEP,
    167: _TOO_DEEP,
    306: _TOO_DEEP,
    241: "the query needs more memory than one query may use: narrow it, or group by fewer labels",
    394: "the query was cancelled",
    _BAD_REGEX: "a regular expression in the query is not valid",
}
"""What the engine says when the query asks for too much, or is not one it can run."""


async def ask(store: Store, sql: Sql) -> Sequence[Sequence[Any]]:
    """Return the rows of a query.

    Raises: QueryError when the query asks for too much; EngineError.
    """
    try:
        return (await store.query(sql.text, sql.parameters)).rows
    except EngineError as error:
        refused = said(str(error)) if error.engine_code == THROWN else ""
        if refused:
            raise QueryError(refused) from error
        if error.engine_code in _QUERY_ERRORS:
            raise QueryError(_QUERY_ERRORS[error.engine_code]) from error
        raise


async def check_regexes(store: Store, query: Query) -> None:
    """Check the regular expressions of each `label_replace`, so that it is known whose they are.

    Raises: QueryError in Loki's words; EngineError.
    """
    for regex in sorted({found.regex for found in replacements(query)}):
        binder = Binder()
        try:
            await store.query(f"SELECT match('', {binder.text(regex)})", binder.parameters)
        except EngineError as error:
            if error.engine_code != _BAD_REGEX:
                raise
            raise QueryError(f"invalid regex in label_replace: {regex[:200]}") from error
