"""Floor 3: one pure file per protocol, and the tables of them all."""

from meshseal.wire import (
    cloud,
    datadog,
    elastic,
    envoy_als,
    forward,
    gelf,
    jaeger,
    lines,
    loki,
    lumberjack,
    otlp,
    splunk_hec,
    syslog,
    zipkin,
)
from meshseal.wire.protocol import Protocol
from meshseal.wire.stream import StreamProtocol

PROTOCOLS: tuple[Protocol, ...] = (
    *otlp.PROTOCOLS,
    *loki.PROTOCOLS,
    *lines.PROTOCOLS,
    *envoy_als.PROTOCOLS,
    *elastic.PROTOCOLS,
    *splunk_hec.PROTOCOLS,
    *gelf.PROTOCOLS,
    *cloud.PROTOCOLS,
    *datadog.PROTOCOLS,
    *zipkin.PROTOCOLS,
    *jaeger.PROTOCOLS,
)
"""Every protocol over HTTP and gRPC. A new one is a file, a row here, and a folder of captures in
the tests."""

STREAMS: tuple[StreamProtocol, ...] = (
    *forward.STREAMS,
    *lumberjack.STREAMS,
    *syslog.STREAMS,
    *gelf.STREAMS,
    *jaeger.STREAMS,
)
"""Every protocol over TCP, TLS and UDP."""

PROTOCOL: dict[str, Protocol] = {protocol.name: protocol for protocol in PROTOCOLS}

NATIVE_PORTS: dict[str, int] = {
    **{protocol.name: protocol.native_port for protocol in PROTOCOLS if protocol.native_port},
    **{protocol.name: protocol.native_port for protocol in STREAMS},
}
"""The listeners besides the main one, and the port that senders expect each at."""
