"""Envoy's own configuration, by each of its ways to send."""

from __future__ import annotations

from meshseal.cli.meshes import fields, render, shipper
from meshseal.cli.meshes.destination import Request
from meshseal.cli.meshes.fields import Field

PORTS = {"otlp": 4317, "als": 9001, "fluentd": 24224, "file": 4318}

BODY = (
    "meshseal-access %REQ(:METHOD)% %REQ(:AUTHORITY)%%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% "
    "%PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS%"
)
"""What people see of a record whose fields are its attributes. The format is known by its first
word."""

_TAGS: tuple[tuple[str, str], ...] = (
    ("tls.client.hash.sha256", "downstream_peer_fingerprint_256"),
    ("tls.client.x509.serial_number", "downstream_peer_serial"),
    ("tls.client.not_before", "downstream_peer_cert_v_start"),
    ("tls.client.not_after", "downstream_peer_cert_v_end"),
    ("mesh.upstream.tls_version", "upstream_tls_version"),
    ("mesh.upstream.tls_cipher", "upstream_tls_cipher"),
    ("mesh.upstream.spiffe_id", "upstream_peer_uri_san"),
    ("mesh.upstream.local_spiffe_id", "upstream_local_uri_san"),
    ("mesh.upstream.tls_subject", "upstream_peer_subject"),
    ("tls.server.not_before", "upstream_peer_cert_v_start"),
    ("tls.server.not_after", "upstream_peer_cert_v_end"),
    ("mesh.connection_id", "connection_id"),
    ("host.name", "host_name"),
)


def configure(request: Request) -> str:
    """Return the configuration."""
    given = fields_of(request)
    values = {
        "address": request.to.at(PORTS[request.transport]),
        "metadata": metadata(request),
        "resource": _resource(request),
        "body": render.quoted(BODY),
        "tag": render.quoted(request.service or "envoy"),
        "counter": "access_logs.grpc_access_log.logs_dropped tells",
        "tags": _tags(request),
        "clusters": cluster(request),
        "shipper": "",
    }
    form = "{name}: {value}"
    if request.transport == "otlp":
        form = "- {{key: {name}, value: {{string_value: {value}}}}}"
    values["fields"] = render.each(given, form, explain=request.explain)
    if request.transport == "file":
        values["shipper"] = shipper.fluent_bit(request, path="/var/log/envoy/access.log")
    return render.fill(f"envoy-{request.transport}.yaml", values)


def fields_of(request: Request, mesh: str = "envoy") -> list[tuple[Field, str]]:
    """Return the fields with Envoy's operators, those that are always the same first."""
    same = {"meshseal": mesh, "reporter": request.reporter}
    if request.transport != "otlp":
        same["service_name"] = request.service
    return render.constants(same) + fields.of("envoy")


def metadata(request: Request) -> str:
    """Return what says who sends, for a gRPC service of Envoy."""
    sent = {"authorization": f"Bearer {request.key}" if request.key else ""}
    sent["x-scope-orgid"] = request.tenant
    rows = [
        f"- {{key: {key}, value: {render.quoted(value)}}}" for key, value in sent.items() if value
    ]
    return "\n".join(["initial_metadata:", *rows]) if rows else ""


def cluster(request: Request) -> str:
    """Return the cluster that is the server."""
    to, http2, tls = request.to, "", ""
    if request.transport in ("otlp", "als"):
        http2 = render.fill("envoy-http2.yaml", {})
    if to.tls:
        tls = render.fill(
            "envoy-tls.yaml",
            {
                "sni": "" if to.is_address else f"sni: {to.host}",
                "ca_file": request.ca_file,
                "san_type": "IP_ADDRESS" if to.is_address else "DNS",
                "host": render.quoted(to.host),
            },
        )
    values = {
        "discovery": "STATIC" if to.is_address else "STRICT_DNS",
        "host": render.quoted(to.host),
        "port": str(to.port or PORTS[request.transport]),
        "http2": http2,
        "tls": tls,
    }
    return render.fill("envoy-cluster.yaml", values)


def _resource(request: Request) -> str:
    rows = [
        f"  - {{key: {key}, value: {{string_value: {render.quoted(value)}}}}}"
        for key, value in request.labels.items()
    ]
    return "\n".join(["resource_attributes:", "  values:", *rows]) if rows else ""


def _tags(request: Request) -> str:
    """Return the custom tags of entries of the access log service: what they have no room for."""
    known = {field.name: field for field in fields.FIELDS}
    given = [
        (Field(tag, known[name].why, known[name].tests), known[name].envoy) for tag, name in _TAGS
    ]
    tags = render.each(given, "- {{tag: {name}, value: {value}}}", explain=request.explain)
    labels = [
        f"- {{tag: {key}, literal: {{value: {render.quoted(value)}}}}}"
        for key, value in request.labels.items()
    ]
    # By this the server knows that the version of TLS to the upstream is among the tags.
    return "\n".join(["- {tag: meshseal, literal: {value: upstream_tls}}", tags, *labels])
