-- What Meshseal's own access log says beyond Envoy's common fields: of the connection that its reporter
-- speaks of (the accepted one; for an outbound proxy the one to the upstream), who proved to be whom.
--
-- An outbound proxy never proves mutual TLS: Envoy logs the certificate that it would show, whether or not
-- it was asked for it. No TLS is known only where its version would be told and is not: the
-- field `tls` says `logged`, or that of the version is there and empty.
SELECT
    * EXCEPT (time_unix_nano, service_name, trace_id, span_id, more, document, side, proof,
        `mesh.reporter`, `service.peer.name`, `service.peer.namespace`, `service.namespace`),
    multiIf(
        meshseal_epoch(more.start_time) != 0, meshseal_epoch(more.start_time),
        more.end_time != '', meshseal_epoch(more.end_time)
            - toInt64(meshseal_nanos(meshseal_seconds_as_milliseconds(more.duration_s))),
        time_unix_nano) AS time_unix_nano,
    multiIf(
        more.service_name != '', more.service_name,
        proof.own.1 != '', proof.own.1,
        service_name != '', service_name,
        more.workload != '', more.workload,
        meshseal_spiffe_service(proof.own_id)) AS service_name,
    meshseal_trace_id(proof.trace) AS trace_id,
    meshseal_span_id(proof.span) AS span_id,
    side.reporter AS `mesh.reporter`,
    meshseal_first([proof.peer.1, `service.peer.name`, meshseal_spiffe_service(proof.peer_id),
        if(side.reporter = 'gateway', more.upstream_cluster, '')]) AS `service.peer.name`,
    meshseal_first([proof.peer.2, `service.peer.namespace`, extract(proof.peer_id, '^spiffe://[^/]+/ns/([^/]+)/')]) AS `service.peer.namespace`,
    meshseal_first([more.service_namespace, proof.own.2, `service.namespace`]) AS `service.namespace`,
    more.meshseal AS `mesh.kind`,
    more.mesh_name AS `mesh.name`,
    meshseal_mtls(if(side.secure, proof.proved, ''), side.secure, side.known AND proof.proved = '') AS `mesh.mtls`,
    proof.peer_id AS `mesh.peer.spiffe_id`,
    proof.own_id AS `mesh.local.spiffe_id`,
    multiIf(startsWith(side.version, 'SSL'), 'ssl', side.secure, 'tls', '') AS `tls.protocol.name`,
    meshseal_tls_number(side.version) AS `tls.protocol.version`,
    meshseal_cipher_name(if(side.outbound, more.upstream_tls_cipher, more.downstream_tls_cipher)) AS `tls.cipher`,
    if(side.outbound, '', more.downstream_peer_subject) AS `tls.client.subject`,
    if(side.outbound, '', more.downstream_peer_issuer) AS `tls.client.issuer`,
    if(side.outbound, '', lower(more.downstream_peer_fingerprint_256)) AS `tls.client.hash.sha256`,
    if(side.outbound, '', lower(more.downstream_peer_fingerprint_1)) AS `tls.client.hash.sha1`,
    if(side.outbound, '', lower(more.downstream_peer_serial)) AS `tls.client.x509.serial_number`,
    if(side.outbound OR proof.peer_names = proof.peer_id, '', proof.peer_names) AS `tls.client.x509.alternative_names`,
    if(side.outbound, '', meshseal_certificate_time(more.downstream_peer_cert_v_start)) AS `tls.client.not_before`,
    if(side.outbound, '', meshseal_certificate_time(more.downstream_peer_cert_v_end)) AS `tls.client.not_after`,
    if(side.outbound OR more.downstream_peer_verify = '-:-', '', more.downstream_peer_verify) AS `tls.client.verify`,
    if(side.outbound, more.upstream_peer_subject, more.downstream_local_subject) AS `tls.server.subject`,
    if(side.outbound, more.upstream_peer_issuer, '') AS `tls.server.issuer`,
    if(NOT side.outbound OR proof.peer_names = proof.peer_id, '', proof.peer_names) AS `tls.server.x509.alternative_names`,
    if(side.outbound, meshseal_certificate_time(more.upstream_peer_cert_v_start), '') AS `tls.server.not_before`,
    if(side.outbound, meshseal_certificate_time(more.upstream_peer_cert_v_end), '') AS `tls.server.not_after`,
    if(side.outbound, meshseal_tls_number(more.downstream_tls_version), '') AS `mesh.downstream.tls_version`,
    if(side.outbound, '', meshseal_tls_number(more.upstream_tls_version)) AS `mesh.upstream.tls_version`,
    if(side.outbound, '', meshseal_cipher_name(more.upstream_tls_cipher)) AS `mesh.upstream.tls_cipher`,
    if(side.outbound, '', meshseal_spiffe_of(more.upstream_peer_uri_san)) AS `mesh.upstream.spiffe_id`,
    if(side.outbound, '', more.upstream_peer_subject) AS `mesh.upstream.tls_subject`,
    multiIf(
        toUInt64OrZero(more.attempts) > 1, toString(toUInt64OrZero(more.attempts) - 1),
        toUInt64OrZero(trim(LEADING '+' FROM more.retries)) > 0, trim(LEADING '+' FROM more.retries),
        position(more.upstream_host, ', ') > 0, toString(countSubstrings(more.upstream_host, ', ')),
        '') AS `mesh.retries`,
    more.downstream_transport_failure_reason AS `mesh.downstream_transport_failure_reason`,
    if(more.termination_state = '----', '', more.termination_state) AS `mesh.termination_state`,
    more.access_log_type AS `mesh.access_log_type`,
    more.connection_id AS `mesh.connection_id`,
    more.request_duration AS `mesh.request_duration_ms`,
    more.response_duration AS `mesh.response_duration_ms`,
    more.grpc_status AS `rpc.status_code`,
    more.scheme AS `url.scheme`,
    arrayFilter(pair -> pair.2 != '', [
        ('k8s.pod.name', more.pod), ('k8s.namespace.name', more.service_namespace), ('k8s.cluster.name', more.cluster),
        ('host.name', more.host_name)]) AS resource_pairs
FROM (
    SELECT
        *,
        tuple(
            if(side.outbound, meshseal_spiffe_of(more.upstream_peer_uri_san), meshseal_spiffe_of(more.downstream_peer_uri_san)) AS peer_id,
            if(side.outbound, meshseal_spiffe_of(more.upstream_local_uri_san), meshseal_spiffe_of(more.downstream_local_uri_san)) AS own_id,
            if(side.outbound, more.upstream_peer_uri_san, more.downstream_peer_uri_san) AS peer_names,
            if(side.outbound OR more.downstream_peer_verify NOT IN ('', 'SUCCESS', '1:0'), '', meshseal_first([
                more.downstream_peer_uri_san, more.downstream_peer_subject, more.downstream_peer_fingerprint_256])) AS proved,
            meshseal_kuma_service(if(side.reporter = 'outbound', more.source_service, more.destination_service)) AS own,
            meshseal_kuma_service(if(side.reporter = 'outbound', more.destination_service, more.source_service)) AS peer,
            meshseal_first([more.traceparent, more.b3, more.x_b3_traceid, more.trace_id]) AS trace,
            meshseal_first([more.traceparent, more.b3, more.x_b3_spanid, more.span_id]) AS span) AS proof
    FROM (
        SELECT
            *,
            tuple(
                multiIf(
                    more.reporter != '', more.reporter,
                    more.direction = 'INBOUND', 'inbound',
                    more.direction = 'OUTBOUND', 'outbound',
                    `mesh.reporter`) AS reporter,
                reporter = 'outbound' AS outbound,
                if(outbound, more.upstream_tls_version, more.downstream_tls_version) AS version,
                version != '' OR (NOT outbound AND more.downstream_secure IN ('on', '1')) AS secure,
                multiIf(
                    outbound,
                        (more.tls = 'logged' OR position(document, '"upstream_tls_version":') > 0) AND meshseal_is_socket(more.upstream_host)
                        AND more.upstream_local_address != '' AND more.upstream_transport_failure_reason = ''
                        AND NOT has(splitByChar(',', more.response_flags), 'UF'),
                    reporter IN ('inbound', 'gateway'),
                        (more.tls = 'logged' OR position(document, '"downstream_tls_version":') > 0)
                        AND meshseal_is_socket(meshseal_first([more.downstream_direct_remote_address, more.downstream_remote_address])),
                    false) AS known) AS side
        FROM (
            SELECT
                *,
                JSONExtract(document, '$proof_fields') AS more
            FROM (
                SELECT *, meshseal_access_document(raw_row.Body, raw_row.Attributes) AS document
                FROM fields
            )
        )
    )
)
