"""Definitions edited while the real server runs: formats, and the register of services."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bench.ingest import drain
from tests.server import ServerProcess, istio_line

pytestmark = [pytest.mark.e2e]

# Thirty operators; what each writes stands beside it.
OPERATORS = {
    "%START_TIME%": "{stamp}",
    "%REQ(:METHOD)%": "POST",
    "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%": "/items/{number}?page=1",
    "%PROTOCOL%": "HTTP/2",
    "%RESPONSE_CODE%": "503",
    "%RESPONSE_FLAGS%": "UF",
    "%RESPONSE_CODE_DETAILS%": "upstream_reset",
    "%CONNECTION_TERMINATION_DETAILS%": "-",
    "%UPSTREAM_TRANSPORT_FAILURE_REASON%": "-",
    "%BYTES_RECEIVED%": "{number}",
    "%BYTES_SENT%": "91",
    "%DURATION%": "12",
    "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%": "11",
    "%REQ(X-FORWARDED-FOR)%": "6.6.6.6,198.51.100.7,10.0.0.9",
    "%REQ(USER-AGENT)%": "curl/8.5",
    "%REQ(X-REQUEST-ID)%": "request-{number}",
    "%REQ(:AUTHORITY)%": "cart.shop:8080",
    "%UPSTREAM_HOST%": "10.0.0.1:8080",
    "%UPSTREAM_CLUSTER%": "outbound|8080||cart.shop.svc.cluster.local",
    "%UPSTREAM_LOCAL_ADDRESS%": "10.0.0.2:41000",
    "%DOWNSTREAM_LOCAL_ADDRESS%": "10.96.0.7:8080",
    "%DOWNSTREAM_REMOTE_ADDRESS%": "10.0.0.3:42000",
    "%REQUESTED_SERVER_NAME%": "-",
    "%ROUTE_NAME%": "default",
    "%DOWNSTREAM_TLS_VERSION%": "TLSv1.3",
    "%DOWNSTREAM_TLS_CIPHER%": "TLS_AES_256_GCM_SHA384",
    "%DOWNSTREAM_PEER_URI_SAN%": "spiffe://shop/web",
    "%DOWNSTREAM_LOCAL_URI_SAN%": "spiffe://shop/edge",
    "%UPSTREAM_REQUEST_ATTEMPT_COUNT%": "2",
    "%REQ(TRACEPARENT)%": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}
SEPARATOR = " | "
DEFINITION = SEPARATOR.join(OPERATORS)
EXPECTED = {
    "http_request_method": "POST",
    "url_path": "/items/{number}",
    "url_query": "page=1",
    "http_response_status_code": "503",
    "mesh_response_flags": "UF",
    "error_type": "UpstreamConnectionFailure",
    "http_request_body_size": "{number}",
    "http_response_body_size": "91",
    "mesh_duration_ms": "12",
    "client_address": "198.51.100.7",
    "user_agent_original": "curl/8.5",
    "http_request_header_x_request_id": "request-{number}",
    "server_address": "cart.shop",
    "service_peer_name": "cart",
    "mesh_reporter": "outbound",
    "mesh_retries": "1",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "span_id": "00f067aa0ba902b7",
    "mesh_kind": "istio",
    "detected_level": "error",
}
ALL = 'sum(count_over_time({service_name=~".+"}[1h]))'
JSON = {"Content-Type": "application/json"}


def line(number: int) -> str:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.250Z", time.gmtime())
    text = SEPARATOR.join(OPERATORS.values())
    return text.replace("{number}", str(number)).replace("{stamp}", stamp)


def edit(server: ServerProcess, method: str, path: str, content: Any = None) -> requests.Response:
    return requests.request(
        method, f"{server.url}/meshseal/v1/{path}", json=content, timeout=60, headers=JSON
    )


def formats(server: ServerProcess) -> dict[str, str]:
    """Return the format of every record, by its line's number."""
    found = server.records('{service_name=~".+"} |= "/items/"')
    return {
        record["line"].partition("/items/")[2].partition("?")[0]: record["meshseal_format"]
        for record in found
    }


def test_a_format_of_thirty_operators_while_the_server_runs(tmp_path: Path) -> None:
    assert len(OPERATORS) == 30
    with ServerProcess(tmp_path / "data") as server:
        server.ship(line(1).encode())
        server.wait_for_count(1, ALL)
        added = server.run(
            "format",
            "add",
            "edge",
            "--envoy",
            DEFINITION,
            "--mesh",
            "istio",
            "--server",
            server.url,
        )
        assert added.returncode == 0, added.stderr
        server.ship(line(2).encode())
        server.wait_for_count(2, ALL)
        (record,) = server.records('{service_name=~".+"} |= "/items/2?"')
        expected = {name: text.replace("{number}", "2") for name, text in EXPECTED.items()}
        assert {name: record.get(name) for name in expected} == expected
        assert record["meshseal_format"] == "edge"

        server.stop()
        server.start()
        server.ship(line(3).encode(), format="edge")
        server.wait_for_count(3, ALL)
        server.kill_engine()
        refused_by_a_dead_engine = edit(server, "DELETE", "formats/edge")
        assert refused_by_a_dead_engine.status_code in (200, 503)
        server.wait_ready()
        if refused_by_a_dead_engine.status_code == 503:
            removed = server.run("format", "remove", "edge", "--server", server.url)
            assert removed.returncode == 0, removed.stderr
        server.ship(line(4).encode())
        server.wait_for_count(4, ALL)
        assert formats(server) == {"1": "unparsed", "2": "edge", "3": "edge", "4": "unparsed"}
        assert edit(server, "GET", "formats/edge").status_code == 404


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(
        tmp_path_factory.mktemp("definitions") / "data",
        "--set",
        "formats.configured.envoy=CONFIGURED %RESPONSE_CODE% %DURATION%",
        "--set",
        "mesh.trusted_proxies=203.0.113.0/24, 10.0.0.0/8",
    ) as running:
        yield running


HOSTILE = {
    "an operator that is not closed": ({"envoy": "%START_TIME"}, "not closed"),
    "no operator at all": ({"envoy": "only text"}, ""),
    "an operator that Envoy does not have": (
        {"envoy": "a %NO_SUCH_OPERATOR% b"},
        "NO_SUCH_OPERATOR",
    ),
    "nothing between two fields": ({"envoy": "%RESPONSE_CODE%%DURATION%"}, ""),
    "both": ({"envoy": "%PROTOCOL% x", "envoy_json": {"a": "%PROTOCOL%"}}, "one of"),
    "neither": ({"mesh": "istio"}, "one of"),
    "text that is no JSON": ({"envoy_json": "{"}, "not JSON"),
    "an array": ({"envoy_json": [1]}, "object"),
    "a mesh that is no name": ({"envoy": "%PROTOCOL% x", "mesh": "'; DROP TABLE logs"}, "name"),
    "a field that AWS does not have": (
        {"aws_vpc_flow": "${start} ${src-addr}"},
        "field 2: AWS has no field '${src-addr}'; did you mean ${srcaddr}?",
    ),
    "a field twice": ({"aws_vpc_flow": "${start} ${start}"}, "field 2: start is there twice"),
    "fields that are no text": ({"aws_vpc_flow": ["start"]}, "text"),
    "flows of a mesh": ({"aws_vpc_flow": "${start}", "mesh": "istio"}, "always aws_vpc"),
    "another key": ({"envoy": "%PROTOCOL% x", "sql": "1"}, "nothing else"),
    "too much": ({"envoy": "%PROTOCOL% " * 10_000}, ""),
}


@pytest.mark.parametrize(("content", "says"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_format_is_refused_with_its_reason(
    server: ServerProcess, content: dict[str, Any], says: str
) -> None:
    before = edit(server, "GET", "formats").json()
    answer = edit(server, "PUT", "formats/hostile", content)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == "invalid_format"
    assert len(error["message"]) > 10
    assert says in error["message"]
    assert edit(server, "GET", "formats").json() == before


@pytest.mark.parametrize(
    "name", ["json", "envoy_als", "unparsed", "configured", "Edge", "a-b", "1x"]
)
def test_a_name_that_cannot_be_taken(server: ServerProcess, name: str) -> None:
    answer = edit(server, "PUT", f"formats/{name}", {"envoy": "%PROTOCOL% %DURATION%"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "invalid_format"


def test_a_format_of_the_configuration_is_there_and_stays(server: ServerProcess) -> None:
    (row,) = [
        row
        for row in edit(server, "GET", "formats").json()["formats"]
        if row["name"] == "configured"
    ]
    assert (row["source"], row["mesh"]) == ("configuration", "envoy")
    assert edit(server, "DELETE", "formats/configured").status_code == 400
    server.ship(b"CONFIGURED 418 7", tenant="configured")
    server.wait_for_count(
        1, 'sum(count_over_time({meshseal_format="configured"}[1h]))', tenant="configured"
    )


def test_lines_are_read_for_whoever_asks_and_nothing_is_stored(server: ServerProcess) -> None:
    lines = [line(7), "rubbish", istio_line(8, at_unix_nano=time.time_ns())]
    content = {"lines": lines, "envoy": DEFINITION, "mesh": "istio"}
    rows = edit(server, "POST", "formats/tried/test", content).json()["rows"]
    assert [row["format"] for row in rows] == ["tried", "unparsed", "istio_json"]
    assert rows[0]["attributes"]["url.path"] == "/items/7"
    assert rows[0]["trace_id"] == EXPECTED["trace_id"]
    assert [row["line"] for row in rows] == lines
    assert edit(server, "POST", "formats/tried/test", {"lines": lines}).status_code == 404
    assert server.metric('sum(count_over_time({service_name=~".+"} |= "rubbish" [1h]))') == 0


def test_the_client_is_found_through_the_configured_proxies(server: ServerProcess) -> None:
    # 203.0.113.9 is a trusted proxy here, and 192.168.0.1 is none.
    record = json.loads(istio_line(1, at_unix_nano=time.time_ns(), service="proxied"))
    record |= {
        "x_forwarded_for": "192.168.0.1,203.0.113.9",
        "downstream_remote_address": "203.0.113.1:5000",
    }
    server.ship(json.dumps(record).encode(), tenant="proxies")
    server.wait_for_count(1, ALL, tenant="proxies")
    (found,) = server.records('{service_name=~".+"}', tenant="proxies")
    assert found["client_address"] == "192.168.0.1"


def test_a_service_is_renamed_for_the_past_too(server: ServerProcess) -> None:
    tenant = "renamed"
    for name in ("cart-v1", "cart-v2", "basket", "web"):
        server.ship(f"one of {name}".encode(), tenant=tenant, labels=f"service.name={name}")
    server.wait_for_count(4, ALL, tenant=tenant)

    def by_service() -> dict[str, float]:
        query = "sum by (service, team) (" + ALL.removeprefix("sum(").removesuffix(")") + ")"
        headers = {"X-Scope-OrgID": tenant}
        deadline = time.monotonic() + 60
        while True:  # The engine may just have been killed.
            answer = server.get("/loki/api/v1/query", {"query": query}, headers=headers)
            if answer.status_code != 503 or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        return {
            "/".join(one["metric"].values()): float(one["value"][1])
            for one in answer.json()["data"]["result"]
        }

    assert by_service() == {"cart-v1": 1, "cart-v2": 1, "basket": 1, "web": 1}
    command = ("--server", server.url, "--tenant", tenant)
    server.run(
        "service", "add", "cart", "--team", "checkout", "--alias", "basket", *command, check=True
    )
    assert by_service() == {"cart-v1": 1, "cart-v2": 1, "cart/checkout": 1, "web": 1}
    server.run("service", "alias", "cart", "cart-*", *command, check=True)
    assert by_service() == {"cart/checkout": 3, "web": 1}
    (record, *_) = server.records('{service="cart"} |= "basket"', tenant=tenant)
    assert (record["service_name"], record["service"]) == ("basket", "cart")
    assert len(server.records('{team="checkout"}', tenant=tenant)) == 3
    assert server.metric('sum(count_over_time({team="checkout"}[1h]))') == 0
    values = server.get("/loki/api/v1/label/service/values", headers={"X-Scope-OrgID": tenant})
    assert values.json()["data"] == ["cart", "web"]
    server.kill_engine()
    assert by_service() == {"cart/checkout": 3, "web": 1}
    server.run("service", "alias", "cart", "basket", "--remove", *command, check=True)
    assert by_service() == {"basket": 1, "cart/checkout": 2, "web": 1}
    server.run("service", "remove", "cart", *command, check=True)
    assert by_service() == {"cart-v1": 1, "cart-v2": 1, "basket": 1, "web": 1}
    assert server.records('{service_name="basket"}', tenant=tenant)[0]["line"] == "one of basket"


def test_where_ingress_nginx_sends_to_is_known_by_the_register(server: ServerProcess) -> None:
    tenant = "ingress"
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    request = f'10.1.2.3 - - [{stamp}] "GET / HTTP/1.1" 200 150 "-" "curl/8.5.0" 512 1.205 '
    for upstream in ("shop-cart-8080", "shop-web-80"):
        text = f"{request}[{upstream}] [] 10.0.1.1:8080 150 0.402 200 4a1e7d0c6b6f4f0f"
        server.ship(text.encode(), tenant=tenant, labels="service.name=edge")
    server.wait_for_count(2, ALL, tenant=tenant)
    assert server.records('{peer="cart"}', tenant=tenant) == []
    added = edit(
        server, "PUT", f"services/cart?tenant={tenant}", {"namespace": "shop", "aliases": []}
    )
    assert added.status_code == 200, added.text
    (record,) = server.records('{peer="cart"}', tenant=tenant)
    assert (record["service_peer_name"], record["service_name"]) == ("shop-cart", "edge")
    drain(server)
    found = server.get("/meshseal/v1/mesh/map", {"tenant": tenant}).json()
    ends = {(one["namespace"], one["name"]) for one in found["services"]}
    assert ends == {("", "edge"), ("shop", "cart"), ("", "shop-web")}
