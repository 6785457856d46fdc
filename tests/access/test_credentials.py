"""API keys, people, sessions and the set-up link."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from meshseal.access import pending
from meshseal.access.credentials import (
    SESSION_SECONDS,
    SETUP_LINK_SECONDS,
    Credentials,
)
from meshseal.access.identity import ANY_TENANT, Principal, Role
from meshseal.access.state import (
    API_KEYS,
    SESSIONS,
    SETUP_LINKS,
    USERS,
    migrate,
    open_state,
    sqlite_url,
)
from meshseal.model.errors import AuthenticationError, NotFoundError, PayloadError

PASSWORD = "correct horse battery"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Engine]:
    url = sqlite_url(tmp_path / "state.db")
    migrate(url)
    engine = open_state(url)
    yield engine
    engine.dispose()


@pytest.fixture
def credentials(state: Engine) -> Credentials:
    return Credentials(state)


def test_a_key_stands_for_its_principal(credentials: Credentials) -> None:
    key = credentials.create_key(name="shop", role=Role.SHIPPER, tenant="team-a")
    expected = Principal(f"key:{key.id}", Role.SHIPPER, "team-a")
    assert credentials.principal_of_key(key.token) == expected
    assert credentials.principal_of_key(key.token) == expected
    assert key.token.startswith(f"msk_{key.id}_")


def test_a_key_is_stored_as_argon2id_and_listed_without_its_secret(
    credentials: Credentials, state: Engine
) -> None:
    key = credentials.create_key(name="shop", role=Role.ADMIN, tenant=ANY_TENANT)
    secret = key.token.split("_", 2)[2]
    with state.connect() as connection:
        row = connection.execute(select(API_KEYS)).one()
    assert row.secret_hash.startswith("$argon2id$")
    assert secret not in str(row)
    (listed,) = credentials.list_keys()
    assert listed["id"] == key.id
    assert "secret_hash" not in listed


WRONG = [
    pytest.param(lambda key: "", id="nothing"),
    pytest.param(lambda key: key[:-1], id="cut short"),
    pytest.param(lambda key: key + "x", id="too long"),
    pytest.param(lambda key: key.replace("msk_", "msl_"), id="another prefix"),
    pytest.param(lambda key: key.rpartition("_")[0], id="no secret"),
    pytest.param(lambda key: "msk_000000000000_" + key.split("_", 2)[2], id="another id"),
    pytest.param(lambda key: "msk__", id="empty parts"),
    pytest.param(lambda key: "msk_' OR 1=1 --_x", id="SQL"),
    pytest.param(lambda key: key.upper(), id="in capitals"),
]


@pytest.mark.parametrize("change", WRONG)
def test_another_key_is_nobody(credentials: Credentials, change: object) -> None:
    key = credentials.create_key(name="shop", role=Role.SHIPPER, tenant="team-a")
    with pytest.raises(AuthenticationError, match="not valid"):
        credentials.principal_of_key(change(key.token))  # type: ignore[operator]


def test_a_revoked_key_is_nobody_within_a_minute(
    credentials: Credentials, state: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = credentials.create_key(name="shop", role=Role.SHIPPER, tenant="team-a")
    credentials.principal_of_key(key.token)
    credentials.revoke_key(key.id)
    with pytest.raises(AuthenticationError):
        Credentials(state).principal_of_key(key.token)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    with pytest.raises(AuthenticationError):
        credentials.principal_of_key(key.token)


def test_what_is_done_to_keys_is_written_down(credentials: Credentials, state: Engine) -> None:
    key = credentials.create_key(name="shop", role=Role.SHIPPER, tenant="team-a", os_user="ann")
    credentials.revoke_key(key.id, os_user="bob")
    with pytest.raises(NotFoundError):
        credentials.revoke_key(key.id, os_user="eve")
    found = pending.waiting(state)
    documents = [json.loads(one.document) for one in found]
    assert [
        (one["event.name"], one["user.id"], one["meshseal.audit.os_user"]) for one in documents
    ] == [("key.create", "owner", "ann"), ("key.revoke", "owner", "bob")]
    assert {one["meshseal.audit.key"] for one in documents} == {key.id}
    assert {one["meshseal.audit.tenant"] for one in documents} == {"team-a"}
    assert key.token.rpartition("_")[2] not in str(documents)
    pending.forget(state, [found[0].id])
    assert pending.waiting(state) == found[1:]


@pytest.mark.parametrize("again", [False, True], ids=["never was", "revoked before"])
def test_what_cannot_be_revoked(credentials: Credentials, again: bool) -> None:
    key = credentials.create_key(name="shop", role=Role.SHIPPER, tenant="team-a")
    if again:
        credentials.revoke_key(key.id)
    with pytest.raises(NotFoundError):
        credentials.revoke_key(key.id if again else "000000000000")


def test_the_set_up_link_works_once(credentials: Credentials) -> None:
    token = credentials.create_first_admin()
    assert token
    session = credentials.use_setup_link(token, PASSWORD)
    assert credentials.principal_of_session(session) == Principal(
        "user:admin", Role.ADMIN, ANY_TENANT
    )
    with pytest.raises(AuthenticationError, match="used already"):
        credentials.use_setup_link(token, "another password")
    assert credentials.create_first_admin() is None
    credentials.log_in("admin", PASSWORD)


def test_a_new_link_ends_the_last(credentials: Credentials) -> None:
    first, second = credentials.create_first_admin(), credentials.create_first_admin()
    assert first
    assert second
    with pytest.raises(AuthenticationError):
        credentials.use_setup_link(first, PASSWORD)
    assert credentials.use_setup_link(second, PASSWORD)


def test_a_short_password_does_not_use_the_link_up(credentials: Credentials) -> None:
    token = credentials.create_first_admin()
    assert token
    with pytest.raises(PayloadError, match="12 characters"):
        credentials.use_setup_link(token, "short")
    assert credentials.use_setup_link(token, PASSWORD)


def test_links_and_sessions_expire(
    credentials: Credentials, state: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = credentials.create_first_admin()
    assert token
    now = time.time_ns()
    with monkeypatch.context() as later:
        later.setattr(time, "time_ns", lambda: now + SETUP_LINK_SECONDS * 10**9 + 10**9)
        with pytest.raises(AuthenticationError, match="expired"):
            credentials.use_setup_link(token, PASSWORD)
    session = credentials.use_setup_link(token, PASSWORD)
    credentials.principal_of_session(session)
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + SESSION_SECONDS * 10**9 + 1)
    with pytest.raises(AuthenticationError, match="log in again"):
        credentials.principal_of_session(session)
    credentials.log_in("admin", PASSWORD)
    with state.connect() as connection:
        assert len(connection.execute(select(SESSIONS)).all()) == 1


@pytest.mark.parametrize(
    ("name", "password"),
    [("admin", "wrong"), ("admin", ""), ("nobody", PASSWORD), ("", ""), ("ADMIN", PASSWORD)],
)
def test_a_wrong_log_in(credentials: Credentials, name: str, password: str) -> None:
    credentials.use_setup_link(credentials.create_first_admin() or "", PASSWORD)
    with pytest.raises(AuthenticationError, match="name or the password"):
        credentials.log_in(name, password)


def test_nobody_logs_in_before_the_link_is_used(credentials: Credentials) -> None:
    credentials.create_first_admin()
    with pytest.raises(AuthenticationError):
        credentials.log_in("admin", "")


def test_the_end_of_a_session(credentials: Credentials, state: Engine) -> None:
    credentials.use_setup_link(credentials.create_first_admin() or "", PASSWORD)
    one, two, three = (credentials.log_in("admin", PASSWORD) for _ in range(3))
    credentials.log_out(one)
    with pytest.raises(AuthenticationError):
        credentials.principal_of_session(one)
    credentials.principal_of_session(two)
    with state.begin() as connection:
        connection.execute(update(USERS).values(disabled=True))
    for session in (two, three, "", "x"):
        with pytest.raises(AuthenticationError):
            credentials.principal_of_session(session)
    with pytest.raises(AuthenticationError):
        credentials.log_in("admin", PASSWORD)


def test_tokens_are_not_stored(credentials: Credentials, state: Engine) -> None:
    link = credentials.create_first_admin() or ""
    session = credentials.use_setup_link(link, PASSWORD)
    with state.connect() as connection:
        stored = repr([connection.execute(select(t)).all() for t in (USERS, SESSIONS, SETUP_LINKS)])
    assert not any(secret in stored for secret in (link, session, PASSWORD))
    assert "$argon2id$" in stored
