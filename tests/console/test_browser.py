"""The page in a real browser: what its scripts add, and that its policy lets them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.canvas import drawn, legend
from tests.console.conftest import SHOP_LINES
from tests.console.mesh_tab import watched
from tests.server import ServerProcess, istio_line

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

CART = '{service_name="cart"}'


@pytest.fixture
def tab(browser: Browser, console: ServerProcess) -> Iterator[Page]:
    """A fresh tab. At its end, nothing may have been refused, thrown or logged as an error."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, base_url=console.url, accept_downloads=True
    )
    page = context.new_page()
    wrong = watched(page)
    yield page
    context.close()
    assert wrong == []


def go(tab: Page, query: str = CART, more: str = "") -> None:
    tab.goto(f"/?query={query}{more}")
    tab.wait_for_selector("html.scripted")


def test_rows_and_the_histogram_are_drawn(tab: Page) -> None:
    go(tab)
    expect(tab.locator("#rows tr.row")).to_have_count(200)
    expect(tab.locator("#chart canvas")).to_be_visible()
    assert sum(one.pixels > 0 for one in drawn(tab).values()) >= 2
    expect(tab.locator("noscript")).to_be_hidden()


def test_a_record_is_opened_verified_and_its_proof_downloaded(
    tab: Page, console: ServerProcess, downloads: Path
) -> None:
    go(tab)
    tab.locator("#rows tr.level-error td.line").first.click()
    expect(tab.locator("#seal")).to_contain_text("verified now")
    expect(tab.locator("#rows tr[aria-current]")).to_have_count(1)
    assert "record=" in tab.url
    with tab.expect_download() as waiting:
        tab.locator("#download").click()
    file = downloads / waiting.value.suggested_filename
    waiting.value.save_as(file)
    key = console.get("/ledger/key").text.strip()
    done = console.run("verify", str(file), "--key", key)
    assert done.returncode == 0, done.stdout + done.stderr
    tab.reload()
    expect(tab.locator("#seal")).to_contain_text("verified now")
    tab.keyboard.press("Escape")
    expect(tab.locator("#panel *")).to_have_count(0)
    tab.go_back()
    expect(tab.locator("#seal")).to_contain_text("verified now")


def test_a_field_filters_in_place(tab: Page) -> None:
    go(tab, '{service_name=~".%2B"}')
    tab.locator("#rows tr.level-error td.line").first.click()
    tab.get_by_label("Filter for http_response_status_code").click()
    expect(tab.locator("#query")).to_have_value(
        '{service_name=~".+", http_response_status_code="503"}'
    )
    expect(tab.locator("#count")).to_contain_text(f"{SHOP_LINES // 10} of {SHOP_LINES // 10}")


def test_a_severity_of_the_legend_filters(tab: Page) -> None:
    go(tab)
    tab.locator(".legend a", has_text="error").click()
    expect(tab.locator("#count")).to_contain_text(f"{SHOP_LINES // 10} of {SHOP_LINES // 10}")
    expect(tab.locator("#query")).to_have_value('{service_name="cart", detected_level="error"}')


def test_dragging_over_the_chart_looks_closer(tab: Page) -> None:
    go(tab)
    expect(tab.locator("#chart canvas")).to_be_visible()
    box = tab.locator("#chart .u-over").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + box["width"] * 0.5, middle)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.99, middle, steps=5)
    tab.mouse.up()
    expect(tab.locator('select[name="since"]')).to_have_value("custom")
    tab.wait_for_url("**start=**")
    expect(tab.locator('input[name="start"]')).to_be_visible()
    expect(tab.locator("#chart canvas")).to_be_visible()


def test_older_records_are_loaded_below(tab: Page) -> None:
    go(tab)
    expect(tab.locator("#rows tr.row")).to_have_count(200)
    tab.get_by_text("Load older").click()
    expect(tab.locator("#rows tr.row")).to_have_count(SHOP_LINES)
    assert "cursor" not in tab.url
    tab.locator("#rows tr.row td.line").last.click()
    expect(tab.locator("#seal")).to_contain_text("verified now")


def test_live_shows_a_new_line(tab: Page, console: ServerProcess) -> None:
    go(tab, '{service_name="live"}')
    expect(tab.locator("#nothing")).to_be_visible()
    tab.keyboard.press("l")
    expect(tab.locator("#live-count")).to_contain_text("following")
    console.ship(b"<b>the first</b>", labels="service.name=live")
    row = tab.locator("#rows tr.row")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("<b>the first</b>")
    tab.locator("#pause").click()
    console.ship(b"the second", labels="service.name=live")
    expect(tab.locator("#live-count")).to_contain_text("1 waiting")
    expect(row).to_have_count(1)
    tab.locator("#pause").click()
    expect(row).to_have_count(2)
    expect(row.first).to_contain_text("the second")
    row.first.locator("td.line").click()
    expect(tab.locator("#panel")).to_contain_text("the second")
    tab.locator("#close").click()
    expect(tab.locator("#panel *")).to_have_count(0)
    tab.keyboard.press("l")
    expect(tab.locator("#live")).to_have_attribute("aria-pressed", "false")


def test_live_begins_where_the_search_ended(tab: Page, console: ServerProcess) -> None:
    query = '{service_name="between"}'
    console.ship(b"before", labels="service.name=between")
    console.wait_for_count(1, f"sum(count_over_time({query}[1h]))")
    go(tab, query)
    row = tab.locator("#rows tr.row")
    expect(row).to_have_count(1)
    console.ship(b"between", labels="service.name=between")
    console.wait_for_count(2, f"sum(count_over_time({query}[1h]))")
    expect(row).to_have_count(1)
    tab.keyboard.press("l")
    expect(row).to_have_count(2)
    expect(row.first).to_contain_text("between")
    console.ship(b"after", labels="service.name=between")
    expect(row).to_have_count(3)
    expect(tab.locator("#live-count")).to_contain_text("2 new")


def test_the_keyboard_alone_is_enough(tab: Page) -> None:
    go(tab)
    tab.keyboard.press("?")
    expect(tab.locator("#help")).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.locator("#help")).to_be_hidden()
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    tab.keyboard.press("k")
    expect(tab.locator("#rows tr.row a").first).to_be_focused()
    tab.keyboard.press("ArrowDown")
    expect(tab.locator("#rows tr.row a").nth(1)).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("#seal")).to_contain_text("verified now")
    tab.keyboard.press("Escape")
    expect(tab.locator("#rows tr.row a").nth(1)).to_be_focused()
    tab.keyboard.press("/")
    expect(tab.locator("#query")).to_be_focused()
    tab.keyboard.press("Shift+Enter")
    tab.keyboard.type('|= "items/7?"')
    expect(tab.locator("#query")).to_have_value(f'{CART}\n|= "items/7?"')
    tab.keyboard.press("Enter")
    expect(tab.locator("#count")).to_contain_text("1 of 1 record")
    expect(tab.locator("#rows mark")).to_have_text("items/7?")


def test_the_query_bar_completes_labels_and_values(tab: Page) -> None:
    go(tab)
    bar, offers = tab.locator("#query"), tab.locator("#offers li")
    bar.fill("")
    bar.press_sequentially("{service_n")
    expect(offers.first).to_contain_text("service_name")
    expect(bar).to_have_attribute("aria-expanded", "true")
    bar.press("ArrowDown")
    expect(offers.first).to_have_attribute("aria-selected", "true")
    bar.press("Enter")
    expect(bar).to_have_value("{service_name")
    bar.press_sequentially('="ca')
    expect(offers).to_have_count(1)
    bar.press("Tab")
    expect(bar).to_have_value('{service_name="cart"')
    bar.press_sequentially("}")
    bar.press("Enter")
    expect(tab.locator("#rows tr.row")).to_have_count(200)


def test_a_hostile_line_is_text(tab: Page) -> None:
    go(tab, '{service_name="hostile"}')
    expect(tab.locator("#rows tr.row")).to_contain_text("<script>alert(1)</script>")
    tab.locator("#rows tr.row td.line").click()
    expect(tab.locator("#panel pre.body")).to_contain_text("<script>alert(1)</script>")


def test_a_metric_query_is_drawn(tab: Page) -> None:
    go(tab, 'sum by (service_name) (count_over_time({service_name=~".%2B"}[5m]))')
    expect(tab.locator("table.series tbody tr").first).to_be_visible()
    assert sum(one.pixels > 0 for one in drawn(tab).values()) >= 2


def test_a_value_between_gaps_is_a_point(tab: Page, console: ServerProcess) -> None:
    at = time.time_ns() - 300 * 10**9
    console.ship(istio_line(1, at_unix_nano=at).encode(), labels="service.name=lonely")
    query = 'sum(count_over_time({service_name="lonely"}[10s]))'
    console.wait_for_count(1, query.replace("10s", "1h"))
    go(tab, query, "&since=15m")  # of ninety steps one has a value
    expect(tab.locator("table.series .swatch")).to_have_count(1)
    point = drawn(tab)[legend(tab)[0]]
    assert 10 <= point.pixels + point.edges <= 100


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_dark_and_light(browser: Browser, console: ServerProcess, scheme: str) -> None:
    other = "light" if scheme == "dark" else "dark"
    context = browser.new_context(base_url=console.url, color_scheme=scheme)  # type: ignore[arg-type]
    tab = context.new_page()
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    go(tab)
    first = tab.evaluate(ground)
    tab.locator("#theme").click()
    changed = tab.evaluate(ground)
    assert changed != first
    expect(tab.locator("html")).to_have_attribute("data-theme", other)
    tab.reload()
    assert tab.evaluate(ground) == changed
    context.close()


def test_without_scripts_the_page_works(browser: Browser, console: ServerProcess) -> None:
    context = browser.new_context(base_url=console.url, java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"/?query={CART}")
    expect(tab.locator("svg.bars")).to_be_visible()
    expect(tab.locator("#live")).to_be_hidden()
    tab.locator("#rows tr.row a").first.click()
    expect(tab.locator("#seal")).to_contain_text("verified now")
    tab.locator("#close").click()
    expect(tab.locator("#panel *")).to_have_count(0)
    tab.locator("#query").fill('{service_name="hostile"}')
    tab.locator("button.run").click()
    expect(tab.locator("#rows tr.row")).to_have_count(1)
    context.close()


@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_hangs_over_the_edge(browser: Browser, console: ServerProcess, width: int) -> None:
    context = browser.new_context(base_url=console.url, viewport={"width": width, "height": 800})
    tab = context.new_page()
    go(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.locator("#rows tr.row td.line").first.click()
    expect(tab.locator("#seal")).to_be_visible()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
