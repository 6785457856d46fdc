"""The configuration: one TOML file, `MESHSEAL__SECTION__KEY` variables, `--set section.key=value`.

Later ones win. Every key is declared here or in the settings of the floor it belongs to, with its
default, its bounds and what it means; the reference page is made from these declarations.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from meshseal.app.definition_settings import FormatSettings, MeshSettings, own_formats
from meshseal.app.emitter_settings import EmitterSettings
from meshseal.model.errors import ConfigError, MeshsealError
from meshseal.model.identifiers import check_tenant
from meshseal.receive.settings import LimitSettings, TlsSettings
from meshseal.spool.settings import SpoolSettings
from meshseal.store.settings import (
    CompletenessSettings,
    EngineSettings,
    QuerySettings,
    RetentionSettings,
)
from meshseal.wire import NATIVE_PORTS

VARIABLE_PREFIX = "MESHSEAL__"
MAIN_PORT = 8080
_Port = Annotated[int, Meta(ge=0, le=65_535)]


class MainSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The main listener: console, APIs, and every HTTP protocol under its own paths."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="Port to listen on; 0: any.")] = (
        MAIN_PORT
    )
    public_url: Annotated[
        str, Meta(description="How browsers reach the console, if not at host and port.")
    ] = ""


class DoorSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A protocol's own listener, at the port its senders expect."""

    enabled: Annotated[bool, Meta(description="Whether it listens at all.")] = True
    host: Annotated[str, Meta(description="Address to listen on; empty: that of `main`.")] = ""
    port: Annotated[
        int | None, Meta(description="Port to listen on; 0: any. Unset: the protocol's own.")
    ] = None
    tenant: Annotated[
        str,
        Meta(
            description="Whose records come by it, where the protocol cannot say so itself; "
            "empty: the tenant `default`."
        ),
    ] = ""
    allow: Annotated[
        str,
        Meta(
            description="Networks, such as `10.1.0.0/16, 10.2.3.4`, whose senders need no "
            "credential: for protocols and senders that have none."
        ),
    ] = ""
    plaintext: Annotated[
        bool,
        Meta(
            description="Whether records may come in the open, without TLS, from outside this "
            "machine: for UDP and for senders that know no TLS."
        ),
    ] = False
    shared_key_file: Annotated[
        str, Meta(description="File with the key that senders of Fluentd Forward share.")
    ] = ""
    users_file: Annotated[
        str,
        Meta(description="File with users of Fluentd Forward, `name:password` on each line."),
    ] = ""


class LedgerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The transparency log."""

    origin: Annotated[
        str,
        Meta(description="The log's name, chosen when it is created; empty: made from its key."),
    ] = ""


class KeySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the master key is."""

    master_file: Annotated[
        str,
        Meta(description="The master key's file; empty: `keys/master.key` in the data directory."),
    ] = ""


class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The program's own log, on standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least to be written.")
    ] = "info"
    format: Annotated[
        Literal["auto", "json", "text"],
        Meta(description="JSON lines or text; auto: text at a terminal."),
    ] = "auto"


class StateSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where users, keys and batches are kept."""

    url: Annotated[
        str, Meta(description="SQLAlchemy URL; empty: a SQLite file in the data directory.")
    ] = ""


DOOR_NAMES = tuple(NATIVE_PORTS)
ALL_DOORS = "all"


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration."""

    main: MainSettings = MainSettings()
    doors: dict[str, DoorSettings] = {}
    limits: LimitSettings = LimitSettings()
    tls: TlsSettings = TlsSettings()
    spool: SpoolSettings = SpoolSettings()
    engine: EngineSettings = EngineSettings()
    query: QuerySettings = QuerySettings()
    retention: RetentionSettings = RetentionSettings()
    completeness: CompletenessSettings = CompletenessSettings()
    emitters: dict[str, EmitterSettings] = {}
    mesh: MeshSettings = MeshSettings()
    formats: dict[str, FormatSettings] = {}
    ledger: LedgerSettings = LedgerSettings()
    keys: KeySettings = KeySettings()
    state: StateSettings = StateSettings()
    log: LogSettings = LogSettings()

    def __post_init__(self) -> None:
        unknown = set(self.doors) - {*DOOR_NAMES, ALL_DOORS}
        if unknown:
            raise ValueError(
                f"there is no door {sorted(unknown)[0]!r}: the doors are {', '.join(DOOR_NAMES)} "
                f"and {ALL_DOORS}"
            )
        for name, door in self.doors.items():
            if door.port is not None and not 0 <= door.port <= 65_535:
                raise ValueError(f"doors.{name}.port must be between 0 and 65535")
            _check_access(name, door)
        own_formats(self.formats)

    def door(self, name: str) -> DoorSettings:
        """Return a door's settings; what it does not set itself, `doors.all` does."""
        everyone = self.doors.get(ALL_DOORS, DoorSettings())
        own = self.doors.get(name)
        if own is None:
            return msgspec.structs.replace(everyone, port=None)
        return msgspec.structs.replace(
            own,
            host=own.host or everyone.host or self.main.host,
            tenant=own.tenant or everyone.tenant,
            allow=own.allow or everyone.allow,
            plaintext=own.plaintext or everyone.plaintext,
        )


def _check_access(name: str, door: DoorSettings) -> None:
    """Raises: ValueError when a door's tenant or networks are not what they should be."""
    try:
        if door.tenant:
            check_tenant(door.tenant)
        networks_of(door.allow)
    except (MeshsealError, ValueError) as error:
        raise ValueError(f"doors.{name}: {error}") from error


def networks_of(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Return the networks of a list such as `10.1.0.0/16, 10.2.3.4`. Raises: ValueError."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def load_config(
    file: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    assignments: Iterable[str] = (),
) -> Config:
    """Return the configuration.

    Args:
        file: A TOML file, if there is one.
        environment: The variables; the process's own if not given.
        assignments: Texts `section.key=value`.

    Raises: ConfigError that names the key and what it takes.
    """
    tree: dict[str, Any] = {}
    if file is not None:
        tree = _read_toml(file)
    for name, value in sorted((os.environ if environment is None else environment).items()):
        if name.startswith(VARIABLE_PREFIX):
            path = name[len(VARIABLE_PREFIX) :].lower().split("__")
            _assign(tree, path, value, where=name)
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set takes section.key=value, not {assignment!r}")
        _assign(tree, key.strip().split("."), value, where=f"--set {key}")
    try:
        return msgspec.convert(tree, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(_explained(str(error))) from error


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}") from error


def _assign(tree: dict[str, Any], path: list[str], value: str, *, where: str) -> None:
    if len(path) < 2 or not all(path):
        raise ConfigError(f"{where}: a key is written section.key")
    node = tree
    for part in path[:-1]:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise ConfigError(f"{where}: {part} is not a section")
    node[path[-1]] = value


def _explained(message: str) -> str:
    """Return msgspec's message in the words of a configuration: `$.main.port` -> `main.port`."""
    text, _, path = message.partition(" - at `$")
    path = path.rstrip("`").lstrip(".").replace("[...]", ".*")
    return f"{path}: {text}" if path else text


def explained(config: Config) -> list[str]:
    """Return every key of a configuration with its value, a line each."""
    lines: list[str] = []
    for section, keys in msgspec.to_builtins(config).items():
        lines += [
            f"{section}.{name} = {msgspec.json.encode(value).decode()}"
            for name, value in keys.items()
        ]
    return lines
