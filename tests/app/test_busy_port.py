"""A server that cannot listen says so, and ends."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.server import meshseal


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("key", "others"),
    [
        pytest.param("main", [], id="the main listener"),
        pytest.param("doors.loki", ["main.port=0"], id="a door"),
    ],
)
def test_a_busy_port_ends_the_server_with_the_key_to_change(
    tmp_path: Path, key: str, others: list[str]
) -> None:
    doors = [f"doors.{name}.enabled=false" for name in ("otlp_http", "otlp_grpc")]
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        settings = [f"{key}.port={port}", *others, *doors]
        options = [option for setting in settings for option in ("--set", setting)]
        ended = meshseal("serve", "--data", str(tmp_path / "data"), "--trial", *options)
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert f"--set {key}.port=N" in ended.stderr
