"""How long the mesh map takes to be on the screen of a real browser.

python -m bench --mesh-page         300 services and 2,000 edges
"""

from __future__ import annotations

import shutil
import threading
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
        say(f"mesh page load, {SERVICES} services", str(visit(server)))


def fill(server: ServerProcess) -> None:
    """Send the calls of the last hour, and wait until all of them are stored."""
    traffic = Traffic(SERVICES, EDGES)
    calls = iter(traffic.calls(CALLS, first_unix_nano=time.time_ns() - _SPAN, span_nanos=_SPAN))
    while part := list(islice(calls, 2000)):
        headers = {"Content-Type": "application/x-protobuf"}
        response = server.post("/v1/logs", request(part), headers=headers)
        assert response.status_code == 200, response.text
    drain(server)


class Visits:
    """Visits the page again and again, as long as the block lasts. Each visitor has an empty cache.

    The browser runs on the cores of the server. Times are seconds from asking for the page.

    Args:
        server: The server.
        every: Seconds between visits.

    Attributes:
        map: When the map was drawn, of each visit.
        timeline: When its timeline was, too.
    """

    def __init__(self, server: ServerProcess, *, every: float = 15.0) -> None:
        self._address = f"{server.url}/mesh"
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._failures: list[BaseException] = []
        self.map: list[float] = []
        self.timeline: list[float] = []

    def __enter__(self) -> Visits:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._failures:
            raise self._failures[0]

    def __str__(self) -> str:
        return f"map drawn: {shown(self.map)}; with its timeline: {shown(self.timeline)}"

    def goes_on(self) -> bool:
        """Say whether nothing has gone wrong."""
        return self._thread.is_alive()

    def _work(self) -> None:
        try:
            with sync_playwright() as playwright:
                path = shutil.which("chromium") or "/usr/bin/chromium"
                browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
                while not self._stop.wait(self._every):
                    self._visit(browser)
                browser.close()
        except BaseException as error:
            self._failures.append(error)
            raise

    def _visit(self, browser: Browser) -> None:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto(self._address)
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < deadline:
            found = page.evaluate(_MARKS)
            if len(found) == 2:
                edges = page.locator('#chips [data-show=""] b').inner_text()
                assert int(edges.replace(",", "")) > 0
                context.close()
                self.map.append(found[0] / 1000)
                self.timeline.append(found[1] / 1000)
                return
            page.wait_for_timeout(20)
        raise AssertionError(f"no map after {_DEADLINE_SECONDS:.0f} s")


def visit(server: ServerProcess, times: int = _TRIES) -> Visits:
    """Visit the page so many times, one after the other."""
    with Visits(server, every=0.3) as visits:
        while len(visits.timeline) < times and visits.goes_on():
            time.sleep(0.1)
    return visits
