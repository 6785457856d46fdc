"""A client of the server's HTTP interfaces, for the agent and the command line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from meshseal import __version__
from meshseal.model.errors import (
    AuthenticationError,
    ForbiddenError,
    MeshsealError,
    NotFoundError,
    OverloadedError,
    PayloadError,
    QueryError,
)

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 120.0
_SILENT_SECONDS = 60.0
"""Server-sent events come with a sign of life every quarter of a minute."""

_ERRORS: dict[int, type[MeshsealError]] = {
    400: QueryError,
    401: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    413: PayloadError,
    415: PayloadError,
}


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """A server-sent event: its kind ('' for the usual), its data, its id. '' is what it lacks.

    Source: WHATWG HTML, "Server-sent events".
    """

    kind: str
    data: str
    id: str


class Client:
    """A client of one server.

    Args:
        server: The server's address, such as `https://logs.example.com`.
        key: An API key.
        tenant: The tenant, where the key may choose one.
        ca_file: Who signed the server's certificate, if not one of the machine's authorities.
        connections: How many requests may run at one time.
    """

    def __init__(
        self,
        server: str,
        *,
        key: str | None = None,
        tenant: str | None = None,
        ca_file: Path | None = None,
        connections: int = 4,
    ) -> None:
        self.server = server.rstrip("/")
        self._headers = {"User-Agent": f"meshseal/{__version__}"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        if tenant:
            self._headers["X-Scope-OrgID"] = tenant
        self._pool = urllib3.PoolManager(
            maxsize=connections,
            block=True,
            ca_certs=str(ca_file) if ca_file else None,
            retries=False,
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
        )

    def get(
        self,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the body of a GET. Raises: MeshsealError with what the server says."""
        return self._request("GET", path, parameters, headers=headers).data

    def get_json(
        self,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the JSON of a GET. Raises: MeshsealError."""
        return json.loads(self.get(path, parameters, headers))

    def post(
        self,
        path: str,
        body: bytes,
        parameters: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the body of a POST's answer. Raises: MeshsealError."""
        return self._request("POST", path, parameters, body=body, headers=headers).data

    def send_json(self, method: str, path: str, content: object = None) -> Any:
        """Send JSON by POST, PUT or DELETE, and return the JSON of the answer.

        Raises: MeshsealError.
        """
        body = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        return json.loads(self._request(method, path, None, body=body, headers=headers).data)

    def events(
        self, path: str, parameters: Mapping[str, Any] | None = None
    ) -> Iterator[ServerSentEvent]:
        """Yield server-sent events for as long as the server sends them.

        One that says nothing but its id is an event too.

        Raises: MeshsealError; OverloadedError when the connection breaks.
        """
        response = self._request("GET", path, parameters, stream=True)
        fields: dict[str, str] = {}
        try:
            pending = b""
            for piece in response.stream(65_536, decode_content=True):
                *lines, pending = (pending + piece).split(b"\n")
                for line in lines:
                    if line.startswith(b":"):
                        continue
                    if line:
                        name, _, value = line.decode(errors="replace").partition(": ")
                        fields[name] = value
                    elif fields:
                        yield ServerSentEvent(
                            fields.get("event", ""), fields.get("data", ""), fields.get("id", "")
                        )
                        fields = {}
        except urllib3.exceptions.HTTPError as error:
            raise OverloadedError(f"{self.server} broke off ({_reason(error)})") from error
        finally:
            response.close()

    def _request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, Any] | None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        url = f"{self.server}{path}"
        if parameters:
            url += "?" + urlencode(parameters, doseq=True)
        timeout = urllib3.Timeout(
            connect=_CONNECT_SECONDS, read=_SILENT_SECONDS if stream else _READ_SECONDS
        )
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                headers={**self._headers, **(headers or {})},
                preload_content=not stream,
                timeout=timeout,
            )
        except urllib3.exceptions.HTTPError as error:
            raise OverloadedError(
                f"{self.server} does not answer ({_reason(error)}): is the server running there?"
            ) from error
        if response.status >= 300:
            raise _error(response)
        return response


def _error(response: urllib3.BaseHTTPResponse) -> MeshsealError:
    text = response.data.decode(errors="replace").strip()[:1000]
    with contextlib.suppress(ValueError, KeyError, TypeError):
        text = json.loads(text)["error"]["message"]
    if response.status in (429, 502, 503, 504):
        after = response.headers.get("Retry-After", "")
        return OverloadedError(text, retry_after_seconds=int(after) if after.isdecimal() else 1)
    kind = _ERRORS.get(response.status, MeshsealError)
    return kind(text or f"the server answers {response.status}")


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    return str(cause).rsplit(": ", 1)[-1]
