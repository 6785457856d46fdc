"""How long the mesh map takes to be on the screen of a real browser.

python -m bench --mesh-page         300 services and 2,000 edges
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench.ingest import drain
from bench.mesh import Traffic, request
from bench.questions import settle, shown
from tests.server import ServerProcess

SERVICES, EDGES = 300, 2000
CALLS = 200_000
_SECOND = 10**9
_SPAN = 3300 * _SECOND
_TRIES = 9
_DEADLINE_SECONDS = 60.0
_MARKS = """["mesh-map", "mesh-timeline"]
    .flatMap((name) => performance.getEntriesByName(name).map((mark) => mark.startTime))"""


def measure(directory: Path, say: Callable[[str, str], None]) -> None:
    """Measure the page over a mesh whose calls of the last hour are stored, and nothing else."""
    with ServerProcess(directory / "mesh-page") as server:
        fill(server)
        settle(server)
        drawn, complete = loads(server)
        figure = f"map drawn: {shown(drawn)}; with its timeline: {shown(complete)}"
        say(f"mesh page load, {SERVICES} services", figure)


def fill(server: ServerProcess) -> None:
    """Send the calls of the last hour, and wait until all of them are stored."""
    traffic = Traffic(SERVICES, EDGES)
    calls = iter(traffic.calls(CALLS, first_unix_nano=time.time_ns() - _SPAN, span_nanos=_SPAN))
    while part := list(islice(calls, 2000)):
        headers = {"Content-Type": "application/x-protobuf"}
        response = server.post("/v1/logs", request(part), headers=headers)
        assert response.status_code == 200, response.text
    drain(server)


def loads(
    server: ServerProcess, *, tenant: str = "", tries: int = _TRIES
) -> tuple[list[float], list[float]]:
    """Return seconds from asking for the page until its map, and until its timeline, is drawn.

    Each try is a new visitor with an empty cache. The browser runs on the cores of the server.
    """
    path = shutil.which("chromium") or "/usr/bin/chromium"
    query = f"?tenant={tenant}" if tenant else ""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        times = [_load(browser, f"{server.url}/mesh{query}") for _ in range(tries)]
        browser.close()
    return [one for one, _ in times], [other for _, other in times]


def _load(browser: Browser, address: str) -> tuple[float, float]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(address)
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while time.monotonic() < deadline:
        found = page.evaluate(_MARKS)
        if len(found) == 2:
            edges = page.locator('#chips [data-show=""] b').inner_text()
            assert edges == f"{EDGES:,}", edges
            context.close()
            return found[0] / 1000, found[1] / 1000
        page.wait_for_timeout(20)
    raise AssertionError(f"no map after {_DEADLINE_SECONDS:.0f} s")
