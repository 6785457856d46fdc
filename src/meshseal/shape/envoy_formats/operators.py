"""What Envoy's commands are: which arguments they take, what they write, and where it goes.

A command goes to a *field*. A field with a dot in its name is an attribute; one without a dot has a
part in what the record means, and `meaning` says which. A command without a field of its own is an
attribute under a stable name, `envoy.<command in lower case>[.<argument>]`.

Sources: envoyproxy/envoy, docs/root/configuration/advanced/substitution_formatter.rst (1.40) and
source/common/formatter; kumahq/kuma, pkg/plugins/policies/meshaccesslog; OpenTelemetry semantic
conventions 1.44.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from meshseal.model.errors import FormatError
from meshseal.shape.envoy_formats.grammar import Command


class Takes(enum.Enum):
    """Whether a command has an argument."""

    NOTHING = "no argument"
    MAY = "an argument or none"
    MUST = "an argument"


class Writes(enum.Enum):
    """What stands in a line for a command."""

    NUMBER = "a whole number"
    WORD = "text without spaces and quotes"
    PHRASE = "text without quotes"
    TEXT = "any text"
    TIME = "a time, written as its argument says"


@dataclass(frozen=True, slots=True)
class Operator:
    """A command of Envoy's, or a placeholder of Kuma's.

    Attributes:
        takes: Whether it has an argument.
        writes: What stands in a line for it.
        field: Where that goes; '' is under its own name.
        length: Whether `:length` may follow.
    """

    takes: Takes
    writes: Writes
    field: str = ""
    length: bool = False


def _plain(writes: Writes, **fields: str) -> dict[str, Operator]:
    return {name: Operator(Takes.NOTHING, writes, field) for name, field in fields.items()}


def _named(writes: Writes, names: str) -> dict[str, Operator]:
    return {name: Operator(Takes.NOTHING, writes) for name in names.split()}


def _cut(names: str) -> dict[str, Operator]:
    return {name: Operator(Takes.MUST, Writes.TEXT, length=True) for name in names.split()}


def _addresses() -> dict[str, Operator]:
    """Return the addresses of both connections: whole, without the port, the port, the endpoint."""
    found: dict[str, Operator] = {}
    for name in (
        "UPSTREAM_LOCAL",
        "UPSTREAM_REMOTE",
        "DOWNSTREAM_REMOTE",
        "DOWNSTREAM_DIRECT_REMOTE",
        "DOWNSTREAM_LOCAL",
        "DOWNSTREAM_DIRECT_LOCAL",
    ):
        field = name.lower()
        found |= {
            f"{name}_ADDRESS": Operator(Takes.NOTHING, Writes.WORD, field),
            f"{name}_ADDRESS_WITHOUT_PORT": Operator(Takes.MAY, Writes.WORD, f"{field}_host"),
            f"{name}_PORT": Operator(Takes.NOTHING, Writes.NUMBER, f"{field}_port"),
            f"{name}_ADDRESS_ENDPOINT_ID": Operator(Takes.NOTHING, Writes.WORD),
        }
    return found


def _certificates() -> dict[str, Operator]:
    """Return what both connections say of TLS."""
    found: dict[str, Operator] = {}
    for name in ("DOWNSTREAM", "UPSTREAM"):
        for kind, writes in {
            "TLS_VERSION": Writes.WORD,
            "TLS_CIPHER": Writes.WORD,
            "TLS_GROUP": Writes.WORD,
            "TLS_SESSION_ID": Writes.WORD,
            **{
                f"{end}_{san}_SAN": Writes.PHRASE
                for end in ("PEER", "LOCAL")
                for san in ("URI", "DNS", "IP", "EMAIL", "OTHERNAME")
            },
            **{
                f"{end}_{part}": Writes.PHRASE for end in ("PEER", "LOCAL") for part in ("SUBJECT",)
            },
            "PEER_ISSUER": Writes.PHRASE,
            "PEER_FINGERPRINT_256": Writes.WORD,
            "PEER_FINGERPRINT_1": Writes.WORD,
            "PEER_SERIAL": Writes.WORD,
            "PEER_CHAIN_FINGERPRINTS_256": Writes.WORD,
            "PEER_CHAIN_FINGERPRINTS_1": Writes.WORD,
            "PEER_CHAIN_SERIALS": Writes.WORD,
            "PEER_ISSUER_FINGERPRINT_256": Writes.WORD,
            "PEER_ISSUER_SERIAL": Writes.WORD,
            "PEER_CERT": Writes.PHRASE,
        }.items():
            field = f"{name}_{kind}".lower()
            found[field.upper()] = Operator(Takes.NOTHING, writes, field)
        for kind in ("PEER_CERT_V_START", "PEER_CERT_V_END"):
            field = f"{name}_{kind}".lower()
            found[field.upper()] = Operator(Takes.MAY, Writes.PHRASE, field)
    return found


OPERATORS: dict[str, Operator] = {
    **{
        name: Operator(Takes.MAY, Writes.TIME, field)
        for name, field in {
            "START_TIME": "start_time",
            "START_TIME_LOCAL": "start_time_local",
            "EMIT_TIME": "emit_time",
            "EMIT_TIME_LOCAL": "emit_time_local",
        }.items()
    },
    **_plain(
        Writes.NUMBER,
        BYTES_RECEIVED="http.request.body.size",
        BYTES_SENT="http.response.body.size",
        RESPONSE_CODE="response_code",
        DURATION="mesh.duration_ms",
        UPSTREAM_REQUEST_ATTEMPT_COUNT="attempts",
        GRPC_STATUS_NUMBER="rpc.status_code",
    ),
    **_named(
        Writes.NUMBER,
        "REQUEST_HEADERS_BYTES RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES "
        "BYTES_RETRANSMITTED PACKETS_RETRANSMITTED "
        "UPSTREAM_WIRE_BYTES_SENT UPSTREAM_WIRE_BYTES_RECEIVED "
        "UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HEADER_BYTES_RECEIVED "
        "UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED "
        "DOWNSTREAM_WIRE_BYTES_SENT DOWNSTREAM_WIRE_BYTES_RECEIVED "
        "DOWNSTREAM_HEADER_BYTES_SENT DOWNSTREAM_HEADER_BYTES_RECEIVED "
        "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED "
        "REQUEST_DURATION REQUEST_TX_DURATION RESPONSE_DURATION RESPONSE_TX_DURATION "
        "ROUNDTRIP_DURATION DOWNSTREAM_HANDSHAKE_DURATION UPSTREAM_CONNECTION_POOL_READY_DURATION "
        "CONNECTION_ID UPSTREAM_CONNECTION_ID",
    ),
    "COMMON_DURATION": Operator(Takes.MUST, Writes.NUMBER),
    **_plain(
        Writes.WORD,
        PROTOCOL="protocol",
        RESPONSE_FLAGS="response_flags",
        RESPONSE_FLAGS_LONG="response_flags_long",
        UPSTREAM_HOST="upstream_host",
        TRACE_ID="trace",
        SPAN_ID="span",
        ACCESS_LOG_TYPE="mesh.access_log_type",
        HOSTNAME="hostname",
        KUMA_MESH="mesh.name",
        KUMA_ZONE="mesh.zone",
        KUMA_SOURCE_SERVICE="kuma_source",
        KUMA_DESTINATION_SERVICE="kuma_destination",
        KUMA_SOURCE_ADDRESS="downstream_remote",
        KUMA_SOURCE_ADDRESS_WITHOUT_PORT="downstream_remote_host",
        KUMA_TRAFFIC_DIRECTION="kuma_direction",
    ),
    **_named(
        Writes.WORD,
        "UPSTREAM_PROTOCOL STREAM_ID UNIQUE_ID TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT "
        "UPSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_DETECTED_CLOSE_TYPE",
    ),
    **_plain(
        Writes.PHRASE,
        CONNECTION_TERMINATION_DETAILS="mesh.connection_termination_details",
        UPSTREAM_TRANSPORT_FAILURE_REASON="mesh.upstream_transport_failure_reason",
        UPSTREAM_CLUSTER="upstream_cluster",
        UPSTREAM_CLUSTER_RAW="upstream_cluster",
        ROUTE_NAME="mesh.route",
    ),
    **_named(
        Writes.PHRASE,
        "UPSTREAM_HOST_NAME UPSTREAM_HOST_NAME_WITHOUT_PORT "
        "UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT "
        "UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT "
        "UPSTREAM_CONNECTION_IDS_ATTEMPTED VIRTUAL_CLUSTER_NAME FILTER_CHAIN_NAME "
        "DOWNSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_LOCAL_CLOSE_REASON "
        "DOWNSTREAM_LOCAL_CLOSE_REASON CUSTOM_FLAGS UPSTREAM_SERVER_NAME",
    ),
    **_named(Writes.TEXT, "LOCAL_REPLY_BODY"),
    "RESPONSE_CODE_DETAILS": Operator(Takes.MAY, Writes.PHRASE, "mesh.response_code_details"),
    "GRPC_STATUS": Operator(Takes.MAY, Writes.PHRASE, "rpc.status_code"),
    "REQUESTED_SERVER_NAME": Operator(Takes.MAY, Writes.WORD, "tls.client.server_name"),
    "PATH": Operator(Takes.MAY, Writes.TEXT, "path", length=True),
    "QUERY_PARAMS": Operator(Takes.MAY, Writes.TEXT, "query", length=True),
    **_cut(
        "REQ REQUEST_HEADER RESP RESPONSE_HEADER TRAILER RESPONSE_TRAILER REQ_WITHOUT_QUERY "
        "DYNAMIC_METADATA CLUSTER_METADATA UPSTREAM_METADATA METADATA FILTER_STATE "
        "UPSTREAM_FILTER_STATE QUERY_PARAM ENVIRONMENT CEL TYPED_CEL COALESCE FILE_CONTENT SECRET"
    ),
    **_addresses(),
    **_certificates(),
}


def operator(command: Command, where: str = "") -> Operator:
    """Return what a command of a format is.

    Raises: FormatError where there is no such command, or it is not written like this.
    """
    place = f"at character {command.position}{where}"
    found = OPERATORS.get(command.name)
    if not found:
        raise FormatError(f"{place}: Envoy has no operator %{command.name}%")
    if found.takes is Takes.MUST and not command.argument:
        raise FormatError(f"{place}: %{command.name}% takes an argument: %{command.name}(…)%")
    if found.takes is Takes.NOTHING and command.argument is not None:
        raise FormatError(f"{place}: %{command.name}% takes no argument")
    if command.length and not found.length:
        raise FormatError(f"{place}: %{command.name}% takes no length")
    return found
