"""The mesh map's time slider, its live mode, its lists, and what it says of errors."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.console.mesh_tab import Mesh, fact, go, guarded, of_page, settled
from tests.console.mesh_world import SECOND, make_world
from tests.server import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

MINUTE = 60 * SECOND
REFUSED = "Failed to load resource"


@pytest.fixture
def context(browser: Browser, console: ServerProcess) -> Iterator[BrowserContext]:
    """A browser of its own, in which nothing but a failed request may go wrong."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=console.url)
    wrong = guarded(context, console.url)
    yield context
    context.close()
    assert [line for line in wrong if REFUSED not in line] == []


@pytest.fixture
def mesh(context: BrowserContext) -> Mesh:
    mesh = Mesh(make_world(20, 60))
    mesh.serve(context)
    return mesh


@pytest.fixture
def tab(context: BrowserContext, mesh: Mesh) -> Page:
    page = context.new_page()
    go(page)
    return page


def asked(mesh: Mesh) -> tuple[int, int]:
    return int(mesh.asked[-1]["start"]), int(mesh.asked[-1]["end"])


def wait_for(tab: Page, mesh: Mesh, count: int) -> None:
    """Wait until so many maps were asked for."""
    deadline = time.monotonic() + 20
    while len(mesh.asked) < count and time.monotonic() < deadline:
        tab.wait_for_timeout(20)
    assert len(mesh.asked) >= count


# ---- Time ------------------------------------------------------------------------------------


def test_the_last_hour_is_asked_for_first(tab: Page, mesh: Mesh) -> None:
    start, end = asked(mesh)
    assert end - start == 60 * MINUTE
    assert abs(end - time.time_ns()) < 10 * MINUTE
    assert (mesh.times[0]["start"], mesh.times[0]["end"]) == (str(start), str(end))
    assert "tenant" not in mesh.asked[-1]
    assert mesh.asked.count(mesh.asked[0]) == 1  # what was asked for ahead is not asked for again


def test_a_range_is_chosen(tab: Page, mesh: Mesh) -> None:
    tab.locator("#since").select_option("30d")
    wait_for(tab, mesh, 2)
    start, end = asked(mesh)
    assert end - start == 30 * 24 * 60 * MINUTE
    assert "since=30d" in tab.url
    tab.locator("#since").select_option("custom")
    tab.locator("#start").fill("2026-11-20T10:00:00")
    tab.locator("#end").fill("2026-11-20T12:30:00")
    expect(tab).to_have_url(re.compile(r"start=2026-11-20T10%3A00%3A00Z&end=2026-11-20T12%3A30"))
    settled(tab)
    start, end = asked(mesh)
    assert end - start == 150 * MINUTE
    expect(tab.locator("#live")).to_have_attribute("aria-pressed", "false")


def drag(tab: Page, begin: float, end: float) -> None:
    """Drag over the timeline, from one share of its width to another."""
    box = tab.locator("#timeline svg").bounding_box()
    assert box is not None
    y = box["y"] + 20
    tab.mouse.move(box["x"] + box["width"] * begin, y)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * end, y, steps=6)
    tab.mouse.up()


def test_dragging_over_the_timeline_shows_a_part(tab: Page, mesh: Mesh) -> None:
    whole = asked(mesh)
    drag(tab, 0.25, 0.5)
    wait_for(tab, mesh, 2)
    settled(tab)
    first = asked(mesh)
    assert first[1] - first[0] == pytest.approx(15 * MINUTE, abs=2 * MINUTE)
    assert first[0] == pytest.approx(whole[0] + 15 * MINUTE, abs=2 * MINUTE)
    assert first[0] % MINUTE == first[1] % MINUTE == 0
    assert len(mesh.times) == 1
    expect(tab.locator("#live")).to_have_attribute("aria-pressed", "false")
    expect(tab.locator("#totals")).to_contain_text("60 edges")
    drag(tab, 0.375, 0.625)  # what is inside the part moves it
    wait_for(tab, mesh, 3)
    second = asked(mesh)
    assert second[1] - second[0] == first[1] - first[0]
    assert second[0] == pytest.approx(first[0] + 15 * MINUTE, abs=2 * MINUTE)
    tab.reload()
    settled(tab)
    assert asked(mesh) == second
    tab.locator("#whole").click()
    wait_for(tab, mesh, 5)
    assert asked(mesh)[1] - asked(mesh)[0] == 60 * MINUTE


def test_the_ends_of_the_part_move_by_keys(tab: Page, mesh: Mesh) -> None:
    whole = asked(mesh)
    start = tab.get_by_role("slider", name="Start of what is shown")
    start.focus()
    tab.keyboard.press("ArrowRight")
    wait_for(tab, mesh, 2)
    assert 0 < asked(mesh)[0] - whole[0] <= 2 * MINUTE
    expect(start).to_be_focused()
    tab.keyboard.press("PageUp")
    wait_for(tab, mesh, 3)
    assert asked(mesh)[0] - whole[0] == pytest.approx(11 * MINUTE, abs=MINUTE)
    expect(start).to_have_attribute("aria-valuenow", str(asked(mesh)[0] // SECOND))
    tab.keyboard.press("Escape")
    wait_for(tab, mesh, 4)
    assert asked(mesh)[1] - asked(mesh)[0] == 60 * MINUTE


# ---- Live ------------------------------------------------------------------------------------


def test_live_asks_again_and_moves_nothing(context: BrowserContext, mesh: Mesh) -> None:
    tab = context.new_page()
    tab.clock.install()
    go(tab)
    tab.clock.run_for(1000)
    expect(tab.locator("#live")).to_have_attribute("aria-pressed", "true")
    places, camera = of_page(tab, "places"), of_page(tab, "camera")
    known = mesh.world.pairs[5]

    def grow(answer: dict[str, Any]) -> None:
        comer = {**answer["services"][0], "id": "checkout/comer", "name": "comer"}
        comer["namespace"] = "checkout"
        answer["services"].append(comer)
        new = {**answer["edges"][5], "id": f"{known[0]}>checkout/comer", "state": "new"}
        answer["edges"].append({**new, "destination": "checkout/comer", "requests": 12345})

    mesh.change = grow
    before = len(mesh.asked)
    tab.clock.run_for(5000)
    wait_for(tab, mesh, before + 1)
    expect(tab.locator("#totals")).to_contain_text("21 services · 61 edges")
    after = of_page(tab, "places")
    assert {name: after[name] for name in places} == places
    assert "checkout/comer" in after
    assert of_page(tab, "camera") == camera
    assert int(mesh.asked[-1]["end"]) > int(mesh.asked[0]["end"])


def test_live_stops_where_nobody_looks_and_by_its_button(
    context: BrowserContext, mesh: Mesh
) -> None:
    tab = context.new_page()
    tab.clock.install()
    go(tab)
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    tab.evaluate(hide, True)
    count = len(mesh.asked)
    tab.clock.run_for(30_000)
    tab.wait_for_timeout(200)
    assert len(mesh.asked) == count
    tab.evaluate(hide, False)
    wait_for(tab, mesh, count + 1)
    settled(tab)
    tab.locator("#live").click()
    expect(tab.locator("#live")).to_have_attribute("aria-pressed", "false")
    count = len(mesh.asked)
    tab.clock.run_for(30_000)
    tab.wait_for_timeout(200)
    assert len(mesh.asked) == count
    tab.reload()
    settled(tab)
    expect(tab.locator("#live")).to_have_attribute("aria-pressed", "false")
    tab.keyboard.press("l")
    expect(tab.locator("#live")).to_have_attribute("aria-pressed", "true")


def test_a_slow_answer_is_waited_for(context: BrowserContext, mesh: Mesh) -> None:
    tab = context.new_page()
    tab.clock.install()
    mesh.held = []
    tab.goto("/mesh")
    wait_for(tab, mesh, 1)
    for _ in range(4):
        tab.clock.run_for(6000)
        tab.wait_for_timeout(50)
    assert len(mesh.asked) == 1
    mesh.release()
    settled(tab)
    expect(tab.locator("#totals")).to_contain_text("60 edges")
    tab.clock.run_for(30_000)
    tab.wait_for_timeout(100)
    assert len(mesh.asked) == 1  # a server that took 24 seconds has a rest
    tab.clock.run_for(60_000)
    wait_for(tab, mesh, 2)


# ---- Lists -----------------------------------------------------------------------------------


def column(tab: Page, number: int) -> list[str]:
    return tab.locator(f"table.grid tbody tr > :nth-child({number})").all_inner_texts()


def test_edges_are_listed_and_sorted(tab: Page, mesh: Mesh) -> None:
    tab.keyboard.press("t")
    rows = tab.locator("#table-edges tbody tr")
    expect(rows).to_have_count(60)
    by_requests = sorted((edge["requests"] for edge in mesh.last["edges"]), reverse=True)
    assert column(tab, 5) == [f"{requests:,}" for requests in by_requests]
    head = tab.get_by_role("columnheader", name="p95")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    slowest = max(mesh.last["edges"], key=lambda edge: edge["p95_ms"] or 0)
    expect(rows.first).to_have_attribute("data-id", slowest["id"])
    head.get_by_role("button").press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(rows.last).to_have_attribute("data-id", slowest["id"])
    tab.get_by_role("columnheader", name="Encryption").get_by_role("button").click()
    words = column(tab, 4)
    assert words[: words.count("plaintext")] == ["plaintext"] * 2
    tab.get_by_role("columnheader", name="From").get_by_role("button").click()
    assert column(tab, 1) == sorted(column(tab, 1))
    rows.first.get_by_role("button").press("Enter")
    expect(tab.locator("#detail")).to_be_visible()
    expect(tab.locator("tr[aria-current] th button")).to_be_focused()


def test_services_are_listed(tab: Page, mesh: Mesh) -> None:
    tab.locator('[data-view="services"]').click()
    expect(tab.locator("#table-services tbody tr")).to_have_count(21)
    found = dict(zip(column(tab, 1), column(tab, 6), strict=True))
    most = max(mesh.last["services"], key=lambda service: service["requests"])
    assert found[most["name"]] in {
        f"{service['requests']:,}"
        for service in mesh.last["services"]
        if service["name"] == most["name"]
    }
    row = tab.locator(f'tr[data-id="{most["id"]}"]')
    expect(row.locator("td").nth(4)).to_have_text(f"{most['requests']:,}")
    row.click()
    assert fact(tab, "requests") == f"{most['requests']:,}"


def test_a_long_list_is_shown_in_two_steps(context: BrowserContext) -> None:
    mesh = Mesh(make_world(300, 2000))
    mesh.serve(context)
    tab = context.new_page()
    go(tab, "?view=edges")
    rows = tab.locator("#table-edges tbody tr")
    expect(rows).to_have_count(250)
    tab.locator("#all-rows").click()
    expect(rows).to_have_count(2000)
    shown = dict(
        zip(
            rows.evaluate_all("rows => rows.map((row) => row.dataset.id)"),
            column(tab, 5),
            strict=True,
        )
    )
    assert shown == {edge["id"]: f"{edge['requests']:,}" for edge in mesh.last["edges"]}


# ---- Nothing, and errors ---------------------------------------------------------------------


def test_where_there_is_nothing_the_page_says_how_to_send(context: BrowserContext) -> None:
    mesh = Mesh(make_world(20, 60))
    mesh.change = lambda answer: answer.update(services=[], edges=[])
    mesh.serve(context)
    tab = context.new_page()
    go(tab)
    notice = tab.locator("#notice")
    expect(notice).to_contain_text("No calls between services")
    address = tab.url.partition("/mesh")[0]
    expect(notice.locator("pre")).to_have_text(f"meshseal mesh config istio --to {address}")
    expect(tab.locator("#stage")).to_be_hidden()
    mesh.change = lambda answer: None
    notice.get_by_role("button", name="6h").click()
    expect(tab.locator("#since")).to_have_value("6h")
    expect(tab.locator("#stage")).to_be_visible()
    expect(notice).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "title", "words"),
    [
        pytest.param(503, "The server cannot answer just now", "It asks again in 2 s", id="busy"),
        pytest.param(403, "You may not see this mesh", "<b>just</b>", id="forbidden"),
        pytest.param(400, "This could not be shown", "<b>just</b>", id="refused"),
        pytest.param(0, "The server does not answer", "asks again", id="no server"),
    ],
)
def test_an_error_says_what_to_do(
    context: BrowserContext, mesh: Mesh, status: int, title: str, words: str
) -> None:
    mesh.status, mesh.headers = status, {"Retry-After": "2"}
    tab = context.new_page()
    tab.goto("/mesh")
    notice = tab.locator("#notice")
    expect(notice.get_by_role("heading")).to_have_text(title)
    expect(notice).to_contain_text(words)
    expect(notice).to_have_attribute("role", "alert")
    mesh.status = 200
    tab.locator("#again").click()
    expect(notice).to_be_hidden()
    expect(tab.locator("#totals")).to_contain_text("60 edges")


def test_a_session_that_ended_leads_to_the_login(context: BrowserContext, mesh: Mesh) -> None:
    tab = context.new_page()
    go(tab)
    mesh.status = 401
    tab.locator("#since").select_option("15m")
    notice = tab.locator("#notice")
    expect(notice).to_contain_text("Log in again")
    expect(notice).to_contain_text("What is shown is from before")
    expect(tab.locator("#stage")).to_be_visible()
    address = notice.get_by_role("link").get_attribute("href") or ""
    assert parse_qs(urlsplit(address).query)["next"] == ["/mesh?since=15m"]


def test_a_failure_is_mended_by_itself(context: BrowserContext, mesh: Mesh) -> None:
    tab = context.new_page()
    tab.clock.install()
    mesh.status, mesh.headers = 503, {"Retry-After": "3"}
    tab.goto("/mesh")
    expect(tab.locator("#notice")).to_contain_text("cannot answer")
    mesh.status = 200
    tab.clock.run_for(3500)
    expect(tab.locator("#notice")).to_be_hidden()
    expect(tab.locator("#totals")).to_contain_text("60 edges")
    mesh.status = 503
    go(tab, "?start=2026-11-20T10:00:00Z&end=2026-11-20T11:00:00Z")
    expect(tab.locator("#live")).to_have_attribute("aria-pressed", "false")
    expect(tab.locator("#notice")).to_contain_text("cannot answer")
    mesh.status = 200
    tab.clock.run_for(3500)
    expect(tab.locator("#notice")).to_be_hidden()
