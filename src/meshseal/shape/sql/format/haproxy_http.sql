-- HAProxy's HTTP and HTTPS logs. It names no zone: the time is read as UTC.
-- Source: HAProxy configuration manual, sections 8.2.3 to 8.2.6, 8.4 and 8.5; `option httplog` and
-- `option httpslog` in src/log.c
SELECT
    raw_row,
    length(words) = 12 AND length(timers) = 5 AND length(counts) = 5 AND length(words[10]) = 4 AND length(parts) >= 2
        AND match(words[6], '^-?[0-9]+$') AS parsed,
    meshseal_clf_time(substring(words[2], 2, length(words[2]) - 2)) AS time_unix_nano,
    '' AS service_name,
    '' AS trace_id,
    '' AS span_id,
    tuple(
        request[1] AS method,
        meshseal_unescape_hashes(request[2]) AS target,
        request[3] AS protocol,
        if(startsWith(words[6], '-'), '', words[6]) AS status,
        meshseal_haproxy_end(words[10]) AS failure,
        '' AS received,
        trim(LEADING '+' FROM words[7]) AS sent,
        meshseal_whole_milliseconds(timers[5]) AS duration,
        meshseal_whole_milliseconds(timers[4]) AS upstream_duration,
        meshseal_address(remote).1 AS client,
        remote AS remote,
        if(peer = '', '', '-') AS upstream,
        '' AS authority,
        '' AS agent,
        'gateway' AS reporter) AS access,
    frontend AS `haproxy.frontend`,
    backend AS `mesh.upstream_cluster`,
    if(startsWith(server, '<'), '', server) AS `haproxy.server`,
    peer AS `service.peer.name`,
    words[10] AS `haproxy.termination_state`,
    meshseal_whole_milliseconds(timers[1]) AS `haproxy.request_time_ms`,
    meshseal_whole_milliseconds(timers[2]) AS `haproxy.queue_time_ms`,
    meshseal_whole_milliseconds(timers[3]) AS `haproxy.connect_time_ms`,
    meshseal_nil(words[8]) AS `haproxy.request.cookie`,
    meshseal_nil(words[9]) AS `haproxy.response.cookie`,
    counts[1] AS `haproxy.connections.active`,
    counts[2] AS `haproxy.connections.frontend`,
    counts[3] AS `haproxy.connections.backend`,
    counts[4] AS `haproxy.connections.server`,
    trim(LEADING '+' FROM counts[5]) AS `mesh.retries`,
    if(startsWith(counts[5], '+'), 'true', '') AS `haproxy.redispatched`,
    splitByChar('/', words[12])[1] AS `haproxy.queue.server`,
    splitByChar('/', words[12])[2] AS `haproxy.queue.backend`,
    meshseal_unescape_hashes(captured[1]) AS `haproxy.request.headers`,
    meshseal_unescape_hashes(captured[2]) AS `haproxy.response.headers`,
    if(secure, 'true', '') AS `tls.established`
FROM (
    SELECT
        *,
        meshseal_unbracketed(words[1]) AS remote,
        endsWith(words[3], '~') AS secure,
        trim(TRAILING '~' FROM words[3]) AS frontend,
        substringIndex(words[4], '/', 1) AS backend,
        substringIndex(words[4], '/', -1) AS server,
        if(startsWith(server, '<') AND (backend = frontend OR server != '<NOSRV>'), '', backend) AS peer,
        splitByChar('/', words[5]) AS timers,
        splitByChar('/', words[11]) AS counts,
        meshseal_request(parts[2]) AS request,
        -- `{a|b} {c} `: braces in what is captured are escaped.
        arrayMap(group -> substring(group, 2), splitByChar('}', concat(replaceAll(parts[1], '} {', '}{'), '}'))) AS captured
    FROM (
        SELECT
            raw_row,
            words,
            splitByChar('"', substring(raw_row.Body, arraySum(arrayMap(word -> length(word) + 1, words)) + 1)) AS parts
        FROM (
            SELECT
                raw_row,
                splitByChar(' ', raw_row.Body, 12) AS words
            FROM raw
        )
    )
)
