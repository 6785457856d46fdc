"""The page that says whether everything arrived: over HTTP, and in a real browser."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from meshseal.console.guards import SECURITY_HEADERS
from tests.console.mesh_tab import watched
from tests.server import ServerProcess
from tests.store_access import command

pytestmark = [pytest.mark.e2e]

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
HOSTILE = '<script>alert(1)</script> "x"'
MINUTES = 90


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """`cart` speaks; `checkout` fell silent and its emitter dropped 1,000; a hostile name."""
    with ServerProcess(tmp_path_factory.mktemp("world") / "data") as server:
        now = int(time.time()) // 60 * 60
        speak(server, "cart", range(now - MINUTES * 60, now + 60, 60))
        speak(server, "checkout", range(now - MINUTES * 60, now - 600, 60))
        speak(server, HOSTILE.replace("'", ""), range(now - 300, now, 60))
        count(server, "passed", now - 5400, 1000)
        count(server, "dropped", now - 5400, 1000)
        yield server


def speak(server: ServerProcess, service: str, minutes: range) -> None:
    names = (
        "Tenant, Minute, Source, Door, ServiceName, Records, Arrivals, FirstReceived, LastReceived"
    )
    rows = ", ".join(
        f"('default', toDateTime({minute}), 'trial', 'lines', '{service}', 100, 60, "
        f"toDateTime64({minute}, 9), toDateTime64({minute + 59}, 9))"
        for minute in minutes
    )
    command(server, f"INSERT INTO arrivals ({names}) VALUES {rows}")


def count(server: ServerProcess, meaning: str, start: int, value: int) -> None:
    names = "Tenant, Emitter, Door, ServiceName, Counter, Meaning, Time, Value, Start"
    row = (
        f"('default', 'edge', 'lines', 'checkout', '{meaning}', '{meaning}', "
        f"toDateTime64({start + 600}, 9), {value}, toDateTime64({start}, 9))"
    )
    command(server, f"INSERT INTO counters ({names}) VALUES {row}")


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_what_the_page_says(world: ServerProcess) -> None:
    response = world.get("/completeness")
    assert response.status_code == 200
    for name, value in SECURITY_HEADERS.items():
        assert response.headers[name] == value
    text = text_of(response.text)
    assert "Not complete" in text
    assert "1 silent" in text
    assert "1,000 known drops" in text
    # The silent one comes first.
    assert response.text.index("<b>checkout</b>") < response.text.index("<b>cart</b>")
    assert len(re.findall(r'<rect class="gap"', response.text)) == 1
    assert "<script>alert" not in response.text
    assert "style=" not in response.text


@pytest.mark.parametrize(
    ("query", "status"),
    [("by=instance", 200), ("since=1h&by=source", 200), ("by=pod", 400), ("since=never", 400)],
)
def test_what_can_be_asked(world: ServerProcess, query: str, status: int) -> None:
    response = world.get(f"/completeness?{query}")
    assert response.status_code == status
    assert "Completeness" in response.text


def test_another_tenant_sees_nothing(world: ServerProcess) -> None:
    text = text_of(world.get("/completeness", {"tenant": "other"}).text)
    assert "checkout" not in text
    assert "Nothing arrived in this time" in text


# ---- In a browser ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail("Chromium is not installed: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(browser: Browser, world: ServerProcess) -> Iterator[Page]:
    """A fresh tab. At its end, nothing may have been refused, thrown or logged as an error."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=world.url)
    page = context.new_page()
    wrong = watched(page)
    page.goto("/completeness")
    page.wait_for_selector("html.scripted")
    yield page
    context.close()
    assert wrong == []


@pytest.mark.browser
def test_with_the_keyboard_alone(tab: Page) -> None:
    rows = tab.locator(".sources > tbody > tr")
    tab.keyboard.press("ArrowDown")
    expect(rows.nth(0)).to_be_focused()
    expect(rows.nth(0)).to_contain_text("checkout")
    tab.keyboard.press("Enter")
    link = rows.nth(0).locator(".gaps a")
    expect(link).to_be_visible()
    tab.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    tab.keyboard.press("/")
    tab.keyboard.type("CART")
    expect(rows.filter(visible=True)).to_have_count(2)
    tab.keyboard.press("Escape")
    expect(rows.filter(visible=True)).to_have_count(6)
    tab.keyboard.press("?")
    expect(tab.locator("#help")).to_be_visible()


@pytest.mark.browser
def test_a_gap_leads_to_the_records_around_it(tab: Page) -> None:
    tab.locator("tr.silent summary").click()
    tab.locator("tr.silent .gaps a").click()
    tab.wait_for_url("**/?query=*")
    assert 'service_name="checkout"' in tab.locator("#query").input_value()


@pytest.mark.browser
def test_dark_light_and_live(tab: Page, world: ServerProcess) -> None:
    before = tab.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    tab.locator("#theme").click()
    after = tab.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    assert before != after
    tab.clock.install()
    tab.reload()
    tab.wait_for_selector("html.scripted")
    tab.keyboard.press("l")
    expect(tab.locator("#live")).to_have_attribute("aria-pressed", "true")
    now = int(time.time()) // 60 * 60
    speak(world, "newcomer", range(now - 120, now, 60))
    tab.clock.fast_forward(11_000)
    expect(tab.locator(".sources").first).to_contain_text("newcomer")
