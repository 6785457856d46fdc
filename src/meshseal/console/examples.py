"""Queries to begin with, shown where there is nothing else to show and in the list of examples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """A query, and what it finds."""

    title: str
    query: str


_MESHES = 'mesh=~".+", http_response_status_code=~".+"'

P95_BY_MESH = f"quantile_over_time(0.95, {{{_MESHES}}} | unwrap mesh_duration_ms [5m]) by (mesh)"
FAILED_BY_MESH = (
    f"sum by (mesh) (rate({{{_MESHES}}} | http_response_status_code >= 500 [5m]))"
    f" / sum by (mesh) (rate({{{_MESHES}}}[5m])) * 100"
)
P95_AND_FAILED_BY_MESH = (
    f'label_replace({P95_BY_MESH}, "figure", "p95 ms", "", "")'
    f' or label_replace({FAILED_BY_MESH}, "figure", "5xx %", "", "")'
)

EXAMPLES = (
    Example("Everything", '{service_name=~".+"}'),
    Example("Errors of every service", '{detected_level=~"error|fatal"}'),
    Example("Requests that failed", '{service_name=~".+"} | http_response_status_code >= 500'),
    Example("Requests slower than a second", '{service_name=~".+"} | mesh_duration_ms > 1000'),
    Example("Lines that hold a word", '{service_name=~".+"} |= "timeout"'),
    Example("Lines of JSON, by one of their fields", '{service_name=~".+"} | json | method="POST"'),
    Example("Slowest twentieth of requests (p95), mesh by mesh", P95_BY_MESH),
    Example("Share of requests that failed (5xx), mesh by mesh", FAILED_BY_MESH),
    Example("Both in one chart, mesh by mesh", P95_AND_FAILED_BY_MESH),
    Example(
        "Records per second, by service", 'sum by (service_name) (rate({service_name=~".+"}[5m]))'
    ),
    Example(
        "Errors per minute, by service",
        'sum by (service_name) (count_over_time({detected_level="error"}[1m]))',
    ),
    Example(
        "The five services that send most bytes",
        'topk(5, sum by (service_name) (bytes_rate({service_name=~".+"}[5m])))',
    ),
)
