"""Envoy's access logs as it streams them itself: the gRPC Access Log Service, version 3.

A stream carries the entries of one logger of one worker thread. It is never answered, and lives as
long as both ends do. Who logs is said in its first message alone, so the stream remembers it.

Sources: envoyproxy/envoy, `api/envoy/service/accesslog/v3/als.proto`,
`api/envoy/config/core/v3/base.proto`; istio/istio, `pkg/model/proxy.go` for a node's metadata;
OpenTelemetry semantic conventions 1.44 for the names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct, Value
from google.rpc.status_pb2 import Status

from meshseal.model import protowire as wire
from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import MeshsealError, PayloadError
from meshseal.wire.protocol import Decoded, MessageStream, Protocol, Reply, Request
from meshseal.wire.protos.spool_pb2 import EnvoyAls

METHOD = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"
MAX_LABEL_BYTES = 256
MAX_LABELS = 128
_IDENTIFIER, _HTTP_LOGS, _TCP_LOGS = 1, 2, 3

Labels = dict[str, str]


class AccessLogStream(MessageStream):
    """One stream: remembers who logs."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._labels: Labels = {}

    def received(self, messages: Sequence[bytes], received_unix_nano: int) -> Iterator[Envelope]:
        """Yield the entries of messages, those of one node and kind in one envelope.

        Raises: PayloadError at a message that is not a StreamAccessLogsMessage; what was before it
            has been yielded.
        """
        parts: list[bytes] = []
        kind, records = 0, 0
        for message in messages:
            try:
                identifier, found = _entries(message)
            except ValueError:
                yield from self._envelopes(kind, parts, records, received_unix_nano)
                raise PayloadError("a message is not a StreamAccessLogsMessage") from None
            if identifier is not None:
                yield from self._envelopes(kind, parts, records, received_unix_nano)
                parts, records = [], 0
                self._labels = labels_of(identifier)
            for number, entries, count in found:
                if number != kind:
                    yield from self._envelopes(kind, parts, records, received_unix_nano)
                    kind, parts, records = number, [], 0
                parts.append(entries)
                records += count
        yield from self._envelopes(kind, parts, records, received_unix_nano)

    def _envelopes(
        self, number: int, parts: list[bytes], records: int, received_unix_nano: int
    ) -> Iterator[Envelope]:
        if not records:
            return
        entries = b"".join(parts)
        yield Envelope(
            tenant=self._request.tenant,
            received_unix_nano=received_unix_nano,
            door=self._request.door,
            source=self._request.source,
            kind=Payload.ENVOY_ALS,
            content=wire.bytes_head(number, len(entries)) + entries,
            records=records,
            labels=self._labels,
        )


def _entries(message: bytes) -> tuple[bytes | None, list[tuple[int, bytes, int]]]:
    """Return a message's identifier, and its entries: (field, their bytes, how many).

    The entries of several messages may simply follow one another: that is how Protocol Buffers
    write a repeated field. Raises: ValueError when the bytes are no StreamAccessLogsMessage.
    """
    try:
        known = EnvoyAls.FromString(message)
    except DecodeError as error:
        raise ValueError("not a message") from error
    counts = {
        _HTTP_LOGS: len(known.http_logs.log_entry),
        _TCP_LOGS: len(known.tcp_logs.log_entry),
    }
    identifier: bytes | None = None
    parts: dict[int, list[bytes]] = {}
    for number, value in wire.fields(message):
        if isinstance(value, int):
            continue
        if number == _IDENTIFIER:
            identifier = bytes(value)
        elif number in counts:
            parts.setdefault(number, []).append(bytes(value))
    found = [(number, b"".join(pieces), counts[number]) for number, pieces in parts.items()]
    return identifier, found


def decode(request: Request) -> Decoded:
    """Refuse a call of one message alone: the method is a stream. Raises: PayloadError."""
    raise PayloadError(f"{request.path} is a stream")


def refuse(error: MeshsealError, _headers: Mapping[str, str]) -> Reply:
    """Answer with a gRPC status: `status` is the gRPC code, `body` the serialized Status."""
    code = _CODES.get(error.code, 13)
    return Reply(code, Status(code=code, message=str(error)).SerializeToString())


# google.rpc.Code of the errors that a door can raise. Envoy opens its stream again after any.
_CODES = {
    "invalid_payload": 3,
    "unsupported": 12,
    "too_large": 8,
    "unauthenticated": 16,
    "forbidden": 7,
    "overloaded": 14,
    "rate_limited": 14,
}


# ---- Who logs ----------------------------------------------------------------------------------

# Istio's metadata of a node, by the attribute that says the same.
_METADATA = {
    "NAME": "k8s.pod.name",
    "NAMESPACE": "k8s.namespace.name",
    "NODE_NAME": "k8s.node.name",
    "CLUSTER_ID": "k8s.cluster.name",
    "WORKLOAD_NAME": "istio.workload.name",
    "SERVICE_ACCOUNT": "istio.service_account",
    "MESH_ID": "istio.mesh.id",
    "ISTIO_VERSION": "istio.version",
    "INSTANCE_IPS": "k8s.pod.ip",
}
_SERVICE_LABELS = (
    "service.istio.io/canonical-name",
    "app.kubernetes.io/name",
    "app",
    "k8s-app",
)
_VERSION_LABELS = (
    "service.istio.io/canonical-revision",
    "app.kubernetes.io/version",
    "version",
)
_OWNERS = {
    "deployments": "k8s.deployment.name",
    "daemonsets": "k8s.daemonset.name",
    "statefulsets": "k8s.statefulset.name",
    "replicasets": "k8s.replicaset.name",
    "jobs": "k8s.job.name",
    "cronjobs": "k8s.cronjob.name",
}


def labels_of(identifier: bytes) -> Labels:
    """Return what a stream's identifier says, as attributes of a resource.

    Of a node's metadata, what is longer than 256 bytes or an object of its own (as the proxy's
    configuration is in Istio) is left out, but for the pod's labels; so is the list of what is
    compiled into the proxy. Both would otherwise stand on every record. What is no identifier says
    nothing: the entries behind it are taken all the same.
    """
    try:
        outer = _fields(identifier)
        node = _fields(outer.get(1, b""))
        metadata = _struct(node.get(3, b""))
    except (ValueError, DecodeError):
        return {}
    locality = _scalars(node.get(4, b""))
    found = {
        "log_name": _text(outer.get(2, b"")),
        "envoy.node.id": _text(node.get(1, b"")),
        "envoy.node.cluster": _text(node.get(2, b"")),
        "cloud.region": locality.get(1, ""),
        "cloud.availability_zone": locality.get(2, ""),
        "envoy.node.sub_zone": locality.get(3, ""),
        "envoy.version": _text(node.get(7, b"")) or _version(node.get(8, b"")),
        **_of_id(_text(node.get(1, b""))),
        **_of_metadata(metadata),
    }
    found = _service(found) | found
    kept = {name: value for name, value in found.items() if value and len(value) <= MAX_LABEL_BYTES}
    return dict(list(kept.items())[:MAX_LABELS])


def _of_id(node_id: str) -> Labels:
    """Return what the id of an Istio node says: `sidecar~<ip>~<pod>.<namespace>~<domain>`."""
    parts = node_id.split("~")
    if len(parts) != 4:
        return {}
    pod, _, namespace = parts[2].rpartition(".")
    return {
        "istio.node.type": parts[0],
        "k8s.pod.ip": parts[1],
        "k8s.pod.name": pod,
        "k8s.namespace.name": namespace,
    }


def _of_metadata(metadata: Mapping[str, object]) -> Labels:
    found: Labels = {}
    # In an order of their own: the same node has the same attributes each time.
    for key, value in sorted(metadata.items()):
        if key == "LABELS" and isinstance(value, dict):
            found |= {f"k8s.pod.label.{name}": _scalar(one) for name, one in sorted(value.items())}
        elif key == "OWNER":
            kind, _, name = _scalar(value).rpartition("/")
            found[_OWNERS.get(kind.rpartition("/")[2], "k8s.owner.name")] = name
        elif not isinstance(value, dict | list):
            found[_METADATA.get(key, f"envoy.node.metadata.{key}")] = _scalar(value)
    return found


def _service(found: Labels) -> Labels:
    """Return the service of a node, from what is known of it."""
    cluster = found["envoy.node.cluster"]
    namespace = found.get("k8s.namespace.name", "")
    names = [found.get(f"k8s.pod.label.{label}", "") for label in _SERVICE_LABELS]
    names += [
        found.get("istio.workload.name", ""),
        cluster.removesuffix(f".{namespace}") if namespace else cluster,
        found["envoy.node.id"],
    ]
    versions = [found.get(f"k8s.pod.label.{label}", "") for label in _VERSION_LABELS]
    return {
        "service.name": next(filter(None, names), ""),
        "service.namespace": namespace,
        "service.version": next(filter(None, versions), ""),
    }


def _fields(message: bytes) -> dict[int, bytes]:
    """Return the length-delimited fields of a message. Raises: ValueError."""
    return {
        number: bytes(value) for number, value in wire.fields(message) if not isinstance(value, int)
    }


def _scalars(message: bytes) -> dict[int, str]:
    try:
        return {number: _text(value) for number, value in _fields(message).items()}
    except ValueError:
        return {}


def _version(build: bytes) -> str:
    """Return the version in an `envoy.config.core.v3.BuildVersion`, or ''."""
    try:
        version = dict(wire.fields(_fields(build).get(1, b"")))
    except ValueError:
        return ""
    return ".".join(str(version.get(part, 0)) for part in (1, 2, 3)) if version else ""


def _struct(encoded: bytes) -> dict[str, object]:
    """Return a google.protobuf.Struct. Raises: DecodeError."""
    found: dict[str, object] = {}
    for key, value in Struct.FromString(encoded).fields.items():
        found[key] = _plain(value)
    return found


def _plain(value: Value) -> object:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return {key: _plain(one) for key, one in value.struct_value.fields.items()}
    if kind == "list_value":
        return [_plain(one) for one in value.list_value.values]
    return getattr(value, kind) if kind and kind != "null_value" else None


def _scalar(value: object) -> str:
    """Return a value of a Struct as text; its numbers are all doubles."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        value = int(value)
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


ENVOY_ALS = Protocol(
    name="envoy_als",
    title="Envoy access log service",
    paths=(METHOD,),
    decode=decode,
    refuse=refuse,
    stream=AccessLogStream,
    native_port=9001,
    grpc=True,
    acknowledges="never; nothing more is read while what was read is not on disk, and Envoy drops "
    "entries when its own buffer is full",
    clients=("Envoy", "Istio", "Gloo", "Contour"),
)

PROTOCOLS = (ENVOY_ALS,)
