-- startsWith(line, '[') AND match(line, '^\\[[0-9]{4}-[0-9]{2}-[0-9]{2}T[^\\] ]*\\] \\S+ \\S+ \\S+->\\S+ took [0-9]+ms, sent [0-9]+ bytes, received: [0-9]+ bytes$')
SELECT
    raw_row AS raw_row,
    notEmpty(l7.1) AS parsed,
    meshseal_time(l8.1) AS time_unix_nano,
    multiIf(l8.2 != '', 'WARN', 'INFO') AS severity_text,
    multiIf(l8.2 != '', 13, 9) AS severity_number,
    l12.1[1] AS service_name,
    '' AS trace_id,
    '' AS span_id,
    l8.2 AS a1,
    multiIf(l8.2 != '', meshseal_response_flag(l8.2), '') AS a2,
    l9.1 AS a3,
    l12.1[2] AS a4,
    l12.2[1] AS a5,
    l12.2[2] AS a6,
    if(position(l8.3, '_svc') = 0, '', l8.3) AS a7,
    if(position(l8.4, '_svc') = 0, '', l8.4) AS a8,
    l12.3.1 AS a9,
    l12.3.2 AS a10,
    if(l9.5 = l11.2, '', l9.5) AS a11,
    if(l8.6 = l11.2, '', l8.6) AS a12,
    meshseal_address(l8.6).1 AS a13,
    meshseal_envoy(l7.1[3]) AS a14,
    meshseal_envoy(l7.1[8]) AS a15,
    meshseal_envoy(l7.1[9]) AS a16,
    meshseal_envoy(l7.1[10]) AS a17
FROM (
SELECT
    *,
    tuple(
        if(l10.1, l10.2, l11.1),
        if(l10.1, l11.1, l10.2),
        meshseal_address(l11.2)) AS l12
FROM (
SELECT
    *,
    tuple(
        if(position(l9.4, '_svc') = 0, l10.3, if(empty(l10.4), l10.3, l10.4)),
        if(l10.1 OR l9.5 = '', l8.6, l9.5)) AS l11
FROM (
SELECT
    *,
    tuple(
        (l9.1 = 'inbound'),
        if(position(l8.4, '_svc') = 0, l9.2, if(empty(l9.3), l9.2, l9.3)),
        [l9.4, ''],
        extractGroups(l9.4, '^([^_]+)_([^_]+)_svc(?:_[0-9]+)?$')) AS l10
FROM (
SELECT
    *,
    tuple(
        multiIf(l8.3 NOT IN ('', '-', '*', 'unknown'), 'outbound', l8.4 != '', 'inbound', ''),
        [l8.4, ''],
        extractGroups(l8.4, '^([^_]+)_([^_]+)_svc(?:_[0-9]+)?$'),
        if(l8.3 IN ('', '-', '*', 'unknown'), '', l8.3),
        if(startsWith(l8.5, 'tcp://'), substring(l8.5, 7), l8.5)) AS l9
FROM (
SELECT
    *,
    tuple(
        l7.1[1],
        meshseal_envoy(l7.1[2]),
        meshseal_envoy(l7.1[5]),
        meshseal_envoy(l7.1[7]),
        meshseal_envoy(l7.1[6]),
        meshseal_envoy(l7.1[4])) AS l8
FROM (
SELECT
    *,
    tuple(
        multiIf(length(l1.1) = 12 AND startsWith(l2.1, '[') AND endsWith(l2.1, ']') AND endsWith(l2.2, ')') AND l4.1 > 0 AND l5.1 > 0 AND l6.1 > 0 AND l1.1[5] = 'took' AND endsWith(l2.3, 'ms,') AND l1.1[7] = 'sent' AND l1.1[9] = 'bytes,' AND l1.1[10] = 'received:' AND l1.1[12] = 'bytes', [substring(l2.1, 2, length(l2.1) - 2), l1.1[2], l1.1[3], substring(l3.1, 1, l4.1 - (1)), substring(l3.1, l4.1 + 1, l5.1 - (l4.1 + 1)), substring(l3.1, l5.1 + 3, l6.1 - (l5.1 + 3)), substring(l3.1, l6.1 + 1), substring(l2.3, 1, length(l2.3) - 3), l1.1[8], l1.1[11]], match(raw_row.Body, '^\x5c[(\x5cC*?)\x5c]\x20([^\x20\x22]*)\x20([^\x20\x22]*)\x20([^\x20\x22]*?)\x5c(([^\x20\x22]*?)\x5c)\x5c-\x5c>([^\x20\x22]*?)\x5c(([^\x20\x22]*?)\x5c)\x20took\x20(-?[0-9]*)ms\x5c,\x20sent\x20(-?[0-9]*)\x20bytes\x5c,\x20received\x5c:\x20(-?[0-9]*)\x20bytes\x24'), extractGroups(raw_row.Body, '^\x5c[(\x5cC*?)\x5c]\x20([^\x20\x22]*)\x20([^\x20\x22]*)\x20([^\x20\x22]*?)\x5c(([^\x20\x22]*?)\x5c)\x5c-\x5c>([^\x20\x22]*?)\x5c(([^\x20\x22]*?)\x5c)\x20took\x20(-?[0-9]*)ms\x5c,\x20sent\x20(-?[0-9]*)\x20bytes\x5c,\x20received\x5c:\x20(-?[0-9]*)\x20bytes\x24'), extractGroups(raw_row.Body, '^\x5c[(\x5cC*?)\x5c]\x20(\x5cC*?)\x20(\x5cC*?)\x20(\x5cC*?)\x5c((\x5cC*?)\x5c)\x5c-\x5c>(\x5cC*?)\x5c((\x5cC*?)\x5c)\x20took\x20(-?[0-9]*)ms\x5c,\x20sent\x20(-?[0-9]*)\x20bytes\x5c,\x20received\x5c:\x20(-?[0-9]*)\x20bytes\x24'))) AS l7
FROM (
SELECT
    *,
    tuple(
        position(l3.1, '(', l5.1 + 3)) AS l6
FROM (
SELECT
    *,
    tuple(
        position(l3.1, ')->', l4.1 + 1)) AS l5
FROM (
SELECT
    *,
    tuple(
        position(l3.1, '(', 1)) AS l4
FROM (
SELECT
    *,
    tuple(
        substring(l2.2, 1, length(l2.2) - 1)) AS l3
FROM (
SELECT
    *,
    tuple(
        l1.1[1],
        l1.1[4],
        l1.1[6]) AS l2
FROM (
SELECT
    *,
    tuple(
        splitByChar(' ', raw_row.Body)) AS l1
FROM raw))))))))))))
-- mesh.response_flags, error.type, mesh.reporter, service.namespace, service.peer.name, service.peer.namespace, kuma.source_service, kuma.destination_service, network.peer.address, network.peer.port, mesh.upstream_host, mesh.downstream_remote_address, client.address, mesh.name, mesh.duration_ms, http.response.body.size, http.request.body.size
