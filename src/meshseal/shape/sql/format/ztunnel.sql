-- ztunnel, the node proxy of Istio's ambient mode: what it says of connections, and the other lines of
-- it and of Istio's other components: `time<tab>level<tab>scope<tab>message<tab>key=value …`. Old versions
-- had spaces and an upper-case level. It names the identities only where there was to be mutual TLS, and an
-- outbound connection that failed before a byte went over it names those that were wanted. Bytes are
-- counted by the reporting side: what it sent is the request outbound and the response inbound.
-- Sources: istio/ztunnel, src/proxy/metrics.rs, src/telemetry.rs
SELECT
    raw_row,
    time_unix_nano != 0 AND scope != '' AS parsed,
    time_unix_nano,
    level AS severity_text,
    meshseal_severity(level) AS severity_number,
    if(inbound, two.destination.1, two.source) AS service_name,
    '' AS trace_id,
    '' AS span_id,
    scope AS `log.logger`,
    message AS `message`,
    if(access, if(inbound, 'inbound', 'outbound'), '') AS `mesh.reporter`,
    if(inbound, two.destination.2, f['src.namespace']) AS `service.namespace`,
    if(inbound, two.source, two.destination.1) AS `service.peer.name`,
    if(inbound, f['src.namespace'], two.destination.2) AS `service.peer.namespace`,
    if(f['error'] != '' AND f['bytes_sent'] = '0' AND f['bytes_recv'] = '0', '',
        meshseal_mtls(concat(f['src.identity'], f['dst.identity']), false, false)) AS `mesh.mtls`,
    if(inbound, f['src.identity'], f['dst.identity']) AS `mesh.peer.spiffe_id`,
    if(inbound, f['dst.identity'], f['src.identity']) AS `mesh.local.spiffe_id`,
    two.client.1 AS `client.address`,
    if(inbound, two.client.1, two.server.1) AS `network.peer.address`,
    if(inbound, two.client.2, two.server.2) AS `network.peer.port`,
    if(inbound, two.server.1, two.client.1) AS `network.local.address`,
    if(inbound, two.server.2, two.client.2) AS `network.local.port`,
    f['dst.service'] AS `server.address`,
    two.target.2 AS `server.port`,
    if(inbound, f['bytes_recv'], f['bytes_sent']) AS `http.request.body.size`,
    if(inbound, f['bytes_sent'], f['bytes_recv']) AS `http.response.body.size`,
    if(match(f['duration'], '^[0-9]+ms$'), substring(f['duration'], 1, length(f['duration']) - 2), '') AS `mesh.duration_ms`,
    f['error'] AS `error.message`,
    if(access, substringIndex(f['error'], ':', 1), '') AS `error.type`,
    f['dst.hbone_addr'] AS `istio.hbone.address`,
    f['src.workload'] AS `istio.source.workload`,
    f['dst.workload'] AS `istio.destination.workload`,
    arrayFilter(pair -> pair.2 != '', [
        ('k8s.namespace.name', if(inbound, f['dst.namespace'], f['src.namespace']))]) AS resource_pairs
FROM (
    SELECT
        *,
        tuple(
            meshseal_address(f['src.addr']) AS client,
            meshseal_address(f['dst.addr']) AS server,
            if(f['dst.hbone_addr'] != '', meshseal_address(f['dst.hbone_addr']), server) AS target,
            meshseal_pod_workload(f['src.workload']) AS source,
            if(f['dst.service'] = '',
                (meshseal_pod_workload(f['dst.workload']), f['dst.namespace']),
                (splitByChar('.', f['dst.service'])[1], splitByChar('.', f['dst.service'])[2])) AS destination) AS two
    FROM (
        SELECT
            raw_row,
            meshseal_time(words[1]) AS time_unix_nano,
            words[2] AS level,
            words[3] AS scope,
            words[4] AS message,
            f,
            f['src.addr'] != '' AS access,
            f['direction'] = 'inbound' AS inbound
        FROM (
            SELECT
                raw_row,
                words,
                extractKeyValuePairsWithEscaping(arrayStringConcat(arraySlice(words, 5), ' '), '=', ' ', '"') AS f
            FROM (
                SELECT
                    raw_row,
                    splitByChar('\t', if(
                        position(raw_row.Body, '\t') > 0, raw_row.Body,
                        replaceRegexpOne(raw_row.Body, '^([^ ]+) +([A-Z]+) access: (.*?) (src[.]addr=)', '\\1\t\\2\taccess\t\\3\t\\4'))) AS words
                FROM raw
            )
        )
    )
)
