"""A tab with the mesh map, and a server of it that answers from a made-up mesh."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.console.mesh_world import SECOND, World, map_json, timeline_json

WAIT_MILLISECONDS = 20_000
expect.set_options(timeout=WAIT_MILLISECONDS)

_PAGE = """async ([name, argument]) => {
    const { page } = await import(document.querySelector('script[src*="/mesh/main.js"]').src);
    return ({
        locate: (id) => page.graph.locate(id),
        nodes: () => [...page.drawn.nodes.keys()],
        shown: () => [...page.drawn.links.values()].filter((link) => link.edges.length)
            .map((link) => [link.source, link.target, link.edges.length]),
        places: () => Object.fromEntries(page.graph.arrangement.places),
        frames: () => Object.fromEntries(page.graph.arrangement.frames),
        camera: () => [page.graph.camera.x, page.graph.camera.y, page.graph.camera.scale],
        route: (id) => {
            const link = [...page.drawn.links.values()]
                .find((one) => one.all.some((edge) => edge.id === id));
            const points = page.graph.routes.get(link.id).points;
            return Array.from({ length: points.length / 2 },
                (_, at) => page.graph.camera.toView(points[2 * at], points[2 * at + 1]));
        },
        look: () => page.graph.look,
    })[name](argument);
}"""


class Mesh:
    """Answers for the API: the answers, and what was asked."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: list[dict[str, str]] = []
        self.times: list[dict[str, str]] = []
        self.last: dict[str, Any] = {}
        self.status = 200
        self.headers: dict[str, str] = {}
        self.held: list[Route] | None = None
        self.change: Callable[[dict[str, Any]], None] = lambda answer: None

    def serve(self, context: BrowserContext) -> None:
        """Answer in place of the server."""
        context.route("**/meshseal/v1/mesh/map*", self._map)
        context.route("**/meshseal/v1/mesh/timeline*", self._timeline)

    def release(self) -> None:
        """Answer what was held back, and hold back no more."""
        held, self.held = self.held or [], None
        for route in held:
            self._answer(route, _query(route))

    def edge(self, kind: str) -> dict[str, Any]:
        """Return an edge of a kind as it was answered last."""
        wanted = next(name for name, found in self.world.kinds.items() if found == kind)
        return next(edge for edge in self.last["edges"] if edge["id"] == wanted)

    def _map(self, route: Route) -> None:
        query = _query(route)
        self.asked.append(query)
        if self.held is not None:
            self.held.append(route)
        elif not self._refused(route):
            self._answer(route, query)

    def _answer(self, route: Route, query: dict[str, str]) -> None:
        start, end = int(query["start"]), int(query["end"])
        # Whole minutes, as the server takes them.
        end = -(-end // (60 * SECOND)) * 60 * SECOND
        seconds = -(-(end - start) // (60 * SECOND)) * 60
        self.last = map_json(self.world, end=end, seconds=seconds)
        self.change(self.last)
        route.fulfill(json=self.last)

    def _timeline(self, route: Route) -> None:
        query = _query(route)
        self.times.append(query)
        if self._refused(route):
            return
        scale = 0.02 if query.keys() & {"edge", "service"} else 1.0
        answer = timeline_json(start=int(query["start"]), end=int(query["end"]), scale=scale)
        route.fulfill(json=answer)

    def _refused(self, route: Route) -> bool:
        if self.status == 200:
            return False
        if self.status == 0:
            route.abort()
            return True
        content = {"error": {"code": "overloaded", "message": "too much to do <b>just</b> now"}}
        route.fulfill(status=self.status, json=content, headers=self.headers)
        return True


_VIOLATIONS = """addEventListener("securitypolicyviolation",
    (event) => console.error("refused", event.violatedDirective, event.blockedURI));"""


def guarded(context: BrowserContext, url: str) -> list[str]:
    """Return a list that fills with what must not be: errors, refusals, requests elsewhere."""
    wrong: list[str] = []
    context.add_init_script(_VIOLATIONS)
    context.set_default_timeout(WAIT_MILLISECONDS)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    context.on(
        "request",
        lambda request: None if request.url.startswith(url) else wrong.append(request.url),
    )
    return wrong


def watched(page: Page) -> list[str]:
    """Return a list that fills with what is thrown, or logged as an error."""
    page.set_default_timeout(WAIT_MILLISECONDS)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    return wrong


def go(tab: Page, more: str = "") -> None:
    """Open the map, and wait until it is drawn."""
    tab.goto(f"/mesh{more}")
    settled(tab)


def settled(tab: Page) -> None:
    """Wait until what was asked for is there."""
    expect(tab.locator("#mesh")).to_have_attribute("aria-busy", "false")


def of_page(tab: Page, name: str, argument: Any = None) -> Any:
    """Return something that only the page's script knows, such as where a node is."""
    return tab.evaluate(_PAGE, [name, argument])


def still(tab: Page) -> None:
    """Wait until the view does not move."""
    before = None
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        now = of_page(tab, "camera")
        if now == before:
            return
        before = now
        tab.wait_for_timeout(250)
    raise AssertionError("the view does not come to rest")


def click_on(tab: Page, name: str) -> None:
    """Click on a node or an edge of the map."""
    still(tab)
    at = of_page(tab, "locate", name)
    tab.mouse.click(at["x"], at["y"])


def fact(tab: Page, name: str) -> str:
    """Return a figure of the details."""
    return tab.locator(f'#detail [data-fact="{name}"]').inner_text()


def colors_along(tab: Page, name: str) -> list[tuple[int, int, int]]:
    """Return the colors of the canvas along an edge, at its very middle."""
    points = of_page(tab, "route", name)
    found = tab.evaluate(
        """(points) => {
            const canvas = document.getElementById("map");
            const context = canvas.getContext("2d");
            const colors = [];
            const ratio = devicePixelRatio;
            for (let at = 0; at < 10 * (points.length - 1); at += 1) {
                const [from, to] = [points[Math.floor(at / 10)], points[Math.floor(at / 10) + 1]];
                const [x, y] = [0, 1].map((axis) =>
                    ratio * (from[axis] + (to[axis] - from[axis]) * (at % 10) / 10));
                colors.push([...context.getImageData(x, y, 1, 1).data.slice(0, 3)]);
            }
            return colors;
        }""",
        points,
    )
    return [(red, green, blue) for red, green, blue in found]


def is_red(color: tuple[int, int, int]) -> bool:
    """Say whether a color is the red of plaintext, mixed with little else."""
    red, green, blue = color
    return red > 150 and green < 0.55 * red and blue < 0.55 * red and abs(green - blue) < 60


def _query(route: Route) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}
