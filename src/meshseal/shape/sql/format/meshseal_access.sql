-- What proxies write when `meshseal mesh config` configured them: Istio's names for Envoy's fields, and
-- more. Either the body is a JSON document of them, or they are the record's own attributes.
SELECT
    raw_row,
    CAST((
        given.start_time, given.method, given.path, given.protocol, given.response_code, given.response_flags,
        given.response_code_details, given.connection_termination_details, given.upstream_transport_failure_reason,
        given.bytes_received, given.bytes_sent,
        if(given.duration_s = '', given.duration, meshseal_seconds_as_milliseconds(given.duration_s)),
        if(given.upstream_time_s = '', given.upstream_service_time, meshseal_seconds_as_milliseconds(given.upstream_time_s)),
        given.x_forwarded_for, given.user_agent, given.request_id, given.authority,
        if(position(given.upstream_host, ', ') = 0, given.upstream_host, substringIndex(given.upstream_host, ' ', -1)),
        given.upstream_cluster, given.upstream_local_address, given.downstream_local_address, given.downstream_remote_address,
        given.requested_server_name, given.route_name),
        '$envoy_fields') AS fields,
    given.meshseal != '' AS parsed
FROM (
    SELECT
        raw_row,
        JSONExtract(
            meshseal_access_document(raw_row.Body, raw_row.Attributes),
            '$access_fields') AS given
    FROM raw
)
