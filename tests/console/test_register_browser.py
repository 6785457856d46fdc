"""The register of services in a real browser, by the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.mesh_tab import watched
from tests.server import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.e2e]


@pytest.fixture
def tab(browser: Browser, console: ServerProcess) -> Iterator[Page]:
    """A fresh tab. Nothing may be thrown, or logged as an error but that a form was refused."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=console.url)
    page = context.new_page()
    wrong = watched(page)
    yield page
    context.close()
    assert [said for said in wrong if "status of 400" not in said] == []


def test_with_the_keyboard_a_service_is_added_refused_and_removed(tab: Page) -> None:
    tab.goto("/?tenant=typed")
    tab.get_by_role("link", name="Services", exact=True).click()
    tab.wait_for_selector("html.scripted")
    assert tab.url.endswith("/services?tenant=typed")
    expect(tab.get_by_text("Nothing is in the register yet")).to_be_visible()
    form, rows = tab.locator("#form"), tab.locator("table.listed tbody tr")

    tab.keyboard.press("n")
    expect(form.get_by_label("Name", exact=True)).to_be_focused()
    tab.keyboard.type("cart")
    tab.keyboard.press("Tab")
    tab.keyboard.type("shop")
    tab.keyboard.press("Tab")
    tab.keyboard.type("cart-v1\ncart_*")
    tab.keyboard.press("Tab")
    tab.keyboard.type("team=checkout")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("status").filter(has_text="cart is saved")).to_be_visible()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("cart-v1")

    form.get_by_label("Name", exact=True).fill("basket")
    form.get_by_label("Aliases").fill("cart-v1")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    alert = form.get_by_role("alert")
    expect(alert).to_have_text("'cart-v1' is a name of two services, 'cart' and 'basket'")
    expect(form.get_by_label("Name", exact=True)).to_be_focused()
    expect(form.get_by_label("Aliases")).to_have_value("cart-v1")
    expect(rows).to_have_count(1)

    tab.get_by_role("link", name="Change cart").press("Enter")
    expect(form.get_by_label("Namespace")).to_be_focused()
    expect(form.get_by_label("Aliases")).to_have_value("cart-v1\ncart_*")
    expect(tab.get_by_role("button", name="Remove it")).to_be_hidden()
    form.locator("summary").press("Enter")
    tab.get_by_role("button", name="Remove it").press("Enter")
    expect(tab.get_by_role("status").filter(has_text="cart is removed")).to_be_visible()
    expect(rows).to_have_count(0)

    before = tab.evaluate("getComputedStyle(document.querySelector('#form')).backgroundColor")
    tab.locator("#theme").click()
    after = tab.evaluate("getComputedStyle(document.querySelector('#form')).backgroundColor")
    assert before != after
    for width in (1280, 800):
        tab.set_viewport_size({"width": width, "height": 800})
        for path in ("/services", "/formats"):
            tab.goto(path)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
