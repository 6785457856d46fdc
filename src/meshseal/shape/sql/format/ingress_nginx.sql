-- ingress-nginx: the combined format, and what became of the request upstream. Its `upstream_*` are lists
-- where there were several tries: `a, b`; ` : ` stands between groups of servers. The last
-- try counts; a try that is not the first of its group is a retry.
-- Old versions have no alternative upstream, or no request id.
-- Source: kubernetes/ingress-nginx, docs/user-guide/nginx-configuration/log-format.md
SELECT
    raw_row,
    meshseal_is_clf(head)
        AND match(answer[2], '^[0-9]{3}$') AND length(tries) BETWEEN 4 AND 5 AS parsed,
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
        measures[2] AS received,
        meshseal_nil(answer[3]) AS sent,
        meshseal_milliseconds_of_seconds(measures[3]) AS duration,
        meshseal_milliseconds_of_seconds(substringIndex(tries[3], ',', -1)) AS upstream_duration,
        head[1] AS client,
        head[1] AS remote,
        substringIndex(tries[1], ',', -1) AS upstream,
        '' AS authority,
        meshseal_quoted_text(parts[6]) AS agent,
        'gateway' AS reporter) AS access,
    meshseal_clf_user(head) AS `user.name`,
    meshseal_quoted_text(parts[4]) AS `http.request.header.referer`,
    meshseal_nil(tries[5]) AS `http.request.header.x-request-id`,
    name AS `mesh.upstream_cluster`,
    replaceRegexpOne(name, '-[0-9]+$', '') AS `service.peer.name`,
    if(length(names) > 2, meshseal_nil(substringIndex(names[3], ']', 1)), '') AS `nginx.alternative_upstream`,
    meshseal_nil(substringIndex(tries[2], ',', -1)) AS `nginx.upstream.response.length`,
    meshseal_nil(substringIndex(tries[4], ',', -1)) AS `nginx.upstream.status`,
    if(tries[1] IN ('', '-'), '', toString(countSubstrings(lists[1], ','))) AS `mesh.retries`
FROM (
    SELECT
        *,
        meshseal_nil(substringIndex(names[2], ']', 1)) AS name,
        splitByChar(' ', replaceAll(replaceAll(
            substring(tail, length(arrayStringConcat(arraySlice(names, 1, known), ' [')) - length(names[known]) + position(names[known], ']') + 2),
            ', ', ','), ' : ', ';')) AS lists,
        arrayMap(list -> arrayElement(splitByChar(';', list), -1), lists) AS tries
    FROM (
        SELECT
            raw_row,
            parts,
            splitByChar(' ', parts[1]) AS head,
            meshseal_request(meshseal_quoted_text(parts[2])) AS request,
            splitByChar(' ', parts[3]) AS answer,
            arrayStringConcat(arraySlice(parts, 7), '"') AS tail,
            splitByString(' [', tail) AS names,
            if(position(tail, '] [') BETWEEN 1 AND position(concat(tail, '] '), '] '), 3, 2) AS known,
            splitByChar(' ', names[1]) AS measures
        FROM (
            SELECT
                raw_row,
                meshseal_quoted(raw_row.Body) AS parts
            FROM raw
        )
    )
)
