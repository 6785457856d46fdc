"""The pages of services and of formats, over HTTP with keys: who may what, and what is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from meshseal.console.guards import SECURITY_HEADERS
from tests.server import ServerProcess, meshseal

pytestmark = [pytest.mark.e2e]

HOSTILE = "<script>alert(1)</script> \"x\" 'y' {{ 7+7 }}"
CONFIGURED = "CONF %RESPONSE_CODE% %DURATION%"
EDGE = 'EDGE [%START_TIME%] "%REQ(:METHOD)% %REQ(:PATH)%" %RESPONSE_CODE% %DURATION%'
EDGE_LINE = 'EDGE [2026-11-22T10:00:00.000Z] "GET /items/7" 503 12'


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that asks for keys, with one format in its configuration."""
    data = tmp_path_factory.mktemp("locked") / "data"
    setting = ("--set", f"formats.configured.envoy={CONFIGURED}")
    with ServerProcess(data, *setting, trial=False) as server:
        yield server


_KEYS: dict[tuple[str, str, str], dict[str, str]] = {}


def key(server: ServerProcess, role: str, tenant: str) -> dict[str, str]:
    """Return the headers of a key."""
    name = (str(server.data), role, tenant)
    if name not in _KEYS:
        made = meshseal(
            "key", "create", "--data", str(server.data), "--name", "test", "--role", role,
            "--tenant", tenant, check=True,
        )  # fmt: skip
        _KEYS[name] = {"Authorization": f"Bearer {made.stdout.strip().splitlines()[-1]}"}
    return _KEYS[name]


def send(
    server: ServerProcess,
    path: str,
    headers: dict[str, str],
    *,
    origin: str | None = "",
    **fields: str,
) -> requests.Response:
    """POST a form, as a browser at the server's own page does unless told otherwise."""
    sent = headers if origin is None else {**headers, "Origin": origin or server.url}
    url = f"{server.url}{path}"
    return requests.post(url, data=fields, headers=sent, allow_redirects=False, timeout=60)


def stored(server: ServerProcess, what: str, headers: dict[str, str]) -> dict[str, Any]:
    """Return the services or the formats that the API shows, by name."""
    rows = server.get(f"/meshseal/v1/{what}", headers=headers).json()[what]
    return {row["name"]: row for row in rows if row.get("source") != "built in"}


def text_of(page: str) -> str:
    """Return what a page says in its main part."""
    main = page[page.index("<main") : page.index("</main>")]
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", main).split()))


def alert_of(page: str) -> str:
    found = re.search(r'<p class="failure"[^>]*role="alert">(.*?)</p>', page, re.DOTALL)
    return unescape(found[1]) if found else ""


# ---- Who may what ------------------------------------------------------------------------------

MAY = {
    # role, tenant: services are shown and edited, formats are shown, edited and tried
    ("admin", "*"): (200, 303, 200, 303, 200),
    ("admin", "acme"): (200, 303, 200, 403, 200),
    ("operator", "acme"): (200, 303, 200, 403, 403),
    ("developer", "acme"): (200, 403, 200, 403, 403),
    ("auditor", "*"): (200, 403, 200, 403, 403),
    ("shipper", "acme"): (403, 403, 403, 403, 403),
}


@pytest.mark.parametrize(("who", "statuses"), MAY.items(), ids=["-".join(who) for who in MAY])
def test_who_sees_forms_and_may_send_them(
    locked: ServerProcess, who: tuple[str, str], statuses: tuple[int, ...]
) -> None:
    headers = key(locked, *who)
    services = locked.get("/services", headers=headers)
    formats = locked.get("/formats", headers=headers)
    edge = {"name": "may", "kind": "envoy", "definition": EDGE}
    found = (
        services.status_code,
        send(locked, "/services", headers, act="save", name="may").status_code,
        formats.status_code,
        send(locked, "/formats", headers, act="save", **edge).status_code,
        send(locked, "/formats", headers, act="test", lines=EDGE_LINE, **edge).status_code,
    )
    assert found == statuses
    for page, action, allowed in (
        (services, "/services", statuses[1] == 303),
        (formats, "/formats", statuses[4] == 200),
    ):
        assert (f'method="post" action="{action}"' in page.text) is allowed
    assert ('value="save"' in formats.text) is (statuses[3] == 303)
    assert send(locked, "/services", headers, act="remove", name="may").status_code == statuses[1]
    assert send(locked, "/formats", headers, act="remove", name="may").status_code == statuses[3]


@pytest.mark.parametrize("path", ["/services", "/formats"])
def test_who_is_not_logged_in_is_sent_to_the_login(locked: ServerProcess, path: str) -> None:
    answer = send(locked, f"{path}?tenant=a", {}, act="save", name="nobody")
    assert answer.status_code == 303
    target = urlsplit(answer.headers["location"])
    assert target.path == "/login"
    assert parse_qs(target.query)["next"] == [f"{path}?tenant=a"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
def test_another_site_s_form_is_refused(locked: ServerProcess, origin: str | None) -> None:
    headers = key(locked, "admin", "*")
    definition = {"name": "evil", "kind": "envoy", "definition": EDGE}
    for path in ("/services", "/formats"):
        answer = send(locked, path, headers, origin=origin, act="save", **definition)
        assert answer.status_code == 403
        assert "sent by another site" in answer.text
        assert "evil" not in stored(locked, path.strip("/"), headers)


def test_a_register_is_its_tenant_s(locked: ServerProcess) -> None:
    everyone, other = key(locked, "admin", "*"), key(locked, "operator", "globex")
    done = send(locked, "/services?tenant=own", everyone, act="save", name="till", aliases="till-*")
    assert done.headers["location"] == "/services?tenant=own&saved=till"
    assert "till-*" in locked.get("/services?tenant=own", headers=everyone).text
    assert "till" in stored(locked, "services", {**everyone, "X-Scope-OrgID": "own"})
    assert stored(locked, "services", other) == {}
    for fields in ({"act": "save", "name": "till"}, {"act": "remove", "name": "till"}):
        assert send(locked, "/services?tenant=own", other, **fields).status_code == 403
    assert send(locked, "/services", other, act="remove", name="till").status_code == 404
    # The audit trail's tenant has no register of its own.
    page = locked.get("/services?tenant=_platform", headers=everyone)
    assert page.status_code == 200
    assert 'name="act"' not in page.text
    answer = send(locked, "/services?tenant=_platform", everyone, act="save", name="x")
    assert answer.status_code == 400


# ---- Services ----------------------------------------------------------------------------------


def test_a_service_is_added_changed_and_removed(locked: ServerProcess) -> None:
    headers = key(locked, "operator", "edited")
    fields = {"namespace": "shop", "aliases": "cart-v1\r\ncart_*", "labels": "team=a\r\ntier=1"}
    added = send(locked, "/services", headers, act="save", name=" cart ", **fields)
    assert added.status_code == 303, added.text
    page = locked.get(added.headers["location"], headers=headers)
    for name, value in SECURITY_HEADERS.items():
        assert page.headers[name] == value
    for expected in ("cart is saved", "cart-v1", "cart_*", "team a", "tier 1", "shop"):
        assert expected in text_of(page.text)
    assert stored(locked, "services", headers)["cart"] == {
        "name": "cart",
        "namespace": "shop",
        "aliases": ["cart-v1", "cart_*"],
        "labels": {"team": "a", "tier": "1"},
    }
    form = locked.get("/services?edit=cart", headers=headers).text
    assert ">\ncart-v1\ncart_*</textarea>" in form
    assert ">\nteam=a\ntier=1</textarea>" in form
    changed = send(locked, "/services", headers, act="save", was="cart", name="x", aliases="basket")
    assert changed.status_code == 303
    assert stored(locked, "services", headers) == {
        "cart": {"name": "cart", "namespace": "", "aliases": ["basket"], "labels": {}}
    }
    removed = send(locked, "/services", headers, act="remove", name="cart")
    assert "cart is removed" in locked.get(removed.headers["location"], headers=headers).text
    assert stored(locked, "services", headers) == {}


REFUSED = {
    # What is typed, and what the page says to it.
    "a name that is taken": ({"name": "taken"}, 400, "'taken' is in the register already"),
    "an alias of another": ({"name": "new", "aliases": "alias"}, 400, "is a name of two services"),
    "a pattern for everything": ({"name": "new", "aliases": "*"}, 400, "needs 2 letters"),
    "no name": ({"aliases": "a"}, 400, "a service's name has 1 to 255 characters"),
    "a label with a meaning": ({"name": "new", "labels": "mesh=x"}, 400, "cannot be a label"),
    "a label that is none": ({"name": "new", "labels": "team"}, 400, "is written as name=value"),
    "one that is gone": ({"name": "new", "was": "ghost"}, 404, "there is no service 'ghost'"),
    "hostile": ({"name": "new", "labels": HOSTILE}, 400, HOSTILE[:20]),
}


@pytest.mark.parametrize(("fields", "status", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_said_beside_what_was_typed(
    locked: ServerProcess, fields: dict[str, str], status: int, reason: str
) -> None:
    headers = key(locked, "operator", "refused")
    if "taken" not in stored(locked, "services", headers):
        send(locked, "/services", headers, act="save", name="taken", aliases="alias")
    answer = send(locked, "/services", headers, act="save", namespace="my typing", **fields)
    assert answer.status_code == status
    assert reason in alert_of(answer.text)
    assert 'value="my typing"' in answer.text
    assert "<script>alert" not in answer.text
    assert list(stored(locked, "services", headers)) == ["taken"]


def test_hostile_names_are_text(locked: ServerProcess) -> None:
    headers = key(locked, "operator", "hostile")
    name = HOSTILE
    send(locked, "/services", headers, act="save", name=name, labels=f"team={HOSTILE}")
    for parameters in ({}, {"edit": name}, {"find": name}, {"saved": name}):
        page = locked.get("/services", parameters, headers=headers)
        assert page.status_code == 200
        assert HOSTILE in text_of(page.text)
        assert "<script>alert" not in page.text
        assert "style=" not in page.text
    link = re.search(r'<th scope="row"><a href="([^"]+)"', page.text)
    assert link is not None
    found = locked.get(unescape(link[1]), headers=headers)
    assert found.status_code == 200


def test_services_are_found_by_a_part_of_a_name(locked: ServerProcess) -> None:
    headers = key(locked, "operator", "found")
    for name, aliases, labels in (
        ("cart", "basket", "team=checkout"),
        ("till", "register-1", "team=payments"),
    ):
        send(locked, "/services", headers, act="save", name=name, aliases=aliases, labels=labels)
    for find, expected in (
        ("CAR", ["cart"]),
        ("register", ["till"]),
        ("checkout", ["cart"]),
        ("", ["cart", "till"]),
        ("nothing like it", []),
    ):
        page = locked.get("/services", {"find": find}, headers=headers).text
        assert re.findall(r'<th scope="row"><a [^>]+>([^<]+)</a>', page) == expected
    assert locked.get("/services?edit=ghost", headers=headers).status_code == 404


def test_a_form_that_is_too_large(locked: ServerProcess) -> None:
    headers = key(locked, "admin", "*")
    for path in ("/services", "/formats"):
        assert send(locked, path, headers, act="save", name="a" * (1 << 20)).status_code == 413


# ---- Formats -----------------------------------------------------------------------------------


def test_a_format_is_tried_added_changed_and_removed(locked: ServerProcess) -> None:
    headers = key(locked, "admin", "*")
    fields = {"name": "edge", "kind": "envoy", "definition": EDGE, "mesh": "istio"}
    lines = f"{EDGE_LINE}\r\n\r\nrubbish\r\n"
    tried = send(locked, "/formats", headers, act="test", lines=lines, **fields)
    assert tried.status_code == 200, tried.text
    for expected in ("1 of 2 lines are edge", "url.path /items/7", "unparsed", "2026-11-22T10:00"):
        assert expected in text_of(tried.text)
    assert f">\n{EDGE_LINE}\n\nrubbish\n</textarea>" in unescape(tried.text)
    assert "edge" not in stored(locked, "formats", headers)
    added = send(locked, "/formats", headers, act="save", **fields)
    assert added.headers["location"] == "/formats?saved=edge"
    assert stored(locked, "formats", headers)["edge"]["envoy"] == EDGE
    page = text_of(locked.get("/formats?saved=edge", headers=headers).text)
    assert "edge is saved" in page
    assert EDGE in page
    again = send(locked, "/formats", headers, act="save", **fields)
    assert "there is a format 'edge' already" in alert_of(again.text)
    document = '{"text_format": "EDGE2 %DURATION%"}'
    new = {"was": "edge", "kind": "envoy_json", "definition": document, "mesh": ""}
    assert send(locked, "/formats", headers, act="save", **new).status_code == 303
    assert stored(locked, "formats", headers)["edge"]["mesh"] == "envoy"
    by_name = send(locked, "/formats", headers, act="test", was="edge", lines="EDGE2 7")
    assert "1 of 1 lines are edge" in text_of(by_name.text)
    assert send(locked, "/formats", headers, act="remove", name="edge").status_code == 303
    assert list(stored(locked, "formats", headers)) == ["configured"]


REFUSED_FORMATS = {
    "nothing between operators": (
        {"definition": "%START_TIME%%DURATION%"},
        "at character 13: %START_TIME% and %DURATION% have nothing between them",
    ),
    "an operator that is none": ({"definition": "%NOTHING%"}, "%NOTHING%"),
    "no definition": ({"definition": ""}, "the format has no operators"),
    "no JSON": ({"kind": "envoy_json", "definition": "{"}, "envoy_json is not JSON"),
    "a field that AWS does not have": (
        {"kind": "aws_vpc_flow", "definition": "${start} ${src-addr}"},
        "field 2: AWS has no field '${src-addr}'",
    ),
    "a mesh that is no name": ({"definition": EDGE, "mesh": "My Mesh"}, "no name of a mesh"),
    "a name that is none": ({"name": "Edge", "definition": EDGE}, "no name of a format"),
    "one built in": ({"name": "istio_json", "definition": EDGE}, "istio_json is built in"),
    "one of the configuration": (
        {"name": "configured", "definition": EDGE},
        "configured is in the configuration: change it there",
    ),
    "one that is gone": ({"was": "ghost", "definition": EDGE}, "there is no format 'ghost'"),
}


@pytest.mark.parametrize(("fields", "reason"), REFUSED_FORMATS.values(), ids=REFUSED_FORMATS)
def test_a_format_that_is_refused(
    locked: ServerProcess, fields: dict[str, str], reason: str
) -> None:
    headers = key(locked, "admin", "*")
    sent = {"name": "edge", "kind": "envoy", "lines": "what I typed", **fields}
    answer = send(locked, "/formats", headers, act="save", **sent)
    assert answer.status_code == (404 if "ghost" in reason else 400)
    assert reason in alert_of(answer.text)
    assert ">\nwhat I typed</textarea>" in answer.text
    assert list(stored(locked, "formats", headers)) == ["configured"]


def test_a_format_of_the_configuration_can_be_tried_only(locked: ServerProcess) -> None:
    headers = key(locked, "admin", "*")
    page = locked.get("/formats?edit=configured", headers=headers).text
    assert CONFIGURED in text_of(page)
    assert 'value="save"' not in page
    assert 'value="remove"' not in page
    fields = {"was": "configured", "kind": "envoy", "definition": CONFIGURED}
    tried = send(locked, "/formats", headers, act="test", lines="CONF 503 7", **fields)
    assert "1 of 1 lines are configured" in text_of(tried.text)
    nothing = send(locked, "/formats", headers, act="test", **fields)
    assert nothing.status_code == 400
    assert "put lines below" in alert_of(nothing.text)
    assert send(locked, "/formats", headers, act="remove", name="configured").status_code == 400


def test_while_the_engine_is_away_what_was_typed_stays(locked: ServerProcess) -> None:
    headers = key(locked, "admin", "*")
    for path, fields in (
        ("/services", {"name": "away", "aliases": "typed-*"}),
        ("/formats", {"name": "away", "kind": "envoy", "definition": "typed-%DURATION%"}),
    ):
        locked.kill_engine()
        answer = send(locked, path, headers, act="save", **fields)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "try again" in alert_of(answer.text)
        assert ">\ntyped-" in answer.text
        locked.wait_ready()
        assert "away" not in stored(locked, path.strip("/"), headers)
