"""Floor 3: one pure file per protocol, and the table of them all."""

from meshseal.wire import lines, loki, otlp
from meshseal.wire.protocol import Protocol

PROTOCOLS: tuple[Protocol, ...] = (*otlp.PROTOCOLS, *loki.PROTOCOLS, *lines.PROTOCOLS)
"""Every protocol. A new one is a file, a row here, and a folder of captures in the tests."""

PROTOCOL: dict[str, Protocol] = {protocol.name: protocol for protocol in PROTOCOLS}
