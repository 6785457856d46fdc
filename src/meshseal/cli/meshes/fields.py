"""What a proxy must log for the control tests: each field once, with what gives it in each proxy.

A field's name is what `shape.access` reads. The tests are numbers of control tests; `TESTS` says
what they are.
Sources: envoyproxy/envoy, docs "Access logging" (command operators); nginx.org, modules http_core,
http_ssl, http_upstream, http_log; HAProxy 2.6 configuration manual, sections 7.3 and 8.2.6.
"""

from __future__ import annotations

from dataclasses import dataclass

TESTS: dict[int, str] = {
    1: "Every source in scope sends",
    3: "What was emitted is stored, or its loss is known",
    6: "Clocks agree",
    7: "Records arrive in time",
    13: "The records have the fields that the other tests need",
    24: "Bulk exports are approved",
    27: "Share of mutual TLS: no plaintext, nothing unknown",
    28: "TLS is of version 1.2 or later, with allowed cipher suites",
    29: "Each peer's identity is of an allowed trust domain, and registered",
    30: "Certificates are short-lived, and none is used after its end",
    31: "No permissive window in the policies",
    33: "Denied requests are denied, and logged",
    34: "Every pair of services that talks is allowed to",
    35: "Traffic leaves to approved destinations only",
    36: "Requests from outside come by a gateway",
    37: "Every workload in the mesh has its proxy",
    41: "Failures are seen, and looked into in time",
}
"""The control tests that need something of a proxy's log, in short."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the access log.

    Attributes:
        name: Its key.
        why: What it is for.
        tests: The control tests that need it.
        envoy: Envoy's operators for it, or '' where Envoy has none.
        nginx: NGINX's variables.
        haproxy: HAProxy's log-format; a text that a client gives goes through `json(utf8s)`.
    """

    name: str
    why: str
    tests: tuple[int, ...]
    envoy: str = ""
    nginx: str = ""
    haproxy: str = ""


def _same(name: str, why: str, tests: tuple[int, ...], nginx: str = "", haproxy: str = "") -> Field:
    """Return a field whose operator in Envoy has its name."""
    return Field(name, why, tests, f"%{name.upper()}%", nginx, haproxy)


FIELDS: tuple[Field, ...] = (
    # When, and how long
    _same("start_time", "when the request began", (6, 7), haproxy="%Ts.%ms"),
    Field("end_time", "when it was answered", (6, 7), nginx="$msec"),
    _same("duration", "how long it took, in milliseconds", (41,), haproxy="%Ta"),
    Field("duration_s", "how long it took, in seconds", (41,), nginx="$request_time"),
    _same("request_duration", "until the request was read", (41,), haproxy="%TR"),
    _same("response_duration", "until the upstream's first byte", (41,)),
    Field(
        "upstream_service_time",
        "how long the upstream took",
        (41,),
        "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
        haproxy="%Tr",
    ),
    Field(
        "upstream_time_s",
        "how long each upstream that was tried took, in seconds",
        (41,),
        nginx="$upstream_response_time",
    ),
    # What was asked for, of whom
    Field("method", "what was asked", (13,), "%REQ(:METHOD)%", "$request_method", "%HM"),
    Field(
        "path",
        "what was asked for",
        (13, 33),
        "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "$request_uri",
        "%[var(txn.meshseal_path),json(utf8s)]",
    ),
    _same("protocol", "HTTP version", (13,), "$server_protocol", "%HV"),
    Field("scheme", "scheme of the request", (27,), "%REQ(:SCHEME)%", "$scheme"),
    Field(
        "authority",
        "who was asked for",
        (34, 35, 36),
        "%REQ(:AUTHORITY)%",
        "$http_host",
        "%[var(txn.meshseal_host),json(utf8s)]",
    ),
    _same(
        "requested_server_name",
        "who was asked for in TLS",
        (27, 35),
        "$ssl_server_name",
        "%[ssl_fc_sni,json(utf8s)]",
    ),
    Field(
        "request_id",
        "the request, the same at both ends",
        (3, 34),
        "%REQ(X-REQUEST-ID)%",
        "$meshseal_request_id",
        "%[var(txn.meshseal_request_id),json(utf8s)]",
    ),
    Field(
        "user_agent",
        "the client's program",
        (33, 36),
        "%REQ(USER-AGENT)%",
        "$http_user_agent",
        "%[var(txn.meshseal_agent),json(utf8s)]",
    ),
    Field(
        "x_forwarded_for",
        "the client's address, as proxies tell it",
        (33, 36),
        "%REQ(X-FORWARDED-FOR)%",
        "$http_x_forwarded_for",
        "%[var(txn.meshseal_forwarded),json(utf8s)]",
    ),
    # Trace context
    Field(
        "traceparent",
        "the trace (W3C)",
        (13,),
        "%REQ(TRACEPARENT)%",
        "$http_traceparent",
        "%[var(txn.meshseal_traceparent),json(utf8s)]",
    ),
    Field(
        "b3",
        "the trace (Zipkin's one header)",
        (13,),
        "%REQ(B3)%",
        "$http_b3",
        "%[var(txn.meshseal_b3),json(utf8s)]",
    ),
    Field(
        "x_b3_traceid",
        "the trace (Zipkin)",
        (13,),
        "%REQ(X-B3-TRACEID)%",
        "$http_x_b3_traceid",
    ),
    Field("x_b3_spanid", "the span (Zipkin)", (13,), "%REQ(X-B3-SPANID)%", "$http_x_b3_spanid"),
    # What came of it
    _same("response_code", "the answer", (33, 41), "$status", "%ST"),
    _same("response_flags", "why a proxy gave the answer itself", (13, 33, 41)),
    _same("response_code_details", "the reason, such as a policy that denied it", (33, 41)),
    _same("connection_termination_details", "why a connection was ended", (33, 41)),
    _same("upstream_transport_failure_reason", "why TLS to the upstream failed", (27, 41)),
    _same("downstream_transport_failure_reason", "why TLS of the client failed", (27, 33)),
    Field("termination_state", "who ended the session, and when", (33, 41), haproxy="%tsc"),
    _same("grpc_status", "gRPC's own answer", (41,)),
    _same("bytes_received", "size of the request", (24,), "$content_length", "%U"),
    _same("bytes_sent", "size of the answer", (24,), "$body_bytes_sent", "%B"),
    Field(
        "attempts",
        "how often the upstream was asked",
        (41,),
        "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    ),
    Field("retries", "how often it was asked again", (41,), haproxy="%rc"),
    # Who the upstream is
    _same("upstream_host", "who answered", (34, 35), "$upstream_addr", "%si:%sp"),
    Field(
        "upstream_cluster",
        "who was to answer",
        (34, 35),
        "%UPSTREAM_CLUSTER_RAW%",
        "$proxy_host",
        "%b",
    ),
    _same("route_name", "the rule that chose it", (34,), "$server_name", "%f"),
    _same("upstream_local_address", "this end towards the upstream", (27, 34), haproxy="%bi:%bp"),
    # Who the client is
    _same(
        "downstream_local_address",
        "the address that was asked",
        (34, 36),
        "$meshseal_local:$server_port",
        "%fi:%fp",
    ),
    _same(
        "downstream_remote_address",
        "the client's address",
        (34, 36),
        "$meshseal_remote:$remote_port",
        "%ci:%cp",
    ),
    _same("downstream_direct_remote_address", "the other end of the connection", (27, 36)),
    _same("connection_id", "the connection, for a census of them", (27,), "$connection"),
    _same("access_log_type", "which moment of the request is logged", (3,)),
    # Encryption and identity: the connection that was accepted
    Field(
        "downstream_secure",
        "whether the client came by TLS",
        (27,),
        nginx="$https",
        haproxy="%[ssl_fc]",
    ),
    _same("downstream_tls_version", "its version of TLS", (13, 27, 28), "$ssl_protocol", "%sslv"),
    _same("downstream_tls_cipher", "its cipher suite", (28,), "$ssl_cipher", "%sslc"),
    Field(
        "downstream_peer_verify",
        "whether the client's certificate was verified",
        (27, 29),
        nginx="$ssl_client_verify",
        haproxy="%[ssl_c_used]:%[ssl_c_verify]",
    ),
    _same("downstream_peer_uri_san", "who the client proved to be (SPIFFE)", (13, 27, 29)),
    _same("downstream_local_uri_san", "who this end proved to be (SPIFFE)", (27, 29)),
    _same(
        "downstream_peer_subject",
        "subject of the client's certificate",
        (27, 29),
        "$ssl_client_s_dn",
        "%[ssl_c_s_dn,json(utf8s)]",
    ),
    _same("downstream_local_subject", "subject of this end's certificate", (29,)),
    _same(
        "downstream_peer_issuer",
        "who signed the client's certificate",
        (29, 30),
        "$ssl_client_i_dn",
        "%[ssl_c_i_dn,json(utf8s)]",
    ),
    _same(
        "downstream_peer_serial",
        "its serial number",
        (30,),
        "$ssl_client_serial",
        "%[ssl_c_serial,hex]",
    ),
    _same(
        "downstream_peer_fingerprint_256",
        "its SHA-256",
        (30,),
        haproxy="%[ssl_c_der,sha2(256),hex]",
    ),
    Field("downstream_peer_fingerprint_1", "its SHA-1", (30,), nginx="$ssl_client_fingerprint"),
    _same(
        "downstream_peer_cert_v_start",
        "from when it is valid",
        (30,),
        "$ssl_client_v_start",
        "%[ssl_c_notbefore]",
    ),
    _same(
        "downstream_peer_cert_v_end",
        "until when it is valid",
        (30,),
        "$ssl_client_v_end",
        "%[ssl_c_notafter]",
    ),
    # Encryption and identity: the connection to the upstream
    _same(
        "upstream_tls_version",
        "version of TLS to the upstream",
        (13, 27, 28),
        haproxy="%[ssl_bc_protocol]",
    ),
    _same("upstream_tls_cipher", "its cipher suite", (28,), haproxy="%[ssl_bc_cipher]"),
    _same("upstream_peer_uri_san", "who the upstream proved to be (SPIFFE)", (13, 27, 29)),
    _same("upstream_local_uri_san", "who this end would prove to be to it (SPIFFE)", (29,)),
    _same("upstream_peer_subject", "subject of the upstream's certificate", (29,)),
    _same("upstream_peer_issuer", "who signed it", (29, 30)),
    _same("upstream_peer_cert_v_start", "from when it is valid", (30,)),
    _same("upstream_peer_cert_v_end", "until when it is valid", (30,)),
    # Where
    Field("host_name", "the machine that logs", (1,), "%HOSTNAME%", "$hostname", "%H"),
)


def of(source: str) -> list[tuple[Field, str]]:
    """Return what gives each field in a proxy: `envoy`, `nginx` or `haproxy`."""
    found = [(field, str(getattr(field, source))) for field in FIELDS]
    return [(field, given) for field, given in found if given]


KUMA: tuple[tuple[Field, str], ...] = (
    (Field("mesh_name", "the mesh", (1, 34)), "%KUMA_MESH%"),
    (Field("direction", "which side logs", (27, 34)), "%KUMA_TRAFFIC_DIRECTION%"),
    (Field("source_service", "who asks", (34,)), "%KUMA_SOURCE_SERVICE%"),
    (Field("destination_service", "who is asked", (34,)), "%KUMA_DESTINATION_SERVICE%"),
)
"""What Kuma's control plane writes into a format. Source: kumahq/kuma, pkg/envoy/accesslog."""

ISTIO: tuple[tuple[Field, str], ...] = (
    (
        Field("workload", "the workload that logs", (1, 34)),
        "%ENVIRONMENT(ISTIO_META_WORKLOAD_NAME)%",
    ),
    (Field("service_namespace", "its namespace", (1, 34)), "%ENVIRONMENT(POD_NAMESPACE)%"),
    (Field("pod", "its pod", (1, 37)), "%ENVIRONMENT(POD_NAME)%"),
    (Field("cluster", "its cluster", (1,)), "%ENVIRONMENT(ISTIO_META_CLUSTER_ID)%"),
)
"""What the injector puts into the environment of a proxy in Istio. Source: istio/istio,
manifests/charts/istio-control/istio-discovery/files/injection-template.yaml."""
