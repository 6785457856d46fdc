-- startsWith(line, '[') AND match(line, '^\\[[0-9]{4}-[0-9]{2}-[0-9]{2}T[^\\] ]*\\] \\S+ \\S+ \\S+->\\S+ took [0-9]+ms, sent [0-9]+ bytes, received: [0-9]+ bytes$')
SELECT
    raw_row AS raw_row,
    notEmpty(l1.1) AS parsed,
    meshseal_time(l2.1) AS time_unix_nano,
    multiIf(l2.2 != '', 'WARN', 'INFO') AS severity_text,
    multiIf(l2.2 != '', 13, 9) AS severity_number,
    l6.1[1] AS service_name,
    '' AS trace_id,
    '' AS span_id,
    l2.2 AS a1,
    multiIf(l2.2 != '', meshseal_response_flag(l2.2), '') AS a2,
    l3.1 AS a3,
    l6.1[2] AS a4,
    l6.2[1] AS a5,
    l6.2[2] AS a6,
    if(position(l2.3, '_svc') = 0, '', l2.3) AS a7,
    if(position(l2.4, '_svc') = 0, '', l2.4) AS a8,
    l6.3.1 AS a9,
    l6.3.2 AS a10,
    if(l3.5 = l5.2, '', l3.5) AS a11,
    if(l2.6 = l5.2, '', l2.6) AS a12,
    meshseal_address(l2.6).1 AS a13,
    meshseal_envoy(l1.1[3]) AS a14,
    meshseal_envoy(l1.1[8]) AS a15,
    meshseal_envoy(l1.1[9]) AS a16,
    meshseal_envoy(l1.1[10]) AS a17
FROM (
SELECT
    *,
    tuple(
        if(l4.1, l4.2, l5.1),
        if(l4.1, l5.1, l4.2),
        meshseal_address(l5.2)) AS l6
FROM (
SELECT
    *,
    tuple(
        if(position(l3.4, '_svc') = 0, l4.3, if(empty(l4.4), l4.3, l4.4)),
        if(l4.1 OR l3.5 = '', l2.6, l3.5)) AS l5
FROM (
SELECT
    *,
    tuple(
        (l3.1 = 'inbound'),
        if(position(l2.4, '_svc') = 0, l3.2, if(empty(l3.3), l3.2, l3.3)),
        [l3.4, ''],
        extractGroups(l3.4, '^([^_]+)_([^_]+)_svc(?:_[0-9]+)?$')) AS l4
FROM (
SELECT
    *,
    tuple(
        multiIf(l2.3 NOT IN ('', '-', '*', 'unknown'), 'outbound', l2.4 != '', 'inbound', ''),
        [l2.4, ''],
        extractGroups(l2.4, '^([^_]+)_([^_]+)_svc(?:_[0-9]+)?$'),
        if(l2.3 IN ('', '-', '*', 'unknown'), '', l2.3),
        if(startsWith(l2.5, 'tcp://'), substring(l2.5, 7), l2.5)) AS l3
FROM (
SELECT
    *,
    tuple(
        l1.1[1],
        meshseal_envoy(l1.1[2]),
        meshseal_envoy(l1.1[5]),
        meshseal_envoy(l1.1[7]),
        meshseal_envoy(l1.1[6]),
        meshseal_envoy(l1.1[4])) AS l2
FROM (
SELECT
    *,
    tuple(
        arrayFirst(found -> notEmpty(found), [extractGroups(raw_row.Body, '^\x5c[(\x5cC*?)\x5c]\x20([^\x20\x22]*)\x20([^\x20\x22]*)\x20([^\x20\x22]*?)\x5c(([^\x20\x22]*?)\x5c)\x5c-\x5c>([^\x20\x22]*?)\x5c(([^\x20\x22]*?)\x5c)\x20took\x20(-?[0-9]*)ms\x5c,\x20sent\x20(-?[0-9]*)\x20bytes\x5c,\x20received\x5c:\x20(-?[0-9]*)\x20bytes\x24'), extractGroups(raw_row.Body, '^\x5c[(\x5cC*?)\x5c]\x20(\x5cC*?)\x20(\x5cC*?)\x20(\x5cC*?)\x5c((\x5cC*?)\x5c)\x5c-\x5c>(\x5cC*?)\x5c((\x5cC*?)\x5c)\x20took\x20(-?[0-9]*)ms\x5c,\x20sent\x20(-?[0-9]*)\x20bytes\x5c,\x20received\x5c:\x20(-?[0-9]*)\x20bytes\x24')])) AS l1
FROM raw))))))
-- mesh.response_flags, error.type, mesh.reporter, service.namespace, service.peer.name, service.peer.namespace, kuma.source_service, kuma.destination_service, network.peer.address, network.peer.port, mesh.upstream_host, mesh.downstream_remote_address, client.address, mesh.name, mesh.duration_ms, http.response.body.size, http.request.body.size
