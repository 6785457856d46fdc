"""The way in: once per chunk, refused as a whole, within limits, known senders only."""

from __future__ import annotations

import base64
import os
import socket
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest

from meshseal.access.identity import ANY_TENANT, Role
from meshseal.api.streams import StreamAccess
from meshseal.app.config import networks_of
from meshseal.receive.settings import LimitSettings
from meshseal.spool.settings import SpoolSettings
from meshseal.wire import PROTOCOLS
from tests.receive.door import Door, DoorSettings, running_door
from tests.wire.samples import Sample, path_of, samples

LINES = "/ingest/v1/lines"
SAMPLES = [pytest.param(sample, id=str(sample)) for sample in samples() if sample.records]
WRONG_KEY = {"splunk_hec": 403}
"""Where it is not 401; the tests of the protocol say why."""


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with running_door(tmp_path) as running:
        yield running


def send(door: Door, sample: Sample, **headers: str) -> tuple[int, dict[str, str]]:
    answer = door.post(
        path_of(sample),
        sample.body,
        {"Content-Type": sample.media_type, **headers},
        params=sample.query,
    )
    return answer.status_code, {name.lower(): value for name, value in answer.headers.items()}


# ---- Once --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_chunk_that_is_sent_again_is_acknowledged_and_kept_once(
    door: Door, sample: Sample
) -> None:
    for _ in range(3):
        assert send(door, sample, **{"Meshseal-Chunk": "agent/1/5"})[0] == sample.status
    assert sum(one.records for one in door.spooled()) == sample.records
    (tally,) = door.tallies.take(["default"])
    assert (tally.door, tally.deduplicated) == (sample.protocol, 2 * sample.records)
    assert tally.refused == 3 * sample.refused


def test_other_chunks_and_other_tenants_are_no_copies(door: Door) -> None:
    for chunk, tenant in (
        ("a/1/1", "t"),
        ("a/1/2", "t"),
        ("a/2/1", "t"),
        ("b/1/1", "t"),
        ("a/1/1", "u"),
    ):
        headers = {"Meshseal-Chunk": chunk, "X-Scope-OrgID": tenant}
        assert door.post(LINES, b"x", headers).status_code == 200
    assert len(door.spooled()) == len(door.chunks) == 5


def test_equal_bytes_without_a_chunk_are_all_kept(door: Door) -> None:
    for _ in range(3):
        assert door.post(LINES, b"x").json() == {"records": 1}
    assert len(door.spooled()) == 3


@pytest.mark.parametrize(
    "chunk",
    ["a", "a/1", "a/1/x", "/1/1", "a/-1/1", "a/1/9999999999999999999", f"{'a' * 129}/1/1", "a/1/²"],
)
def test_a_chunk_that_is_written_otherwise_is_refused(door: Door, chunk: str) -> None:
    answer = door.post(LINES, b"x", {"Meshseal-Chunk": chunk.encode("latin-1")})
    assert answer.status_code == 400
    assert "AGENT/EPOCH/SEQUENCE" in answer.json()["error"]["message"]
    assert door.spooled() == []


def test_a_sender_that_left_before_its_answer_may_send_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fdatasync

    def slow(descriptor: int) -> None:
        time.sleep(0.3)
        real(descriptor)

    head = f"POST {LINES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n"
    with monkeypatch.context() as slowed:
        slowed.setattr(os, "fdatasync", slow)
        with socket.create_connection(door.address) as sock:
            sock.sendall(head.encode() + b"once")
        for _ in range(400):
            if len(door.in_doubt):
                break
            time.sleep(0.05)
    assert len(door.in_doubt) == 1
    assert door.post(LINES, b"once").json() == {"records": 1}
    assert len(door.spooled()) == 1
    assert door.post(LINES, b"once").json() == {"records": 1}
    assert len(door.spooled()) == 2


# ---- Refused as a whole ------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES)
def test_what_is_not_on_disk_is_refused_and_may_be_sent_again(
    door: Door, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", broken)
        status, headers = send(door, sample, **{"Meshseal-Chunk": "agent/1/0"})
    assert status == 503
    assert int(headers["retry-after"]) > 0
    assert door.spooled() == []
    (tally,) = door.tallies.take(["default"])
    assert (tally.refused, tally.deduplicated) == (sample.records, 0)
    time.sleep(0.6)  # The door asks the disk again twice a second.
    assert send(door, sample, **{"Meshseal-Chunk": "agent/1/0"})[0] == sample.status
    assert sum(one.records for one in door.spooled()) == sample.records


def test_a_full_spool_refuses_before_the_body_is_read(tmp_path: Path) -> None:
    spool = SpoolSettings(
        max_bytes=1 << 20, segment_age_seconds=60, min_free_bytes=0, audit_reserve_bytes=0
    )
    with running_door(tmp_path, DoorSettings(spool=spool)) as door:
        assert door.post(LINES, b"x" * (1 << 20)).status_code == 200
        head = f"POST {LINES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        with socket.create_connection(door.address, timeout=30) as sock:
            sock.sendall(head.encode())
            answer = sock.recv(65536)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"\r\nretry-after: 5\r\n" in answer
        assert len(door.spooled()) == 1


# ---- Within limits -----------------------------------------------------------------------------

LIMITS = LimitSettings(
    max_request_bytes=2000,
    max_inflight_bytes=1 << 20,
    header_timeout_seconds=0.3,
    body_timeout_seconds=0.3,
)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with running_door(tmp_path_factory.mktemp("narrow"), DoorSettings(limits=LIMITS)) as running:
        yield running


def test_the_limit_of_a_body_is_exact(narrow: Door) -> None:
    assert narrow.post(LINES, b"x" * 2000).status_code == 200
    assert narrow.post(LINES, b"x" * 2001).status_code == 413


@pytest.mark.parametrize("path", [path for one in PROTOCOLS if not one.grpc for path in one.paths])
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "in chunks"])
def test_a_body_over_the_limit_is_too_large_in_every_protocol(
    narrow: Door, path: str, chunked: bool
) -> None:
    url = f"http://{narrow.address[0]}:{narrow.address[1]}{path}"
    parts = [b"x" * 1500, b"x" * 1500]
    with socket.create_connection(narrow.address, timeout=30) as sock:
        if chunked:
            body = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in parts)
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        else:
            body = b"".join(parts)
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000\r\n\r\n"
        sock.sendall(head.encode() + body)
        assert sock.recv(65536).startswith(b"HTTP/1.1 413"), url


@pytest.mark.parametrize(
    "head", [b"", b"POST /ingest/v1/lines HT", b"POST / HTTP/1.1\r\nHost: a\r\n"]
)
def test_a_head_that_does_not_come_ends_the_connection(narrow: Door, head: bytes) -> None:
    with socket.create_connection(narrow.address, timeout=30) as sock:
        sock.sendall(head)
        assert sock.recv(65536) == b""


def test_a_body_that_does_not_come_is_refused(narrow: Door) -> None:
    head = f"POST {LINES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"
    with socket.create_connection(narrow.address, timeout=30) as sock:
        sock.sendall(head.encode())
        answer = HTTPResponse(sock)
        answer.begin()
        assert answer.status == 400
        assert b"not whole after 0.3 seconds" in answer.read()
    assert b"half" not in b"".join(bytes(one.content) for one in narrow.spooled())


def test_more_than_all_requests_may_hold_is_asked_to_wait(tmp_path: Path) -> None:
    limits = LimitSettings(max_inflight_bytes=1 << 20)
    with running_door(tmp_path, DoorSettings(limits=limits)) as door:
        answer = door.post(LINES, b"x\n" * (1 << 20))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert door.post(LINES, b"x").status_code == 200
        assert len(door.spooled()) == 1


# ---- Known senders only ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with running_door(tmp_path_factory.mktemp("locked"), DoorSettings(trial=False)) as running:
        yield running


@pytest.mark.parametrize("sample", SAMPLES)
def test_nobody_gets_in_without_a_key(locked: Door, sample: Sample) -> None:
    assert send(locked, sample)[0] == 401
    assert send(locked, sample, Authorization="Bearer msk_a_b")[0] == WRONG_KEY.get(
        sample.protocol, 401
    )
    assert send(locked, sample, Cookie="meshseal_session=x")[0] == 401


@pytest.mark.parametrize("how", ["bearer", "password", "user", "x-api-key", "meshseal-key"])
def test_a_key_is_taken_in_every_way_that_senders_have(locked: Door, how: str) -> None:
    key = locked.credentials.create_key(name=how, role=Role.SHIPPER, tenant="team-a")
    basic = {"password": f"any:{key.token}", "user": f"{key.token}:"}
    if how in basic:
        headers = {"Authorization": f"Basic {base64.b64encode(basic[how].encode()).decode()}"}
    elif how == "bearer":
        headers = {"Authorization": f"bearer {key.token}"}
    else:
        headers = {how: key.token}
    assert locked.post(LINES, how.encode(), headers).status_code == 200
    found = [one for one in locked.spooled() if one.content == how.encode()]
    assert [(one.tenant, one.source) for one in found] == [("team-a", f"key:{key.id}")]


@pytest.mark.parametrize(
    ("role", "tenant", "wanted", "status"),
    [
        pytest.param(Role.SHIPPER, "team-a", "team-a", 200, id="its own tenant"),
        pytest.param(Role.SHIPPER, "team-a", "team-b", 403, id="another's"),
        pytest.param(Role.DEVELOPER, "team-a", "", 403, id="a role that only reads"),
        pytest.param(Role.AUDITOR, ANY_TENANT, "", 403, id="an auditor"),
        pytest.param(Role.ADMIN, ANY_TENANT, "team-b", 200, id="any tenant"),
        pytest.param(Role.ADMIN, ANY_TENANT, "_platform", 400, id="the audit trail"),
    ],
)
def test_who_may_send_for_whom(
    locked: Door, role: Role, tenant: str, wanted: str, status: int
) -> None:
    key = locked.credentials.create_key(name="x", role=role, tenant=tenant)
    headers = {"X-API-Key": key.token, "X-Scope-OrgID": wanted}
    assert locked.post(LINES, b"x", headers).status_code == status


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "10.0.0.1", "127.0.0.1.evil"])
def test_trial_mode_answers_as_this_machine_only(door: Door, host: str) -> None:
    assert door.post(LINES, b"x", {"Host": host}).status_code == 403


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "127.0.0.1:9", "[::1]:80", "127.9.9.9"]
)
def test_this_machine_s_names(door: Door, host: str) -> None:
    assert door.post(LINES, b"x", {"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("network", "headers", "status", "source"),
    [
        pytest.param("127.0.0.0/8", {}, 200, "address:127.0.0.1", id="its network"),
        pytest.param("10.0.0.0/8", {}, 401, "", id="another network"),
        pytest.param("127.0.0.0/8", {"X-API-Key": "msk_a_b"}, 401, "", id="a wrong key"),
        pytest.param("127.0.0.0/8", {"Cookie": "meshseal_session=x"}, 401, "", id="an old session"),
    ],
)
def test_an_address_may_be_let_in_without_a_key(
    tmp_path: Path, network: str, headers: dict[str, str], status: int, source: str
) -> None:
    access = StreamAccess("team-a", networks_of(network))
    with running_door(tmp_path, DoorSettings(trial=False, access=access)) as door:
        assert door.post(LINES, b"line", headers).status_code == status
        found = [(one.tenant, one.source) for one in door.spooled()]
    assert found == ([("team-a", source)] if source else [])
