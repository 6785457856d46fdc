"""The fields of Meshseal's own access log, which `meshseal mesh config` has proxies write.

The first are Envoy's, by the names that Istio gives them. The others say what Istio's own format
leaves out: who proved to be whom, how the connection was encrypted, whose request it was, and
where. What a proxy cannot tell is empty, `-`, null or not there.
"""

from __future__ import annotations

ENVOY_NAMES = (
    "start_time",
    "method",
    "path",
    "protocol",
    "response_code",
    "response_flags",
    "response_code_details",
    "connection_termination_details",
    "upstream_transport_failure_reason",
    "bytes_received",
    "bytes_sent",
    "duration",
    "upstream_service_time",
    "x_forwarded_for",
    "user_agent",
    "request_id",
    "authority",
    "upstream_host",
    "upstream_cluster",
    "upstream_local_address",
    "downstream_local_address",
    "downstream_remote_address",
    "requested_server_name",
    "route_name",
)
"""Istio's names for the fields of Envoy's access log, in the order of the tuple `fields`."""

PROOF_NAMES = (
    "meshseal",
    "start_time",
    "end_time",
    "duration_s",
    "upstream_host",
    "upstream_cluster",
    "upstream_local_address",
    "upstream_transport_failure_reason",
    "downstream_remote_address",
    "downstream_direct_remote_address",
    "downstream_transport_failure_reason",
    "response_flags",
    "reporter",
    "direction",
    "mesh_name",
    "source_service",
    "destination_service",
    "service_name",
    "service_namespace",
    "workload",
    "pod",
    "cluster",
    "host_name",
    "downstream_secure",
    "downstream_tls_version",
    "downstream_tls_cipher",
    "downstream_peer_verify",
    "downstream_peer_uri_san",
    "downstream_peer_subject",
    "downstream_peer_issuer",
    "downstream_peer_serial",
    "downstream_peer_fingerprint_256",
    "downstream_peer_fingerprint_1",
    "downstream_peer_cert_v_start",
    "downstream_peer_cert_v_end",
    "downstream_local_uri_san",
    "downstream_local_subject",
    "upstream_tls_version",
    "upstream_tls_cipher",
    "upstream_peer_uri_san",
    "upstream_peer_subject",
    "upstream_peer_issuer",
    "upstream_peer_cert_v_start",
    "upstream_peer_cert_v_end",
    "upstream_local_uri_san",
    "attempts",
    "retries",
    "traceparent",
    "b3",
    "x_b3_traceid",
    "x_b3_spanid",
    "trace_id",
    "span_id",
    "scheme",
    "grpc_status",
    "connection_id",
    "access_log_type",
    "request_duration",
    "response_duration",
    "termination_state",
)
"""What `format/meshseal_access_proof.sql` reads."""

ACCESS_NAMES = (*ENVOY_NAMES, "meshseal", "duration_s", "upstream_time_s")
"""What `format/meshseal_access.sql` reads."""

NAMES = tuple(dict.fromkeys((*ENVOY_NAMES, *PROOF_NAMES, *ACCESS_NAMES)))
"""Every field."""


def tuple_of(names: tuple[str, ...]) -> str:
    """Return the type of a tuple of texts."""
    return f"Tuple({', '.join(f'{name} String' for name in names)})"
