-- NGINX's error log: `2026/11/22 07:30:00 [error] 12#12: *5 text, client: …, request: "…", host: "…"`.
-- It names no zone: the time is read as UTC.
-- Sources: nginx/nginx, src/core/ngx_log.c, src/http/ngx_http_request.c, src/http/ngx_http_upstream.c
SELECT
    raw_row,
    parsed,
    meshseal_time(concat(replaceAll(substring(raw_row.Body, 1, 10), '/', '-'), 'T', substring(raw_row.Body, 12, 8))) AS time_unix_nano,
    level AS severity_text,
    meshseal_severity(level) AS severity_number,
    '' AS service_name,
    '' AS trace_id,
    '' AS span_id,
    substringIndex(process, '#', 1) AS `process.pid`,
    substringIndex(process, '#', -1) AS `thread.id`,
    if(startsWith(after, '*'), substring(substringIndex(after, ' ', 1), 2), '') AS `nginx.connection.id`,
    if(startsWith(message, '*'), substring(message, position(message, ' ') + 1), message) AS `error.message`,
    extract(message, '\\([0-9]+: ([^()]+)\\)') AS `error.type`,
    request[1] AS `http.request.method`,
    substringIndex(request[2], '?', 1) AS `url.path`,
    if(position(request[2], '?') > 0, substring(request[2], position(request[2], '?') + 1), '') AS `url.query`,
    if(startsWith(request[3], 'HTTP/'), 'http', '') AS `network.protocol.name`,
    transform(request[3], ['HTTP/2.0', 'HTTP/3.0'], ['2', '3'], substring(request[3], 6)) AS `network.protocol.version`,
    host.1 AS `server.address`,
    host.2 AS `server.port`,
    client AS `client.address`,
    if(upstream = '', client, peer.1) AS `network.peer.address`,
    if(upstream = '', '', peer.2) AS `network.peer.port`,
    extract(fields, '(?:^|, )server: ([^,]*)') AS `nginx.server_name`,
    upstream AS `mesh.upstream_host`,
    extract(fields, ', referrer: "([^"]*)"') AS `http.request.header.referer`,
    if(request[1] != '', 'gateway', '') AS `mesh.reporter`
FROM (
    SELECT
        *,
        meshseal_request(extract(fields, ', request: "([^"]*)"')) AS request,
        meshseal_address(extract(fields, ', host: "([^"]*)"')) AS host,
        extract(fields, '^client: ([^,]*)') AS client,
        extract(fields, ', upstream: "([^"]*)"') AS upstream,
        meshseal_address(extract(upstream, '^(?:[a-z]+://)?([^/]*)')) AS peer
    FROM (
        SELECT
            raw_row,
            level,
            process,
            after,
            match(process, '^[0-9]+#[0-9]+$') AND has(['debug', 'info', 'notice', 'warn', 'error', 'crit', 'alert', 'emerg'], level) AS parsed,
            if(position(after, ', client: ') > 0, position(after, ', client: '), length(after) + 1) AS cut,
            substring(after, 1, cut - 1) AS message,
            substring(after, cut + 2) AS fields
        FROM (
            SELECT
                raw_row,
                substringIndex(substring(raw_row.Body, 22), ']', 1) AS level,
                substringIndex(substring(raw_row.Body, 24 + length(level)), ':', 1) AS process,
                substring(raw_row.Body, 26 + length(level) + length(process)) AS after
            FROM raw
        )
    )
)
