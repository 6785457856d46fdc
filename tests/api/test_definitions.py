"""Who may edit definitions, whose they are, and what is written down about it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.server import ServerProcess, meshseal

pytestmark = [pytest.mark.e2e]

FORMAT = {"envoy": "EDGE %RESPONSE_CODE% %DURATION%"}
SERVICE: dict[str, Any] = {"aliases": ["cart-*"], "labels": {"team": "checkout"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data = tmp_path_factory.mktemp("edited") / "data"
    with ServerProcess(data, trial=False) as running:
        yield running


def key(server: ServerProcess, role: str, tenant: str) -> dict[str, str]:
    """Return the headers of a new key."""
    made = meshseal(
        "key", "create", "--data", str(server.data), "--name", "test", "--role", role,
        "--tenant", tenant, check=True,
    )  # fmt: skip
    return {"Authorization": f"Bearer {made.stdout.strip()}"}


def ask(
    server: ServerProcess, method: str, path: str, headers: dict[str, str], content: Any = None
) -> requests.Response:
    return requests.request(
        method, f"{server.url}/meshseal/v1/{path}", json=content, headers=headers, timeout=60
    )


MAY = {
    # role, tenant: edit a service, edit a format, list services
    ("admin", "*"): (200, 200, 200),
    ("admin", "acme"): (200, 403, 200),
    ("operator", "acme"): (200, 403, 200),
    ("developer", "acme"): (403, 403, 200),
    ("auditor", "*"): (403, 403, 200),
    ("security", "acme"): (403, 403, 200),
    ("shipper", "acme"): (403, 403, 403),
}


@pytest.mark.parametrize(("who", "statuses"), MAY.items(), ids=["-".join(who) for who in MAY])
def test_who_may_edit(
    server: ServerProcess, who: tuple[str, str], statuses: tuple[int, int, int]
) -> None:
    headers = key(server, *who)
    answers = [
        ask(server, "PUT", "services/cart", headers, SERVICE),
        ask(server, "PUT", "formats/edge", headers, FORMAT),
        ask(server, "GET", "services", headers),
        ask(server, "DELETE", "services/cart", headers),
        ask(server, "DELETE", "formats/edge", headers),
    ]
    expected = (*statuses, statuses[0], statuses[1])
    assert tuple(answer.status_code for answer in answers) == expected, [a.text for a in answers]
    assert all(a.json()["error"]["code"] == "forbidden" for a in answers if a.status_code == 403)


def test_without_a_key_nothing_is_edited_or_shown(server: ServerProcess) -> None:
    for method in ("GET", "PUT", "DELETE"):
        for path in ("services/cart", "formats/edge"):
            assert ask(server, method, path, {}, {}).status_code == 401


def test_a_register_is_its_tenant_s(server: ServerProcess) -> None:
    own, other = key(server, "operator", "acme"), key(server, "operator", "globex")
    assert ask(server, "PUT", "services/shop%2Fcart", own, SERVICE).status_code == 200
    assert ask(server, "GET", "services/shop/cart", own).json() == {
        "name": "shop/cart",
        "namespace": "",
        **SERVICE,
    }
    assert ask(server, "GET", "services", other).json() == {"services": []}
    assert ask(server, "GET", "services/shop/cart", other).status_code == 404
    assert ask(server, "DELETE", "services/shop/cart", other).status_code == 404
    elsewhere = {**other, "X-Scope-OrgID": "acme"}
    assert ask(server, "PUT", "services/shop/cart", elsewhere, SERVICE).status_code == 403
    # The same names in another tenant are another service's.
    assert ask(server, "PUT", "services/till", other, SERVICE).status_code == 200
    assert ask(server, "DELETE", "services/shop/cart", own).status_code == 200
    everyone = key(server, "admin", "*")
    assert ask(server, "PUT", "services/x?tenant=_platform", everyone, {}).status_code == 400


REFUSED = {
    "a pattern as a name": ("car*", {}),
    "a pattern for everything": ("cart", {"aliases": ["*"]}),
    "a pattern of other characters": ("cart", {"aliases": ["ca[rt]*"]}),
    "a control character": ("cart", {"aliases": ["a\u0007b"]}),
    "an alias that is no text": ("cart", {"aliases": [1]}),
    "another key": ("cart", {"owner": "me"}),
    "a label that is none": ("cart", {"labels": {"Team": "x"}}),
    "a label with a meaning of its own": ("cart", {"labels": {"service_name": "x"}}),
    "too many labels": ("cart", {"labels": {f"label_{n}": "x" for n in range(17)}}),
    "too long a name": ("cart" * 64, {}),
}


@pytest.mark.parametrize(("name", "content"), REFUSED.values(), ids=REFUSED)
def test_a_service_that_is_refused(
    server: ServerProcess, name: str, content: dict[str, Any]
) -> None:
    headers = key(server, "operator", "refused")
    answer = ask(server, "PUT", f"services/{name}", headers, content)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "invalid_payload"
    assert ask(server, "GET", "services", headers).json() == {"services": []}


def test_a_name_belongs_to_one_service(server: ServerProcess) -> None:
    headers = key(server, "operator", "names")
    first = {"aliases": ["basket", "cart-*"]}
    assert ask(server, "PUT", "services/cart", headers, first).status_code == 200
    for name, aliases in (
        ("basket", []),
        ("till", ["basket"]),
        ("till", ["cart"]),
        ("till", ["cart-*"]),
    ):
        answer = ask(server, "PUT", f"services/{name}", headers, {"aliases": aliases})
        assert answer.status_code == 400
        assert "of two services" in answer.json()["error"]["message"]
        assert "'cart'" in answer.json()["error"]["message"]
    services = ask(server, "GET", "services", headers).json()["services"]
    assert [service["name"] for service in services] == ["cart"]


BODIES = {
    "no JSON": (b"{", "application/json", 400),
    "an array": (b"[]", "application/json", 400),
    "a form of another page": (b"aliases=x", "application/x-www-form-urlencoded", 415),
    "plain text of another page": (b"{}", "text/plain", 415),
    "three megabytes": (b" " * (3 << 20), "application/json", 413),
}


@pytest.mark.parametrize(("body", "kind", "status"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_refused(server: ServerProcess, body: bytes, kind: str, status: int) -> None:
    headers = {**key(server, "admin", "*"), "Content-Type": kind}
    for method, path in (
        ("PUT", "services/cart"),
        ("PUT", "formats/edge"),
        ("POST", "formats/json/test"),
    ):
        url = f"{server.url}/meshseal/v1/{path}"
        answer = requests.request(method, url, data=body, headers=headers, timeout=60)
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]["message"]


def test_every_edit_is_in_the_audit_trail(server: ServerProcess) -> None:
    admin, auditor = key(server, "admin", "*"), key(server, "auditor", "*")
    elsewhere = {**admin, "X-Scope-OrgID": "audited"}
    for method, path, content in (
        ("PUT", "services/seen", {"aliases": ["seen-*"]}),
        ("DELETE", "services/seen", None),
        ("PUT", "formats/seen", FORMAT),
        ("DELETE", "formats/seen", None),
    ):
        assert ask(server, method, path, elsewhere, content).status_code == 200
    wanted = {"service.put", "service.remove", "format.put", "format.remove"}
    query = '{service_name="meshseal"} |= "seen" |~ "(service|format).(put|remove)"'
    deadline = time.monotonic() + 60
    found: dict[str, Any] = {}
    while set(found) != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
        answer = server.get(
            "/loki/api/v1/query_range",
            {"query": query, "limit": 100},
            headers={**auditor, "X-Scope-OrgID": "_platform"},
        )
        lines = [
            json.loads(line)
            for stream in answer.json()["data"]["result"]
            for _, line in stream["values"]
        ]
        found = {line["event.name"]: line for line in lines if line["event.name"] in wanted}
    assert set(found) == wanted
    assert {line["user.id"] for line in found.values()} == {
        f"key:{admin['Authorization'].split('_')[1]}"
    }
    assert found["service.put"]["meshseal.audit.tenant"] == "audited"
    assert found["service.put"]["meshseal.audit.aliases"] == '["seen-*"]'
    assert json.loads(found["format.put"]["meshseal.audit.definition"])["envoy"] == FORMAT["envoy"]
