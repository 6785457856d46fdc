"""Envoy's access log entries: the columns that ClickHouse reads them into.

Source: envoyproxy/envoy, `api/envoy/data/accesslog/v3/accesslog.proto`.
"""

from __future__ import annotations

_PAIRS = "Array(Tuple(key String, value String))"
_DURATION = "Tuple(seconds Int64, nanos Int32)"
_ADDRESS = (
    "Tuple(socket_address_address String, socket_address_port_value UInt32, "
    "socket_address_named_port String, pipe_path String, "
    "envoy_internal_address_server_listener_name String, "
    "envoy_internal_address_endpoint_id String)"
)
_CERTIFICATE = (
    "Tuple(subject_alt_name Array(Tuple(uri String, dns String)), subject String, issuer String)"
)
_DURATIONS = (
    "time_to_last_rx_byte",
    "time_to_first_upstream_tx_byte",
    "time_to_last_upstream_tx_byte",
    "time_to_first_upstream_rx_byte",
    "time_to_last_upstream_rx_byte",
    "time_to_first_downstream_tx_byte",
    "time_to_last_downstream_tx_byte",
    "duration",
)
_ADDRESSES = (
    "downstream_remote_address",
    "downstream_local_address",
    "downstream_direct_remote_address",
    "upstream_remote_address",
    "upstream_local_address",
)
_NESTED = f"metadata String, filter_state_objects {_PAIRS}"
_COMMON = ", ".join(
    (
        "sample_rate Float64",
        *(f"{name} {_ADDRESS}" for name in _ADDRESSES),
        "tls_properties_tls_version Int32",
        "tls_properties_tls_cipher_suite_value UInt32",
        "tls_properties_tls_sni_hostname String",
        f"tls_properties_local_certificate_properties {_CERTIFICATE}",
        f"tls_properties_peer_certificate_properties {_CERTIFICATE}",
        "tls_properties_tls_session_id String",
        "tls_properties_ja3_fingerprint String",
        f"start_time {_DURATION}",
        *(f"{name} {_DURATION}" for name in _DURATIONS),
        "upstream_cluster String",
        "response_flags String",
        _NESTED,
        "upstream_transport_failure_reason String",
        "route_name String",
        f"custom_tags {_PAIRS}",
        "upstream_request_attempt_count UInt32",
        "connection_termination_details String",
        "stream_id String",
        "intermediate_log_entry UInt8",
        "downstream_transport_failure_reason String",
        "downstream_wire_bytes_sent UInt64",
        "downstream_wire_bytes_received UInt64",
        "upstream_wire_bytes_sent UInt64",
        "upstream_wire_bytes_received UInt64",
        "access_log_type Int32",
    )
)
_REQUEST = (
    "Tuple(request_method Int32, scheme String, authority String, port_value UInt32, path String, "
    "user_agent String, referer String, forwarded_for String, request_id String, "
    "original_path String, request_headers_bytes UInt64, request_body_bytes UInt64, "
    f"request_headers {_PAIRS}, upstream_header_bytes_sent UInt64, "
    "downstream_header_bytes_received UInt64)"
)
_RESPONSE = (
    "Tuple(response_code_value UInt32, response_headers_bytes UInt64, response_body_bytes UInt64, "
    f"response_headers {_PAIRS}, response_trailers {_PAIRS}, response_code_details String, "
    "upstream_header_bytes_received UInt64, downstream_header_bytes_sent UInt64)"
)

STRUCTURE = (
    "envoy_als_http_logs_log_entry Array(Tuple("
    f"common_properties Tuple({_COMMON}), protocol_version Int32, "
    f"request {_REQUEST}, response {_RESPONSE})), "
    f"envoy_als_tcp_logs_log_entry Array(Tuple(common_properties Tuple({_COMMON}), "
    "connection_properties Tuple(received_bytes UInt64, sent_bytes UInt64)))"
)
"""The columns of `EnvoyAls` in `spool.proto`."""

NESTED_STRUCTURE = ", ".join(
    f"envoy_als_{kind}_logs_log_entry Array(Tuple(common_properties Tuple({_NESTED})))"
    for kind in ("http", "tcp")
)
"""Those of them that `meshseal.shape.wellknown` makes text of."""
