"""The mesh over HTTP: what of several reports counts, names, parameters, and who may ask."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from meshseal.query.logql import parse
from tests.server import ServerProcess, istio_line
from tests.store_access import ask

pytestmark = pytest.mark.e2e

EDGE = {
    "id", "source", "destination", "protocol", "reporter", "requests", "errors_4xx", "errors_5xx",
    "failed", "rate_per_second", "error_share", "p50_ms", "p95_ms", "p99_ms", "request_bytes",
    "response_bytes", "mutual", "plaintext", "unknown", "retries", "flags", "first_seen",
    "last_seen", "state", "query",
}  # fmt: skip
SERVICE = {
    "id", "name", "namespace", "cluster", "mesh", "requests", "errors", "rate_per_second",
    "error_share", "p50_ms", "p95_ms", "p99_ms", "mutual", "plaintext", "unknown",
}  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data = tmp_path_factory.mktemp("shared") / "data"
    with ServerProcess(data, "--set", "spool.segment_age_seconds=0.1") as server:
        yield server


Report = tuple[str, str, str]
"""Who calls, who is called, who reports; an end is `namespace/name`, or empty where unnamed."""


def tell(server: ServerProcess, tenant: str, reports: dict[Report, int], **more: str) -> None:
    """Send records as proxies report calls, and wait until they are counted."""
    told = [_resource(*report, count=count, more=more) for report, count in reports.items()]
    answer = server.post(
        "/v1/logs",
        json.dumps({"resourceLogs": told}).encode(),
        headers={"Content-Type": "application/json", "X-Scope-OrgID": tenant},
    )
    assert answer.status_code == 200, answer.text
    sent = sum(reports.values())
    deadline = time.monotonic() + 30
    counted = f"SELECT sum(Requests) FROM edges WHERE Tenant = '{tenant}' AND Resolution = 60"
    while time.monotonic() < deadline:
        if ask(server, counted) == [(sent,)]:
            return
        time.sleep(0.05)
    raise AssertionError("not all calls are counted")


def _resource(
    source: str, destination: str, reporter: str, *, count: int, more: dict[str, str]
) -> dict[str, Any]:
    own, peer = (destination, source) if reporter == "inbound" else (source, destination)
    if reporter == "gateway" and not source:
        own, peer = destination, source
    namespace, _, name = own.rpartition("/")
    peer_namespace, _, peer_name = peer.rpartition("/")
    attributes = {
        "mesh.reporter": reporter,
        "service.peer.name": peer_name,
        "service.peer.namespace": peer_namespace,
        **more,
    }
    record = {
        "timeUnixNano": str(time.time_ns() - 10**9),
        "body": {"stringValue": "a call"},
        "attributes": _attributes(attributes),
    }
    resource = _attributes({"service.name": name, "k8s.namespace.name": namespace})
    return {
        "resource": {"attributes": resource},
        "scopeLogs": [{"logRecords": [record] * count}],
    }


def _attributes(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items() if value]


def the_map(server: ServerProcess, tenant: str, **parameters: str) -> dict[str, Any]:
    answer = server.get("/meshseal/v1/mesh/map", {"tenant": tenant, **parameters})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


WEB, CART, PAY = "shop/web", "shop/cart", "bank/pay"
COUNTING: dict[str, tuple[dict[Report, int], dict[str, tuple[str, int]], dict[str, int]]] = {
    "as many: the caller": (
        {(WEB, CART, "inbound"): 5, (WEB, CART, "outbound"): 5},
        {"shop/web>shop/cart": ("outbound", 5)},
        {"shop/cart": 5, "shop/web": 0},
    ),
    "more": (
        {(WEB, CART, "inbound"): 6, (WEB, CART, "outbound"): 5},
        {"shop/web>shop/cart": ("inbound", 6)},
        {"shop/cart": 6},
    ),
    "a gateway, as many": (
        {(WEB, CART, "gateway"): 5, (WEB, CART, "inbound"): 5},
        {"shop/web>shop/cart": ("gateway", 5)},
        {"shop/cart": 5},
    ),
    "each edge by its own": (
        {
            (WEB, CART, "inbound"): 6,
            (WEB, CART, "outbound"): 5,
            (PAY, CART, "inbound"): 1,
            (PAY, CART, "outbound"): 2,
        },
        {"shop/web>shop/cart": ("inbound", 6), "bank/pay>shop/cart": ("outbound", 2)},
        {"shop/cart": 8},
    ),
    "callers without a name are those that report": (
        {("", CART, "inbound"): 5, (WEB, CART, "outbound"): 3, (PAY, CART, "outbound"): 2},
        {"shop/web>shop/cart": ("outbound", 3), "bank/pay>shop/cart": ("outbound", 2)},
        {"shop/cart": 5},
    ),
    "and a few that are not in time": (
        {("", CART, "inbound"): 202, (WEB, CART, "outbound"): 200},
        {"shop/web>shop/cart": ("outbound", 200)},
        {"shop/cart": 200},
    ),
    "callers without a name, and others": (
        {("", CART, "inbound"): 9, (WEB, CART, "outbound"): 5},
        {"outside>shop/cart": ("inbound", 9), "shop/web>shop/cart": ("outbound", 5)},
        {"shop/cart": 14},
    ),
    "callers that both ends name explain nobody": (
        {("", CART, "inbound"): 4, (WEB, CART, "inbound"): 5, (WEB, CART, "outbound"): 5},
        {"outside>shop/cart": ("inbound", 4), "shop/web>shop/cart": ("outbound", 5)},
        {"shop/cart": 9, "outside": 0},
    ),
    "a gateway that names no upstream": (
        {("", CART, "gateway"): 5},
        {"outside>shop/cart": ("gateway", 5)},
        {"shop/cart": 5},
    ),
    "a way out": (
        {(WEB, "", "outbound"): 5},
        {"shop/web>outside": ("outbound", 5)},
        {"outside": 5, "shop/web": 0},
    ),
    "names without namespaces": (
        {("web", "cart", "outbound"): 5},
        {"web>cart": ("outbound", 5)},
        {"cart": 5},
    ),
}


@pytest.mark.parametrize(("case", "number"), [(name, n) for n, name in enumerate(COUNTING)])
def test_of_several_reports_one_counts(shared: ServerProcess, case: str, number: int) -> None:
    reports, expected, called = COUNTING[case]
    tenant = f"counting-{number}"
    tell(shared, tenant, reports)
    found = the_map(shared, tenant)
    edges = {edge["id"]: (edge["reporter"], edge["requests"]) for edge in found["edges"]}
    assert edges == expected
    services = {one["id"]: one["requests"] for one in found["services"]}
    assert services | called == services
    for edge in found["edges"]:
        records = shared.records(edge["query"], tenant=tenant)
        assert len(records) == edge["requests"], edge["query"]
    points = shared.get("/meshseal/v1/mesh/timeline", {"tenant": tenant}).json()["points"]
    assert sum(point["requests"] for point in points) == sum(services.values())


def test_the_answer_has_what_the_contract_says(shared: ServerProcess) -> None:
    details = {
        "mesh.mtls": "plaintext",
        "mesh.duration_ms": "12.5",
        "mesh.response_flags": "UF,URX",
        "error.type": "upstream_connection_failure",
        "http.request.body.size": "7",
        "http.response.body.size": "9",
        "mesh.retries": "2",
        "network.protocol.name": "http",
        "mesh.kind": "linkerd",
    }
    tell(shared, "details", {(WEB, CART, "outbound"): 4}, **details)
    found = the_map(shared, "details")
    assert set(found) == {"start", "end", "resolution_seconds", "services", "edges"}
    assert int(found["end"]) - int(found["start"]) in (3600 * 10**9, 3660 * 10**9)
    (edge,) = found["edges"]
    assert set(edge) == EDGE
    assert (
        edge
        | {
            "id": "shop/web>shop/cart",
            "source": WEB,
            "destination": CART,
            "protocol": "http",
            "failed": 4,
            "error_share": 1.0,
            "request_bytes": 28,
            "response_bytes": 36,
            "plaintext": 4,
            "retries": 8,
            "flags": {"UF": 4, "URX": 4},
            "state": "new",
        }
        == edge
    )
    assert edge["p50_ms"] == edge["p99_ms"] == pytest.approx(12.5, rel=0.01)
    parse(edge["query"])
    assert all(set(service) == SERVICE for service in found["services"])
    homes = {one["id"]: (one["name"], one["namespace"], one["mesh"]) for one in found["services"]}
    assert homes == {WEB: ("web", "shop", "linkerd"), CART: ("cart", "shop", "")}


def test_names_are_resolved_by_the_register(shared: ServerProcess) -> None:
    reports = {
        ("shop/web-v1", "cart", "outbound"): 3,
        ("shop/web-v2", "cart", "outbound"): 4,
        ("shop/web-v1", CART, "inbound"): 2,
    }
    tell(shared, "aliases", reports)
    before = {edge["id"] for edge in the_map(shared, "aliases")["edges"]}
    assert before == {"shop/web-v1>cart", "shop/web-v2>cart", "shop/web-v1>shop/cart"}
    for name, values in (("web", {"aliases": ["web-*"]}), ("cart", {"namespace": "shop"})):
        answer = requests.put(
            f"{shared.url}/meshseal/v1/services/{name}",
            json=values,
            headers={"X-Scope-OrgID": "aliases"},
            timeout=30,
        )
        assert answer.status_code in (200, 201, 204), answer.text
    deadline = time.monotonic() + 30
    while len(edges := the_map(shared, "aliases")["edges"]) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    (edge,) = edges
    assert (edge["id"], edge["requests"]) == ("shop/web>shop/cart", 7)
    assert edge["state"] == "new"
    assert len(shared.records(edge["query"], tenant="aliases")) == 7
    for of in ({"edge": edge["id"]}, {"service": "shop/cart"}, {}):
        answer = shared.get("/meshseal/v1/mesh/timeline", {"tenant": "aliases", **of})
        assert sum(point["requests"] for point in answer.json()["points"]) == 7
    tell(shared, "others", {("shop/web-v1", CART, "outbound"): 1})
    assert the_map(shared, "others")["edges"][0]["source"] == "shop/web-v1"


@pytest.mark.parametrize(
    ("path", "parameters", "says"),
    [
        pytest.param("map", {"edge": "a>b"}, "no parameter 'edge'", id="unknown"),
        pytest.param("timeline", {"cluster": "a"}, "no parameter 'cluster'", id="unknown too"),
        pytest.param("map", {"start": "yesterday"}, "is not a time", id="no time"),
        pytest.param("map", {"start": "20", "end": "10"}, "before the start", id="backwards"),
        pytest.param("map", {"service": "x" * 2000}, "longer than", id="long"),
        pytest.param("timeline", {"edge": "web"}, "the id of one edge", id="no edge"),
        pytest.param("timeline", {"edge": "a>b", "service": "a"}, "one edge or", id="both"),
        pytest.param("timeline", {"edge": "/>" * 99}, "more slashes", id="slashes"),
        pytest.param("timeline", {"start": "0"}, "longer than", id="long range"),
    ],
)
def test_what_cannot_be_asked(
    shared: ServerProcess, path: str, parameters: dict[str, str], says: str
) -> None:
    answer = shared.get(f"/meshseal/v1/mesh/{path}", parameters)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "invalid_query"
    assert says in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["a'b", "a\\", "{x:String}", "a%", "\x00", "é", "outside"])
def test_hostile_names_are_only_names(shared: ServerProcess, name: str) -> None:
    tenant = "hostile"
    for parameters in ({"service": name}, {"namespace": name}, {"cluster": name}):
        assert the_map(shared, tenant, **parameters)["edges"] == []
    for parameters in ({"service": name}, {"edge": f"{name}>{name}"}):
        answer = shared.get("/meshseal/v1/mesh/timeline", {"tenant": tenant, **parameters})
        assert answer.status_code == 200, answer.text
        assert not any(point["requests"] for point in answer.json()["points"])


def test_a_range_that_is_over_is_asked_as_well(shared: ServerProcess) -> None:
    for parameters in ({"start": "0", "end": "0"}, {"start": "0", "end": "9" * 18}):
        found = the_map(shared, "nobody", **parameters)
        assert (found["edges"], found["services"]) == ([], [])


def test_reads_of_the_mesh_are_in_the_audit_trail(shared: ServerProcess) -> None:
    shared.ship(istio_line(1, at_unix_nano=time.time_ns()).encode(), tenant="audited")
    the_map(shared, "audited", service="cart")
    shared.get("/meshseal/v1/mesh/timeline", {"tenant": "audited", "edge": "outside>shop/cart"})
    query = '{service_name="meshseal"} |= "audited" |~ "mesh[.](map|timeline)" != "logs.query"'
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        lines = [record["line"] for record in shared.records(query, tenant="_platform")]
        if len(lines) == 2:
            break
        time.sleep(0.1)
    events = {event["event.name"]: event for event in map(json.loads, lines)}
    assert set(events) == {"mesh.map", "mesh.timeline"}
    assert events["mesh.map"]["meshseal.audit.service"] == "cart"
    assert events["mesh.timeline"]["meshseal.audit.edge"] == "outside>shop/cart"
