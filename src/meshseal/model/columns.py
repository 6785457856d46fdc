"""The columns of a log record and of a span, declared once.

The table definition, the shapes, the canonical form, the proof file, the query compilers and the
reference page are all made from these rows. Names and types of the first group are those of the
OpenTelemetry ClickHouse exporter, so that dashboards and SQL written for it work unchanged.

The order of `LOG_COLUMNS` is the order of the canonical form `meshseal-record-v1`, that of
`SPAN_COLUMNS` the order of `meshseal-span-v1`: a row may never be moved, renamed or removed; a new
one means a new version of that form.

Sources: OpenTelemetry Collector contrib, `clickhouseexporter` (tables `otel_logs`
and `otel_traces`);
OpenTelemetry semantic conventions 1.44 for the attribute keys.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

RECORD_VERSION = "meshseal-record-v1"
SPAN_VERSION = "meshseal-span-v1"


class Kind(enum.Enum):
    """How a column's value is written as text in the canonical form."""

    TEXT = "the bytes themselves"
    INTEGER = "decimal digits; empty where the value is absent"
    TIME = "nanoseconds since the epoch, decimal"
    MAP = "netstring of key, netstring of value, for every pair in the order of the key's bytes"
    TEXTS = "netstring of each element's bytes"
    TIMES = "netstring of each element as a time"
    MAPS = "netstring of each element as a map"


ARRAYS = frozenset({Kind.TEXTS, Kind.TIMES, Kind.MAPS})


@dataclass(frozen=True, slots=True)
class Column:
    """One stored column.

    Attributes:
        name: The column's name.
        type: Its ClickHouse type.
        kind: How the canonical form writes it.
        meaning: One sentence for the reference page.
        codec: Compression of the column on disk.
        attribute: The semantic-convention key whose value lives here instead of in
            `OtherAttributes`; empty where there is none.
        unit_nanos: For a duration: how many nanoseconds one unit of the attribute's text is.
    """

    name: str
    type: str
    kind: Kind
    meaning: str
    codec: str = ""
    attribute: str = ""
    unit_nanos: int = 0

    @property
    def sql(self) -> str:
        """The column's name as SQL has it; those of nested tables hold a dot."""
        return f"`{self.name}`" if "." in self.name else self.name

    @property
    def absent(self) -> str:
        """The SQL literal that stands for "not given"."""
        if self.type.startswith("Nullable"):
            return "NULL"
        if self.kind in ARRAYS:
            return "[]"
        if self.kind is Kind.INTEGER:
            return "0"
        return "'unknown'" if self.type.startswith("Enum") else "''"


_KEYWORD = "LowCardinality(String)"
_ATTRIBUTES = "Map(LowCardinality(String), String)"
_ZSTD = "ZSTD(1)"
_MILLISECOND = 1_000_000


def _text(name: str, meaning: str, attribute: str = "") -> Column:
    return Column(name, "String", Kind.TEXT, meaning, _ZSTD, attribute)


def _keyword(name: str, meaning: str, attribute: str = "") -> Column:
    return Column(name, _KEYWORD, Kind.TEXT, meaning, _ZSTD, attribute)


def _map(name: str, meaning: str) -> Column:
    return Column(name, _ATTRIBUTES, Kind.MAP, meaning, _ZSTD)


def _integer(name: str, type_: str, meaning: str, attribute: str = "") -> Column:
    return Column(name, type_, Kind.INTEGER, meaning, _ZSTD, attribute)


def _duration(name: str, meaning: str, attribute: str) -> Column:
    return Column(
        name, "Nullable(UInt64)", Kind.INTEGER, meaning, _ZSTD, attribute, unit_nanos=_MILLISECOND
    )


def _array(name: str, element: str, kind: Kind, meaning: str) -> Column:
    return Column(name, f"Array({element})", kind, meaning, _ZSTD)


_TIME = "DateTime64(9, 'UTC')"
_TIME_CODEC = "DoubleDelta, ZSTD(1)"
_MTLS = "Enum8('unknown' = 0, 'plaintext' = 1, 'mutual' = 2)"

LOG_COLUMNS: tuple[Column, ...] = (
    # As the OpenTelemetry exporter has them.
    Column("Timestamp", _TIME, Kind.TIME, "When the event happened.", _TIME_CODEC),
    _text("TraceId", "Trace the record belongs to, 32 lower-case hex digits, or empty."),
    _text("SpanId", "Span the record belongs to, 16 lower-case hex digits, or empty."),
    _integer("TraceFlags", "UInt8", "W3C trace flags."),
    _keyword("SeverityText", "Severity as the source wrote it."),
    _integer("SeverityNumber", "UInt8", "OpenTelemetry severity, 1 to 24; 0 is unspecified."),
    _keyword("ServiceName", "The service that reports; `unknown_service` if nothing names it."),
    _text("Body", "The record's text, exactly as received."),
    _keyword("ResourceSchemaUrl", "Schema of the resource attributes."),
    _map("ResourceAttributes", "What produced the record: service, host, pod, cluster, labels."),
    _keyword("ScopeSchemaUrl", "Schema of the scope attributes."),
    _keyword("ScopeName", "Instrumentation scope, such as a logger's name."),
    _keyword("ScopeVersion", "Version of the instrumentation scope."),
    _map("ScopeAttributes", "Attributes of the instrumentation scope."),
    _map("OtherAttributes", "Attributes of the record that have no column of their own."),
    _keyword("EventName", "Name that identifies the class of event."),
    # Meshseal's own: where the record came from and where it is sealed.
    Column("ObservedTimestamp", _TIME, Kind.TIME, "When it was collected.", _TIME_CODEC),
    _keyword("Tenant", "Owner of the record; every query is bound to one."),
    _keyword("Source", "Authenticated identity of the sender."),
    _keyword("Door", "Protocol it came by."),
    _keyword("Format", "Format its body was read as; `unparsed` if none fits."),
    Column("Batch", "UInt64", Kind.INTEGER, "Batch it is sealed in.", "Delta(8), ZSTD(1)"),
    Column("Seq", "UInt32", Kind.INTEGER, "Its position in the batch.", "Delta(4), ZSTD(1)"),
    _integer("RetentionDays", "UInt16", "How long it is to be kept."),
    # Mesh traffic: attributes that nearly every question about a mesh asks for.
    _keyword("HttpRequestMethod", "HTTP method.", "http.request.method"),
    _text("UrlPath", "Path of the request, without its query.", "url.path"),
    _text("UrlQuery", "Query of the request, without its `?`.", "url.query"),
    _integer(
        "HttpResponseStatusCode",
        "UInt16",
        "HTTP status; 0 is none, as when the client left first.",
        "http.response.status_code",
    ),
    _keyword("NetworkProtocolName", "Application protocol.", "network.protocol.name"),
    _keyword("NetworkProtocolVersion", "Its version.", "network.protocol.version"),
    _duration("DurationNanos", "From first byte in to last byte out.", "mesh.duration_ms"),
    _duration(
        "UpstreamServiceTimeNanos",
        "Time the upstream took, as it said itself.",
        "mesh.upstream_service_time_ms",
    ),
    _integer(
        "HttpRequestBodySize", "Nullable(UInt64)", "Bytes received.", "http.request.body.size"
    ),
    _integer("HttpResponseBodySize", "Nullable(UInt64)", "Bytes sent.", "http.response.body.size"),
    _keyword("ResponseFlags", "Envoy's response flags.", "mesh.response_flags"),
    _keyword("ResponseCodeDetails", "Envoy's reason.", "mesh.response_code_details"),
    _keyword("ErrorType", "Class of the failure, if it is one.", "error.type"),
    _keyword("ServerAddress", "Host that was asked for.", "server.address"),
    _integer("ServerPort", "UInt16", "Port that was asked for.", "server.port"),
    _text("ClientAddress", "Original client, as proxies tell it.", "client.address"),
    _text("NetworkPeerAddress", "Other end of the connection.", "network.peer.address"),
    _integer("NetworkPeerPort", "UInt16", "Its port.", "network.peer.port"),
    _text("NetworkLocalAddress", "This end of the connection.", "network.local.address"),
    _integer("NetworkLocalPort", "UInt16", "Its port.", "network.local.port"),
    _text("UserAgentOriginal", "User agent, as sent.", "user_agent.original"),
    _text("RequestId", "Request id of the mesh.", "http.request.header.x-request-id"),
    _keyword("UpstreamCluster", "Envoy cluster that was chosen.", "mesh.upstream_cluster"),
    _text("UpstreamHost", "Upstream address, where not the peer.", "mesh.upstream_host"),
    _text(
        "UpstreamLocalAddress",
        "Proxy's address towards the upstream, where not the local one.",
        "mesh.upstream_local_address",
    ),
    _text(
        "DownstreamLocalAddress",
        "Proxy's address towards the downstream, where not the local one.",
        "mesh.downstream_local_address",
    ),
    _text(
        "DownstreamRemoteAddress",
        "Downstream address, where not the peer.",
        "mesh.downstream_remote_address",
    ),
    _keyword("Route", "Route that matched.", "mesh.route"),
    _keyword("Reporter", "Side that reports: `inbound` or `outbound`.", "mesh.reporter"),
    _keyword("TlsServerName", "Server name asked for in TLS.", "tls.client.server_name"),
    _keyword("PeerService", "Service at the other end.", "service.peer.name"),
    _keyword("PeerNamespace", "Its namespace.", "service.peer.namespace"),
    _keyword("PeerSpiffeId", "SPIFFE id the peer proved.", "mesh.peer.spiffe_id"),
    _keyword("LocalSpiffeId", "SPIFFE id this end proved.", "mesh.local.spiffe_id"),
    Column(
        "Mtls",
        _MTLS,
        Kind.TEXT,
        "Whether both ends proved who they are; never guessed.",
        _ZSTD,
        "mesh.mtls",
    ),
)

COLUMN: dict[str, Column] = {column.name: column for column in LOG_COLUMNS}

PROMOTED: tuple[Column, ...] = tuple(column for column in LOG_COLUMNS if column.attribute)
"""The columns that hold an attribute; `LogAttributes` shows them under their attribute's key."""

ATTRIBUTE_COLUMN: dict[str, Column] = {column.attribute: column for column in PROMOTED}

SPAN_COLUMNS: tuple[Column, ...] = (
    # As the OpenTelemetry exporter has them.
    Column("Timestamp", _TIME, Kind.TIME, "When the span started.", _TIME_CODEC),
    _text("TraceId", "Trace the span belongs to, 32 lower-case hex digits, or empty."),
    _text("SpanId", "The span, 16 lower-case hex digits, or empty."),
    _text("ParentSpanId", "Span that it is a part of, or empty."),
    _text("TraceState", "W3C trace state."),
    _keyword("SpanName", "What was done."),
    _keyword(
        "SpanKind", "`Server`, `Client`, `Producer`, `Consumer`, `Internal` or `Unspecified`."
    ),
    _keyword("ServiceName", "The service that reports; `unknown_service` if nothing names it."),
    _keyword("ResourceSchemaUrl", "Schema of the resource attributes."),
    _map("ResourceAttributes", "What produced the span: service, host, pod, cluster."),
    _keyword("ScopeSchemaUrl", "Schema of the scope attributes."),
    _keyword("ScopeName", "Instrumentation scope."),
    _keyword("ScopeVersion", "Version of the instrumentation scope."),
    _map("ScopeAttributes", "Attributes of the instrumentation scope."),
    _map("SpanAttributes", "Attributes of the span."),
    _integer("Duration", "UInt64", "How long it took, in nanoseconds."),
    _keyword("StatusCode", "`Unset`, `Ok` or `Error`."),
    _text("StatusMessage", "Why it failed."),
    _array("Events.Timestamp", _TIME, Kind.TIMES, "When each event happened."),
    _array("Events.Name", _KEYWORD, Kind.TEXTS, "What each event is called."),
    _array("Events.Attributes", _ATTRIBUTES, Kind.MAPS, "Attributes of each event."),
    _array("Links.TraceId", "String", Kind.TEXTS, "Trace of each linked span."),
    _array("Links.SpanId", "String", Kind.TEXTS, "Each linked span."),
    _array("Links.TraceState", "String", Kind.TEXTS, "Trace state of each linked span."),
    _array("Links.Attributes", _ATTRIBUTES, Kind.MAPS, "Attributes of each link."),
    # Meshseal's own: where the span came from and where it is sealed.
    _integer("TraceFlags", "UInt32", "Flags, as OpenTelemetry has them."),
    Column("ObservedTimestamp", _TIME, Kind.TIME, "When it was collected.", _TIME_CODEC),
    _keyword("Tenant", "Owner of the span; every query is bound to one."),
    _keyword("Source", "Authenticated identity of the sender."),
    _keyword("Door", "Protocol it came by."),
    _keyword("Format", "Kind of payload it was read from."),
    Column("Batch", "UInt64", Kind.INTEGER, "Batch it is sealed in.", "Delta(8), ZSTD(1)"),
    Column("Seq", "UInt32", Kind.INTEGER, "Its position in the batch.", "Delta(4), ZSTD(1)"),
    _integer("RetentionDays", "UInt16", "How long it is to be kept."),
)


@dataclass(frozen=True, slots=True)
class Signal:
    """One kind of telemetry: its table, its columns, and the form in which a record is sealed."""

    table: str
    version: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> str:
        """The columns as SQL lists them."""
        return ", ".join(column.sql for column in self.columns)


LOGS = Signal("logs", RECORD_VERSION, LOG_COLUMNS)
SPANS = Signal("spans", SPAN_VERSION, SPAN_COLUMNS)
SIGNALS: dict[str, Signal] = {signal.version: signal for signal in (LOGS, SPANS)}
"""By the form in which their records are sealed, which a manifest states."""
