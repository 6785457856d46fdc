"""One query over the sources of five meshes: how slow they are, and how often they fail."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshseal.console.examples import FAILED_BY_MESH, P95_AND_FAILED_BY_MESH, P95_BY_MESH
from tests.query.meshes import FAILED, P95, REQUESTS, send
from tests.server import ServerProcess

pytestmark = [pytest.mark.e2e]

_MESHES = '{mesh=~"istio|linkerd|consul|kuma|nginx"}'
P95_QUERY = f"quantile_over_time(0.95, {_MESHES} | unwrap mesh_duration_ms [10m]) by (mesh)"
FAILED_QUERY = (
    f"sum by (mesh) (rate({_MESHES} | http_response_status_code >= 500 [10m]))"
    f" / sum by (mesh) (rate({_MESHES}[10m])) * 100"
)
QUERIES = {
    "p95": (P95_QUERY, P95),
    "failed": (FAILED_QUERY, FAILED),
    "the console's p95": (P95_BY_MESH.replace("[5m]", "[10m]"), P95),
    "the console's share of failures": (FAILED_BY_MESH.replace("[5m]", "[10m]"), FAILED),
    "p95 of what it took in seconds": (
        'quantile_over_time(0.95, {mesh=~".+"} | unwrap mesh_duration_ms [10m]) by (mesh) / 1000',
        {mesh: milliseconds / 1000 for mesh, milliseconds in P95.items()},
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("meshes") / "data") as server:
        send(server)
        yield server


@pytest.mark.parametrize(("query", "expected"), QUERIES.values(), ids=QUERIES)
def test_one_query_compares_all(
    server: ServerProcess, query: str, expected: dict[str, float]
) -> None:
    answer = ask(server, "query", query=query)
    assert answer["resultType"] == "vector"
    found = {one["metric"]["mesh"]: float(one["value"][1]) for one in answer["result"]}
    assert found.keys() == expected.keys()
    assert all(math.isclose(found[mesh], expected[mesh]) for mesh in expected), found
    assert all(one["metric"].keys() == {"mesh"} for one in answer["result"])


@pytest.mark.parametrize(("query", "expected"), list(QUERIES.values())[:2], ids=list(QUERIES)[:2])
def test_one_chart_compares_all(
    server: ServerProcess, query: str, expected: dict[str, float]
) -> None:
    """Grafana asks so for a panel: the last point has all requests in its range."""
    now = int(time.time())
    answer = ask(server, "query_range", query=query, start=now - 600, end=now, step="15s")
    assert answer["resultType"] == "matrix"
    last = {one["metric"]["mesh"]: one["values"][-1] for one in answer["result"]}
    assert last.keys() == expected.keys()
    for mesh, (at, value) in last.items():
        assert at == now
        assert math.isclose(float(value), expected[mesh])


DOCUMENTED = re.findall(
    "```logql\n(.*?)```",
    (Path(__file__).parents[2] / "docs/how-to/compare-meshes.md").read_text(),
    flags=re.DOTALL,
)
BOTH_QUERIES = {
    "the documentation's": DOCUMENTED[2].replace("[5m]", "[10m]"),
    "the console's": P95_AND_FAILED_BY_MESH.replace("[5m]", "[10m]"),
    "5xx before p95": (
        f'label_replace({FAILED_QUERY}, "figure", "5xx %", "", "")'
        f' or label_replace({P95_QUERY}, "figure", "p95 ms", "", "")'
    ),
}
FIGURES = {("p95 ms", mesh): value for mesh, value in P95.items()} | {
    ("5xx %", mesh): float(value) for mesh, value in FAILED.items()
}


@pytest.mark.parametrize("query", BOTH_QUERIES.values(), ids=BOTH_QUERIES)
def test_one_query_gives_latency_and_failures_of_all(server: ServerProcess, query: str) -> None:
    answer = ask(server, "query", query=query)
    assert answer["resultType"] == "vector"
    assert all(one["metric"].keys() == {"figure", "mesh"} for one in answer["result"])
    found = {
        (one["metric"]["figure"], one["metric"]["mesh"]): float(one["value"][1])
        for one in answer["result"]
    }
    assert len(answer["result"]) == len(FIGURES)
    assert found == {what: pytest.approx(value) for what, value in FIGURES.items()}


@pytest.mark.parametrize("query", BOTH_QUERIES.values(), ids=BOTH_QUERIES)
def test_one_chart_gives_latency_and_failures_of_all(server: ServerProcess, query: str) -> None:
    now = int(time.time())
    answer = ask(server, "query_range", query=query, start=now - 600, end=now, step="15s")
    assert answer["resultType"] == "matrix"
    last = {
        (one["metric"]["figure"], one["metric"]["mesh"]): one["values"][-1]
        for one in answer["result"]
    }
    assert len(answer["result"]) == len(FIGURES)
    assert {at for at, _ in last.values()} == {now}
    found = {what: float(value) for what, (_, value) in last.items()}
    assert found == {what: pytest.approx(value) for what, value in FIGURES.items()}


def test_a_mesh_without_failures_can_have_a_zero(server: ServerProcess) -> None:
    """As the documentation has it: what is lacking on the left comes from the right, times 0."""
    failed = f"sum by (mesh) (rate({_MESHES} | http_response_status_code >= 504 [10m]))"
    every = f"sum by (mesh) (rate({_MESHES}[10m]))"
    answer = ask(server, "query", query=f"({failed} or {every} * 0) / {every} * 100")
    found = {one["metric"]["mesh"]: float(one["value"][1]) for one in answer["result"]}
    assert found == dict.fromkeys(FAILED, 0.0)


SELECTORS = {
    "a mesh": ('{mesh="kuma"}', 1),
    "several": ('{mesh=~"linkerd|nginx"}', 2),
    "all but one": ('{mesh=~".+", mesh!="istio"}', 4),
    "a platform": ('{platform="kubernetes"}', 2),
    "machines": ('{platform="vm", mesh="consul"}', 1),
    "a cluster, by the label of a stream": ('{cluster="eu"}', 1),
    "a cluster, by OpenTelemetry's name": ('{cluster="us"}', 1),
    "a namespace": ('{namespace="shop", mesh="istio"}', 1),
    "who reports": ('{reporter="outbound", mesh="istio"}', 1),
    "the edge": ('{reporter="gateway"}', 1),
    "who is called": ('{peer_service="cart"}', 1),
    "after the selector": ('{service_name=~".+"} | mesh="kuma"', 1),
}


@pytest.mark.parametrize(("selector", "meshes"), SELECTORS.values(), ids=SELECTORS)
def test_labels_of_every_mesh_select(server: ServerProcess, selector: str, meshes: int) -> None:
    assert server.metric(f"sum(count_over_time({selector}[1h]))") == meshes * REQUESTS


def test_the_labels_are_named(server: ServerProcess) -> None:
    names = server.get("/loki/api/v1/labels").json()["data"]
    assert {"mesh", "platform", "cluster", "namespace", "reporter", "peer_service"} <= set(names)


VALUES = {
    "mesh": ("", set(P95)),
    "platform": ("", {"kubernetes", "vm"}),
    "cluster": ("", {"eu", "us"}),
    "reporter": ('{mesh="nginx"}', {"gateway"}),
    "peer_service": ('{mesh="istio"}', {"cart"}),
}


@pytest.mark.parametrize("name", VALUES)
def test_their_values_are_offered(server: ServerProcess, name: str) -> None:
    query, expected = VALUES[name]
    parameters = {"query": query} if query else {}
    values = server.get(f"/loki/api/v1/label/{name}/values", parameters).json()["data"]
    assert expected == set(values)


def test_a_record_shows_them(server: ServerProcess) -> None:
    (record,) = server.records('{mesh="istio"} |= "/cart/7\\""')
    assert {name: record[name] for name in ("mesh", "platform", "cluster", "namespace")} == {
        "mesh": "istio",
        "platform": "kubernetes",
        "cluster": "eu",
        "namespace": "shop",
    }


def ask(server: ServerProcess, path: str, **parameters: Any) -> Any:
    response = server.get(f"/loki/api/v1/{path}", parameters)
    assert response.status_code == 200, response.text
    return response.json()["data"]
