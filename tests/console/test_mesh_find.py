"""The map in a real browser: what is found, focused and left out, by pointer and by keys."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.console.mesh_tab import (
    Mesh,
    click_on,
    go,
    of_page,
    settled,
    still,
)
from tests.console.mesh_world import make_world

pytestmark = [pytest.mark.browser, pytest.mark.e2e]


# ---- Find, focus, leave out ------------------------------------------------------------------


def test_a_service_is_found_by_typing(large: tuple[Page, Mesh]) -> None:
    tab, mesh = large
    name = next(name for name in mesh.world.services if name.endswith("/invoice"))
    tab.keyboard.press("/")
    expect(tab.locator("#find")).to_be_focused()
    tab.keyboard.type(name.upper())
    expect(tab.locator("#found li").first).to_contain_text("invoice")
    expect(tab.locator("#find")).to_have_attribute("aria-expanded", "true")
    tab.keyboard.press("Enter")
    expect(tab.locator("#detail h2")).to_have_text("invoice")
    expect(tab.locator("#found")).to_be_hidden()
    tab.locator("#find").fill("no such service")
    expect(tab.locator("#found")).to_contain_text("No service is called so")


def test_focus_shows_a_service_and_its_neighbors_only(large: tuple[Page, Mesh]) -> None:
    tab, mesh = large
    name = "checkout/cache"
    near = {name} | {end for pair in mesh.world.pairs if name in pair for end in pair}
    tab.locator("#find").fill(name)
    tab.keyboard.press("Enter")
    tab.locator("#focus-it").click()
    assert set(of_page(tab, "nodes")) == near
    assert all(name in (source, target) for source, target, _ in of_page(tab, "shown"))
    tab.reload()
    settled(tab)
    assert set(of_page(tab, "nodes")) == near
    tab.locator('[data-view="edges"]').click()
    expect(tab.locator("#table-edges tbody tr")).to_have_count(
        sum(name in pair for pair in mesh.world.pairs)
    )
    tab.locator('[data-view="graph"]').click()
    tab.locator("#unfocus").click()
    assert len(of_page(tab, "nodes")) == 21
    go(tab, "?focus=namespace:checkout")
    nodes = of_page(tab, "nodes")
    assert sum(node.startswith("checkout/") for node in nodes) == 15
    assert sum(node.startswith("namespace:") for node in nodes) <= 19


@pytest.mark.parametrize("kind", ["plaintext", "errors", "new", "vanished"])
def test_only_edges_of_a_kind_are_shown(tab: Page, mesh: Mesh, kind: str) -> None:
    before = of_page(tab, "places")
    tab.locator(f'[data-show="{kind}"]').click()
    wanted = {tuple(name.split(">")) for name, found in mesh.world.kinds.items() if found == kind}
    assert {(source, target) for source, target, _ in of_page(tab, "shown")} == wanted
    assert of_page(tab, "places") == before
    assert f"show={kind}" in tab.url
    tab.locator(f'[data-show="{kind}"]').click()
    assert len(of_page(tab, "shown")) == 60


def test_low_traffic_is_left_out_but_plaintext_stays(tab: Page, mesh: Mesh) -> None:
    tab.locator("#least").select_option("10")
    wanted = {
        (edge["source"], edge["destination"])
        for edge in mesh.last["edges"]
        if edge["plaintext"] or edge.get("before", edge)["rate_per_second"] >= 10
    }
    assert 0 < len(wanted) < 60
    assert {(source, target) for source, target, _ in of_page(tab, "shown")} == wanted


# ---- Keys, names from outside ----------------------------------------------------------------


def test_the_keyboard_alone_is_enough(tab: Page) -> None:
    tab.keyboard.press("?")
    expect(tab.locator("#help")).to_be_visible()
    tab.keyboard.press("Escape")
    tab.locator("#map").focus()
    said = tab.locator("#said")
    tab.keyboard.press("ArrowRight")
    expect(said).to_contain_text("outside, not in the mesh")
    tab.keyboard.press("ArrowRight")
    expect(said).to_contain_text(", in ")
    name = said.inner_text().partition(",")[0]
    tab.keyboard.press("Enter")
    expect(tab.locator("#detail h2")).to_have_text(name)
    tab.keyboard.press("f")
    expect(tab.locator("#focus-chip")).to_contain_text(f"Only {name}")
    tab.keyboard.press("Escape")
    expect(tab.locator("#detail")).to_be_hidden()
    tab.keyboard.press("Escape")
    expect(tab.locator("#focus-chip")).to_be_hidden()
    before = of_page(tab, "camera")
    tab.keyboard.press("+")
    assert of_page(tab, "camera")[2] > before[2]
    tab.keyboard.press("t")
    expect(tab.locator("#table-edges")).to_be_visible()
    tab.keyboard.press("g")
    expect(tab.locator("#map")).to_be_visible()
    tab.keyboard.press("n")
    assert len(of_page(tab, "nodes")) == 4


HOSTILE = '<img src=x onerror="document.title=`hacked`">\u202e'


def test_names_from_outside_are_text(context: BrowserContext) -> None:
    world = make_world(20, 60)
    mesh = Mesh(world)

    def poison(answer: dict[str, Any]) -> None:
        victim = answer["services"][0]
        for key in ("name", "namespace", "cluster", "mesh"):
            victim[key] = HOSTILE
        for edge in answer["edges"]:
            edge["protocol"] = edge["reporter"] = HOSTILE
            edge["flags"] = {HOSTILE: 1}

    mesh.change = poison
    mesh.serve(context)
    tab = context.new_page()
    go(tab)
    victim = world.services[0]
    mark = "<img src=x onerror="
    tab.locator("#find").fill("<img")
    expect(tab.locator("#found li").last).to_contain_text(mark)
    click_on(tab, victim)
    expect(tab.locator("#detail h2")).to_contain_text(mark)
    expect(tab.locator("#detail h2")).to_contain_text("⟨U+202E⟩")
    tab.locator("#detail .end").first.click()
    expect(tab.locator("#detail .tags")).to_contain_text(mark)
    for view in ("edges", "services"):
        tab.locator(f'[data-view="{view}"]').click()
        expect(tab.locator(f"#table-{view}")).to_contain_text(mark)
    tab.locator('[data-view="graph"]').click()
    tab.keyboard.press("n")
    still(tab)
    at = of_page(tab, "locate", f"namespace:{HOSTILE}")
    tab.mouse.move(at["x"], at["y"])
    expect(tab.locator("#hint")).to_contain_text(mark)
    assert tab.locator("#mesh img, #tools img").count() == 0
    assert re.search("hacked", tab.title()) is None
