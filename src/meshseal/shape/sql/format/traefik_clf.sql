-- Traefik's common log format. It escapes no quotes: of a user agent that holds some, what stands between
-- the fields before and behind it.
-- Source: traefik/traefik, pkg/middlewares/accesslog/logger_formatters.go
SELECT
    raw_row,
    meshseal_is_clf(head)
        AND length(parts) >= 11 AND match(parts[3], '^ ([0-9]{3}|-) ([0-9]+|-) $') AND match(parts[-5], '^ [0-9-]+ $')
        AND match(parts[-1], '^ [0-9]+ms$') AS parsed,
    meshseal_clf_stamp(head) AS time_unix_nano,
    '' AS service_name,
    '' AS trace_id,
    '' AS span_id,
    tuple(
        request[1] AS method,
        request[2] AS target,
        request[3] AS protocol,
        meshseal_nil(answer[2]) AS status,
        '' AS failure,
        '' AS received,
        meshseal_nil(answer[3]) AS sent,
        substring(parts[-1], 2, length(parts[-1]) - 3) AS duration,
        '' AS upstream_duration,
        head[1] AS client,
        head[1] AS remote,
        substringIndex(substring(url, position(url, '://') + 3), '/', 1) AS upstream,
        '' AS authority,
        meshseal_nil(arrayStringConcat(arraySlice(parts, 6, length(parts) - 10), '"')) AS agent,
        'gateway' AS reporter) AS access,
    meshseal_nil(arrayStringConcat(arraySlice(head, 3, length(head) - 5), ' ')) AS `user.name`,
    meshseal_nil(parts[4]) AS `http.request.header.referer`,
    meshseal_nil(parts[-4]) AS `mesh.route`,
    meshseal_nil(trim(BOTH ' ' FROM parts[-5])) AS `traefik.request.count`,
    url AS `mesh.upstream_host`
FROM (
    SELECT
        raw_row,
        parts,
        splitByChar(' ', parts[1]) AS head,
        meshseal_request(parts[2]) AS request,
        splitByChar(' ', parts[3]) AS answer,
        meshseal_nil(parts[-2]) AS url
    FROM (
        SELECT
            raw_row,
            splitByChar('"', raw_row.Body) AS parts
        FROM raw
    )
)
