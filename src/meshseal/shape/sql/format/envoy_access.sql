-- What the fields of an Envoy access log mean, whichever way they were written.
--
-- ClickHouse analyses a statement anew each time, and pays for every column of every level and for
-- every second use of an alias. So what is used more than once gets a level of its own, and each
-- level is handed on as one tuple.
SELECT
    raw_row,
    parsed,
    meshseal_time(fields.start_time) AS time_unix_nano,
    multiIf(one.code >= 500, 17, one.code >= 400 OR three.failed, 13, 9) AS severity_number,
    multiIf(one.code >= 500, 'ERROR', one.code >= 400 OR three.failed, 'WARN', 'INFO') AS severity_text,
    if(two.inbound, three.names[1], '') AS service_name,
    '' AS trace_id,
    '' AS span_id,
    fields.method AS `http.request.method`,
    three.url_path AS `url.path`,
    substring(one.path, length(three.url_path) + 2) AS `url.query`,
    fields.response_code AS `http.response.status_code`,
    if(one.http, 'http', '') AS `network.protocol.name`,
    if(one.http, substring(fields.protocol, 6), '') AS `network.protocol.version`,
    fields.duration AS `mesh.duration_ms`,
    fields.upstream_service_time AS `mesh.upstream_service_time_ms`,
    fields.bytes_received AS `http.request.body.size`,
    fields.bytes_sent AS `http.response.body.size`,
    one.flags AS `mesh.response_flags`,
    fields.response_code_details AS `mesh.response_code_details`,
    multiIf(one.flags != '', meshseal_response_flag(one.flags), one.code >= 500, toString(one.code), '') AS `error.type`,
    one.authority.1 AS `server.address`,
    one.authority.2 AS `server.port`,
    if(two.told = '', four.remote.1, two.told) AS `client.address`,
    four.peer.1 AS `network.peer.address`,
    four.peer.2 AS `network.peer.port`,
    four.local.1 AS `network.local.address`,
    four.local.2 AS `network.local.port`,
    fields.user_agent AS `user_agent.original`,
    fields.request_id AS `http.request.header.x-request-id`,
    one.cluster AS `mesh.upstream_cluster`,
    if(one.upstream_host = three.peer, '', one.upstream_host) AS `mesh.upstream_host`,
    if(one.upstream_local = three.local, '', one.upstream_local) AS `mesh.upstream_local_address`,
    if(one.downstream_local = three.local, '', one.downstream_local) AS `mesh.downstream_local_address`,
    if(one.downstream_remote = three.peer, '', one.downstream_remote) AS `mesh.downstream_remote_address`,
    fields.route_name AS `mesh.route`,
    two.reporter AS `mesh.reporter`,
    one.server_name AS `tls.client.server_name`,
    if(two.inbound, '', three.names[1]) AS `service.peer.name`,
    if(two.inbound, '', three.names[2]) AS `service.peer.namespace`,
    if(two.inbound, three.names[2], '') AS `service.namespace`,
    fields.connection_termination_details AS `mesh.connection_termination_details`,
    fields.upstream_transport_failure_reason AS `mesh.upstream_transport_failure_reason`
FROM (
    SELECT
        *,
        tuple(
            meshseal_address(three.peer) AS peer,
            meshseal_address(three.local) AS local,
            meshseal_address(one.downstream_remote) AS remote) AS four
    FROM (
        SELECT
            *,
            tuple(
                one.code = 0 AND one.flags != '' AS failed,
                substringIndex(one.path, '?', 1) AS url_path,
                multiIf(two.inbound OR one.upstream_host = '', one.downstream_remote, one.upstream_host) AS peer,
                multiIf(two.inbound OR one.upstream_local = '', one.downstream_local, one.upstream_local) AS local,
                splitByChar('.', multiIf(
                    two.cluster_host != '', two.cluster_host,
                    endsWith(one.cluster, '.consul'), one.cluster,
                    two.inbound, meshseal_istio_host(one.server_name),
                    '')) AS names) AS three
        FROM (
            SELECT
                *,
                tuple(
                    meshseal_reporter(one.cluster) AS reporter,
                    reporter = 'inbound' AS inbound,
                    meshseal_istio_host(one.cluster) AS cluster_host,
                    meshseal_client(fields.x_forwarded_for, '') AS told) AS two
            FROM (
                SELECT
                    raw_row,
                    parsed,
                    fields,
                    tuple(
                        fields.upstream_cluster AS cluster,
                        fields.requested_server_name AS server_name,
                        fields.path AS path,
                        fields.response_flags AS flags,
                        meshseal_address(fields.authority) AS authority,
                        fields.upstream_host AS upstream_host,
                        fields.upstream_local_address AS upstream_local,
                        fields.downstream_local_address AS downstream_local,
                        fields.downstream_remote_address AS downstream_remote,
                        toUInt16OrZero(fields.response_code) AS code,
                        startsWith(fields.protocol, 'HTTP/') AS http) AS one
                FROM fields
            )
        )
    )
)
