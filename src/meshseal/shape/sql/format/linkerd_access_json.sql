-- Linkerd's access log, `json`. Its `trace_id` is the header x-b3-traceid, or else x-request-id, or else
-- x-amzn-trace-id.
-- Source: linkerd/linkerd2-proxy, linkerd/http/access-log/src/lib.rs
SELECT
    raw_row,
    f.`client.addr` != '' AND f.method != '' AS parsed,
    meshseal_time(f.timestamp) AS time_unix_nano,
    meshseal_trace_id(f.trace_id) AS trace_id,
    '' AS span_id,
    tuple(
        f.method AS method,
        f.uri AS target,
        f.version AS protocol,
        f.status AS status,
        if(f.status = '', 'no_response', '') AS failure,
        f.request_bytes AS received,
        f.response_bytes AS sent,
        meshseal_milliseconds_of_nanos(f.total_ns) AS duration,
        '' AS upstream_duration,
        meshseal_address(f.`client.addr`).1 AS client,
        f.`client.addr` AS remote,
        '' AS upstream,
        f.host AS authority,
        f.user_agent AS agent,
        'inbound' AS reporter) AS access,
    if(meshseal_trace_id(f.trace_id) = '', f.trace_id, '') AS `http.request.header.x-request-id`,
    meshseal_milliseconds_of_nanos(f.processing_ns) AS `linkerd.processing_ms`,
    f.`client.id` AS identity,
    f.host AS host
FROM (
    SELECT
        raw_row,
        JSONExtract(raw_row.Body, 'Tuple(`client.addr` String, `client.id` String, timestamp String, method String, uri String, version String, trace_id String, request_bytes String, status String, response_bytes String, total_ns String, processing_ns String, user_agent String, host String)') AS f
    FROM raw
)
