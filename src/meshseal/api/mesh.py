"""The map of the mesh, and its course: `/meshseal/v1/mesh/map` and `/meshseal/v1/mesh/timeline`."""

from __future__ import annotations

import time

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from meshseal.api.own import answering
from meshseal.api.reading import Read, ReadContext
from meshseal.api.times import time_range
from meshseal.model.errors import QueryError
from meshseal.query.mesh import Filter, Mesh
from meshseal.query.mesh_sql import Span, span_of

_API = "meshseal"
_TIMES = frozenset({"start", "end", "since", "tenant"})
_MAP = frozenset({"namespace", "service", "cluster"})
_TIMELINE = frozenset({"edge", "service"})
_LONGEST = 1000


class MeshApi:
    """The routes.

    Args:
        context: What reads need.
        mesh: What reads the mesh.
    """

    def __init__(self, context: ReadContext, mesh: Mesh) -> None:
        self._context = context
        self._mesh = mesh

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/meshseal/v1/mesh/map", answering(self._map)),
            Route("/meshseal/v1/mesh/timeline", answering(self._timeline)),
        ]

    async def _map(self, request: Request) -> Response:
        async with self._context.reading(
            request, api=_API, action="mesh.map", tenant=request.query_params.get("tenant")
        ) as read:
            given = _parameters(request, _MAP, read)
            span = _span(request, read)
            found = await self._mesh.map(
                span,
                tenant=read.tenant,
                wanted=Filter(**given),
                seconds=span.over(time.time()),
            )
            read.details["rows"] = len(found["edges"])
            return Response(msgspec.json.encode(found), media_type="application/json")

    async def _timeline(self, request: Request) -> Response:
        async with self._context.reading(
            request, api=_API, action="mesh.timeline", tenant=request.query_params.get("tenant")
        ) as read:
            given = _parameters(request, _TIMELINE, read)
            span = _span(request, read)
            found = await self._mesh.timeline(span, tenant=read.tenant, **given)
            read.details["rows"] = len(found["points"])
            return Response(msgspec.json.encode(found), media_type="application/json")


def _parameters(request: Request, names: frozenset[str], read: Read) -> dict[str, str]:
    """Return the parameters of these names that are given. Raises: QueryError for any other."""
    unknown = set(request.query_params) - names - _TIMES
    if unknown:
        known = ", ".join(sorted(names | _TIMES))
        raise QueryError(f"there is no parameter {min(unknown)[:40]!r}: there are {known}")
    given = {name: request.query_params.get(name, "") for name in names}
    for name, value in given.items():
        if len(value) > _LONGEST:
            raise QueryError(f"{name} is longer than {_LONGEST} characters")
        if value:
            read.details[name] = value
    return given


def _span(request: Request, read: Read) -> Span:
    """Return the range of whole minutes that holds what was asked for."""
    parameters = request.query_params
    times = time_range(*(parameters.get(name, "") for name in ("start", "end", "since")))
    span = span_of(times.start, times.end)
    read.details |= {"start": span.start, "end": span.end}
    return span
