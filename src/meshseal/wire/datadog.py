"""Datadog: the logs of its Agent and its client libraries, and what else they say and expect.

Metrics, checks, sketches, metadata, telemetry and the like are answered as Datadog answers them, so
that senders stay quiet, and are not kept. Spans are in `datadog_traces.py`.

Source: Datadog's API reference, "Send logs"; DataDog/datadog-agent,
comp/logs-library/client/http/destination.go and pkg/trace/api/endpoints.go (Apache-2.0).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from meshseal.model.envelope import Payload
from meshseal.model.errors import (
    AuthenticationError,
    MeshsealError,
    NotFoundError,
    PayloadError,
    UnsupportedError,
)
from meshseal.wire.datadog_traces import INFO, PATHS, decode_spans
from meshseal.wire.protocol import (
    NOT_JSON,
    Decoded,
    Protocol,
    Query,
    Reply,
    Request,
    count_lines,
    retry_after,
)

JSON = "application/json"
TEXT_TYPES = frozenset({"text/plain", "application/logplex-1"})
TEXT = "text"
"""The hint of a payload that is lines: `sql/payload/datadog_logs.sql` reads it."""

_ABOUT = ("ddsource", "ddtags", "hostname", "service")
"""What the query may say of all logs of a request."""

MAX_ABOUT = 4096

_LOGS = re.compile(r"/api/v2/logs/?|/v1/input(?:/[^/]*)?/?")
_VALIDATE = "/api/v1/validate"
_INFO = "/info"

# What Agents and tracers send besides logs and spans: taken and not kept.
_NOT_KEPT = re.compile(
    r"/intake(?:/.*)?"
    r"|/api/(?:v1|v2|beta)/(?:series|sketches|check_run|distribution_points|events|metadata"
    r"|host_metadata|intake|collector|container|connections|discovery|proclifecycle|orchestrator"
    r"|orch|orchmanif|apmtelemetry|agenthealth|agentdiscovery|profile|tags/hosts/.*)"
    r"|/api/intake/.*"
    r"|/api/v0\.[12]/stats|/v0\.[56]/stats|/v0\.1/pipeline_stats"
    r"|/(?:telemetry/proxy|evp_proxy|profiling|debugger|symdb|dogstatsd|support|tracer_flare)/.*"
)

_OBJECTS = msgspec.json.Decoder(list[dict[str, Any]])

# A key in the path, for tracers: they send none, but keep the path of the address they are given
# (ddtrace does, dd-trace of Node.js does not). /key/<key>/v0.4/traces.
_KEYED = re.compile(r"/key/([^/]*)(/.*)")


def decode(request: Request) -> Decoded:
    """Answer any request of the conversation.

    Raises: PayloadError, NotFoundError for a path that is not Datadog's.
    """
    path = _without_key(request.path)
    if _LOGS.fullmatch(path):
        return _logs(request, path)
    if path in PATHS:
        return decode_spans(request, path)
    if path == _VALIDATE:
        return Decoded((), Reply(200, b'{"valid":true}', JSON))
    if path == _INFO:
        return Decoded((), Reply(200, INFO, JSON))
    if _NOT_KEPT.fullmatch(path):
        status = 200 if path.endswith("stats") else 202
        return Decoded((), Reply(status, b"{}", JSON), outcome="not_kept")
    # A path may hold a key, and the reason is logged: so the path is not told.
    raise NotFoundError("nothing of Datadog's conversation has this path here")


def credential(path: str, query: Query, headers: Mapping[str, str]) -> str:
    """Return the API key: of the header, the query, or the path."""
    keyed = _KEYED.fullmatch(path)
    found = [
        headers.get("dd-api-key", ""),
        *(query.get(name, [""])[-1] for name in ("dd-api-key", "api_key")),
        keyed[1] if keyed else "",
        path[len("/v1/input/") :].strip("/") if path.startswith("/v1/input/") else "",
    ]
    return next((key for key in found if key), "")


def refuse(error: MeshsealError, headers: Mapping[str, str]) -> Reply:
    """Answer as Datadog does.

    The Agent drops what is answered 400, 401, 403 or 413, and sends anything else again without
    end: so what it must not send again is 400, whatever is wrong with it. A key that does not hold
    is 403 where it asks whether it does, and 401 is for none at all.
    """
    status = error.http_status
    if isinstance(error, UnsupportedError):
        status = 400
    elif isinstance(error, AuthenticationError) and _has_key(headers):
        status = 403
    detail = {"status": str(status), "title": error.code, "detail": str(error)}
    return Reply(status, msgspec.json.encode({"errors": [detail]}), JSON, retry_after(error))


def _has_key(headers: Mapping[str, str]) -> bool:
    path, _, query = headers.get(":path", "").partition("?")
    return "api_key=" in query or "dd-api-key=" in query or bool(credential(path, {}, headers))


def _without_key(path: str) -> str:
    keyed = _KEYED.fullmatch(path)
    return keyed[2] if keyed else path


# ---- Logs --------------------------------------------------------------------------------------


def _logs(request: Request, path: str) -> Decoded:
    """Take logs. A body that is empty, or `{}`, is how an Agent asks whether anybody listens."""
    reply = Reply(200 if path.startswith("/v1/") else 202, b"{}", JSON)
    body = request.body.strip()
    if body in (b"", b"{}"):
        return Decoded((), reply)
    is_json = request.media_type == JSON or body[:1] in (b"[", b"{")
    if request.media_type in TEXT_TYPES or not is_json:
        content, records, hint = request.body, count_lines(request.body), TEXT
    else:
        content, records = _objects(request.body)
        hint = ""
    envelope = request.envelope(
        Payload.DATADOG_LOGS, content, records, format_hint=hint, labels=_about(request)
    )
    return Decoded((envelope,) if records else (), reply)


def _about(request: Request) -> dict[str, str]:
    about = {name: request.parameter(name) for name in _ABOUT if request.parameter(name)}
    if any(len(value) > MAX_ABOUT for value in about.values()):
        raise PayloadError(f"more than {MAX_ABOUT} characters in one of {', '.join(_ABOUT)}")
    return about


def _objects(body: bytes) -> tuple[bytes, int]:
    """Return a body as an array of objects, and how many.

    It may be an array, one object, or one in each line.

    Raises: PayloadError.
    """
    if body.lstrip()[:1] == b"{":
        whole = b"[%b]" % body
        try:
            return whole, len(_OBJECTS.decode(whole))
        except NOT_JSON:
            body = b"[%b]" % b",".join(line for line in body.splitlines() if line.strip())
    try:
        return body, len(_OBJECTS.decode(body))
    except NOT_JSON as error:
        mended = _mended(body)
        if mended is None:
            raise PayloadError(f"the body is not an array of logs: {error}") from error
        return mended


def _mended(body: bytes) -> tuple[bytes, int] | None:
    """Return an array that is JSON but for halves of characters and numbers no double holds.

    An Agent drops what is refused, and these are only a few bytes of it: the halves become the
    replacement character, and the numbers text.
    """
    try:
        objects = json.loads(
            body.decode(errors="replace"), parse_float=_number, parse_constant=str, parse_int=_whole
        )
    except (ValueError, RecursionError):
        return None
    if not isinstance(objects, list) or not all(isinstance(one, dict) for one in objects):
        return None
    text = json.dumps(objects, ensure_ascii=False)
    content = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    return content, len(objects)


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _whole(text: str) -> int | str:
    return int(text) if len(text) < 20 else text


DATADOG = Protocol(
    name="datadog",
    title="Datadog logs and spans",
    paths=(
        "/api/v2/logs",
        "/v1/input",
        _VALIDATE,
        *PATHS,
    ),
    prefix="/datadog",
    methods=("POST", "PUT", "GET", "HEAD"),
    decode=decode,
    refuse=refuse,
    credential=credential,
    open_paths=frozenset({_INFO}),
    native_port=8282,
    acknowledges="202 {} after fsync; 429 and 503 are retried; 400, 401, 403 and 413 drop the logs",
    clients=("Datadog Agent", "ddtrace", "dd-trace-js", "Datadog API clients", "Vector"),
)

PROTOCOLS = (DATADOG,)
