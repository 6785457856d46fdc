"""Elasticsearch's door with a real spool: who gets in, what is stored once, what is sent again."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshseal.access.identity import Role
from meshseal.receive.settings import LimitSettings
from meshseal.spool.settings import SpoolSettings
from tests.receive.door import Door, DoorSettings, running_door

NAMED = b'{"create":{"_index":"a","_id":"1"}}\n{"message":"m"}\n'
NAMELESS = b'{"create":{"_index":"a"}}\n{"message":"m"}\n'


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with running_door(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with running_door(tmp_path_factory.mktemp("locked"), DoorSettings(trial=False)) as running:
        yield running


def test_documents_with_names_are_stored_once_however_often_they_come(door: Door) -> None:
    answers = [door.post("/_bulk", NAMED) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 200]
    assert len({one.content for one in answers}) == 1
    assert answers[0].json()["items"][0]["create"]["status"] == 201
    assert [one.content for one in door.spooled()] == [NAMED]
    (tally,) = door.tallies.take(["default"])
    assert (tally.door, tally.deduplicated) == ("elasticsearch", 2)


def test_documents_without_names_are_all_kept(door: Door) -> None:
    for _ in range(3):
        assert door.post("/_bulk", NAMELESS).status_code == 200
    assert len(door.spooled()) == 3


def test_a_packed_request(door: Door) -> None:
    headers = {"Content-Encoding": "gzip", "X-Elastic-Event-Count": "1"}
    assert door.post("/elasticsearch/_bulk", gzip.compress(NAMELESS), headers).status_code == 200
    assert [one.content for one in door.spooled()] == [NAMELESS]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(NAMELESS * 1000, {}, 413, id="too large"),
        pytest.param(gzip.compress(NAMELESS * 1000), {"Content-Encoding": "gzip"}, 413, id="bomb"),
        pytest.param(NAMELESS, {"Content-Encoding": "gzip"}, 400, id="not packed"),
        pytest.param(NAMELESS, {"Content-Encoding": "br"}, 415, id="packed otherwise"),
        pytest.param(NAMELESS + b"[]\n", {}, 400, id="no action"),
        pytest.param(NAMELESS, {"Host": "evil.example"}, 403, id="another name"),
    ],
)
def test_refusals_are_in_the_words_of_elasticsearch(
    tmp_path: Path, body: bytes, headers: dict[str, str], status: int
) -> None:
    limits = LimitSettings(max_request_bytes=10_000)
    with running_door(tmp_path, DoorSettings(limits=limits)) as door:
        answer = door.post("/_bulk", body, headers)
        assert (answer.status_code, answer.json()["status"]) == (status, status)
        assert answer.headers["X-Elastic-Product"] == "Elasticsearch"
        assert answer.json()["error"]["root_cause"][0]["reason"]
        assert door.spooled() == []


def test_a_full_spool_refuses_the_whole_request(tmp_path: Path) -> None:
    spool = SpoolSettings(
        max_bytes=1 << 20, segment_age_seconds=60, min_free_bytes=0, audit_reserve_bytes=0
    )
    big = b'{"create":{"_index":"a"}}\n{"message":"%b"}\n' % (b"m" * (1 << 20))
    with running_door(tmp_path, DoorSettings(spool=spool)) as door:
        assert door.post("/_bulk", big).status_code == 200
        answer = door.post("/_bulk", NAMELESS)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json()["error"]["type"] == "es_rejected_execution_exception"
        assert len(door.spooled()) == 1


def _basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("how", ["raw", "id and key", "id and secret", "bearer", "basic"])
def test_a_key_is_taken_in_every_way_that_senders_have(locked: Door, how: str) -> None:
    key = locked.credentials.create_key(name=how, role=Role.SHIPPER, tenant="team-a")
    secret = key.token.partition(f"{key.id}_")[2]
    ways = {
        "raw": f"ApiKey {key.token}",
        "id and key": f"ApiKey {_basic(f'filebeat:{key.token}')}",
        "id and secret": f"ApiKey {_basic(f'{key.id}:{secret}')}",
        "bearer": f"Bearer {key.token}",
        "basic": f"Basic {_basic(f'elastic:{key.token}')}",
    }
    body = NAMELESS.replace(b'"m"', b'"%b"' % how.encode())
    headers = {"Authorization": ways[how]}
    assert locked.post("/_bulk", body, headers).status_code == 200
    (found,) = [one for one in locked.spooled() if one.content == body]
    assert (found.tenant, found.source) == ("team-a", f"key:{key.id}")


@pytest.mark.parametrize("header", ["", "ApiKey msk_a_b", "ApiKey ???", f"ApiKey {_basic('a:b')}"])
def test_nobody_gets_in_without_a_key(locked: Door, header: str) -> None:
    before = len(locked.spooled())
    answer = locked.post("/_bulk", NAMELESS, {"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "ApiKey"
    assert answer.json()["error"]["type"] == "security_exception"
    assert len(locked.spooled()) == before
