"""One server in trial mode, with a little traffic in it, for all of the console's tests."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.console.mesh_tab import Mesh, go, guarded
from tests.console.mesh_world import make_world
from tests.server import ServerProcess, istio_line

SHOP_LINES = 300
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
HOSTILE = "<script>alert(1)</script> \"quoted\" 'single' & {{ 7*7 }} \u202e"


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """300 requests to `cart`, every tenth failed; a hostile line; one line of another tenant."""
    with ServerProcess(tmp_path_factory.mktemp("console") / "data") as server:
        now = time.time_ns()
        lines = [
            istio_line(
                number,
                at_unix_nano=now - (number + 5) * 10**9,
                status=503 if number % 10 == 0 else 200,
            )
            for number in range(SHOP_LINES)
        ]
        labels = "service.name=cart,k8s.namespace.name=shop"
        server.ship("\n".join(lines).encode(), format="istio_json", labels=labels)
        server.ship(HOSTILE.encode(), labels="service.name=hostile")
        server.ship(b"the other tenant's secret", tenant="other", labels="service.name=theirs")
        count = 'sum(count_over_time({service_name=~".+"}[1h]))'
        server.wait_for_count(SHOP_LINES + 1, count)
        server.wait_for_count(1, count, tenant="other")
        yield server


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a browser's downloads go."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    if not Path(CHROMIUM).exists():
        pytest.fail("Chromium is not installed: `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, console: ServerProcess) -> Iterator[BrowserContext]:
    """A browser of its own. Nothing may be refused or thrown, and nothing asked of another site."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=console.url)
    wrong = guarded(context, console.url)
    yield context
    context.close()
    assert wrong == []


@pytest.fixture
def mesh(context: BrowserContext) -> Mesh:
    """20 services."""
    mesh = Mesh(make_world(20, 60))
    mesh.serve(context)
    return mesh


@pytest.fixture
def tab(context: BrowserContext, mesh: Mesh) -> Page:
    page = context.new_page()
    go(page)
    return page


@pytest.fixture
def large(context: BrowserContext) -> tuple[Page, Mesh]:
    """300 services and 2,000 edges."""
    mesh = Mesh(make_world(300, 2000))
    mesh.serve(context)
    page = context.new_page()
    go(page)
    return page, mesh
