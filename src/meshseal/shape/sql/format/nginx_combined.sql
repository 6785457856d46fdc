-- The combined log format and its relatives: the common one, which has no headers, and NGINX's `main`,
-- which ends with X-Forwarded-For. NGINX and Apache httpd write it.
-- Sources: NGINX, ngx_http_log_module; nginx.conf as it comes; Apache httpd, mod_log_config
SELECT
    raw_row,
    meshseal_is_clf(head)
        AND (length(parts) = 3 OR length(parts) >= 7) AND match(answer[2], '^[0-9]{3}$') AS parsed,
    meshseal_clf_stamp(head) AS time_unix_nano,
    '' AS service_name,
    '' AS trace_id,
    '' AS span_id,
    tuple(
        request[1] AS method,
        request[2] AS target,
        request[3] AS protocol,
        answer[2] AS status,
        if(answer[2] = '499', 'client_closed_request', '') AS failure,
        '' AS received,
        meshseal_nil(answer[3]) AS sent,
        '' AS duration,
        '' AS upstream_duration,
        meshseal_client(if(length(parts) = 9 AND parts[7] = ' ', parts[8], ''), head[1]) AS client,
        head[1] AS remote,
        '' AS upstream,
        '' AS authority,
        meshseal_quoted_text(parts[6]) AS agent,
        'gateway' AS reporter) AS access,
    meshseal_clf_user(head) AS `user.name`,
    meshseal_quoted_text(parts[4]) AS `http.request.header.referer`,
    if(length(parts) = 9 AND parts[7] = ' ', meshseal_quoted_text(parts[8]), '') AS `http.request.header.x-forwarded-for`
FROM (
    SELECT
        raw_row,
        parts,
        splitByChar(' ', parts[1]) AS head,
        meshseal_request(meshseal_quoted_text(parts[2])) AS request,
        splitByChar(' ', parts[3]) AS answer
    FROM (
        SELECT
            raw_row,
            meshseal_quoted(raw_row.Body) AS parts
        FROM raw
    )
)
