"""The errors of the house: each says who must act.

```
MeshsealError
├── PayloadError         the sender must change the bytes; the same bytes fail again
│   ├── TooLargeError    ... by sending less at once
│   └── UnsupportedError ... by using a media type, encoding or method this door knows
├── AuthenticationError  the sender must prove who they are
├── ForbiddenError      the sender is known and may not do this
├── OverloadedError      nobody is wrong: try again later
│   └── RateLimitedError ... but slower
├── QueryError           the reader must change the query
├── FormatError          the operator must mend a format of their own
├── NotFoundError        the reader asked for something that is not here
├── ConfigError          the operator must change the configuration
├── IntegrityError       stored or spooled bytes are not what was written
└── EngineError          the storage engine refused or is away
```

A protocol's file turns these into the protocol's own words; `api` turns them into HTTP for readers.
"""

from __future__ import annotations

from typing import ClassVar


class MeshsealError(Exception):
    """Root of the tree. `code` is a counter label: a closed set, never the message text.

    `retry_after_seconds` is when to try again what is `retryable`.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    http_status: ClassVar[int] = 500
    retry_after_seconds: int = 2


class PayloadError(MeshsealError):
    """The bytes are not the declared protocol."""

    code = "invalid_payload"
    http_status = 400


class TooLargeError(PayloadError):
    """The payload, or what it unpacks to, is over a limit."""

    code = "too_large"
    http_status = 413


class UnsupportedError(PayloadError):
    """A content type, content encoding or method that this door does not speak."""

    code = "unsupported"
    http_status = 415


class AuthenticationError(MeshsealError):
    """No credential, or one that does not hold."""

    code = "unauthenticated"
    http_status = 401


class ForbiddenError(MeshsealError):
    """A known principal asks for something it may not do."""

    code = "forbidden"
    http_status = 403


class OverloadedError(MeshsealError):
    """Not now: the spool is full, the disk is full, or a limit on concurrency is reached."""

    code = "overloaded"
    retryable = True
    http_status = 503

    def __init__(self, message: str, *, retry_after_seconds: int = 5) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class RateLimitedError(OverloadedError):
    """This sender sends more than it may: it alone is to wait."""

    code = "rate_limited"
    http_status = 429


class QueryError(MeshsealError):
    """The query is not in the language, or goes over a limit.

    `position` is the zero-based character offset in the query text, where one is known.
    """

    code = "invalid_query"
    http_status = 400

    def __init__(self, message: str, *, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class FormatError(MeshsealError):
    """A format that a user registers cannot be used; the message says where and what to mend."""

    code = "invalid_format"
    http_status = 400


class NotFoundError(MeshsealError):
    """The thing asked for does not exist, or not for this tenant."""

    code = "not_found"
    http_status = 404


class ConfigError(MeshsealError):
    """The configuration cannot be used; the message names the key and what it takes."""

    code = "invalid_config"


class IntegrityError(MeshsealError):
    """Bytes on disk are not what was written there."""

    code = "integrity"


class EngineError(MeshsealError):
    """The storage engine is away, or refused a statement.

    `engine_code` is ClickHouse's own code, and 0 where there was no answer.
    """

    code = "engine"

    def __init__(self, message: str, *, engine_code: int = 0) -> None:
        super().__init__(message)
        self.engine_code = engine_code

    @property
    def retryable(self) -> bool:  # type: ignore[override]
        """Whether the same may succeed a moment later."""
        return self.engine_code in (0, 202)

    @property
    def http_status(self) -> int:  # type: ignore[override]
        """503 where it may succeed a moment later, else 500."""
        return 503 if self.retryable else 500
