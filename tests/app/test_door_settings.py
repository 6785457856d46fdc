"""Settings of doors: what a door does not set itself, `doors.all` does; who may send."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from meshseal.app.config import DoorSettings, load_config, networks_of
from meshseal.app.doors import check_listeners, read_secrets
from meshseal.model.errors import ConfigError


def test_a_door_takes_from_all_what_it_does_not_set() -> None:
    config = load_config(
        environment={},
        assignments=[
            "doors.all.host=127.0.0.9",
            "doors.all.tenant=team-a",
            "doors.all.allow=10.0.0.0/8, 127.0.0.1",
            "doors.loki.port=0",
            "doors.otlp_http.tenant=team-b",
        ],
    )
    shared = DoorSettings(host="127.0.0.9", allow="10.0.0.0/8, 127.0.0.1", tenant="team-a")
    assert config.door("loki") == msgspec.structs.replace(shared, port=0)
    assert config.door("otlp_http") == msgspec.structs.replace(shared, tenant="team-b")
    assert config.door("otlp_grpc") == shared
    assert [str(network) for network in networks_of(config.door("loki").allow)] == [
        "10.0.0.0/8",
        "127.0.0.1/32",
    ]


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("doors.loki.allow=10.0.0.0/33", "doors.loki"),
        ("doors.loki.allow=10.0.0.1/8", "doors.loki"),
        ("doors.loki.tenant=_platform", "doors.loki"),
        ("doors.loki.tenant=a b", "doors.loki"),
        ("doors.loki.port=70000", "doors.loki.port"),
        ("doors.nothing.port=1", "no door 'nothing'"),
    ],
)
def test_what_a_door_cannot_be(assignment: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(environment={}, assignments=[assignment])


@pytest.mark.parametrize(
    ("assignments", "trial", "message"),
    [
        pytest.param(["main.host=0.0.0.0"], True, "--trial", id="trial, main"),
        pytest.param(["doors.loki.host=0.0.0.0"], True, "--trial", id="trial, a door"),
        pytest.param(["main.host=0.0.0.0"], False, "TLS", id="in the open"),
        pytest.param(["doors.syslog.host=0.0.0.0"], False, "TLS", id="a stream in the open"),
        pytest.param(
            ["doors.syslog.host=0.0.0.0", "doors.syslog.plaintext=true"], False, "", id="meant so"
        ),
        pytest.param(["doors.syslog_udp.host=0.0.0.0"], False, "", id="UDP is not opened then"),
        pytest.param([], True, "", id="as it comes"),
    ],
)
def test_where_listeners_may_be(assignments: list[str], trial: bool, message: str) -> None:
    config = load_config(environment={}, assignments=assignments)
    if not message:
        check_listeners(config, trial=trial)
        return
    with pytest.raises(ConfigError, match=message):
        check_listeners(config, trial=trial)


def test_a_secret_that_others_may_read_is_refused(tmp_path: Path) -> None:
    key, users = tmp_path / "key", tmp_path / "users"
    key.write_text("shared\n")
    users.write_text("alice:one\nbob:two:three\nnobody\n:x\n")
    key.chmod(0o600)
    users.chmod(0o600)
    found = read_secrets(DoorSettings(shared_key_file=str(key), users_file=str(users)))
    assert found.shared_key == "shared"
    assert found.users == {"alice": "one", "bob": "two:three"}
    assert "shared" not in repr(found)
    key.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_secrets(DoorSettings(shared_key_file=str(key)))
    with pytest.raises(ConfigError, match="cannot read"):
        read_secrets(DoorSettings(users_file=str(tmp_path / "none")))
