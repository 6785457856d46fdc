"""`meshseal mesh map` against a real server: a table, JSON, and what a script may rely on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from meshseal.cli.mesh_map import EXIT_PLAINTEXT
from tests.server import ServerProcess, istio_line

SECOND = 10**9


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("shared") / "data") as server:
        now = time.time_ns()
        lines = [istio_line(n, at_unix_nano=now, service="cart") for n in range(4)]
        lines += [istio_line(n, at_unix_nano=now, service="pay", status=503) for n in range(2)]
        lines += [istio_line(n, at_unix_nano=now - 4000 * SECOND, service="gone") for n in range(3)]
        assert server.ship("\n".join(lines).encode()) == 9
        bare = {
            "mesh.reporter": "outbound",
            "mesh.mtls": "plaintext",
            "service.name": "web\u001b[31m",
            "service.peer.name": "db",
        }
        body = json.dumps({"time": now / SECOND, **bare})
        server.ship(body.encode(), tenant="bare")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            known = [
                server.get("/meshseal/v1/mesh/map", {"tenant": tenant}).json()["edges"]
                for tenant in ("default", "bare")
            ]
            if all(known):
                break
            time.sleep(0.1)
        yield server


@pytest.mark.e2e
def test_the_map_as_a_table(shared: ServerProcess) -> None:
    shown = shared.run("mesh", "map", "--server", shared.url)
    assert shown.returncode == 0, shown.stderr
    head, *rows = [line.split() for line in shown.stdout.splitlines()]
    assert head[:3] == ["SOURCE", "DESTINATION", "CALLS"]
    assert [row[:3] for row in rows] == [
        ["outside", "shop/cart", "4"],
        ["outside", "shop/pay", "2"],
        ["outside", "shop/gone", "0"],
    ]
    assert rows[1][4] == "100.0%"
    assert [row[-1] for row in rows] == ["new", "new", "vanished"]
    assert "3 edges" in shown.stderr
    shown = shared.run("mesh", "map", "--server", shared.url, "--service", "shop/pay")
    assert [line.split()[1] for line in shown.stdout.splitlines()] == ["DESTINATION", "shop/pay"]


@pytest.mark.e2e
def test_the_map_for_scripts(shared: ServerProcess) -> None:
    arguments = ("mesh", "map", "--server", shared.url, "--since", "2h", "--json")
    answer = json.loads(shared.run(*arguments, check=True).stdout)
    assert {edge["id"]: edge["requests"] for edge in answer["edges"]} == {
        "outside>shop/cart": 4, "outside>shop/pay": 2, "outside>shop/gone": 3,
    }  # fmt: skip
    none = shared.run(*arguments, "--plaintext")
    assert (none.returncode, json.loads(none.stdout)["edges"]) == (0, [])
    some = shared.run(*arguments, "--plaintext", "--tenant", "bare")
    assert some.returncode == EXIT_PLAINTEXT
    (edge,) = json.loads(some.stdout)["edges"]
    assert (edge["destination"], edge["plaintext"]) == ("db", 1)
    table = shared.run("mesh", "map", "--server", shared.url, "--plaintext", "--tenant", "bare")
    assert table.returncode == EXIT_PLAINTEXT
    assert "\u001b" not in table.stdout
    assert "db" in table.stdout


@pytest.mark.e2e
def test_what_cannot_be_asked_is_said(shared: ServerProcess) -> None:
    shown = shared.run("mesh", "map", "--server", shared.url, "--since", "yesterday")
    assert shown.returncode == 1
    assert "is not a duration" in shown.stderr
    shown = shared.run("mesh", "map", "--server", "http://127.0.0.1:1")
    assert shown.returncode == 1
    assert "does not answer" in shown.stderr
