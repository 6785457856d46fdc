"""A place in the tokens of a query, and what is read from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from meshseal.model.errors import QueryError
from meshseal.query.logql.lexer import Kind, Token

_T = TypeVar("_T")
MAX_DEPTH = 64


class Cursor:
    """A place in tokens, the last of which is an END. Everything may raise QueryError."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _is(self, *texts: str) -> bool:
        return self._token.kind in (Kind.SYMBOL, Kind.NAME) and self._token.text in texts

    def _accept(self, *texts: str) -> str | None:
        if not self._is(*texts):
            return None
        self._at += 1
        return self._tokens[self._at - 1].text

    def _expect(self, *texts: str) -> str:
        found = self._accept(*texts)
        if found is None:
            raise self._unexpected(" or ".join(repr(text) for text in texts))
        return found

    def _take(self, *kinds: Kind) -> Token:
        token = self._token
        if token.kind not in kinds:
            raise self._unexpected(" or ".join(kind.value for kind in kinds))
        self._at += 1
        return token

    def _string(self) -> str:
        return str(self._take(Kind.STRING).value)

    def _unexpected(self, wanted: str) -> QueryError:
        token = self._token
        shown = repr(token.text[:40]) if token.kind is not Kind.END else "the end of the query"
        return QueryError(f"expected {wanted}, found {shown}", position=token.position)

    def expect_end(self) -> None:
        """Check that everything was read. Raises: QueryError."""
        if self._token.kind is not Kind.END:
            raise self._unexpected("the end of the query")

    def _nested(self, read: Callable[[], _T]) -> _T:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise QueryError("the query is nested too deeply", position=self._token.position)
        result = read()
        self._depth -= 1
        return result

    def _listed(self, read: Callable[[], _T], closing: str) -> tuple[_T, ...]:
        """Read `a, b, c` and the closing symbol, which may also follow at once or after a comma."""
        items: list[_T] = []
        while not self._accept(closing):
            items.append(read())
            if not self._accept(","):
                self._expect(closing)
                break
        return tuple(items)

    def _later(self, what: str) -> QueryError:
        return QueryError(f"{what} is not supported yet", position=self._token.position)
