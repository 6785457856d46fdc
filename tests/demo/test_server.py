from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.server import NATIVE_PORTS, ServerError, ShopServer, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_is_listened_on_is_not_free(taken: int) -> None:
    assert not is_free(taken)


def test_a_taken_port_gives_way_to_any_and_that_is_told(taken: int, tmp_path: Path) -> None:
    server = ShopServer(tmp_path / "shop", tmp_path / "shop.log", taken)
    assert "main.port=0" in server.assignments()
    assert f"port {taken}" in server.moved


def test_port_0_takes_any_for_every_listener(tmp_path: Path) -> None:
    server = ShopServer(tmp_path / "shop", tmp_path / "shop.log", 0)
    doors = [f"doors.{d}.{key}" for d in NATIVE_PORTS for key in ("enabled=true", "port=0")]
    assert server.assignments() == ["main.port=0", "doors.all.enabled=false", *doors]
    assert server.moved == []


def test_a_server_that_ends_is_told_with_what_it_said(tmp_path: Path) -> None:
    not_a_directory = tmp_path / "shop"
    not_a_directory.touch()
    server = ShopServer(not_a_directory, tmp_path / "shop.log", 0)
    with pytest.raises(ServerError, match=r"the server has ended \(exit status [1-9]"):
        server.start(lambda _seconds: True)
    server.stop()
