"""Where records are to go, and what `meshseal mesh config` was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from meshseal.model.errors import ConfigError

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
_TLS = {"https": True, "grpcs": True, "syslog+tls": True, "tls": True}
_PLAIN = ("http", "grpc", "syslog", "tcp", "udp", "forward")
_LABEL = re.compile(r"[a-z][a-z0-9._]{0,62}=[A-Za-z0-9][A-Za-z0-9 ._:/@-]{0,127}")


@dataclass(frozen=True, slots=True)
class Destination:
    """A server: its host, its port or 0 for that of the protocol, and whether it speaks TLS."""

    host: str
    port: int
    tls: bool

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Read `https://host[:port]` and the like. Raises: ConfigError."""
        parts = urlsplit(text)
        try:
            port = parts.port or 0
        except ValueError:
            raise ConfigError(f"--to {text}: that port is none") from None
        if parts.scheme not in _TLS and parts.scheme not in _PLAIN:
            known = ", ".join((*_TLS, *_PLAIN))
            raise ConfigError(f"--to {text}: begin it with one of {known} and ://")
        host = parts.hostname or ""
        if not _HOST.fullmatch(host):
            raise ConfigError(f"--to {text}: there is no host in it")
        return cls(host, port, parts.scheme in _TLS)

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address."""
        return bool(re.fullmatch(r"[0-9.]+", self.host)) or ":" in self.host

    def at(self, port: int) -> str:
        """Return `host:port`, with `port` where none was given."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port or port}"


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be configured, and how.

    Attributes:
        mesh: The mesh or the proxy.
        transport: One of its ways to send.
        to: The server.
        key: What gives the API key in the configuration, or ''.
        tenant: The tenant, where the key may choose one.
        labels: Resource attributes of every record.
        ca_file: The authority that signed the server's certificate, on the proxy's machine.
        reporter: Which side of a call the proxy is on, where its log cannot tell.
        explain: Whether each field is to say what it is for.
    """

    mesh: str
    transport: str
    to: Destination
    key: str = ""
    tenant: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ca_file: str = "/etc/meshseal/ca.pem"
    reporter: str = ""
    explain: bool = False

    @property
    def service(self) -> str:
        """The service that the labels name, or ''."""
        return self.labels.get("service.name", "")


def read_key(path: Path) -> str:
    """Return the key in a file. Raises: ConfigError if it holds none."""
    try:
        key = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--key-file {path} cannot be read: {error}") from None
    if not re.fullmatch(r"[A-Za-z0-9_.-]{8,256}", key):
        raise ConfigError(f"--key-file {path} holds no API key")
    return key


def parse_labels(texts: tuple[str, ...]) -> dict[str, str]:
    """Return the labels of `KEY=VALUE`. Raises: ConfigError for one that is not of this form."""
    for text in texts:
        if not _LABEL.fullmatch(text):
            raise ConfigError(
                f"--labels {text[:80]}: write it KEY=VALUE; letters, digits and . _ : / @ - may "
                "stand in the value"
            )
    return dict(text.split("=", 1) for text in texts)
