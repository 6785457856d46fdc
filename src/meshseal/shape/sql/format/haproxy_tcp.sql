-- HAProxy's TCP log, and the line that it writes of a connection that failed before there was a session.
-- It names no zone: the time is read as UTC.
-- Source: HAProxy configuration manual, sections 8.2.2, 8.2.5 and 8.5
SELECT
    raw_row,
    broken OR (length(words) = 9 AND length(timers) = 3 AND length(counts) = 5 AND length(words[7]) = 2) AS parsed,
    meshseal_clf_time(substring(words[2], 2, length(words[2]) - 2)) AS time_unix_nano,
    '' AS service_name,
    '' AS trace_id,
    '' AS span_id,
    tuple(
        '' AS method, '' AS target, '' AS protocol, '' AS status,
        if(broken, substring(raw_row.Body, length(words[1]) + length(words[2]) + length(words[3]) + 4), meshseal_haproxy_end(words[7])) AS failure,
        '' AS received,
        if(broken, '', trim(LEADING '+' FROM words[6])) AS sent,
        if(broken, '', meshseal_whole_milliseconds(timers[3])) AS duration,
        '' AS upstream_duration,
        meshseal_address(remote).1 AS client,
        remote AS remote,
        if(peer = '', '', '-') AS upstream, '' AS authority, '' AS agent,
        'gateway' AS reporter) AS access,
    frontend AS `haproxy.frontend`,
    if(broken, trim(TRAILING ':' FROM substringIndex(words[3], '/', -1)), '') AS `haproxy.bind`,
    backend AS `mesh.upstream_cluster`,
    if(startsWith(server, '<'), '', server) AS `haproxy.server`,
    peer AS `service.peer.name`,
    if(broken, '', words[7]) AS `haproxy.termination_state`,
    if(broken, '', meshseal_whole_milliseconds(timers[1])) AS `haproxy.queue_time_ms`,
    if(broken, '', meshseal_whole_milliseconds(timers[2])) AS `haproxy.connect_time_ms`,
    if(broken, '', counts[1]) AS `haproxy.connections.active`,
    if(broken, '', counts[2]) AS `haproxy.connections.frontend`,
    if(broken, '', counts[3]) AS `haproxy.connections.backend`,
    if(broken, '', counts[4]) AS `haproxy.connections.server`,
    if(broken, '', trim(LEADING '+' FROM counts[5])) AS `mesh.retries`,
    if(NOT broken AND startsWith(counts[5], '+'), 'true', '') AS `haproxy.redispatched`,
    if(broken, '', splitByChar('/', words[9])[1]) AS `haproxy.queue.server`,
    if(broken, '', splitByChar('/', words[9])[2]) AS `haproxy.queue.backend`,
    if(secure, 'true', '') AS `tls.established`
FROM (
    SELECT
        raw_row,
        words,
        endsWith(words[3], ':') AND position(words[3], '/') > 0 AS broken,
        meshseal_unbracketed(words[1]) AS remote,
        endsWith(words[3], '~') AS secure,
        if(broken, substringIndex(words[3], '/', 1), trim(TRAILING '~' FROM words[3])) AS frontend,
        if(broken, '', substringIndex(words[4], '/', 1)) AS backend,
        if(broken, '', substringIndex(words[4], '/', -1)) AS server,
        if(startsWith(server, '<') AND (backend = frontend OR server != '<NOSRV>'), '', backend) AS peer,
        splitByChar('/', words[5]) AS timers,
        splitByChar('/', words[8]) AS counts
    FROM (
        SELECT
            raw_row,
            splitByChar(' ', raw_row.Body) AS words
        FROM raw
    )
)
