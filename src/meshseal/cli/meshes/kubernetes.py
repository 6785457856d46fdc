"""The configurations of meshes on Kubernetes: Istio, Consul, Kuma, Linkerd, Cilium."""

from __future__ import annotations

from meshseal.cli.meshes import envoy, fields, render, shipper
from meshseal.cli.meshes.destination import Request
from meshseal.cli.meshes.fields import Field

_PLAIN_FORM = "{name}: {value}"
_PAIR_FORM = "- {{key: {name}, value: {value}}}"
_CONTAINERS = "/var/log/containers/*_{container}-*.log"
_ISTIO_PORTS = {"otlp": 4317, "als": 9001, "file": 4318}
_SERVICE = "The server, as a service that the mesh knows."
_ISTIO_WAYS = {
    "otlp": ("over OpenTelemetry's protocol (gRPC) to", _SERVICE),
    "als": ("to the access log service (gRPC) at", _SERVICE),
    "file": ("as JSON, by a shipper to", "The shipper, here Fluent Bit as a DaemonSet:"),
}


def istio(request: Request) -> str:
    """Return Istio's configuration.

    Source: istio/api, mesh/v1alpha1; istio/istio, pilot/pkg/model/telemetry_logging.go.
    """
    given = [*envoy.fields_of(request, "istio"), *fields.ISTIO]
    port = str(request.to.port or _ISTIO_PORTS[request.transport])
    values = {
        "host": _istio_host(request),
        "port": port,
        "body": render.quoted(envoy.BODY),
        "fields": render.each(given, _PLAIN_FORM, explain=request.explain),
    }
    mesh_config = render.fill(f"istio-mesh-{request.transport}.yaml", values)
    providers = ["- name: meshseal"] + ["- name: meshseal-tcp"] * (request.transport == "als")
    way, third = _ISTIO_WAYS[request.transport]
    return render.fill(
        "istio.yaml",
        {
            "address": request.to.at(_ISTIO_PORTS[request.transport]),
            "way": way,
            "mesh_config": mesh_config,
            "telemetry": render.fill("istio-telemetry.yaml", {"providers": "\n".join(providers)}),
            "third": third,
            "service": _istio_service(request, port),
        },
    )


def _istio_host(request: Request) -> str:
    """Return the host by which the mesh knows the server: an address needs a name there."""
    return "meshseal.internal" if request.to.is_address else request.to.host


def _istio_service(request: Request, port: str) -> str:
    """Return what makes the server a service of the mesh; or the shipper, where there is one."""
    if request.transport == "file":
        return _shipper(request, "istio-proxy")
    to, tls = request.to, ["mode: DISABLE"]
    if to.tls:
        tls = ["mode: SIMPLE", f"caCertificates: {render.quoted(request.ca_file)}"]
        tls += [] if to.is_address else [f"sni: {to.host}", f"subjectAltNames: [{to.host}]"]
    values = {
        "host": _istio_host(request),
        "port": port,
        "resolution": "STATIC" if to.is_address else "DNS",
        "endpoints": f"endpoints: [{{address: {render.quoted(to.host)}}}]" if to.is_address else "",
        "tls": "\n".join(tls),
    }
    return render.fill("istio-service.yaml", values).rstrip("\n")


def consul(request: Request) -> str:
    """Return Consul's configuration.

    Source: Consul's documentation, "Access logs" and "Proxy defaults".
    """
    given = envoy.fields_of(request, "consul")
    rows = [f"{render.quoted(field.name)}: {render.quoted(value)}" for field, value in given]
    values = {
        "address": request.to.at(shipper.PORT),
        "reasons": render.reasons(given, explain=request.explain),
        "fields": ",\n".join(rows),
        "shipper": _shipper(request, "consul-dataplane"),
    }
    return render.fill("consul-file.yaml", values)


def kuma(request: Request) -> str:
    """Return Kuma's configuration. Source: kumahq/kuma, the definitions of both resources."""
    given = [*envoy.fields_of(request, "kuma"), *fields.KUMA]
    port = {"otlp": 4317, "tcp": 5514, "file": shipper.PORT}[request.transport]
    values = {
        "address": request.to.at(port),
        "host": render.quoted(request.to.host),
        "port": str(request.to.port or port),
        "target": render.quoted(request.to.at(port)),
        "body": render.quoted(envoy.BODY),
        "fields": render.each(given, _PAIR_FORM, explain=request.explain),
        "shipper": _shipper(request, "kuma-sidecar") if request.transport == "file" else "",
    }
    return render.fill(f"kuma-{request.transport}.yaml", values)


def linkerd(request: Request) -> str:
    """Return Linkerd's configuration. Source: its documentation, "HTTP Access Logging"."""
    given = [(field, "") for field in _LINKERD]
    values = {
        "address": request.to.at(shipper.PORT),
        "reasons": render.reasons(given, explain=request.explain),
        "namespace": request.labels.get("k8s.namespace.name", "default"),
        "shipper": _shipper(request, "linkerd-proxy"),
    }
    return render.fill("linkerd-file.yaml", values)


def hubble(request: Request) -> str:
    """Return the configuration of Hubble's exporter. Source: Cilium's documentation; flow.proto."""
    given = [(field, "") for field in _HUBBLE]
    values = {
        "address": request.to.at(shipper.PORT),
        "fields": render.each(given, "- {name}", explain=request.explain),
        "shipper": shipper.fluent_bit(request, path="/var/run/cilium/hubble/meshseal.log"),
    }
    return render.fill("hubble-file.yaml", values)


def _shipper(request: Request, container: str) -> str:
    path = _CONTAINERS.format(container=container)
    return shipper.fluent_bit(request, path=path, container=True).rstrip("\n")


_LINKERD: tuple[Field, ...] = (
    Field("timestamp", "when the request began", (6, 7)),
    Field("client.id", "who the client proved to be; `-` without mutual TLS", (13, 27, 29)),
    Field("client.addr", "the other end of the connection", (34, 36)),
    Field("method", "what was asked", (13,)),
    Field("uri", "what was asked for", (13, 33)),
    Field("host", "who was asked for", (34,)),
    Field("user_agent", "the client's program", (33, 36)),
    Field("trace_id", "the trace, or the request", (13,)),
    Field("status", "the answer", (33, 41)),
    Field("request_bytes", "size of the request", (24,)),
    Field("response_bytes", "size of the answer", (24,)),
    Field("total_ns", "how long it took", (41,)),
    Field("processing_ns", "how long the proxy itself took", (41,)),
)

_HUBBLE: tuple[Field, ...] = (
    Field("time", "when it was seen", (6, 7)),
    Field("uuid", "the flow itself", (3,)),
    Field("verdict", "whether it was let through, denied, or only audited", (31, 33, 34)),
    Field("drop_reason_desc", "why it was dropped", (33,)),
    Field("auth_type", "whether SPIRE authenticated both ends (policy verdicts only)", (27,)),
    Field("IP", "the addresses, and whether the packet was encrypted on the wire", (27, 34)),
    Field("l4", "the ports, and TCP's flags", (34,)),
    Field("l7", "the request: HTTP, DNS, Kafka", (13, 33, 41)),
    Field("source", "who asks: pod, workload, namespace, identity", (29, 34)),
    Field("destination", "who is asked", (29, 34)),
    Field("source_names", "names by which the source was looked up", (36,)),
    Field("destination_names", "names by which the destination was looked up", (35,)),
    Field("source_service", "the service that asks", (34,)),
    Field("destination_service", "the service that is asked", (34,)),
    Field("traffic_direction", "which side saw it", (34, 36)),
    Field("is_reply", "whether it is an answer", (34,)),
    Field("node_name", "the node", (1, 3)),
    Field("event_type", "what kind of event it is", (13,)),
    Field("Type", "whether it is of layer 3/4 or 7", (13,)),
    Field("policy_match_type", "how the policy matched", (34,)),
    Field("egress_allowed_by", "the policies that let it out", (34, 35)),
    Field("ingress_allowed_by", "the policies that let it in", (34,)),
    Field("egress_denied_by", "the policies that kept it in", (33,)),
    Field("ingress_denied_by", "the policies that kept it out", (33,)),
    Field("trace_context", "the trace", (13,)),
)
