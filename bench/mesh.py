"""The traffic of a mesh: services, who calls whom, and what the proxies at both ends report of it.

Everything follows from a seed. Each call is told of by the caller's proxy, by the proxy of who is
called, or by both, as an Istio access log line in an OpenTelemetry record, with what a collector
adds: who reports, where it runs, who is at the other end, and whether both proved who they are.
"""

from __future__ import annotations

import itertools
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

_SECOND = 10**9
_CLUSTERS = ("eu-1", "us-1")
_NAMESPACES = (
    "storefront", "checkout", "payments", "catalog", "search", "accounts", "orders", "inventory",
    "shipping", "pricing", "messaging", "media", "fraud", "platform", "edge",
)  # fmt: skip
_ROLES = (
    "web", "api", "cart", "worker", "gateway", "cache", "ledger", "session", "profile", "quote",
    "index", "stock", "label", "refund", "invoice", "notify", "images", "rules", "events", "export",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Service:
    """A service, and where it runs."""

    namespace: str
    name: str
    cluster: str

    @property
    def host(self) -> str:
        """What it is asked for by."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"


@dataclass(frozen=True, slots=True)
class Edge:
    """Who calls whom.

    Attributes:
        source: The caller.
        destination: Who is called.
        milliseconds: The least time that a call takes.
        bad: How many of a thousand calls fail.
        plaintext: How many of a thousand are not encrypted.
        told_by: Which proxies report.
    """

    source: Service
    destination: Service
    milliseconds: int
    bad: int
    plaintext: int
    told_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One call; its duration in milliseconds."""

    edge: Edge
    unix_nano: int
    status: int
    flags: str
    duration: int
    sent: int
    received: int
    plaintext: bool
    retries: int

    @property
    def records(self) -> int:
        """How many records tell of it."""
        return len(self.edge.told_by)


class Traffic:
    """The calls of one mesh.

    Args:
        services: How many services it has.
        edges: How many pairs of them speak.
        seed: What everything follows from.
    """

    def __init__(self, services: int = 300, edges: int = 2000, *, seed: int = 4) -> None:
        self._dice = random.Random(seed)
        self.services = _services(services, self._dice)
        self.edges = _edges(self.services, edges, self._dice)
        shares = (1 / (rank + 30) for rank in range(edges))
        self._weights = list(itertools.accumulate(shares))

    def calls(self, count: int, *, first_unix_nano: int, span_nanos: int) -> Iterator[Call]:
        """Yield calls whose times lie evenly over a span."""
        dice = self._dice
        chosen = dice.choices(self.edges, cum_weights=self._weights, k=count)
        for number, edge in enumerate(chosen):
            lot = dice.random() * 1000
            status, flags = 200, "-"
            if lot < edge.bad:
                status, flags = dice.choice(((503, "UF,URX"), (500, "-"), (0, "DC"), (404, "-")))
            yield Call(
                edge=edge,
                unix_nano=first_unix_nano + number * span_nanos // count,
                status=status,
                flags=flags,
                duration=int(edge.milliseconds / (1.001 - dice.random())),
                sent=dice.getrandbits(14),
                received=dice.getrandbits(9),
                plaintext=dice.random() * 1000 < edge.plaintext,
                retries=dice.getrandbits(1) if status == 503 else 0,
            )


def request(calls: Iterable[Call]) -> bytes:
    """Return an encoded OTLP request with the records that tell of some calls."""
    told: Mapping[Service, list[LogRecord]] = defaultdict(list)
    for call in calls:
        for reporter in call.edge.told_by:
            inbound = reporter == "inbound"
            told[call.edge.destination if inbound else call.edge.source].append(
                _record(call, inbound=inbound)
            )
    return ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=Resource(
                    attributes=[
                        _text("service.name", service.name),
                        _text("k8s.namespace.name", service.namespace),
                        _text("k8s.cluster.name", service.cluster),
                    ]
                ),
                scope_logs=[ScopeLogs(log_records=records)],
            )
            for service, records in told.items()
        ]
    ).SerializeToString()


def _record(call: Call, *, inbound: bool) -> LogRecord:
    edge = call.edge
    attributes = [_text("mesh.mtls", "plaintext" if call.plaintext else "mutual")]
    if inbound:
        attributes += [
            _text("service.peer.name", edge.source.name),
            _text("service.peer.namespace", edge.source.namespace),
        ]
    if call.retries:
        attributes.append(_text("mesh.retries", str(call.retries)))
    return LogRecord(
        time_unix_nano=call.unix_nano,
        body=AnyValue(string_value=_line(call, inbound=inbound)),
        attributes=attributes,
    )


def _line(call: Call, *, inbound: bool) -> str:
    seconds, nanos = divmod(call.unix_nano, _SECOND)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    host = call.edge.destination.host
    direction = "inbound|8080||" if inbound else "outbound|8080||"
    return (
        f'{{"start_time":"{stamp}.{nanos // 10**6:03d}Z","method":"GET","path":"/v1/items",'
        f'"protocol":"HTTP/1.1","response_code":{call.status},"response_flags":"{call.flags}",'
        f'"bytes_received":{call.received},"bytes_sent":{call.sent},"duration":{call.duration},'
        f'"authority":"{host}:8080","upstream_cluster":"{direction}{host}"}}'
    )


def _text(key: str, value: str) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(string_value=value))


def _services(count: int, dice: random.Random) -> list[Service]:
    names = itertools.cycle(itertools.product(_ROLES, _NAMESPACES))
    found = []
    for number, (role, namespace) in zip(range(count), names, strict=False):
        again = number // (len(_ROLES) * len(_NAMESPACES))
        name = f"{role}-{again + 1}" if again else role
        found.append(Service(namespace, name, dice.choice(_CLUSTERS)))
    return found


def _edges(services: list[Service], count: int, dice: random.Random) -> list[Edge]:
    pairs: dict[tuple[Service, Service], None] = {}
    while len(pairs) < count:
        source, destination = dice.choice(services), dice.choice(services)
        if source != destination:
            pairs[source, destination] = None
    both = ("outbound", "inbound")
    told_by = [both] * 18 + [("outbound",), ("inbound",)]
    return [
        Edge(
            source,
            destination,
            milliseconds=1 + dice.getrandbits(5),
            bad=dice.choice((0, 0, 2, 10, 60)),
            plaintext=1000 if dice.random() < 0.02 else 0,
            told_by=dice.choice(told_by),
        )
        for source, destination in pairs
    ]
