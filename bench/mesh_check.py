"""Compares what the mesh map says with a full scan of the records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.server import ServerProcess
from tests.store_access import ask

_FIGURES = (
    "requests", "errors_4xx", "errors_5xx", "failed", "request_bytes", "response_bytes", "mutual",
    "plaintext", "unknown", "retries", "p50_ms", "p95_ms", "p99_ms", "flags", "first_seen",
    "last_seen",
)  # fmt: skip

_COLUMNS = """
    count(),
    countIf(intDiv(HttpResponseStatusCode, 100) = 4),
    countIf(HttpResponseStatusCode >= 500),
    countIf(HttpResponseStatusCode = 0 AND (ResponseFlags != '' OR ErrorType != '')),
    ifNull(sum(HttpRequestBodySize), 0),
    ifNull(sum(HttpResponseBodySize), 0),
    countIf(Mtls = 'mutual'),
    countIf(Mtls = 'plaintext'),
    countIf(Mtls = 'unknown'),
    sum(toUInt64OrZero(OtherAttributes['mesh.retries'])),
    quantilesDD(0.01, 0.5, 0.95, 0.99)(ifNull(DurationNanos, 0)),
    arrayFilter(flag -> flag != '', arrayFlatten(groupArray(splitByChar(',', ResponseFlags)))),
    toString(toUnixTimestamp64Nano(min(Timestamp))),
    toString(toUnixTimestamp64Nano(max(Timestamp)))"""

_NAMESPACE = """if(OtherAttributes['service.namespace'] != '', OtherAttributes['service.namespace'],
        ResourceAttributes['k8s.namespace.name'])"""

_SOURCE = f"""
    if(Reporter = 'inbound', PeerNamespace, {_NAMESPACE}),
    if(Reporter = 'inbound', PeerService, ServiceName)"""

_DESTINATION = f"""
    if(Reporter = 'inbound', {_NAMESPACE}, PeerNamespace),
    if(Reporter = 'inbound', ServiceName, PeerService)"""

Figures = dict[str, Any]


def differences(server: ServerProcess, answer: Mapping[str, Any], *, tenant: str) -> list[str]:
    """Return what a map says otherwise than the records of its range; nothing, if all is well.

    The records must all name both ends, as `bench.mesh` makes them.
    """
    first, last = int(answer["start"]), int(answer["end"])
    where = f"""Tenant = '{tenant}' AND Reporter != ''
  AND Timestamp >= fromUnixTimestamp64Nano({first}, 'UTC')
  AND Timestamp < fromUnixTimestamp64Nano({last}, 'UTC')"""
    ends = f"{_SOURCE},{_DESTINATION}"
    edges = _chosen(_scan(server, f"{ends}, Reporter", where))
    found = {edge["id"]: edge for edge in answer["edges"] if edge["state"] != "vanished"}
    wrong = [f"edge {one} is not there" for one in edges.keys() - found.keys()]
    wrong += [f"edge {one} should not be there" for one in found.keys() - edges.keys()]
    for name in edges.keys() & found.keys():
        wrong += _unlike(name, edges[name], found[name], _FIGURES)
    counting = f"""(tuple({ends}), Reporter) IN (
    SELECT ends, argMax(Reporter, (calls, Reporter))
    FROM (
        SELECT tuple({ends}) AS ends, Reporter, count() AS calls
        FROM logs WHERE {where} GROUP BY ends, Reporter
    )
    GROUP BY ends)"""
    services = _chosen(_scan(server, f"'', '',{_DESTINATION}, ''", f"{where} AND {counting}"))
    shown = {service["id"]: service for service in answer["services"]}
    golden = ("requests", "p50_ms", "p95_ms", "p99_ms", "mutual", "plaintext", "unknown")
    for name, figures in services.items():
        service = name.removeprefix(">")
        if service not in shown:
            wrong.append(f"service {service} is not there")
            continue
        wrong += _unlike(service, figures, shown[service], golden)
        errors = figures["errors_5xx"] + figures["failed"]
        if shown[service]["errors"] != errors:
            wrong.append(f"{service}: errors {shown[service]['errors']}, not {errors}")
    return wrong


def _scan(server: ServerProcess, keys: str, where: str) -> list[tuple[Any, ...]]:
    """Return the figures of calls by five keys: both ends, and who reports."""
    return ask(
        server, f"SELECT {keys},{_COLUMNS}\nFROM logs\nWHERE {where}\nGROUP BY 1, 2, 3, 4, 5"
    )


def _chosen(rows: Iterable[tuple[Any, ...]]) -> dict[str, Figures]:
    """Return the figures of each edge, as the reporter that counts tells of it."""
    found: dict[str, tuple[tuple[int, bool], Figures]] = {}
    for row in rows:
        name = f"{_id(*row[:2])}>{_id(*row[2:4])}"
        *sums, quantiles, flags, first, last = row[5:]
        quantiles = [round(nanos / 1e6, 3) for nanos in quantiles]
        values = (*sums, *quantiles, {flag: flags.count(flag) for flag in set(flags)}, first, last)
        rank = (row[5], row[4] == "outbound")
        if name not in found or rank > found[name][0]:
            found[name] = (rank, dict(zip(_FIGURES, values, strict=True)))
    return {name: figures for name, (_, figures) in found.items()}


def _id(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


def _unlike(
    name: str, expected: Mapping[str, Any], shown: Mapping[str, Any], figures: Iterable[str]
) -> list[str]:
    return [
        f"{name}: {figure} is {shown[figure]}, not {expected[figure]}"
        for figure in figures
        if shown[figure] != expected[figure]
    ]
