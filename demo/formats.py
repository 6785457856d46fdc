"""What the proxies of each platform write about a hop, and what the services write themselves."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.happenings import SECOND
from demo.shop import Door, Platform, Service
from demo.visits import Hop

CLUSTERS = {Platform.ISTIO: "eu1", Platform.LINKERD: "us1", Platform.CONSUL: "dc1"}
_TRUST_DOMAIN = "7c1e9a52-2c1f-4f0e-b9d3-5a0d6f1f7f10.consul"
_INGRESS = "spiffe://eu1.shop.example/ns/istio-ingress/sa/ingress"


@dataclass(frozen=True, slots=True)
class Record:
    """One log record, on its way to a door.

    Attributes:
        at: Nanoseconds since the epoch.
        service: Who reports.
        version: The version that runs there.
        worker: The pod or virtual machine.
        body: The line.
        format: Format hint for lines; '' where none is given.
        severity: Severity of an application's record; '' for an access log.
        attributes: What the collector adds to the line.
        trace_id: 128 bits; 0 where the protocol has no place for it.
        span_id: 64 bits.
    """

    at: int
    service: Service
    version: str
    worker: str
    body: str
    format: str = ""
    severity: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    trace_id: int = 0
    span_id: int = 0

    @property
    def door(self) -> Door:
        """The protocol that it leaves by."""
        return self.service.door

    @property
    def resource(self) -> dict[str, str]:
        """What produced it, in OpenTelemetry's words."""
        service = self.service
        given = {
            "service.name": service.name,
            "service.version": self.version,
            "mesh.kind": service.platform.value,
        }
        if service.platform is Platform.CONSUL:
            return given | {"consul.datacenter": "dc1", "host.name": self.worker}
        return given | {
            "k8s.cluster.name": CLUSTERS[service.platform],
            "k8s.namespace.name": "shop",
            "k8s.pod.name": self.worker,
        }


def records(hop: Hop) -> list[Record]:
    """Return what a hop leaves in the logs: its proxy's line and, at times, the service's own."""
    written = [_ACCESS[hop.service.platform](hop)]
    own = _application(hop)
    return [*written, own] if own else written


def traceparent(hop: Hop) -> str:
    """Return the W3C trace context that the request came with."""
    return f"00-{hop.trace_id:032x}-{hop.span_id:016x}-01"


def envoy_fields(hop: Hop, *, cluster: str, authority: str, peer: str) -> dict[str, Any]:
    """Return the fields of Istio's and Consul's JSON access log, in their order.

    Source: istio/istio, pilot/pkg/model/telemetry_logging.go.
    """
    port = hop.service.port
    address = _address(hop.worker)
    return {
        "start_time": stamp(hop.at),
        "route_name": "default",
        "method": hop.method,
        "path": hop.path,
        "protocol": "HTTP/2" if hop.caller else "HTTP/1.1",
        "response_code": hop.status,
        "response_flags": hop.flags,
        "response_code_details": "via_upstream"
        if hop.flags == "-"
        else "upstream_reset_before_response_started{connection_termination}",
        "connection_termination_details": None,
        "bytes_received": hop.received_bytes,
        "bytes_sent": hop.sent_bytes,
        "duration": hop.duration_ms,
        "upstream_service_time": None if hop.flags != "-" else max(0, hop.duration_ms - 1),
        "x_forwarded_for": hop.visitor.address,
        "user_agent": hop.visitor.user_agent if not hop.caller else f"{hop.caller}-client/1.0",
        "request_id": hop.request_id,
        "authority": authority,
        "upstream_host": f"{address}:{port}",
        "upstream_cluster": cluster,
        "upstream_local_address": f"127.0.0.6:{40_000 + hop.span_id % 20_000}",
        "downstream_local_address": f"{address}:{port}",
        "downstream_remote_address": f"{peer}:{30_000 + hop.span_id % 30_000}",
        "requested_server_name": None,
        "upstream_transport_failure_reason": None,
    }


def stamp(at: int) -> str:
    """Return a time as Envoy writes it, to the millisecond."""
    seconds, rest = divmod(at, SECOND)
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 10**6:03d}Z"


# ---- Access logs ---------------------------------------------------------------------------------


def _istio(hop: Hop) -> Record:
    """Istio's JSON access log, with the identities that its OpenTelemetry provider can add."""
    name, port = hop.service.name, hop.service.port
    host = f"{name}.shop.svc.cluster.local"
    fields = envoy_fields(
        hop,
        cluster=f"inbound|{port}||{host}",
        authority=f"{host}:{port}" if hop.caller else "shop.example",
        peer=_address(hop.caller or "ingress"),
    )
    attributes = {"http.request.header.traceparent": traceparent(hop), "mesh.mtls": "plaintext"}
    if hop.encrypted:
        attributes |= {
            "mesh.mtls": "mutual",
            "mesh.peer.spiffe_id": _istio_id(hop.caller) if hop.caller else _INGRESS,
            "mesh.local.spiffe_id": _istio_id(name),
        }
    return _record(hop, _json(fields), attributes=attributes, traced=True)


def _linkerd(hop: Hop) -> Record:
    """Linkerd's JSON access log; `client.id` is the identity that the caller proved.

    Source: linkerd/linkerd2-proxy, linkerd/http/access-log.
    """
    name, port = hop.service.name, hop.service.port
    identity = f"{hop.caller}.shop.serviceaccount.identity.linkerd.us1.shop.example"
    total_ns = hop.duration_ms * 10**6 + hop.span_id % 10**6
    fields = {
        "client.addr": f"{_address(hop.caller)}:{30_000 + hop.span_id % 30_000}",
        "client.id": identity if hop.encrypted else "-",
        "timestamp": stamp(hop.at),
        "method": hop.method,
        "uri": f"http://{name}.shop.svc.cluster.local:{port}{hop.path}",
        "version": "HTTP/2.0",
        "trace_id": f"{hop.trace_id:032x}",
        "request_bytes": str(hop.received_bytes or ""),
        "status": hop.status,
        "response_bytes": str(hop.sent_bytes),
        "total_ns": str(total_ns),
        "processing_ns": str(hop.span_id % 90_000 + 20_000),
        "user_agent": f"{hop.caller}-client/1.0",
        "host": f"{name}:{port}",
    }
    return _record(hop, _json(fields))


def _consul(hop: Hop) -> Record:
    if hop.service.door is Door.DOCUMENTS:
        return _consul_document(hop)
    peer = _address(hop.caller)
    fields = envoy_fields(hop, cluster="local_app", authority=hop.service.name, peer=peer)
    if hop.worker == hop.service.workers[0]:
        return _record(hop, _json(fields), format="istio_json")
    return _record(hop, _envoy_text(fields), format="envoy_text")


def _consul_document(hop: Hop) -> Record:
    """A JSON format of the operator's own, as Consul's proxy defaults allow.

    Each key is Envoy's operator under the name that OpenTelemetry's conventions give it.
    """
    path, _, query = hop.path.partition("?")
    fields = {
        "timestamp": stamp(hop.at),
        "trace_id": f"{hop.trace_id:032x}",
        "span_id": f"{hop.span_id:016x}",
        "traceparent": traceparent(hop),
        "level": "error" if hop.status >= 500 else "warn" if hop.status >= 400 else "info",
        "http.request.method": hop.method,
        "url.path": path,
        "url.query": query,
        "http.response.status_code": hop.status,
        "mesh.response_flags": "" if hop.flags == "-" else hop.flags,
        "mesh.duration_ms": hop.duration_ms,
        "mesh.reporter": "inbound",
        "http.request.body.size": hop.received_bytes,
        "http.response.body.size": hop.sent_bytes,
        "network.peer.address": _address(hop.caller),
        "http.request.header.x-request-id": hop.request_id,
        "service.peer.name": hop.caller,
        "mesh.mtls": "mutual" if hop.encrypted else "plaintext",
        "mesh.peer.spiffe_id": _consul_id(hop.caller) if hop.encrypted else "",
        "mesh.local.spiffe_id": _consul_id(hop.service.name) if hop.encrypted else "",
    }
    return _record(hop, _json({key: value for key, value in fields.items() if value != ""}))


def _envoy_text(fields: Mapping[str, Any]) -> str:
    """Envoy's default text format. Source: envoyproxy/envoy, access log documentation."""
    shown = {key: "-" if value is None else value for key, value in fields.items()}
    return (
        '[{start_time}] "{method} {path} {protocol}" {response_code} {response_flags} '
        "{bytes_received} {bytes_sent} {duration} {upstream_service_time} "
        '"{x_forwarded_for}" "{user_agent}" "{request_id}" "{authority}" "{upstream_host}"'
    ).format_map(shown)


_ACCESS: dict[Platform, Callable[[Hop], Record]] = {
    Platform.ISTIO: _istio,
    Platform.LINKERD: _linkerd,
    Platform.CONSUL: _consul,
}

# ---- What services say themselves ----------------------------------------------------------------

_SAID = {
    "frontend": "rendered {path} in {duration_ms} ms",
    "cart": "cart {path} saved",
    "checkout": "order accepted, {duration_ms} ms",
    "payment": "charge authorized by acquirer in {duration_ms} ms",
    "recommendations": "{duration_ms} ms for model run of {path}",
}
_COMPLAINED = {
    "frontend": "no answer for {path}: upstream says {status}",
    "cart": "cannot save {path}: {status}",
    "checkout": "order given up: payment or stock does not answer ({status})",
    "payment": "acquirer handshake failed: unknown field 'merchant_ref' in request schema 7",
    "recommendations": "model run failed for {path}",
}
_ONE_IN = 6


def _application(hop: Hop) -> Record | None:
    """What the service itself logs: each failure, and one in six of the rest."""
    failed = hop.status >= 500
    said = (_COMPLAINED if failed else _SAID).get(hop.service.name)
    refused = 400 <= hop.status < 500
    if said is None or refused or not (failed or hop.span_id // 2 % _ONE_IN == 0):
        return None
    body = said.format(path=hop.path, duration_ms=hop.duration_ms, status=hop.status)
    attributes = {"code.namespace": f"shop.{hop.service.name}", "http.route": hop.path}
    if failed:
        attributes["exception.type"] = "UpstreamError"
    severity = "ERROR" if failed else "INFO"
    return _record(hop, body, severity=severity, attributes=attributes, traced=True, late=True)


def _record(
    hop: Hop,
    body: str,
    *,
    format: str = "",  # noqa: A002  (the parameter's name at the door)
    severity: str = "",
    attributes: Mapping[str, str] | None = None,
    traced: bool = False,
    late: bool = False,
) -> Record:
    return Record(
        at=hop.at + (hop.duration_ms * 10**6 if late else 0),
        service=hop.service,
        version=hop.version,
        worker=hop.worker,
        body=body,
        format=format,
        severity=severity,
        attributes=attributes or {},
        trace_id=hop.trace_id if traced else 0,
        span_id=hop.span_id if traced else 0,
    )


def _json(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, separators=(",", ":"))


def _istio_id(name: str) -> str:
    return f"spiffe://eu1.shop.example/ns/shop/sa/{name}"


def _consul_id(name: str) -> str:
    return f"spiffe://{_TRUST_DOMAIN}/ns/default/dc/dc1/svc/{name}"


def _address(worker: str) -> str:
    """Return an address that is always the same for a name."""
    number = sum(ord(letter) * (index + 7) for index, letter in enumerate(worker))
    return f"10.{8 + number % 3}.{number // 256 % 256}.{number % 254 + 1}"
