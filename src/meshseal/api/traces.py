"""Reading a trace by its id: `GET /meshseal/v1/traces/{trace_id}`."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from meshseal.api.own import answering
from meshseal.api.reading import ReadContext
from meshseal.model.errors import QueryError
from meshseal.query.traces import Traces

_API = "meshseal"
_DEFAULT_LIMIT = 1000


class TracesApi:
    """The route.

    Args:
        context: What reads need.
        traces: What finds spans.
    """

    def __init__(self, context: ReadContext, traces: Traces) -> None:
        self._context = context
        self._traces = traces

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/meshseal/v1/traces/{trace_id}", answering(self._trace))]

    async def _trace(self, request: Request) -> Response:
        trace_id = request.path_params["trace_id"]
        async with self._context.reading(
            request, api=_API, action="traces.read", tenant=request.query_params.get("tenant")
        ) as read:
            read.details["trace"] = trace_id
            spans = await self._traces.trace(trace_id, tenant=read.tenant, limit=_limit(request))
            read.details["rows"] = len(spans)
            return Response(msgspec.json.encode({"spans": spans}), media_type="application/json")


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(_DEFAULT_LIMIT))
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise QueryError(f"limit={text[:40]!r} is not a whole number")
    return int(text)
