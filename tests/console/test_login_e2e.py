"""Coming in and leaving, against a server that asks for credentials."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from meshseal.console.guards import SECURITY_HEADERS
from meshseal.console.tries import MOST_FAILURES
from tests.server import ServerProcess

pytestmark = pytest.mark.e2e

PASSWORD = "correct horse battery staple"
COOKIE = "meshseal_session"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("locked") / "data", trial=False) as server:
        yield server


@pytest.fixture(scope="module")
def setup_token(locked: ServerProcess) -> str:
    for _ in range(100):
        for line in locked.output:
            if found := re.search(r"/setup\?token=(\S+)", line):
                return found[1]
        time.sleep(0.05)
    raise AssertionError(locked.output)


@pytest.fixture(scope="module")
def administrator(locked: ServerProcess, setup_token: str) -> str:
    """Use the set-up link, and return the session's cookie."""
    response = send(locked, "/setup", token=setup_token, password=PASSWORD, again=PASSWORD)
    assert response.status_code == 303, response.text
    return response.cookies[COOKIE]


def send(
    server: ServerProcess,
    path: str,
    *,
    origin: str | None = "",
    session: str = "",
    **fields: str,
) -> requests.Response:
    """POST a form, as a browser at the server's own page does unless told otherwise."""
    headers = {} if origin is None else {"Origin": origin or server.url}
    cookies = {COOKIE: session} if session else {}
    return requests.post(
        f"{server.url}{path}",
        data=fields,
        headers=headers,
        cookies=cookies,
        allow_redirects=False,
        timeout=60,
    )


def test_who_is_not_logged_in_is_sent_to_the_login_and_back(locked: ServerProcess) -> None:
    response = locked.get("/?query=%7Ba%3D%22b%22%7D&since=6h", allow_redirects=False)
    assert response.status_code == 303
    target = urlsplit(response.headers["location"])
    assert target.path == "/login"
    assert parse_qs(target.query)["next"] == ["/?query=%7Ba%3D%22b%22%7D&since=6h"]
    assert "Trial mode" not in locked.get("/login").text


def test_htmx_is_sent_to_the_login_too(locked: ServerProcess) -> None:
    response = locked.get("/?since=1h", headers={"HX-Request": "true", "HX-Target": "main"})
    assert response.status_code == 401
    assert response.headers["hx-redirect"].startswith("/login?next=")


@pytest.mark.parametrize(
    "path",
    [
        "/console/complete?query={",
        "/meshseal/v1/proof?batch=1&seq=1",
        '/meshseal/v1/tail?query={a="b"}',
    ],
)
def test_nothing_is_read_without_a_session(locked: ServerProcess, path: str) -> None:
    assert locked.get(path).status_code == 401


def test_a_short_or_mistyped_password_does_not_use_up_the_link(
    locked: ServerProcess, setup_token: str
) -> None:
    short = send(locked, "/setup", token=setup_token, password="short", again="short")
    assert short.status_code == 400
    assert "at least 12" in short.text
    mistyped = send(locked, "/setup", token=setup_token, password=PASSWORD, again=PASSWORD + "x")
    assert mistyped.status_code == 400
    assert "not the same" in mistyped.text
    assert f'value="{setup_token}"' in mistyped.text


def test_the_set_up_link_works_once(
    locked: ServerProcess, setup_token: str, administrator: str
) -> None:
    assert locked.get("/", cookies={COOKIE: administrator}).status_code == 200
    again = send(locked, "/setup", token=setup_token, password=PASSWORD, again=PASSWORD)
    assert again.status_code == 401
    assert COOKIE not in again.cookies


def test_log_in_and_out(locked: ServerProcess, administrator: str) -> None:
    entered = send(locked, "/login", name="admin", password=PASSWORD, next="/?since=6h")
    assert entered.status_code == 303
    assert entered.headers["location"] == "/?since=6h"
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie  # the test's server is reached by plain HTTP
    session = entered.cookies[COOKIE]
    assert session != administrator
    page = locked.get("/", cookies={COOKIE: session})
    assert "· admin</span>" in page.text
    assert "Audit trail" in page.text
    left = send(locked, "/logout", session=session)
    assert left.status_code == 303
    after = locked.get("/", cookies={COOKIE: session}, allow_redirects=False)
    assert after.status_code == 303


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(
    locked: ServerProcess, administrator: str
) -> None:
    assert administrator
    wrong = send(locked, "/login", name="admin", password="wrong")
    unknown = send(locked, "/login", name="nobody", password="wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace('value="admin"', "") == unknown.text.replace('value="nobody"', "")
    assert COOKIE not in wrong.cookies
    for name, value in SECURITY_HEADERS.items():
        assert wrong.headers[name] == value


@pytest.mark.parametrize(
    ("origin", "path"),
    [
        ("https://evil.example", "/login"),
        (None, "/login"),
        ("null", "/setup"),
        ("https://evil.example", "/setup"),
        ("https://evil.example", "/logout"),
    ],
)
def test_another_sites_form_is_refused(
    locked: ServerProcess, administrator: str, origin: str | None, path: str
) -> None:
    response = send(
        locked,
        path,
        origin=origin,
        session=administrator if path == "/logout" else "",
        name="admin",
        password=PASSWORD,
    )
    assert response.status_code == 403
    assert COOKIE not in response.cookies
    assert locked.get("/", cookies={COOKIE: administrator}).status_code == 200


def test_nobody_is_sent_elsewhere(locked: ServerProcess, administrator: str) -> None:
    assert administrator
    entered = send(locked, "/login", name="admin", password=PASSWORD, next="//evil.example/")
    assert entered.headers["location"] == "/"


def test_tries_are_limited_even_with_the_right_password(locked: ServerProcess) -> None:
    statuses = [
        send(locked, "/login", name="guessed", password=f"guess {number}").status_code
        for number in range(MOST_FAILURES + 1)
    ]
    assert statuses == [401] * MOST_FAILURES + [503]


def test_a_large_form_is_refused(locked: ServerProcess) -> None:
    assert send(locked, "/login", name="a" * 20_000).status_code == 413
    assert send(locked, "/login").status_code == 401


def test_an_administrator_edits_the_register(locked: ServerProcess, administrator: str) -> None:
    cart = {"act": "save", "name": "cart", "aliases": "cart_*"}
    evil = send(locked, "/services", origin="https://evil.example", session=administrator, **cart)
    assert evil.status_code == 403
    done = send(locked, "/services", session=administrator, **cart)
    assert done.headers["location"] == "/services?saved=cart"
    page = locked.get("/services?edit=cart", cookies={COOKIE: administrator}).text
    assert ">\ncart_*</textarea>" in page
    assert send(locked, "/services", **cart).headers["location"] == "/login?next=%2Fservices"


def test_logins_are_written_down(locked: ServerProcess, administrator: str) -> None:
    send(locked, "/login", name="written-down", password="wrong")
    parameters = {"query": '{service_name="meshseal"}', "tenant": "_platform", "limit": 1000}
    for _ in range(100):
        text = locked.get("/", parameters, cookies={COOKIE: administrator}).text
        if "written-down" in text:
            break
        time.sleep(0.1)
    for word in ("session.setup", "session.login_failed", "written-down", "user:admin"):
        assert word in text
    assert PASSWORD not in text


def key(server: ServerProcess, role: str, tenant: str) -> dict[str, str]:
    arguments = ("--data", str(server.data), "--name", "test", "--role", role, "--tenant", tenant)
    made = server.run("key", "create", *arguments, check=True)
    found = re.search(r"msk_\S+", made.stdout)
    assert found is not None, made.stdout
    return {"Authorization": f"Bearer {found[0]}"}


def test_who_belongs_to_a_tenant_sees_that_one_only(locked: ServerProcess) -> None:
    developer = key(locked, "developer", "shop")
    page = locked.get("/", headers=developer)
    assert page.status_code == 200
    assert 'name="tenant"' not in page.text
    assert "Audit trail" not in page.text
    for tenant in ("other", "_platform"):
        for path in ("/", "/console/complete", "/meshseal/v1/proof", "/meshseal/v1/tail"):
            parameters = {"tenant": tenant, "query": '{a="b"}', "batch": "1", "seq": "1"}
            assert locked.get(path, parameters, headers=developer).status_code == 403


def test_who_only_sends_reads_nothing(locked: ServerProcess) -> None:
    response = locked.get("/", headers=key(locked, "shipper", "shop"))
    assert response.status_code == 403
    assert "may not read records" in response.text
