"""The Forward protocol's handshake."""

from __future__ import annotations

from hashlib import sha512
from typing import Any

import pytest

from meshseal.model.errors import AuthenticationError, PayloadError, TooLargeError
from meshseal.wire.stream import Secrets, Take
from tests.wire.forward import ENTRY, KEY, NONCE, ONE, RECEIVED, USERS, Taken, pack, session, talk

# ---- The handshake -----------------------------------------------------------------------------


def digest(*parts: bytes | str) -> str:
    joined = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return sha512(joined).hexdigest()


def ping(key: str = "s3cret", user: str = "", password: str = "", host: str = "web-1") -> bytes:
    auth = NONCE[16:] if user else b""
    secret = digest(auth, user, password) if user else ""
    return pack(["PING", host, b"salt", digest(b"salt", host, NONCE[:16], key), user, secret])


def pong(host: str = "meshseal-1") -> bytes:
    return pack(["PONG", True, "", host, digest(b"salt", host, NONCE[:16], "s3cret")])


@pytest.mark.parametrize(("secrets", "auth"), [(KEY, ""), (USERS, NONCE[16:])])
def test_the_server_begins(secrets: Secrets, auth: Any) -> None:
    hello = ["HELO", {"nonce": NONCE[:16], "auth": auth, "keepalive": True}]
    assert session(secrets).opened() == pack(hello)
    assert session().opened() == b""


@pytest.mark.parametrize(
    ("secrets", "sent", "source"),
    [
        pytest.param(KEY, ping(), "forward:web-1", id="a key"),
        pytest.param(KEY, ping(user="alice"), "forward:web-1", id="a user nobody asked for"),
        pytest.param(USERS, ping(user="alice", password="wonder"), "forward:alice", id="a user"),
        pytest.param(KEY, ping(host="w" * 300), f"forward:{'w' * 255}", id="a long name"),
    ],
)
def test_who_knows_the_secrets_may_send(secrets: Secrets, sent: bytes, source: str) -> None:
    for size in (1, 1000):
        one, taken, sources = session(secrets), Taken(), set()
        data = sent + pack(["app.web", *ENTRY])
        for at in range(0, len(data), size):
            for step in one.received(data[at : at + size], RECEIVED):
                taken.step(step)
                if isinstance(step, Take):
                    sources |= {(e.source, e.tenant) for e in step.envelopes}
        assert taken.answers == pong()
        assert taken.events == [ONE]
        assert sources == {(source, "team-a")}


def test_a_sender_of_the_server_s_own_name_is_given_another() -> None:
    taken = talk(session(KEY), ping(host="meshseal-1"))
    assert taken.answers == pong("meshseal.meshseal-1")


@pytest.mark.parametrize(
    ("secrets", "sent", "reason"),
    [
        pytest.param(KEY, ping(key="other"), "shared_key mismatch", id="another key"),
        pytest.param(KEY, ping(key=""), "shared_key mismatch", id="no key"),
        pytest.param(USERS, ping(), "username/password mismatch", id="no user"),
        pytest.param(
            USERS, ping(user="alice", password="x"), "username/password mismatch", id="a password"
        ),
        pytest.param(USERS, ping(user="eve"), "username/password mismatch", id="an unknown user"),
        pytest.param(
            USERS, ping("x", "alice", "wonder"), "shared_key mismatch", id="a user without the key"
        ),
    ],
)
def test_who_does_not_is_told_so(secrets: Secrets, sent: bytes, reason: str) -> None:
    taken = talk(session(secrets), sent + pack(["app.web", *ENTRY]))
    assert taken.events == []
    (refused,) = taken.refused
    assert isinstance(refused.error, AuthenticationError)
    assert refused.closes
    assert taken.answers == pack(["PONG", False, reason, "", ""])


@pytest.mark.parametrize(
    "sent",
    [
        pack(["app.web", *ENTRY]),
        pack(["PING", "h", "s", "d", ""]),
        pack(["PING", "h", "s", "d", "", 5]),
        pack("PING"),
        b"\xc0",
        b'["PING","h","s","d","",""]',
    ],
)
def test_nothing_is_taken_before_the_ping(sent: bytes) -> None:
    with pytest.raises(PayloadError):
        talk(session(KEY), sent)


def test_a_ping_has_a_limit_of_its_own() -> None:
    with pytest.raises(TooLargeError):
        talk(session(KEY), b"\x96\xa4PING\xdb\x00\xff\xff\xff" + b"x" * 20_000)


def test_what_follows_the_ping_may_be_larger() -> None:
    large = pack(["app.web", 1_789_899_072, {"log": "x" * 50_000}])
    for parts in ((ping() + large,), (ping(), large[:30_000], large[30_000:])):
        assert len(talk(session(KEY), *parts).events) == 1
