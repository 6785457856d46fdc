"""The chart that compares meshes, in a browser: a line for each, of the color its legend has."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from meshseal.console.examples import FAILED_BY_MESH, P95_AND_FAILED_BY_MESH, P95_BY_MESH
from tests.console.canvas import NOWHERE, drawn, legend
from tests.query.meshes import FAILED, P95, send
from tests.server import ServerProcess

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

QUERIES = {
    "p95": (P95_BY_MESH, {mesh: f"{value:.4g}" for mesh, value in P95.items()}),
    "failed": (FAILED_BY_MESH, {mesh: str(value) for mesh, value in FAILED.items()}),
    "both": (
        P95_AND_FAILED_BY_MESH,
        {f"figure=p95 ms, mesh={mesh}": f"{value:.4g}" for mesh, value in P95.items()}
        | {f"figure=5xx %, mesh={mesh}": str(value) for mesh, value in FAILED.items()},
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("meshes") / "data") as server:
        send(server)
        yield server


@pytest.fixture
def tab(browser: Browser, server: ServerProcess) -> Iterator[Page]:
    context = browser.new_context(base_url=server.url)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(("query", "expected"), QUERIES.values(), ids=QUERIES)
def test_a_line_for_each_mesh(tab: Page, query: str, expected: dict[str, str]) -> None:
    tab.goto(f"/?{urlencode({'query': query, 'since': '15m'})}")
    expect(tab.locator("#chart canvas")).to_be_visible()
    rows = tab.locator("table.series tbody tr")
    expect(rows).to_have_count(len(expected))
    shown = [row.split("\t") for row in rows.all_inner_texts()]
    assert {mesh: last for mesh, last, *_ in shown} == expected
    colors, chart = legend(tab), drawn(tab)
    assert len(set(colors)) == len(expected)
    assert all(chart.get(color, NOWHERE).pixels >= 5 for color in colors), (colors, chart)


def test_shares_have_an_axis_of_their_own(tab: Page) -> None:
    tab.goto(f"/?{urlencode({'query': P95_AND_FAILED_BY_MESH, 'since': '15m'})}")
    expect(tab.locator("#chart canvas")).to_be_visible()
    names = [row.split("\t")[0] for row in tab.locator("table.series tbody tr").all_inner_texts()]
    chart = drawn(tab)
    height = {name: chart[color].height for name, color in zip(names, legend(tab), strict=True)}
    # The highest of both reach the top, each by its axis: 50 % stands as high as 1,000 ms.
    highest = max(P95, key=P95.__getitem__), max(FAILED, key=FAILED.__getitem__)
    for name in (f"figure=p95 ms, mesh={highest[0]}", f"figure=5xx %, mesh={highest[1]}"):
        assert height[name] > 0.8, height


def test_one_example_shows_ten_lines(tab: Page) -> None:
    tab.goto("/")
    tab.get_by_text("Examples", exact=False).first.click()
    tab.get_by_text("Both in one chart, mesh by mesh").first.click()
    names = tab.locator("table.series tbody tr")
    expect(names).to_have_count(len(P95) + len(FAILED))
    expect(tab.locator("#chart canvas")).to_be_visible()
    assert len(set(names.all_inner_texts())) == len(P95) + len(FAILED)


def test_they_are_among_the_examples(tab: Page) -> None:
    tab.goto("/")
    tab.get_by_text("Examples", exact=False).first.click()
    tab.get_by_text("mesh by mesh").first.click()
    expect(tab.locator("table.series tbody tr")).to_have_count(len(P95))
