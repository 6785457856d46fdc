"""No tenant sees anything of another, whichever way it asks; without a key nobody sees any."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests
from starlette.routing import Route

from meshseal.api.completeness import CompletenessApi
from meshseal.api.formats import FormatsApi
from meshseal.api.loki import LokiApi
from meshseal.api.mesh import MeshApi
from meshseal.api.own import OwnApi
from meshseal.api.services import ServicesApi
from meshseal.console.pages import Console
from meshseal.seal.note import Signer
from meshseal.wire import PROTOCOLS
from tests.server import ServerProcess, istio_line, meshseal

pytestmark = [pytest.mark.e2e]

NOTHING = cast("Any", None)
OWN, OTHER = "acme", "globex"
SECRET = "zebra"
"""In every text, label name and label value of the other tenant."""

SELECT = '{service_name=~".+"}'

# Every path that answers a GET with something about records, and the parameters to ask it with.
READS: list[tuple[str, dict[str, str]]] = [
    ("/loki/api/v1/query_range", {"query": SELECT, "limit": "5000"}),
    ("/loki/api/v1/query_range", {"query": f'{SELECT} |= "{SECRET}"'}),
    ("/loki/api/v1/query_range", {"query": f'{{{SECRET}_label=~".+"}}'}),
    ("/loki/api/v1/query_range", {"query": f"sum by ({SECRET}_label) (rate({SELECT}[1h]))"}),
    ("/loki/api/v1/query", {"query": f"count_over_time({SELECT}[1h])"}),
    ("/loki/api/v1/query", {"query": f"topk(9, sum by (app) (rate({SELECT}[1h])))"}),
    ("/loki/api/v1/labels", {}),
    ("/loki/api/v1/label", {}),
    ("/loki/api/v1/label/app/values", {}),
    (f"/loki/api/v1/label/{SECRET}_label/values", {}),
    ("/loki/api/v1/label/app/values", {"query": SELECT}),
    ("/loki/api/v1/series", {"match[]": SELECT}),
    ("/loki/api/v1/index/stats", {"query": SELECT}),
    ("/meshseal/v1/status", {}),
    ("/meshseal/v1/mesh/map", {}),
    ("/meshseal/v1/mesh/map", {"service": SECRET}),
    ("/meshseal/v1/mesh/timeline", {}),
    ("/meshseal/v1/mesh/timeline", {"edge": f"outside>shop/{SECRET}"}),
    ("/", {"query": SELECT}),
    ("/", {"query": f'{SELECT} |= "{SECRET}"'}),
    ("/", {"query": f"sum by (app) (count_over_time({SELECT}[1h]))"}),
    ("/mesh", {}),
    ("/loki/api/v1/label/service/values", {}),
    ("/loki/api/v1/label/team/values", {}),
    ("/loki/api/v1/query", {"query": f"sum by (service, team) (count_over_time({SELECT}[1h]))"}),
    ("/meshseal/v1/services", {}),
    ("/meshseal/v1/formats", {}),
    ("/meshseal/v1/completeness", {}),
    ("/meshseal/v1/completeness", {"by": "instance"}),
    ("/completeness", {"by": "instance"}),
    ("/services", {}),
    ("/formats", {}),
    ("/console/complete", {"text": "{", "at": "1"}),
    ("/console/complete", {"query": '{app="', "position": "6"}),
]
# Paths that show no records to anyone, or are asked in a test of their own.
OTHERS = {
    "/meshseal/v1/proof",
    "/meshseal/v1/tail",
    "/meshseal/v1/services/{name:path}",
    "/meshseal/v1/formats/{name}",
    "/meshseal/v1/formats/{name}/test",
    "/loki/api/v1/status/buildinfo",
    "/ready",
    "/healthz",
    "/readyz",
    "/metrics",
    "/ledger/key",
    "/ledger/checkpoint",
    "/ledger/{path:path}",
    "/login",
    "/logout",
    "/setup",
}
OPEN_TO_ALL = {"/healthz", "/readyz", "/ready", "/loki/api/v1/status/buildinfo"}


def routes() -> set[str]:
    """Return the path of every route there is."""
    signer = Signer("meshseal/test", bytes(32))
    context = cast("Any", SimpleNamespace(gate=SimpleNamespace(credentials=None, trial=True)))
    loki = LokiApi(NOTHING, NOTHING, is_ready=lambda: True)
    own = OwnApi(
        NOTHING,
        proofs=NOTHING,
        tails=NOTHING,
        ledger=Path(),
        verifier=signer.verifier,
        status=dict,
        is_ready=lambda: True,
    )
    console = Console(
        context,
        proofs=NOTHING,
        verifier=signer.verifier,
        trial=True,
        site=NOTHING,
        completeness=NOTHING,
        definitions=NOTHING,
        tails=NOTHING,
    )
    mesh, complete = MeshApi(NOTHING, NOTHING), CompletenessApi(NOTHING, NOTHING)
    formats, services = FormatsApi(NOTHING, NOTHING), ServicesApi(NOTHING, NOTHING)
    own_routes = [
        *own.routes(),
        *mesh.routes(),
        *complete.routes(),
        *formats.routes(),
        *services.routes(),
    ]
    found = [*loki.routes(), *own_routes, *console.routes()]
    assert all(isinstance(route, Route) for route in found)
    return {route.path for route in found}


def test_every_route_is_listed_here() -> None:
    known = {path for path, _ in READS} | OTHERS | {"/loki/api/v1/label/{name}/values"}
    new = {path for path in routes() - known if not path.startswith("/console/static/")}
    assert not new, "say here how a tenant could see another's records by it, and test it"


# ---- Trial mode ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("shared") / "data") as server:
        now = time.time_ns()
        for tenant, word, count in ((OWN, "plain", 2), (OTHER, SECRET, 3)):
            stream = {"app": f"{word}-app", f"{word}_label": f"{word}-value"}
            values = [[str(now + n), f'{{"{word}_field": "{word} {n}"}}'] for n in range(count)]
            push(server, {"streams": [{"stream": stream, "values": values}]}, tenant)
            calls = [istio_line(n, at_unix_nano=now, service=word) for n in range(count)]
            server.ship("\n".join(calls).encode(), tenant=tenant)
            server.wait_for_count(2 * count, f"sum(count_over_time({SELECT}[1h]))", tenant=tenant)
            labels = {"team": f"{word}-team"}
            requests.put(
                f"{server.url}/meshseal/v1/services/{word}-service",
                json={"aliases": [f"{word}-app*"], "labels": labels},
                headers={"X-Scope-OrgID": tenant},
                timeout=30,
            ).raise_for_status()
        yield server


def push(server: ServerProcess, body: object, tenant: str, **headers: str) -> None:
    response = server.post(
        "/loki/api/v1/push",
        json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "X-Scope-OrgID": tenant, **headers},
    )
    assert response.status_code == 204, response.text


def batches(server: ServerProcess, tenant: str) -> list[tuple[str, str]]:
    records = server.records(SELECT, tenant=tenant)
    return [(record["meshseal_batch"], record["meshseal_seq"]) for record in records]


def without_question(text: str) -> str:
    """Take out what was asked, which an answer may repeat."""
    for asked in (f"{SECRET}_label", f'|= "{SECRET}"', f"|= &#34;{SECRET}&#34;", f"%22{SECRET}%22"):
        text = text.replace(asked, "")
    return text


@pytest.mark.parametrize(("path", "parameters"), READS)
def test_nothing_of_the_other_tenant_shows(
    shared: ServerProcess, path: str, parameters: dict[str, str]
) -> None:
    foreign_batches = {batch for batch, _ in batches(shared, OTHER)}
    assert foreign_batches.isdisjoint(batch for batch, _ in batches(shared, OWN))
    for method in ("GET", "POST") if path.startswith("/loki") else ("GET",):
        response = requests.request(
            method,
            f"{shared.url}{path}",
            params=parameters if method == "GET" else None,
            data=parameters if method == "POST" else None,
            headers={"X-Scope-OrgID": OWN},
            timeout=30,
        )
        assert response.status_code in (200, 400, 422), response.text[:300]
        text = without_question(response.text)
        assert SECRET not in text or (path == "/" and f'|= "{SECRET}"' in parameters["query"])
        for batch in foreign_batches:
            assert f'"{batch}"' not in text


def test_the_other_tenant_does_see_its_own(shared: ServerProcess) -> None:
    """Else the test above would pass for a server that shows nothing at all."""
    for path, parameters in READS:
        shown = ("/loki", "/meshseal/v1/mesh/map", "/meshseal/v1/services")
        if path.startswith(shown) and "stats" not in path:
            response = shared.get(path, parameters, headers={"X-Scope-OrgID": OTHER})
            assert SECRET in response.text, path
    for parameters in ({}, {"edit": f"{SECRET}-service"}, {"find": f"{SECRET}-TEAM"}):
        page = shared.get("/services", parameters, headers={"X-Scope-OrgID": OTHER})
        assert f"{SECRET}-app*" in page.text
    elsewhere = shared.get("/services", {"edit": f"{SECRET}-service", "tenant": OWN})
    assert elsewhere.status_code == 404
    assert f"{SECRET}-app*" not in elsewhere.text
    stats = [
        shared.get("/loki/api/v1/index/stats", {"query": SELECT}, headers={"X-Scope-OrgID": t})
        for t in (OWN, OTHER)
    ]
    assert [answer.json()["entries"] for answer in stats] == [4, 6]
    calls = [
        sum(
            point["requests"]
            for point in shared.get(
                "/meshseal/v1/mesh/timeline", parameters, headers={"X-Scope-OrgID": OTHER}
            ).json()["points"]
        )
        for parameters in ({}, {"edge": f"outside>shop/{SECRET}"})
    ]
    assert calls == [3, 3]


def test_a_proof_is_only_given_to_the_record_s_tenant(shared: ServerProcess) -> None:
    for batch, seq in batches(shared, OTHER):
        where = {"batch": batch, "seq": seq}
        own = shared.get("/meshseal/v1/proof", where, headers={"X-Scope-OrgID": OWN})
        assert own.status_code == 404
        nobody = shared.get(
            "/meshseal/v1/proof", {"batch": "1", "seq": seq}, headers={"X-Scope-OrgID": OWN}
        )
        assert nobody.text.replace("batch 1", f"batch {batch}") == own.text
        page = shared.get(
            "/", {"query": SELECT, "record": f"{batch}.{seq}"}, headers={"X-Scope-OrgID": OWN}
        )
        assert SECRET not in page.text
        rightful = shared.get("/meshseal/v1/proof", where, headers={"X-Scope-OrgID": OTHER})
        assert rightful.status_code == 200


def test_the_ledger_and_the_metrics_show_no_record(shared: ServerProcess) -> None:
    paths = "/ledger/checkpoint", "/ledger/key", "/metrics", "/meshseal/v1/status"
    assert not [path for path in paths if SECRET in shared.get(path).text]
    size = shared.get("/ledger/checkpoint").text.splitlines()[1]
    for level in ("0", "entries"):
        tile = shared.get(f"/ledger/tile/{level}/000.p/{size}")
        assert tile.status_code == 200
        assert SECRET.encode() not in tile.content


def test_a_live_tail_follows_its_own_tenant_only(shared: ServerProcess) -> None:
    url = f"{shared.url}/meshseal/v1/tail"
    with requests.get(
        url, {"query": SELECT}, headers={"X-Scope-OrgID": OWN}, stream=True, timeout=30
    ) as tail:
        lines = tail.iter_lines()
        assert next(lines) == b": following"
        for tenant, word in ((OTHER, SECRET), (OWN, "plain")):
            value = [[str(time.time_ns()), f"{word} tail"]]
            push(shared, {"streams": [{"stream": {"app": "tail"}, "values": value}]}, tenant)
            time.sleep(1.0)
        event = next(line for line in lines if line.startswith(b"data: "))
        assert json.loads(event[6:])["line"] == "plain tail"


@pytest.mark.parametrize("tenant", ["a/b", "é", "x" * 64, ".hidden", "a b", "_other"])
def test_a_name_that_is_no_tenant_s(shared: ServerProcess, tenant: str) -> None:
    response = shared.get("/loki/api/v1/labels", headers={"X-Scope-OrgID": tenant.encode()})
    assert response.status_code == 400, response.text
    assert SECRET not in response.text


def test_no_door_writes_to_the_audit_trail(shared: ServerProcess) -> None:
    response = shared.post("/ingest/v1/lines", b"forged", headers={"X-Scope-OrgID": "_platform"})
    assert response.status_code == 400


# ---- Real mode -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("real") / "data", trial=False) as server:
        yield server


def key(server: ServerProcess, role: str, tenant: str) -> dict[str, str]:
    made = meshseal(
        "key", "create", "--data", str(server.data), "--name", f"{role} of {tenant}",
        "--role", role, "--tenant", tenant, check=True,
    )  # fmt: skip
    return {"Authorization": f"Bearer {made.stdout.strip().splitlines()[-1]}"}


def test_nobody_gets_in_without_a_key(guarded: ServerProcess) -> None:
    for path in sorted(routes()):
        if path in OPEN_TO_ALL or path in ("/login", "/logout", "/setup") or "/static/" in path:
            continue
        asked = path.replace("{name}", "app").replace("{path:path}", "tile/0/000.p/1")
        parameters = {"query": SELECT, "batch": "1", "seq": "1"}
        response = guarded.get(asked, parameters, allow_redirects=False)
        if response.status_code == 405:
            assert guarded.post(asked, b"{}").status_code == 401, asked
            continue
        to_login = response.status_code in (302, 303) and "/login" in response.headers["Location"]
        assert response.status_code == 401 or to_login, f"{asked}: {response.status_code}"
        wrong = {"Authorization": "Bearer msk_000000000000_nonsense"}
        response = guarded.get(asked, parameters, headers=wrong, allow_redirects=False)
        assert response.status_code == 401 or to_login, asked
    for protocol in PROTOCOLS:
        for path in protocol.paths:
            if not protocol.grpc and path not in protocol.open_paths:
                assert guarded.post(path, b"{}").status_code == 401, path
    for path in OPEN_TO_ALL - {"/loki/api/v1/status/buildinfo"}:
        assert guarded.get(path).status_code == 200


def test_a_key_is_bound_to_its_tenant_and_its_role(guarded: ServerProcess) -> None:
    shipper, reader = key(guarded, "shipper", OWN), key(guarded, "developer", OWN)
    assert guarded.post("/ingest/v1/lines", b"mine", headers=shipper).status_code == 200
    guarded_read = "/loki/api/v1/labels"
    elsewhere = {"X-Scope-OrgID": OTHER}
    for headers, write, read in (
        (shipper, 200, 403),
        (reader, 403, 200),
        ({**shipper, **elsewhere}, 403, 403),
        ({**reader, **elsewhere}, 403, 403),
        ({**reader, "X-Scope-OrgID": "_platform"}, 403, 403),
    ):
        assert guarded.post("/ingest/v1/lines", b"x", headers=headers).status_code == write
        assert guarded.get(guarded_read, headers=headers).status_code == read
    assert guarded.get("/", {"tenant": OTHER}, headers=reader).status_code in (401, 403)
    assert guarded.get("/ledger/tile/entries/000.p/1", headers=reader).status_code == 403


def test_a_revoked_key_is_forgotten(guarded: ServerProcess) -> None:
    headers = key(guarded, "developer", OWN)
    key_id = headers["Authorization"].split("_")[1]
    revoked = meshseal("key", "revoke", "--data", str(guarded.data), key_id)
    assert revoked.returncode == 0
    assert guarded.get("/loki/api/v1/labels", headers=headers).status_code == 401
    assert "revoked" in meshseal("key", "list", "--data", str(guarded.data)).stdout


def test_keys_made_on_the_command_line_are_in_the_audit_trail(guarded: ServerProcess) -> None:
    auditor, made = key(guarded, "auditor", "*"), key(guarded, "developer", OWN)
    key_id = made["Authorization"].split("_")[1]
    meshseal("key", "revoke", "--data", str(guarded.data), key_id, check=True)
    query = '{service_name="meshseal"} |= "' + key_id + '" |~ "key.(create|revoke)"'
    for _ in range(300):
        records = guarded.get(
            "/loki/api/v1/query_range",
            {"query": query, "limit": 100, "direction": "forward"},
            headers={**auditor, "X-Scope-OrgID": "_platform"},
        ).json()["data"]["result"]
        lines = [json.loads(line) for stream in records for _, line in stream["values"]]
        found = {line["event.name"]: line for line in lines if "logs" not in line["event.name"]}
        if len(found) == 2:
            break
        time.sleep(0.1)
    assert set(found) == {"key.create", "key.revoke"}
    assert all(line["meshseal.audit.key"] == key_id for line in found.values())
    assert all(line["meshseal.audit.tenant"] == OWN for line in found.values())
    assert all(line["meshseal.audit.os_user"] for line in found.values())


def test_every_read_is_in_the_audit_trail(guarded: ServerProcess) -> None:
    reader, auditor = key(guarded, "developer", OWN), key(guarded, "auditor", "*")
    query = '{app="audited"} |= "why"'
    purpose = {"Meshseal-Purpose": "incident 7"}
    guarded.get("/loki/api/v1/query_range", {"query": query}, headers={**reader, **purpose})
    guarded.get("/loki/api/v1/label/app/values", headers=reader)
    deadline = time.monotonic() + 30
    found: list[dict[str, Any]] = []
    while len(found) < 2 and time.monotonic() < deadline:
        answer = guarded.get(
            "/loki/api/v1/query_range",
            {"query": '{service_name="meshseal"} |= "key:"', "limit": 1000},
            headers={**auditor, "X-Scope-OrgID": "_platform"},
        )
        assert answer.status_code == 200, answer.text
        lines = [line for s in answer.json()["data"]["result"] for _, line in s["values"]]
        mine = f"key:{reader['Authorization'].split('_')[1]}"
        found = [json.loads(line) for line in lines if mine in line]
        time.sleep(0.2)
    text = json.dumps(found)
    for expected in ("logs.query", "logs.label_values", OWN, "incident 7", "audited", "127.0.0.1"):
        assert expected in text, text
