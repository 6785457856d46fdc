"""The listeners: each protocol's own, and the main one, opened and closed together."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol as Shape

import structlog
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from meshseal.api.gate import Gate
from meshseal.api.ingest import HttpIngest, grpc_handler
from meshseal.api.intake import Intake
from meshseal.api.message_streams import stream_handler
from meshseal.api.streams import DatagramIngest, StreamAccess, StreamIngest
from meshseal.app.config import Config, DoorSettings, networks_of
from meshseal.model.errors import ConfigError
from meshseal.model.identifiers import DEFAULT_TENANT
from meshseal.receive.body import AsgiApp, InFlight
from meshseal.receive.datagram import DatagramServer
from meshseal.receive.grpc import GrpcApp, GrpcServer, Handler, StreamHandler
from meshseal.receive.http import HttpServer
from meshseal.receive.settings import TlsSettings
from meshseal.receive.sockets import bind, bind_datagrams
from meshseal.receive.stream import StreamServer
from meshseal.receive.tls import is_loopback, require_tls
from meshseal.wire import NATIVE_PORTS, PROTOCOLS, STREAMS
from meshseal.wire.protocol import Protocol
from meshseal.wire.stream import Secrets, StreamProtocol

_LOG = structlog.get_logger(__name__)
_SECRET_MODE = 0o077


class Listener(Shape):
    """What listens until it is told to stop."""

    async def start(self) -> None:
        """Begin to listen."""

    async def stop(self) -> None:
        """Close; what was accepted is finished first."""


class Doors:
    """All listeners of a server.

    Args:
        config: The configuration.
        trial: Whether everybody on this machine may do everything.
        gate: Who authenticates requests.
        inflight: What all requests hold together.
    """

    def __init__(self, config: Config, *, trial: bool, gate: Gate, inflight: InFlight) -> None:
        self._config = config
        self._trial = trial
        self._gate = gate
        self._inflight = inflight
        self._listeners: list[Listener] = []
        self.addresses: dict[str, tuple[str, int]] = {}

    async def open(
        self, intake: Intake, main_reads: Starlette, native_reads: Mapping[str, Starlette]
    ) -> None:
        """Open all listeners.

        Args:
            intake: Where records go.
            main_reads: What answers at the main port where no protocol does.
            native_reads: The same for protocols with reads, by their names.

        Raises: ConfigError when a port is taken.
        """
        requests = tuple(protocol for protocol in PROTOCOLS if not protocol.grpc)
        main = self._config.main
        apps: dict[socket.socket, AsgiApp] = {}
        sock = self._bind("main", main.host, main.port, key="main")
        apps[sock] = self._app(requests, intake, main_reads)
        opened: list[Listener] = []
        for protocol in PROTOCOLS:
            door = self._config.door(protocol.name)
            if not protocol.native_port or not door.enabled:
                continue
            sock = self._bind_native(protocol.name, protocol.native_port, door)
            if protocol.grpc:
                opened.append(self._grpc_server(sock, protocol, intake))
            else:
                reads = native_reads.get(protocol.name, Starlette())
                whole = protocol if protocol.prefix else None
                apps[sock] = self._app(_family(protocol), intake, reads, whole=whole)
        opened += [
            listener
            for stream in STREAMS
            if (listener := self._stream_listener(stream, intake)) is not None
        ]
        self._listeners = [
            HttpServer(apps, limits=self._config.limits, tls=self._config.tls),
            *opened,
        ]
        for listener in self._listeners:
            await listener.start()

    async def close(self) -> None:
        """Close all listeners; what they accepted is finished first."""
        for listener in self._listeners:
            await listener.stop()

    def _bind(self, name: str, host: str, port: int, *, key: str) -> socket.socket:
        sock = bind(host, port, what=f"the listener {name!r}", key=key)
        self.addresses[name] = (host, sock.getsockname()[1])
        return sock

    def _bind_native(self, name: str, native_port: int, door: DoorSettings) -> socket.socket:
        port = native_port if door.port is None else door.port
        return self._bind(name, door.host or self._config.main.host, port, key=f"doors.{name}")

    # ---- What listens --------------------------------------------------------------------------

    def _app(
        self,
        protocols: tuple[Protocol, ...],
        intake: Intake,
        reads: Starlette,
        *,
        whole: Protocol | None = None,
    ) -> AsgiApp:
        ingest = HttpIngest(
            protocols,
            accesses={one.name: self._access(self._config.door(one.name)) for one in protocols},
            whole=whole,
            gate=self._gate,
            intake=intake,
            limits=self._config.limits,
            inflight=self._inflight,
        )

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and ingest.takes(scope["path"]):
                await ingest(scope, receive, send)
            else:
                await reads(scope, receive, send)

        return app

    def _grpc_server(self, sock: socket.socket, protocol: Protocol, intake: Intake) -> GrpcServer:
        door = self._config.door(protocol.name)
        access = self._access(door)
        unary: dict[str, Handler] = {}
        streams: dict[str, StreamHandler] = {}
        if protocol.stream is None:
            one = grpc_handler(protocol, gate=self._gate, access=access, intake=intake)
            unary = dict.fromkeys(protocol.paths, one)
        else:
            opened = stream_handler(protocol, gate=self._gate, access=access, intake=intake)
            streams = dict.fromkeys(protocol.paths, opened)
        app = GrpcApp(unary, streams=streams, limits=self._config.limits, inflight=self._inflight)
        tls = TlsSettings() if streams and door.plaintext else self._config.tls
        return GrpcServer(sock, app, limits=self._config.limits, tls=tls)

    def _access(self, door: DoorSettings) -> StreamAccess:
        """Return who may send by a door without an API key. Raises: ConfigError."""
        return StreamAccess(
            tenant=door.tenant or DEFAULT_TENANT,
            networks=networks_of(door.allow),
            secrets=read_secrets(door),
            trial=self._trial,
        )

    def _stream_listener(self, protocol: StreamProtocol, intake: Intake) -> Listener | None:
        """Return the listener of a protocol over TCP or UDP; None where it is not to be opened."""
        door = self._config.door(protocol.name)
        host = door.host or self._config.main.host
        tls = TlsSettings() if door.plaintext else self._config.tls
        if not door.enabled or (protocol.tls_only and not tls.certificate_file):
            return None
        access = self._access(door)
        if protocol.datagrams is None:
            ingest = StreamIngest(
                protocol,
                access=access,
                intake=intake,
                limits=self._config.limits,
                inflight=self._inflight,
            )
            sock = self._bind_native(protocol.name, protocol.native_port, door)
            return StreamServer(sock, ingest, limits=self._config.limits, tls=tls)
        if not is_loopback(host) and not door.plaintext:
            _LOG.warning(
                "door_not_opened",
                door=protocol.name,
                reason="UDP carries records in the open: set "
                f"doors.{protocol.name}.plaintext = true to take them",
            )
            return None
        port = protocol.native_port if door.port is None else door.port
        sock = bind_datagrams(
            host, port, what=f"the listener {protocol.name!r}", key=f"doors.{protocol.name}"
        )
        self.addresses[protocol.name] = (host, sock.getsockname()[1])
        datagrams = DatagramIngest(protocol, access=access, intake=intake)
        return DatagramServer(sock, datagrams.take, datagrams.lose)


def check_listeners(config: Config, *, trial: bool) -> None:
    """Check where all listeners would be.

    Raises: ConfigError when one would carry records in the open, or leave this machine in trial
        mode.
    """
    secret = {config.main.host}
    hosts = {config.main.host}
    datagrams = {stream.name for stream in STREAMS if stream.datagrams}
    for name in NATIVE_PORTS:
        door = config.door(name)
        host = door.host or config.main.host
        hosts.add(host)
        if door.enabled and not door.plaintext and name not in datagrams:
            secret.add(host)
    for host in hosts:
        if trial and not is_loopback(host):
            raise ConfigError(f"--trial listens on loopback only, not on {host}")
    for host in secret:
        require_tls(host, config.tls)


def _family(protocol: Protocol) -> tuple[Protocol, ...]:
    """Return what a protocol's own listener also takes: at Loki's port, OTLP under its path."""
    if not protocol.reads:
        return (protocol,)
    return (protocol, *(other for other in PROTOCOLS if other.name == "otlp_http"))


def read_secrets(door: DoorSettings) -> Secrets:
    """Return what a door's files say. Raises: ConfigError."""
    shared_key = _read_secret(door.shared_key_file).strip() if door.shared_key_file else ""
    users: dict[str, str] = {}
    if door.users_file:
        for line in _read_secret(door.users_file).splitlines():
            name, colon, password = line.strip().partition(":")
            if name and colon and password:
                users[name] = password
    return Secrets(shared_key, users)


def _read_secret(file: str) -> str:
    """Return a secret's file. Raises: ConfigError, also where others may read it."""
    path = Path(file)
    try:
        if path.stat().st_mode & _SECRET_MODE:
            raise ConfigError(f"others may read {file}: chmod 600 {file}")
        return path.read_text()
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
