-- What ztunnel says of connections, in JSON (`LOG_FORMAT=json`): as in text, under the same names.
-- Sources: istio/ztunnel, src/proxy/metrics.rs, src/telemetry.rs
SELECT
    raw_row,
    f.scope != '' AS parsed,
    meshseal_time(f.time) AS time_unix_nano,
    f.level AS severity_text,
    meshseal_severity(f.level) AS severity_number,
    if(inbound, two.destination.1, two.source) AS service_name,
    '' AS trace_id,
    '' AS span_id,
    f.scope AS `log.logger`,
    f.message AS `message`,
    if(inbound, 'inbound', 'outbound') AS `mesh.reporter`,
    if(inbound, two.destination.2, f.`src.namespace`) AS `service.namespace`,
    if(inbound, two.source, two.destination.1) AS `service.peer.name`,
    if(inbound, f.`src.namespace`, two.destination.2) AS `service.peer.namespace`,
    if(f.error != '' AND f.bytes_sent IN ('', '0') AND f.bytes_recv IN ('', '0'), '',
        meshseal_mtls(concat(f.`src.identity`, f.`dst.identity`), false, false)) AS `mesh.mtls`,
    if(inbound, f.`src.identity`, f.`dst.identity`) AS `mesh.peer.spiffe_id`,
    if(inbound, f.`dst.identity`, f.`src.identity`) AS `mesh.local.spiffe_id`,
    two.client.1 AS `client.address`,
    if(inbound, two.client.1, two.server.1) AS `network.peer.address`,
    if(inbound, two.client.2, two.server.2) AS `network.peer.port`,
    if(inbound, two.server.1, two.client.1) AS `network.local.address`,
    if(inbound, two.server.2, two.client.2) AS `network.local.port`,
    f.`dst.service` AS `server.address`,
    two.target.2 AS `server.port`,
    if(inbound, f.bytes_recv, f.bytes_sent) AS `http.request.body.size`,
    if(inbound, f.bytes_sent, f.bytes_recv) AS `http.response.body.size`,
    if(match(f.duration, '^[0-9]+ms$'), substring(f.duration, 1, length(f.duration) - 2), '') AS `mesh.duration_ms`,
    f.error AS `error.message`,
    substringIndex(f.error, ':', 1) AS `error.type`,
    f.`dst.hbone_addr` AS `istio.hbone.address`,
    f.`src.workload` AS `istio.source.workload`,
    f.`dst.workload` AS `istio.destination.workload`,
    arrayFilter(pair -> pair.2 != '', [
        ('k8s.namespace.name', if(inbound, f.`dst.namespace`, f.`src.namespace`))]) AS resource_pairs
FROM (
    SELECT
        raw_row,
        f,
        f.direction = 'inbound' AS inbound,
        tuple(
            meshseal_address(f.`src.addr`) AS client,
            meshseal_address(f.`dst.addr`) AS server,
            if(f.`dst.hbone_addr` != '', meshseal_address(f.`dst.hbone_addr`), server) AS target,
            meshseal_pod_workload(f.`src.workload`) AS source,
            if(f.`dst.service` = '',
                (meshseal_pod_workload(f.`dst.workload`), f.`dst.namespace`),
                (splitByChar('.', f.`dst.service`)[1], splitByChar('.', f.`dst.service`)[2])) AS destination) AS two
    FROM (
        SELECT
            raw_row,
            JSONExtract(raw_row.Body, 'Tuple(level String, time String, scope String, message String, `src.addr` String, `src.workload` String, `src.namespace` String, `src.identity` String, `dst.addr` String, `dst.hbone_addr` String, `dst.service` String, `dst.workload` String, `dst.namespace` String, `dst.identity` String, direction String, bytes_sent String, bytes_recv String, duration String, error String)') AS f
        FROM raw
    )
)
