-- Linkerd's access log, `apache`: inbound requests. The second field is the identity that the client has
-- proved in TLS, `-` where there is none: that may be plain text or TLS without a client's certificate, so
-- it proves nothing. A request that failed has no status.
-- Source: linkerd/linkerd2-proxy, linkerd/http/access-log/src/lib.rs, linkerd/tracing/src/access_log.rs
SELECT
    raw_row,
    time_unix_nano != 0 AND length(words) BETWEEN 7 AND 8 AS parsed,
    time_unix_nano,
    '' AS trace_id,
    '' AS span_id,
    tuple(
        substring(words[5], 2) AS method,
        words[6] AS target,
        trim(TRAILING '"' FROM words[7]) AS protocol,
        words[8] AS status,
        if(length(words) = 7, 'no_response', '') AS failure,
        '' AS received,
        '' AS sent,
        '' AS duration,
        '' AS upstream_duration,
        meshseal_address(words[1]).1 AS client,
        words[1] AS remote,
        '' AS upstream,
        '' AS authority,
        '' AS agent,
        'inbound' AS reporter) AS access,
    words[2] AS identity,
    '' AS host
FROM (
    SELECT
        raw_row,
        words,
        meshseal_time(substring(words[4], 2, length(words[4]) - 2)) AS time_unix_nano
    FROM (
        SELECT
            raw_row,
            splitByChar(' ', raw_row.Body) AS words
        FROM raw
    )
)
