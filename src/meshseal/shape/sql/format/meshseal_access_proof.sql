-- What Meshseal's own access log says beyond Envoy's common fields: of the connection that its reporter
-- speaks of (the accepted one; for an outbound proxy the one to the upstream), who proved to be whom.
--
-- An outbound proxy never proves mutual TLS: Envoy logs the certificate that it would show, whether or not
-- it was asked for it. No TLS is known only where the field for its version is there and says nothing.
--
-- `chosen` and `other` are of that connection and of the proxy's other one: the version of TLS, its cipher
-- suite, the URIs of the other end's certificate, its subject, its issuer, from when and until when it is
-- valid, and the URIs of this end's.
SELECT
    * EXCEPT (time_unix_nano, service_name, trace_id, span_id, more, reporter, outbound, chosen, other, ids, times, ends, trace, epoch,
        logged, up, down, told_up, told_down, `mesh.reporter`, `service.peer.name`, `service.peer.namespace`, `service.namespace`),
    if(epoch = 0, time_unix_nano, epoch - toInt64(toUInt64OrZero(replaceOne(more.duration_s, '.', '')) * 1000000)) AS time_unix_nano,
    multiIf(
        more.service_name != '', more.service_name,
        ends[1][1] != '', ends[1][1],
        service_name != '', service_name,
        more.workload != '', more.workload,
        extract(ids[2], '^spiffe://.*/svc/([^/]+)$')) AS service_name,
    meshseal_hex_id(trace[1], 32) AS trace_id,
    meshseal_hex_id(trace[2], 16) AS span_id,
    reporter AS `mesh.reporter`,
    multiIf(
        ends[2][1] != '', ends[2][1],
        `service.peer.name` != '', `service.peer.name`,
        reporter = 'gateway', more.upstream_cluster,
        extract(ids[1], '^spiffe://.*/svc/([^/]+)$')) AS `service.peer.name`,
    multiIf(
        ends[2][2] != '', ends[2][2],
        `service.peer.namespace` != '', `service.peer.namespace`,
        extract(ids[1], '^spiffe://[^/]+/ns/([^/]+)/')) AS `service.peer.namespace`,
    multiIf(
        more.service_namespace != '', more.service_namespace,
        ends[1][2] != '', ends[1][2],
        `service.namespace`) AS `service.namespace`,
    multiIf(
        chosen[1] = '' AND more.downstream_secure NOT IN ('on', '1'), if(logged AND chosen[3] = '' AND chosen[4] = '', 'plaintext', ''),
        outbound OR more.downstream_peer_verify NOT IN ('', 'SUCCESS', '1:0'), '',
        chosen[3] != '' OR chosen[4] != '' OR more.downstream_peer_fingerprint_256 != '', 'mutual',
        '') AS `mesh.mtls`,
    ids[1] AS `mesh.peer.spiffe_id`,
    ids[2] AS `mesh.local.spiffe_id`,
    arrayFilter(pair -> pair.2 != '', [
        ('mesh.kind', more.meshseal),
        ('mesh.name', more.mesh_name),
        ('tls.protocol.name', multiIf(chosen[1] = '', '', startsWith(chosen[1], 'SSL'), 'ssl', 'tls')),
        ('tls.protocol.version', meshseal_tls_number(chosen[1])),
        ('tls.cipher', meshseal_cipher_name(chosen[2])),
        (if(outbound, 'tls.server.x509.alternative_names', 'tls.client.x509.alternative_names'), if(chosen[3] = ids[1], '', chosen[3])),
        (if(outbound, 'tls.server.subject', 'tls.client.subject'), chosen[4]),
        (if(outbound, 'tls.server.issuer', 'tls.client.issuer'), chosen[5]),
        (if(outbound, 'tls.server.not_before', 'tls.client.not_before'), times[1]),
        (if(outbound, 'tls.server.not_after', 'tls.client.not_after'), times[2]),
        (if(outbound, 'mesh.downstream.tls_subject', 'tls.server.subject'), more.downstream_local_subject),
        (if(outbound, 'mesh.downstream.tls_serial_number', 'tls.client.x509.serial_number'), lower(more.downstream_peer_serial)),
        (if(outbound, 'mesh.downstream.tls_sha256', 'tls.client.hash.sha256'), lower(more.downstream_peer_fingerprint_256)),
        ('tls.client.hash.sha1', lower(more.downstream_peer_fingerprint_1)),
        ('tls.client.verify', if(more.downstream_peer_verify = '-:-', '', more.downstream_peer_verify)),
        (if(outbound, 'mesh.downstream.tls_version', 'mesh.upstream.tls_version'), meshseal_tls_number(other[1])),
        (if(outbound, 'mesh.downstream.tls_cipher', 'mesh.upstream.tls_cipher'), other[2]),
        (if(outbound, 'mesh.downstream.spiffe_id', 'mesh.upstream.spiffe_id'), other[3]),
        (if(outbound, 'mesh.downstream.tls_peer_subject', 'mesh.upstream.tls_subject'), other[4]),
        ('mesh.retries', multiIf(
            toUInt64OrZero(more.attempts) > 1, toString(toUInt64OrZero(more.attempts) - 1),
            position(more.upstream_host, ', ') > 0, toString(countSubstrings(more.upstream_host, ', ')),
            more.retries IN ('', '0'), '',
            trim(LEADING '+' FROM more.retries))),
        ('mesh.downstream_transport_failure_reason', more.downstream_transport_failure_reason),
        ('mesh.termination_state', if(more.termination_state = '----', '', more.termination_state)),
        ('mesh.access_log_type', more.access_log_type),
        ('mesh.connection_id', more.connection_id),
        ('mesh.request_duration_ms', more.request_duration),
        ('mesh.response_duration_ms', more.response_duration),
        ('rpc.status_code', more.grpc_status),
        ('url.scheme', more.scheme)]) AS pairs,
    arrayFilter(pair -> pair.2 != '', [
        ('k8s.pod.name', more.pod), ('k8s.namespace.name', more.service_namespace), ('k8s.cluster.name', more.cluster),
        ('host.name', more.host_name)]) AS resource_pairs
FROM (
    SELECT
        *,
        arrayMap(names -> meshseal_spiffe_of(names), [chosen[3], chosen[8]]) AS ids,
        arrayMap(text -> meshseal_certificate_time(text), [chosen[6], chosen[7]]) AS times,
        arrayMap(text -> meshseal_kuma_service(text),
            if(outbound, [more.source_service, more.destination_service], [more.destination_service, more.source_service])) AS ends,
        multiIf(
            more.traceparent != '', arraySlice(splitByChar('-', more.traceparent), 2, 2),
            position(more.b3, '-') > 0, splitByChar('-', more.b3),
            more.x_b3_traceid != '', [more.x_b3_traceid, more.x_b3_spanid],
            [more.trace_id, more.span_id]) AS trace,
        meshseal_epoch(if(more.end_time = '', more.start_time, more.end_time)) AS epoch
    FROM (
        SELECT
            *,
            reporter = 'outbound' AS outbound,
            if(reporter = 'outbound', up, down) AS chosen,
            if(reporter = 'outbound', down, up) AS other,
            if(reporter = 'outbound', told_up, told_down AND reporter IN ('inbound', 'gateway')) AS logged
        FROM (
            SELECT
                * EXCEPT (document),
                multiIf(
                    more.reporter != '', more.reporter,
                    more.direction = 'INBOUND', 'inbound',
                    more.direction = 'OUTBOUND', 'outbound',
                    `mesh.reporter`) AS reporter,
                [more.upstream_tls_version, more.upstream_tls_cipher, more.upstream_peer_uri_san, more.upstream_peer_subject,
                 more.upstream_peer_issuer, more.upstream_peer_cert_v_start, more.upstream_peer_cert_v_end, more.upstream_local_uri_san] AS up,
                [more.downstream_tls_version, more.downstream_tls_cipher, more.downstream_peer_uri_san, more.downstream_peer_subject,
                 more.downstream_peer_issuer, more.downstream_peer_cert_v_start, more.downstream_peer_cert_v_end, more.downstream_local_uri_san] AS down,
                position(document, '"upstream_tls_version":') > 0 AND meshseal_is_socket(more.upstream_host)
                    AND more.upstream_local_address != '' AND more.upstream_transport_failure_reason = ''
                    AND NOT has(splitByChar(',', more.response_flags), 'UF') AS told_up,
                position(document, '"downstream_tls_version":') > 0 AND meshseal_is_socket(
                    if(more.downstream_direct_remote_address = '', more.downstream_remote_address, more.downstream_direct_remote_address)) AS told_down
            FROM (
                SELECT
                    *,
                    meshseal_access_document(raw_row.Body, raw_row.Attributes) AS document,
                    JSONExtract(meshseal_access_document(raw_row.Body, raw_row.Attributes), '$proof_fields') AS more
                FROM fields
            )
        )
    )
)
