"""The map in a real browser, with a made-up mesh behind it: what is drawn, found and opened."""

from __future__ import annotations

import itertools
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.mesh_tab import (
    Mesh,
    click_on,
    colors_along,
    fact,
    go,
    is_red,
    of_page,
    settled,
    still,
)
from tests.console.mesh_world import OUTSIDE, make_world
from tests.server import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.e2e]


def number(value: int) -> str:
    return f"{value:,}"


# ---- What is drawn ---------------------------------------------------------------------------


def test_every_service_and_every_edge_is_drawn(tab: Page, mesh: Mesh) -> None:
    assert sorted(of_page(tab, "nodes")) == sorted(mesh.world.services)
    assert {(source, target) for source, target, _ in of_page(tab, "shown")} == set(
        mesh.world.pairs
    )
    total = sum(edge["requests"] for edge in mesh.last["edges"])
    expect(tab.locator("#totals")).to_contain_text(
        f"20 services · 60 edges · {number(total)} requests"
    )


def test_the_chips_count_what_the_answer_has(large: tuple[Page, Mesh]) -> None:
    tab, mesh = large
    edges = mesh.last["edges"]
    counts = {
        "": len(edges),
        "plaintext": sum(edge["plaintext"] > 0 for edge in edges),
        "errors": sum(edge["error_share"] >= 0.01 for edge in edges),
        "new": sum(edge["state"] == "new" for edge in edges),
        "vanished": sum(edge["state"] == "vanished" for edge in edges),
    }
    assert counts["plaintext"] >= 30
    for kind, count in counts.items():
        expect(tab.locator(f'[data-show="{kind}"] b')).to_have_text(number(count))


def test_300_services_begin_as_namespaces_and_unfold(large: tuple[Page, Mesh]) -> None:
    tab, mesh = large
    nodes = of_page(tab, "nodes")
    assert len(nodes) == 21
    assert {name.partition(":")[0] for name in nodes} == {"namespace", OUTSIDE}
    links = of_page(tab, "shown")
    across = [pair for pair in mesh.world.pairs if _space(pair[0]) != _space(pair[1])]
    assert sum(count for _, _, count in links) == len(across)
    click_on(tab, "namespace:checkout")
    expect(tab.locator("#detail h2")).to_have_text("checkout")
    assert fact(tab, "services") == "15"
    tab.locator("#fold-it").click()
    assert len(of_page(tab, "nodes")) == 20 + 15
    tab.locator("#fold").click()
    tab.locator("#fold").click()
    assert len(of_page(tab, "nodes")) == 21
    tab.locator("#fold").click()
    assert len(of_page(tab, "nodes")) == 301


def _space(name: str) -> str:
    return name.partition("/")[0]


def test_nodes_do_not_overlap_and_stay_in_their_frames(large: tuple[Page, Mesh]) -> None:
    tab, _ = large
    tab.locator("#fold").click()
    places, frames = of_page(tab, "places"), of_page(tab, "frames")
    assert len(places) == 301
    assert len(frames) == 20
    boxes = list(places.values())
    assert [1 for n, box in enumerate(boxes) for other in boxes[:n] if _overlap(box, other)] == []
    boxes = list(frames.values())
    assert [1 for n, box in enumerate(boxes) for other in boxes[:n] if _overlap(box, other)] == []
    for name, box in places.items():
        if name != OUTSIDE:
            frame = frames[f"namespace:{_space(name)}"]
            assert frame["x"] < box["x"]
            assert box["x"] + box["width"] < frame["x"] + frame["width"]
            assert frame["y"] < box["y"]
            assert box["y"] + box["height"] < frame["y"] + frame["height"]


def _overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


def test_the_same_mesh_has_the_same_places(tab: Page) -> None:
    before = of_page(tab, "places")
    tab.reload()
    settled(tab)
    assert of_page(tab, "places") == before


def test_plaintext_is_red_and_dashed_and_nothing_else_is_red(tab: Page, mesh: Mesh) -> None:
    still(tab)
    plaintext = [
        [is_red(color) for color in colors_along(tab, name)]
        for name, kind in mesh.world.kinds.items()
        if kind == "plaintext"
    ]
    assert plaintext != []
    for reds in plaintext:
        assert sum(reds) > 0.3 * len(reds)  # the dashes
        changes = sum(one != other for one, other in itertools.pairwise(reds))
        assert changes >= 6  # and what is between them
    others = [name for name in map(_edge_name, mesh.world.pairs) if name not in mesh.world.kinds]
    crossed = [sum(map(is_red, colors_along(tab, name))) / 180 for name in others]
    assert max(crossed) < 0.3


def _edge_name(pair: tuple[str, str]) -> str:
    return f"{pair[0]}>{pair[1]}"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_theme_changes_the_canvas_too(
    browser: Browser, console: ServerProcess, scheme: str
) -> None:
    context = browser.new_context(base_url=console.url, color_scheme=scheme)  # type: ignore[arg-type]
    Mesh(make_world(20, 60)).serve(context)
    tab = context.new_page()
    go(tab)
    first = of_page(tab, "look")
    tab.locator("#theme").click()
    second = of_page(tab, "look")
    assert first["ground"] != second["ground"]
    assert first["map-plaintext"] != second["map-plaintext"]
    context.close()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_canvas_has_the_color_of_the_page_before_there_is_an_answer(
    browser: Browser, console: ServerProcess, scheme: str
) -> None:
    context = browser.new_context(base_url=console.url, color_scheme=scheme)  # type: ignore[arg-type]
    mesh = Mesh(make_world(20, 60))
    mesh.held = []
    mesh.serve(context)
    tab = context.new_page()
    tab.goto("/mesh")
    tab.wait_for_function("""() => {
        const canvas = document.querySelector("canvas");
        const probe = document.body.appendChild(document.createElement("i"));
        probe.style.color = "var(--ground)";
        const wanted = getComputedStyle(probe).color.match(/[0-9]+/g).slice(0, 3).join();
        probe.remove();
        const middle = [canvas.width >> 1, canvas.height >> 1];
        const pixel = canvas.getContext("2d").getImageData(...middle, 1, 1);
        return [...pixel.data.slice(0, 3)].join() === wanted;
    }""")
    assert mesh.held
    context.close()


@pytest.mark.parametrize("width", [1280, 760])
def test_nothing_hangs_over_the_edge(browser: Browser, console: ServerProcess, width: int) -> None:
    context = browser.new_context(base_url=console.url, viewport={"width": width, "height": 800})
    mesh = Mesh(make_world(20, 60))
    mesh.serve(context)
    tab = context.new_page()
    go(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    go(tab, f"?open={mesh.edge('plaintext')['id'].replace('>', '%3E')}&view=edges")
    expect(tab.locator("#detail")).to_be_visible()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


# ---- An edge, a service ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plaintext", "errors", "new"])
def test_a_click_on_an_edge_shows_its_figures(tab: Page, mesh: Mesh, kind: str) -> None:
    edge = mesh.edge(kind)
    click_on(tab, edge["id"])
    ends = [name.rpartition("/")[2] for name in (edge["source"], edge["destination"])]
    expect(tab.locator("#detail h2")).to_have_text(" → ".join(ends))
    assert fact(tab, "requests") == number(edge["requests"])
    assert fact(tab, "status 4xx") == number(edge["errors_4xx"])
    assert fact(tab, "status 5xx") == number(edge["errors_5xx"])
    assert fact(tab, "no answer") == number(edge["failed"])
    assert fact(tab, "retries") == number(edge["retries"])
    for name in ("p50", "p95", "p99"):
        assert _milliseconds(fact(tab, name)) == pytest.approx(edge[f"{name}_ms"], rel=0.006)
    for name, key in (("mutual TLS", "mutual"), ("plaintext", "plaintext"), ("unknown", "unknown")):
        assert fact(tab, name).startswith(f"{number(edge[key])} · ")
    for flag, count in edge["flags"].items():
        assert fact(tab, flag).startswith(f"{number(count)} ")
    tags = tab.locator("#detail .tags").inner_text()
    assert ("plaintext" in tags) == (edge["plaintext"] > 0)
    assert ("failed" in tags) == (edge["error_share"] >= 0.01)
    assert ("new" in tags) == (edge["state"] == "new")
    expect(tab.locator("#detail svg.spark")).to_have_count(2)
    assert mesh.times[-1]["edge"] == edge["id"]


def _milliseconds(text: str) -> float:
    value, unit = text.split()
    return float(value) * (1000 if unit == "s" else 1)


def test_an_edge_leads_to_its_logs(tab: Page, mesh: Mesh) -> None:
    edge = mesh.edge("plaintext")
    click_on(tab, edge["id"])
    address = tab.locator("#logs").get_attribute("href")
    assert address is not None
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked == {"query": edge["query"], "start": mesh.last["start"], "end": mesh.last["end"]}
    tab.locator("#logs").click()
    expect(tab.locator("#query")).to_have_value(edge["query"])
    expect(tab.locator("#nothing")).to_be_visible()


def test_a_vanished_edge_has_the_figures_of_before(tab: Page, mesh: Mesh) -> None:
    edge = mesh.edge("vanished")
    click_on(tab, edge["id"])
    expect(tab.locator("#detail .tags")).to_contain_text("vanished")
    assert fact(tab, "requests") == number(edge["before"]["requests"])
    length = int(mesh.last["end"]) - int(mesh.last["start"])
    address = tab.locator("#logs").get_attribute("href") or ""
    assert f"start={int(mesh.last['start']) - length}&end={mesh.last['start']}" in address


def test_a_service_has_its_golden_signals_and_its_neighbors(tab: Page, mesh: Mesh) -> None:
    service = next(one for one in mesh.last["services"] if one["requests"])
    click_on(tab, service["id"])
    expect(tab.locator("#detail h2")).to_have_text(service["name"])
    assert fact(tab, "requests") == number(service["requests"])
    assert fact(tab, "failed").startswith(f"{number(service['errors'])} · ")
    assert _milliseconds(fact(tab, "p95")) == pytest.approx(service["p95_ms"], rel=0.006)
    called = [edge for edge in mesh.last["edges"] if edge["source"] == service["id"]]
    expect(tab.get_by_role("heading", name=f"Calls {len(called)}", exact=True)).to_be_visible()
    assert mesh.times[-1]["service"] == service["id"]
    tab.locator("#detail .end").first.click()
    expect(tab.locator("#detail h2")).to_contain_text("→")
    tab.go_back()
    expect(tab.locator("#detail h2")).to_have_text(service["name"])


def test_a_line_between_namespaces_lists_its_edges(large: tuple[Page, Mesh]) -> None:
    tab, _ = large
    source, target, count = max(of_page(tab, "shown"), key=lambda link: link[2])
    go(tab, f"?open={source}+%3E+{target}")
    expect(tab.locator("#detail .end")).to_have_count(count)
    tab.locator("#detail .end").first.click()
    expect(tab.locator("#logs")).to_be_visible()
