"""The mesh map against the real server: who may see it, and that its figures are the API's."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from bench.ingest import drain
from bench.mesh import Traffic, request
from meshseal.console.guards import SECURITY_HEADERS
from tests.console.mesh_tab import fact, go, guarded, of_page, settled
from tests.server import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

SECOND = 10**9
MINUTE = 60 * SECOND
TENANT = "weave"
CALLS = 4000
SERVICES, EDGES = 30, 120


@pytest.fixture(scope="module")
def woven(console: ServerProcess) -> ServerProcess:
    """A mesh whose calls of the last 50 minutes are all stored."""
    traffic = Traffic(SERVICES, EDGES, seed=11)
    first = time.time_ns() - 3000 * SECOND
    calls = list(traffic.calls(CALLS, first_unix_nano=first, span_nanos=2900 * SECOND))
    headers = {"Content-Type": "application/x-protobuf", "X-Scope-OrgID": TENANT}
    made = iter(calls)
    while part := list(islice(made, 500)):
        answer = console.post("/v1/logs", request(part), headers=headers)
        assert answer.status_code == 200, answer.text
    records = sum(call.records for call in calls)
    console.wait_for_count(records, 'sum(count_over_time({service_name=~".+"}[2h]))', tenant=TENANT)
    drain(console)
    return console


@pytest.fixture
def tab(browser: Browser, woven: ServerProcess) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=woven.url)
    wrong = guarded(context, woven.url)
    page = context.new_page()
    yield page
    context.close()
    assert wrong == []


def answered(tab: Page) -> dict[str, Any]:
    """Open the map, and return what the server answered it."""
    with tab.expect_response(re.compile("/meshseal/v1/mesh/map")) as waiting:
        go(tab, f"?tenant={TENANT}")
    found: dict[str, Any] = waiting.value.json()
    return found


# ---- The frame -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/mesh", 200, id="the map"),
        pytest.param("/mesh?tenant=weave&since=6h", 200, id="of a tenant"),
        pytest.param("/mesh?since=never&start=x&open=%3Cscript%3E", 200, id="what is no range"),
        pytest.param("/mesh?tenant=../etc", 400, id="a broken tenant"),
    ],
)
def test_the_frame_has_its_status_and_the_headers(
    console: ServerProcess, path: str, status: int
) -> None:
    response = console.get(path)
    assert response.status_code == status
    for name, value in SECURITY_HEADERS.items():
        assert response.headers[name] == value
    assert response.headers["cache-control"] == "no-store"
    assert re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", response.text) is None
    assert "<script>" not in response.text


def test_each_page_leads_to_the_other(console: ServerProcess) -> None:
    search = console.get("/", {"tenant": TENANT}).text
    assert f'<a href="/mesh?tenant={TENANT}">Mesh map</a>' in search
    assert '<a href="/" aria-current="page">Search</a>' in console.get("/").text
    mesh = console.get("/mesh", {"tenant": TENANT}).text
    assert f'<a href="/?tenant={TENANT}">Search</a>' in mesh
    assert f'<a href="/mesh?tenant={TENANT}" aria-current="page">Mesh map</a>' in mesh


def test_every_module_that_is_loaded_ahead_is_there(console: ServerProcess) -> None:
    text = console.get("/mesh").text
    modules = re.findall(r'<link rel="modulepreload" href="([^"]+)"', text)
    assert len(modules) > 15
    for address in [*modules, *re.findall(r'<script src="([^"]+)"', text)]:
        assert console.get(address).status_code == 200


@pytest.mark.parametrize(
    ("query", "seconds", "more"),
    [
        pytest.param("", 3600, "", id="the last hour"),
        pytest.param("?since=7d&tenant=weave", 604_800, "&amp;tenant=weave", id="seven days"),
        pytest.param("?since=never", 0, "", id="what is no range"),
        pytest.param("?from=2026-11-20T10:00:00Z&to=2026-11-20T11:00:00Z", 0, "", id="a part"),
    ],
)
def test_the_map_is_asked_for_while_the_script_loads(
    console: ServerProcess, query: str, seconds: int, more: str
) -> None:
    text = console.get(f"/mesh{query}").text
    link = r'<link rel="preload" as="fetch" crossorigin href="/meshseal/v1/mesh/map\?([^"]+)"'
    found = re.search(link, text)
    assert (found is None) == (seconds == 0)
    if found:
        asked = re.fullmatch(r"start=(\d+)&amp;end=(\d+)(.*)", found[1])
        assert asked is not None
        assert int(asked[2]) - int(asked[1]) == seconds * SECOND
        assert asked[3] == more


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("locked") / "data", trial=False) as server:
        yield server


def test_the_map_asks_for_what_the_search_asks_for(locked: ServerProcess) -> None:
    nobody = locked.get("/mesh", {"since": "6h"}, allow_redirects=False)
    assert nobody.status_code == 303
    assert nobody.headers["location"] == "/login?next=%2Fmesh%3Fsince%3D6h"
    for role, status in {"shipper": 403, "developer": 200}.items():
        made = locked.run(
            "key", "create", "--data", str(locked.data), "--name", role, "--role", role, check=True
        )
        key = next(word for word in made.stdout.split() if word.startswith("msk_"))
        headers = {"Authorization": f"Bearer {key}"}
        assert locked.get("/", headers=headers).status_code == status
        answer = locked.get("/mesh", headers=headers)
        assert answer.status_code == status
        other = requests.get(f"{locked.url}/mesh?tenant=other", headers=headers, timeout=30)
        assert other.status_code == 403


# ---- Its figures -----------------------------------------------------------------------------


def test_the_figures_are_those_of_the_api(tab: Page) -> None:
    answer = answered(tab)
    assert len(answer["edges"]) == EDGES
    total = sum(edge["requests"] for edge in answer["edges"])
    expect(tab.locator("#totals")).to_contain_text(
        f"{SERVICES} services · {EDGES} edges · {total:,} requests"
    )
    assert sorted(of_page(tab, "nodes")) == sorted(one["id"] for one in answer["services"])
    tab.keyboard.press("t")
    rows = tab.locator("#table-edges tbody tr")
    expect(rows).to_have_count(EDGES)
    shown = rows.evaluate_all(
        """rows => rows.map((row) =>
            [row.dataset.id, ...[4, 8, 9, 10].map((at) => row.children[at].innerText)])"""
    )
    assert {row[0]: row[1:] for row in shown} == {
        edge["id"]: [
            f"{edge['requests']:,}",
            f"{edge['errors_5xx']:,}",
            f"{edge['failed']:,}",
            _milliseconds(edge["p50_ms"]),
        ]
        for edge in answer["edges"]
    }


def _milliseconds(value: float | None) -> str:
    if value is None:
        return "\u2013"
    number, unit = (value / 1000, "s") if value >= 1000 else (value, "ms")
    return f"{float(f'{number:.3g}'):g} {unit}"


def test_an_edge_leads_to_as_many_records_as_it_has_requests(tab: Page) -> None:
    answer = answered(tab)
    edge = max(answer["edges"], key=lambda edge: (edge["plaintext"] > 0, edge["requests"]))
    assert edge["plaintext"] > 0
    tab.locator('[data-view="edges"]').click()
    tab.locator(f'tr[data-id="{edge["id"]}"]').click()
    expect(tab.locator("#detail .tags")).to_contain_text("plaintext")
    assert fact(tab, "requests") == f"{edge['requests']:,}"
    expect(tab.locator("#detail svg.spark").first).to_be_visible()
    tab.locator("#logs").click()
    expect(tab.locator("#query")).to_have_value(edge["query"])
    expect(tab.locator("#count")).to_contain_text(f"of {edge['requests']:,} record")


def test_a_vanished_edge_leads_to_its_last_records(tab: Page) -> None:
    now = time.time_ns() // MINUTE * MINUTE + MINUTE
    span = {"start": now // SECOND, "end": (now + 40 * MINUTE) // SECOND}
    with tab.expect_response(re.compile("/meshseal/v1/mesh/map")) as waiting:
        go(tab, f"?tenant={TENANT}&view=edges&start={span['start']}&end={span['end']}")
    edges = waiting.value.json()["edges"]
    assert {edge["state"] for edge in edges} == {"vanished"}
    expect(tab.locator('[data-show="vanished"] b')).to_have_text(f"{len(edges)}")
    edge = max(edges, key=lambda edge: edge["before"]["requests"])
    tab.locator(f'tr[data-id="{edge["id"]}"]').click()
    expect(tab.locator("#detail .tags")).to_contain_text("vanished")
    assert fact(tab, "requests") == f"{edge['before']['requests']:,}"
    assert fact(tab, "last").endswith("UTC")
    tab.locator("#logs").click()
    expect(tab.locator("#count")).to_contain_text(f"of {edge['before']['requests']:,} record")


def test_a_part_of_the_time_has_its_own_figures(tab: Page, woven: ServerProcess) -> None:
    answered(tab)
    grip = tab.get_by_role("slider", name="Start of what is shown")
    grip.focus()
    for _ in range(3):
        with tab.expect_response(re.compile("/meshseal/v1/mesh/map")):
            tab.keyboard.press("PageUp")
    settled(tab)
    query = {"start": tab.evaluate("new URL(location).searchParams.get('from')")}
    query["end"] = tab.evaluate("new URL(location).searchParams.get('to')")
    part = woven.get("/meshseal/v1/mesh/map", {**query, "tenant": TENANT}).json()
    total = sum(edge["requests"] for edge in part["edges"])
    assert 0 < total < CALLS
    expect(tab.locator("#totals")).to_contain_text(f"{total:,} requests")
