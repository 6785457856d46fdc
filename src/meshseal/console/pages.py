"""The console's routes, and the page with its three parts: results, a record's panel, more rows."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from meshseal.api.definitions import LiveDefinitions
from meshseal.api.reading import Read, ReadContext
from meshseal.api.tails import Tails
from meshseal.console.assets import Assets
from meshseal.console.buckets import LEVEL_LABEL
from meshseal.console.completeness import CompletenessPage
from meshseal.console.edits import with_condition
from meshseal.console.examples import EXAMPLES
from meshseal.console.formats import FormatsPage
from meshseal.console.frame import frame, retry_headers, status_of
from meshseal.console.guards import NO_STORE, SECURITY_HEADERS
from meshseal.console.mesh import mesh_frame
from meshseal.console.panel import open_record
from meshseal.console.results import Curves, check_length, find
from meshseal.console.services import ServicesPage
from meshseal.console.sessions import Sessions, Site
from meshseal.console.suggestions import suggestions
from meshseal.console.templating import PAGE_HEADERS, Templates
from meshseal.console.view import CUSTOM, LIMITS, PRESETS, View, shown_place, shown_time
from meshseal.model.errors import (
    AuthenticationError,
    EngineError,
    MeshsealError,
    NotFoundError,
    QueryError,
)
from meshseal.query.completeness import Completeness
from meshseal.query.logql import parse
from meshseal.query.proofs import ProofMaker
from meshseal.query.tree import LogQuery, Query
from meshseal.seal.note import Verifier

_API = "console"
_MOST_CHARACTERS = 8000
"""Longest query of the page: it stands in the address, and so in every row's link."""
_MOST_ROWS = max(LIMITS)
_TEMPLATES = {"main": "main.html", "panel": "panel.html", "more": "rows.html"}


class Console:
    """The console.

    Args:
        context: What reads need.
        proofs: Makes proofs.
        verifier: The log's key.
        trial: Whether everybody on this machine may do everything.
        site: How browsers reach the console.
        completeness: What knows whether everything arrived.
        definitions: The register of services, and formats of the installation's own.
        tails: The live tail.
    """

    def __init__(
        self,
        context: ReadContext,
        *,
        proofs: ProofMaker,
        verifier: Verifier,
        trial: bool,
        site: Site,
        completeness: Completeness,
        definitions: LiveDefinitions,
        tails: Tails,
    ) -> None:
        self._context = context
        self._tails = tails
        self._proofs = proofs
        self._verifier = verifier
        self._site = site
        self._assets = Assets()
        self._templates = Templates(self._assets, trial=trial, verifier=str(verifier))
        self._sessions = Sessions(context, self._templates, site)
        self._mesh_modules = self._assets.names("mesh", ".js")
        self._completeness = CompletenessPage(context, completeness)
        pages = ServicesPage, FormatsPage
        self._editors = [page(context, definitions, self._templates, site) for page in pages]

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self._answering(self._page), methods=["GET"]),
            Route("/mesh", self._answering(self._mesh), methods=["GET"]),
            Route("/completeness", self._answering(self._complete_page), methods=["GET"]),
            Route("/console/complete", self._complete, methods=["GET"]),
            *self._editor_routes(),
            self._assets.route(),
            *self._sessions.routes(),
        ]

    def _editor_routes(self) -> Iterator[Route]:
        for page in self._editors:
            yield Route(page.path, self._answering(page.show), methods=["GET"])
            yield Route(page.path, self._answering(page.edit), methods=["POST"])

    # ---- The page ----------------------------------------------------------------------------

    async def _page(self, request: Request) -> Response:
        part = _part(request)
        action = "logs.record" if part == "panel" else "logs.query"
        tenant = request.query_params.get("tenant", "").strip() or None
        async with self._context.reading(request, api=_API, action=action, tenant=tenant) as read:
            content, status = await self._content(request, read, part)
        headers = retry_headers(status)
        if part == "main":
            headers["HX-Push-Url"] = content["view"].url()
        template = _TEMPLATES.get(part, "page.html")
        return self._templates.page(template, content, status=status, headers=headers)

    async def _content(self, request: Request, read: Read, part: str) -> tuple[dict[str, Any], int]:
        """Return what a template needs, and the status."""
        content = self._frame(request, read)
        error: MeshsealError | None = None
        try:
            view = View.parse(request.query_params)
            content["view"] = view
            read.details["query"] = view.query
            check_length(view.query, most=_MOST_CHARACTERS)
            if view.limit > _MOST_ROWS:
                raise QueryError(f"the page shows at most {_MOST_ROWS} records: load more of them")
            content["times"] = view.times(time.time_ns())
            query = parse(view.query)
            content["is_log_query"] = isinstance(query, LogQuery)
            if part == "more" and not isinstance(query, LogQuery):
                raise QueryError("only a log query has more records")
            if part != "panel":
                await self._results(content, query, read, whole=part != "more")
        except (QueryError, EngineError) as raised:
            error = raised
            content["error"] = _shown(raised, content["view"].query)
        if content["view"].record and part != "more":
            panel_error = await self._panel(content, read)
            error = error or panel_error
        if error is None:
            return content, 200
        return content, status_of(error)

    def _frame(self, request: Request, read: Read) -> dict[str, Any]:
        """Return what every page shows around its results."""
        view = View.parse_leniently(request.query_params)
        host = request.headers.get("host") or "localhost"
        return {
            "view": view,
            "typed": dict(request.query_params),
            "times": None,
            "results": None,
            "panel": None,
            "panel_error": "",
            "error": None,
            "is_log_query": False,
            # Before the search: what becomes searchable meanwhile is followed, and shown once.
            "point": self._tails.point,
            "examples": EXAMPLES,
            "presets": PRESETS,
            "limits": LIMITS,
            "custom": CUSTOM,
            **frame(read.principal, read.tenant, view.tenant),
            "address": self._site.url(host),
            "shown_place": shown_place,
            "level_url": _level_url,
            "field_time": _field_time,
        }

    async def _results(
        self, content: dict[str, Any], query: Query, read: Read, *, whole: bool
    ) -> None:
        times = content["times"]
        read.details |= {"start": str(times.start), "end": str(times.end)}
        results = await find(
            self._context.reader,
            query,
            content["view"],
            tenant=read.tenant,
            times=times,
            whole=whole,
        )
        content["results"] = results
        if isinstance(results, Curves):
            read.details["series"] = len(results.curves)
        else:
            read.details["rows"] = len(results.rows)

    async def _panel(self, content: dict[str, Any], read: Read) -> MeshsealError | None:
        """Put the view's record into the content; return what went wrong, if anything did."""
        view = content["view"]
        read.details |= {"batch": str(view.record.batch), "seq": view.record.seq}
        try:
            query: Query | None = parse(view.query)
        except QueryError:
            query = None
        try:
            content["panel"] = await open_record(
                self._context.reader,
                self._proofs,
                self._verifier,
                view,
                query,
                tenant=read.tenant,
            )
        except (NotFoundError, QueryError, EngineError) as error:
            content["panel_error"] = str(error)
            return error
        return None

    # ---- The mesh map ------------------------------------------------------------------------

    async def _mesh(self, request: Request) -> Response:
        """Show the map's frame: its script asks the API, which writes each read down."""
        principal = await self._context.gate.principal(request.headers)
        content = mesh_frame(principal, request, time.time_ns())
        host = request.headers.get("host") or "localhost"
        content |= {
            "modules": self._mesh_modules,
            "address": self._site.url(host),
        }
        return self._templates.page("mesh.html", content)

    # ---- Completeness ------------------------------------------------------------------------

    async def _complete_page(self, request: Request) -> Response:
        content, status = await self._completeness.content(request)
        headers = retry_headers(status)
        return self._templates.page("completeness.html", content, status=status, headers=headers)

    # ---- Completion --------------------------------------------------------------------------

    async def _complete(self, request: Request) -> Response:
        parameters = request.query_params
        headers = {**SECURITY_HEADERS, **NO_STORE}
        try:
            async with self._context.reading(
                request,
                api=_API,
                action="logs.complete",
                tenant=parameters.get("tenant", "").strip() or None,
            ) as read:
                text = parameters.get("query", "")
                check_length(text, most=_MOST_CHARACTERS)
                read.details["query"] = text
                found = await suggestions(
                    self._context.reader,
                    text,
                    _cursor(parameters.get("at", ""), text),
                    tenant=read.tenant,
                    times=View.parse({**parameters, "query": ""}).times(time.time_ns()),
                )
        except MeshsealError as error:
            content = {"error": {"code": error.code, "message": str(error)}}
            return JSONResponse(content, status_of(error), headers=headers)
        return JSONResponse(found, headers=headers)

    # ---- Errors ------------------------------------------------------------------------------

    def _answering(
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that turns the errors of the house into pages."""

        async def endpoint(request: Request) -> Response:
            try:
                return await handler(request)
            except AuthenticationError:
                return _to_login(request)
            except MeshsealError as error:
                return self._error_page(request, error)

        return endpoint

    def _error_page(self, request: Request, error: MeshsealError) -> Response:
        status = status_of(error)
        headers = {}
        if error.retryable:
            headers["Retry-After"] = str(error.retry_after_seconds)
        if "hx-request" in request.headers:
            # The frame of the page is gone with what it was about.
            headers |= {"HX-Retarget": "body", "HX-Reswap": "innerHTML"}
        context = {"message": str(error), "status": status}
        return self._templates.page("error.html", context, status=status, headers=headers)


def _part(request: Request) -> str:
    """Return the part of the page that htmx asks for: `main`, `panel`, `more`, or '' for all."""
    headers = request.headers
    if "hx-request" not in headers or "hx-history-restore-request" in headers:
        return ""
    target = headers.get("hx-target", "")
    return target if target in _TEMPLATES else ""


def _to_login(request: Request) -> Response:
    """Send a browser to the login, and from there to where it is now."""
    query = f"?{request.url.query}" if request.url.query else ""
    place = f"{request.url.path}{query}"
    address = f"/login?{urlencode({'next': place})}" if place != "/" else "/login"
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={**PAGE_HEADERS, "HX-Redirect": address})
    return RedirectResponse(address, 303, headers=PAGE_HEADERS)


def _cursor(text: str, query: str) -> int:
    """Return the cursor's place in a query; its end, where none is given."""
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        return len(query)
    return int(text)


def _shown(error: MeshsealError, query: str) -> dict[str, Any]:
    """Return an error for the page: its words, and the query up to, at and behind its place."""
    position = error.position if isinstance(error, QueryError) else None
    shown: dict[str, Any] = {"message": str(error), "parts": None}
    if position is not None and 0 <= position <= len(query):
        line = query.count("\n", 0, position) + 1
        column = position - (query.rfind("\n", 0, position) + 1) + 1
        at = query[position : position + 1]
        shown["parts"] = (query[:position], at, query[position + 1 :])
        shown["place"] = f"line {line}, column {column}" if "\n" in query else f"column {column}"
    return shown


def _level_url(view: View, level: str) -> str:
    """Return the address of the view with the records of one severity only."""
    query = with_condition(view.query, LEVEL_LABEL, "=", level)
    return view.url(query=query, record=None, cursor=None)


def _field_time(nanos: int) -> str:
    """Return a time as a form's field for dates and times holds it: UTC, to the millisecond."""
    text = shown_time(nanos // 10**6 * 10**6)
    return text.removesuffix("Z")
