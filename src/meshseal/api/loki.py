"""Loki's query API, as Grafana, logcli and dashboards speak it.

Source: grafana/loki, docs/sources/reference/loki-http-api.md; grafana/grafana-loki-datasource.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from meshseal import __version__
from meshseal.api.reading import Read, ReadContext
from meshseal.api.times import default_step, parse_step, parse_time, time_range
from meshseal.model.errors import MeshsealError, QueryError
from meshseal.query.logql import parse
from meshseal.query.reader import Record, Series
from meshseal.query.render_logs import TimeRange
from meshseal.query.render_metrics import Steps, check_steps
from meshseal.query.tree import LogQuery, Query
from meshseal.store.settings import QuerySettings

_SECOND = 10**9
_DEFAULT_LIMIT = 100
_CATEGORIZE = "categorize-labels"
_FLAGS_HEADER = "x-loki-response-encoding-flags"
_API = "loki"
_NO_STATS: dict[str, dict[str, Any]] = {"summary": {}, "querier": {}, "ingester": {}}

Parameters = Mapping[str, Sequence[str]]
Handler = Callable[[Request, Parameters, Read], Awaitable[Response]]


class LokiApi:
    """The API's routes.

    Args:
        context: What reads need.
        settings: Limits of one read.
        is_ready: Says whether records can be found.
    """

    def __init__(
        self, context: ReadContext, settings: QuerySettings, *, is_ready: Callable[[], bool]
    ) -> None:
        self._context = context
        self._settings = settings
        self._is_ready = is_ready

    def routes(self) -> list[Route]:
        """Return the routes, under Loki's own paths."""
        both = ["GET", "POST"]
        prefix = "/loki/api/v1"
        reads: list[tuple[str, str, Handler]] = [
            ("/query_range", "logs.query", self._query_range),
            ("/query", "logs.query", self._query),
            ("/labels", "logs.labels", self._labels),
            ("/label", "logs.labels", self._labels),
            ("/label/{name}/values", "logs.label_values", self._label_values),
            ("/series", "logs.series", self._series),
            ("/index/stats", "logs.stats", self._stats),
        ]
        return [
            *(
                Route(f"{prefix}{path}", self._reading(action, handler), methods=both)
                for path, action, handler in reads
            ),
            Route(f"{prefix}/status/buildinfo", self._build_info, methods=["GET"]),
            Route("/ready", self._ready, methods=["GET"]),
        ]

    # ---- Around every read -----------------------------------------------------------------

    def _reading(self, action: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                async with self._context.reading(request, api=_API, action=action) as read:
                    return await handler(request, await _parameters(request), read)
            except MeshsealError as error:
                return _refuse(error)

        return endpoint

    # ---- Queries ---------------------------------------------------------------------------

    async def _query_range(self, request: Request, parameters: Parameters, read: Read) -> Response:
        query = self._parse(parameters, read)
        times = _times(parameters, read)
        if isinstance(query, LogQuery):
            return await self._logs(request, query, times, parameters, read)
        step_text = _one(parameters, "step")
        width = parse_step(step_text, name="step") if step_text else default_step(times)
        steps = check_steps(times.start, times.end, width, most=self._settings.max_points)
        series = await self._context.reader.metrics(query, tenant=read.tenant, steps=steps)
        read.details["series"] = len(series)
        moments = [_seconds(steps.start + step * steps.width) for step in range(steps.count)]
        return _data("matrix", [_matrix(one, moments) for one in series])

    async def _query(self, _request: Request, parameters: Parameters, read: Read) -> Response:
        query = self._parse(parameters, read)
        if isinstance(query, LogQuery):
            raise QueryError(
                "log queries are not supported as an instant query type, please change your query "
                "to a range query type"
            )
        at = _one(parameters, "time")
        moment = parse_time(at, name="time") if at else time_range("", "", "").end
        steps = Steps(moment, _SECOND, 1)
        series = await self._context.reader.metrics(query, tenant=read.tenant, steps=steps)
        read.details |= {"time": str(moment), "series": len(series)}
        return _data("vector", [_sample(one, steps) for one in series])

    async def _logs(
        self,
        request: Request,
        query: LogQuery,
        times: TimeRange,
        parameters: Parameters,
        read: Read,
    ) -> Response:
        limit_text = _one(parameters, "limit")
        if limit_text and not limit_text.isdecimal():
            raise QueryError(f"limit={limit_text[:20]!r} is not a whole number")
        direction = _one(parameters, "direction").lower() or "backward"
        if direction not in ("forward", "backward"):
            raise QueryError("direction is `forward` or `backward`")
        records = await self._context.reader.logs(
            query,
            tenant=read.tenant,
            times=times,
            limit=int(limit_text or _DEFAULT_LIMIT),
            newest_first=direction == "backward",
        )
        flags = request.headers.get(_FLAGS_HEADER, "").split(",")
        categorize = _CATEGORIZE in (flag.strip() for flag in flags)
        streams = _streams(records, categorize=categorize)
        read.details |= {"rows": len(records), "streams": len(streams)}
        return _data("streams", streams, flags=[_CATEGORIZE] if categorize else None)

    def _parse(self, parameters: Parameters, read: Read) -> Query:
        text = _one(parameters, "query")
        if len(text.encode(errors="replace")) > self._settings.max_query_bytes:
            raise QueryError(f"the query is longer than {self._settings.max_query_bytes} bytes")
        read.details["query"] = text
        return parse(text)

    def _selector(self, text: str, read: Read) -> LogQuery:
        query = self._parse({"query": [text]}, read)
        if not isinstance(query, LogQuery):
            raise QueryError("only a selector can be given here")
        return query

    # ---- What there is ---------------------------------------------------------------------

    async def _labels(self, _request: Request, parameters: Parameters, read: Read) -> Response:
        times = _times(parameters, read)
        return _success(await self._context.reader.labels(tenant=read.tenant, times=times))

    async def _label_values(self, request: Request, parameters: Parameters, read: Read) -> Response:
        name = request.path_params["name"]
        text = _one(parameters, "query")
        query = self._selector(text, read) if text.strip() not in ("", "{}") else None
        read.details["label"] = name
        values = await self._context.reader.label_values(
            name, tenant=read.tenant, times=_times(parameters, read), query=query
        )
        return _success(values)

    async def _series(self, _request: Request, parameters: Parameters, read: Read) -> Response:
        texts = [*parameters.get("match[]", ()), *parameters.get("match", ())]
        if not texts:
            raise QueryError('give at least one match[], such as match[]={service_name=~".+"}')
        queries = [self._selector(text, read) for text in texts]
        read.details["query"] = " ".join(texts)
        series = await self._context.reader.series(
            queries, tenant=read.tenant, times=_times(parameters, read)
        )
        return _success(series)

    async def _stats(self, _request: Request, parameters: Parameters, read: Read) -> Response:
        text = _one(parameters, "query")
        query = self._selector(text, read) if text else None
        volume = await self._context.reader.volume(
            query, tenant=read.tenant, times=_times(parameters, read)
        )
        return _json(
            {
                "streams": volume.streams,
                "chunks": volume.streams,
                "entries": volume.records,
                "bytes": volume.bytes,
            }
        )

    async def _build_info(self, _request: Request) -> Response:
        # Grafana switches features on by the version: this is the Loki whose API is spoken here.
        return _json(
            {
                "version": "3.5.0",
                "revision": f"meshseal-{__version__}",
                "branch": "",
                "buildUser": "",
                "buildDate": "",
                "goVersion": "",
            }
        )

    async def _ready(self, _request: Request) -> Response:
        if self._is_ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("not ready\n", 503)


async def _parameters(request: Request) -> Parameters:
    """Return the parameters of a GET, or of a POST with a form or a query string."""
    pairs = list(request.query_params.multi_items())
    if request.method == "POST":
        body = await request.body()
        form = request.headers.get("content-type", "").startswith(
            "application/x-www-form-urlencoded"
        )
        if form:
            pairs += parse_qsl(body.decode("latin-1"), keep_blank_values=True)
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _one(parameters: Parameters, name: str) -> str:
    values = parameters.get(name)
    return values[-1] if values else ""


def _times(parameters: Parameters, read: Read) -> TimeRange:
    times = time_range(*(_one(parameters, name) for name in ("start", "end", "since")))
    read.details |= {"start": str(times.start), "end": str(times.end)}
    return times


def _streams(records: Iterable[Record], *, categorize: bool) -> list[dict[str, Any]]:
    """Return records by stream. Without the flag, all labels of a record are its stream's."""
    streams: dict[tuple[tuple[str, str], ...], list[list[Any]]] = {}
    for record in records:
        entry: list[Any] = [str(record.time_unix_nano), record.line]
        if categorize:
            labels = record.stream
            entry.append({"structuredMetadata": record.metadata, "parsed": record.parsed})
        else:
            labels = {**record.parsed, **record.metadata, **record.stream}
        streams.setdefault(tuple(sorted(labels.items())), []).append(entry)
    return [{"stream": dict(labels), "values": values} for labels, values in streams.items()]


def _matrix(series: Series, moments: Sequence[float]) -> dict[str, Any]:
    values = [[moments[step], _number(value)] for step, value in series.points]
    return {"metric": series.labels, "values": values}


def _sample(series: Series, steps: Steps) -> dict[str, Any]:
    value = series.points[0][1]
    return {"metric": series.labels, "value": [_seconds(steps.start), _number(value)]}


def _seconds(nanos: int) -> float | int:
    whole, rest = divmod(nanos, _SECOND)
    return whole if not rest else round(nanos / _SECOND, 3)


def _number(value: float) -> str:
    """Return a number as Prometheus writes it."""
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def _data(kind: str, result: list[Any], *, flags: list[str] | None = None) -> Response:
    data: dict[str, Any] = {"resultType": kind, "result": result, "stats": _NO_STATS}
    if flags:
        data["encodingFlags"] = flags
    return _success(data)


def _success(data: Any) -> Response:
    return _json({"status": "success", "data": data})


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _refuse(error: MeshsealError) -> Response:
    """Answer an error as Loki does: a status, and the reason as plain text."""
    headers = {}
    if error.retryable:
        headers["Retry-After"] = str(error.retry_after_seconds)
    text = str(error)
    if isinstance(error, QueryError) and error.position is not None:
        text = f"parse error at line 1, col {error.position + 1}: {text}"
    return PlainTextResponse(f"{text}\n", error.http_status, headers=headers)
