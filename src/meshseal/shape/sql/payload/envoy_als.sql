-- Envoy's StreamAccessLogsMessage: entries of HTTP requests, or of TCP connections. What an entry has
-- in common with a line of an Envoy access log stands first among its attributes, in the order of
-- `$envoy_names`; `format/envoy_als.sql` reads it from there. Everything else it says stands behind, by
-- name. Who logs is in the labels: a stream says it once. An entry has no text: its body is the line
-- that Istio would write of it as JSON.
--
-- An entry's TLS properties are of the connection that was accepted; what is known of TLS to the upstream,
-- and when a certificate begins and ends, it has no fields for: they come as custom tags, by the names that
-- `meshseal mesh config` prints. An outbound proxy never proves mutual TLS: Envoy tells the certificate
-- that it would show, whether or not it was asked for it.
WITH source AS (
    SELECT
        *,
        toInt64(received_unix_nano) AS received,
        meshseal_map(labels) AS resource,
        meshseal_service(resource) AS service,
        length(envoy_als_http_logs_log_entry) AS http_records
    FROM envelopes
)
SELECT
    Tenant,
    Batch,
    Seq,
    Door,
    Source,
    Hint,
    ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    TimeUnixNano,
    meshseal_hex_id(trace[1], 32) AS TraceId,
    meshseal_hex_id(trace[2], 16) AS SpanId,
    if(match(trace[3], '^[0-9a-f]{2}$'), reinterpretAsUInt8(unhex(trace[3])), 0) AS TraceFlags,
    ResourceAttributes,
    service AS ServiceName,
    arrayConcat(
        arrayMap(value -> ('', value), line),
        [('', mtls), ('', peer_spiffe), ('', local_spiffe), ('', peer)],
        extras) AS Attributes,
    meshseal_json_line($envoy_names, line, ['response_code', 'bytes_received', 'bytes_sent', 'duration', 'upstream_service_time']) AS Body
FROM (
    SELECT
        Tenant, Batch, Seq, Door, Source, Hint, ReceivedUnixNano, ResourceAttributes, service, TimeUnixNano,
        [
            if(TimeUnixNano = 0, '', meshseal_iso_milliseconds(TimeUnixNano)),
            transform(request.request_method, range(0, 10),
                ['', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'],
                toString(request.request_method)),
            request.path,
            transform(protocol_version, range(0, 5), ['', 'HTTP/1.0', 'HTTP/1.1', 'HTTP/2', 'HTTP/3'], toString(protocol_version)),
            if(response.response_code_value = 0, '', toString(response.response_code_value)),
            meshseal_envoy_flags(response_flags), response.response_code_details, connection_termination_details,
            upstream_transport_failure_reason, toString(received_bytes), toString(sent_bytes),
            if(times[8] = '', times[7], times[8]),
            meshseal_value(response.response_headers, 'x-envoy-upstream-service-time'),
            request.forwarded_for, request.user_agent, request.request_id, request.authority, addresses[4],
            upstream_cluster, addresses[5], addresses[2], addresses[1], tls_sni_hostname, route_name] AS line,
        multiIf(
            outbound, if(meshseal_value(custom_tags, 'meshseal') = 'upstream_tls' AND upstream_version = ''
                AND meshseal_is_socket(addresses[4]) AND addresses[5] != '' AND upstream_transport_failure_reason = ''
                AND NOT has(splitByChar(',', line[6]), 'UF'), 'plaintext', ''),
            with_tls AND peer_named AND own_named, 'mutual',
            reporter = 'inbound' AND NOT with_tls AND NOT peer_named AND NOT own_named AND is_socket, 'plaintext',
            '') AS mtls,
        if(outbound, meshseal_spiffe_of(meshseal_value(custom_tags, 'mesh.upstream.spiffe_id')),
            meshseal_spiffe(peer_certificate.subject_alt_name)) AS peer_spiffe,
        if(outbound, meshseal_spiffe_of(meshseal_value(custom_tags, 'mesh.upstream.local_spiffe_id')),
            meshseal_spiffe(own_certificate.subject_alt_name)) AS local_spiffe,
        meshseal_value(states, if(reporter = 'inbound' OR addresses[4] = '', 'downstream_peer', 'upstream_peer')) AS peer,
        meshseal_trace(request.request_headers) AS trace,
        arrayFilter(pair -> pair.1 != '' AND pair.2 != '', arrayConcat(
            [
                ('network.transport', transport),
                ('mesh.access_log_type', meshseal_access_log_type(access_log_type)),
                ('url.scheme', request.scheme),
                ('envoy.request.port', if(request.port_value = 0, '', toString(request.port_value))),
                ('http.request.header.referer', request.referer),
                ('http.request.header.x-envoy-original-path', request.original_path),
                ('tls.protocol.name', if(upstream_version = '', '', 'tls')),
                ('envoy.stream_id', stream_id),
                ('envoy.sample_rate', if(sample_rate = 0, '', toString(sample_rate))),
                ('envoy.intermediate_log_entry', if(intermediate_log_entry = 0, '', 'true')),
                ('envoy.downstream_transport_failure_reason', downstream_transport_failure_reason),
                ('envoy.downstream_direct_remote_address', if(addresses[3] = addresses[1], '', addresses[3])),
                ('envoy.time_to_last_rx_byte_ms', times[1]),
                ('envoy.time_to_first_upstream_tx_byte_ms', times[2]),
                ('envoy.time_to_last_upstream_tx_byte_ms', times[3]),
                ('envoy.time_to_first_upstream_rx_byte_ms', times[4]),
                ('envoy.time_to_last_upstream_rx_byte_ms', times[5]),
                ('envoy.time_to_first_downstream_tx_byte_ms', times[6]),
                ('envoy.time_to_last_downstream_tx_byte_ms', times[7]),
                ('envoy.upstream_request_attempt_count', counts[1]),
                ('mesh.retries', if(eleven_counts[1] > 1, toString(eleven_counts[1] - 1), '')),
                ('envoy.downstream_wire_bytes_sent', counts[2]),
                ('envoy.downstream_wire_bytes_received', counts[3]),
                ('envoy.upstream_wire_bytes_sent', counts[4]),
                ('envoy.upstream_wire_bytes_received', counts[5]),
                ('envoy.request_headers_bytes', counts[6]),
                ('envoy.upstream_header_bytes_sent', counts[7]),
                ('envoy.downstream_header_bytes_received', counts[8]),
                ('envoy.response_headers_bytes', counts[9]),
                ('envoy.upstream_header_bytes_received', counts[10]),
                ('envoy.downstream_header_bytes_sent', counts[11])],
            arrayMap(pair -> (if(outbound, concat('mesh.downstream.', pair.1), pair.1), pair.2), [
                ('tls.protocol.name', if(with_tls, 'tls', '')),
                ('tls.protocol.version', transform(tls_version, [0, 1, 2, 3, 4], ['', '1.0', '1.1', '1.2', '1.3'], toString(tls_version))),
                ('tls.cipher', meshseal_cipher(tls_cipher_suite)),
                ('tls.client.subject', peer_certificate.subject),
                ('tls.client.issuer', peer_certificate.issuer),
                ('tls.client.x509.alternative_names', meshseal_names(peer_certificate.subject_alt_name)),
                ('tls.client.ja3', ja3_fingerprint),
                ('tls.server.subject', own_certificate.subject),
                ('tls.server.issuer', own_certificate.issuer),
                ('tls.server.x509.alternative_names', meshseal_names(own_certificate.subject_alt_name)),
                ('tls.session_id', tls_session_id)]),
            -- What was found cannot be contradicted by a header or a tag of its name.
            arrayMap(pair -> (if(pair.key = 'x-request-id', 'envoy.http.request.header.x-request-id', concat('http.request.header.', pair.key)), pair.value), request.request_headers),
            arrayMap(pair -> (concat('http.response.header.', pair.key), pair.value), response.response_headers),
            arrayMap(pair -> (concat('http.response.trailer.', pair.key), pair.value), response.response_trailers),
            arrayMap(pair -> meshseal_envoy_tag(
                transform(pair.key, $promoted, arrayMap(key -> concat('envoy.', key), $promoted), pair.key), pair.value, outbound), custom_tags),
            arrayMap(pair -> (concat('envoy.filter_state.', pair.1), pair.2), states),
            if(metadata = '', [], meshseal_envoy_metadata(joinGet('$nested', 'Json', concat('e', metadata)))))) AS extras
    FROM (
        SELECT
            *,
            arrayMap(address -> meshseal_envoy_address(address), five_addresses) AS addresses,
            arrayMap(time -> meshseal_envoy_duration(time), eight_times) AS times,
            arrayMap(count -> if(count = 0, '', toString(count)), eleven_counts) AS counts,
            arrayMap(pair -> (pair.key, joinGet('$nested', 'Json', concat('y', pair.value))), filter_state_objects) AS states,
            meshseal_loki_nanos(start_time.seconds, start_time.nanos) AS TimeUnixNano,
            meshseal_reporter(upstream_cluster) AS reporter,
            reporter = 'outbound' AS outbound,
            if(outbound, meshseal_value(custom_tags, 'mesh.upstream.tls_version'), '') AS upstream_version,
            tls_version != 0 OR tls_cipher_suite != 0 AS with_tls,
            peer_certificate.subject != '' OR notEmpty(peer_certificate.subject_alt_name) AS peer_named,
            own_certificate.subject != '' OR notEmpty(own_certificate.subject_alt_name) AS own_named,
            five_addresses[3].socket_address_address != '' AS is_socket
        FROM (
            SELECT
                tenant AS Tenant, batch AS Batch, toUInt32(first_seq + position - 1) AS Seq, door AS Door, source AS Source,
                format AS Hint, received AS ReceivedUnixNano, resource AS ResourceAttributes, service,
                [common.downstream_remote_address, common.downstream_local_address, common.downstream_direct_remote_address,
                 common.upstream_remote_address, common.upstream_local_address] AS five_addresses,
                [common.time_to_last_rx_byte, common.time_to_first_upstream_tx_byte, common.time_to_last_upstream_tx_byte,
                 common.time_to_first_upstream_rx_byte, common.time_to_last_upstream_rx_byte,
                 common.time_to_first_downstream_tx_byte, common.time_to_last_downstream_tx_byte, common.duration] AS eight_times,
                common.start_time AS start_time, common.upstream_cluster AS upstream_cluster,
                common.response_flags AS response_flags, common.route_name AS route_name, common.metadata AS metadata,
                common.filter_state_objects AS filter_state_objects, common.custom_tags AS custom_tags,
                common.upstream_transport_failure_reason AS upstream_transport_failure_reason,
                common.downstream_transport_failure_reason AS downstream_transport_failure_reason,
                common.connection_termination_details AS connection_termination_details,
                common.stream_id AS stream_id, common.sample_rate AS sample_rate,
                common.intermediate_log_entry AS intermediate_log_entry, common.access_log_type AS access_log_type,
                common.tls_properties_tls_version AS tls_version,
                common.tls_properties_tls_cipher_suite_value AS tls_cipher_suite,
                common.tls_properties_tls_sni_hostname AS tls_sni_hostname,
                common.tls_properties_tls_session_id AS tls_session_id,
                common.tls_properties_ja3_fingerprint AS ja3_fingerprint,
                common.tls_properties_peer_certificate_properties AS peer_certificate,
                common.tls_properties_local_certificate_properties AS own_certificate,
                protocol_version,
                request,
                response,
                '' AS transport,
                request.request_body_bytes AS received_bytes,
                response.response_body_bytes AS sent_bytes,
                [toUInt64(common.upstream_request_attempt_count), common.downstream_wire_bytes_sent,
                 common.downstream_wire_bytes_received, common.upstream_wire_bytes_sent, common.upstream_wire_bytes_received,
                 request.request_headers_bytes, request.upstream_header_bytes_sent, request.downstream_header_bytes_received,
                 response.response_headers_bytes, response.upstream_header_bytes_received,
                 response.downstream_header_bytes_sent] AS eleven_counts
            FROM source
            ARRAY JOIN
                envoy_als_http_logs_log_entry.common_properties AS common,
                envoy_als_http_logs_log_entry.protocol_version AS protocol_version,
                envoy_als_http_logs_log_entry.request AS request,
                envoy_als_http_logs_log_entry.response AS response,
                arrayEnumerate(envoy_als_http_logs_log_entry) AS position
            UNION ALL
            SELECT
                tenant AS Tenant, batch AS Batch, toUInt32(first_seq + http_records + position - 1) AS Seq, door AS Door, source AS Source,
                format AS Hint, received AS ReceivedUnixNano, resource AS ResourceAttributes, service,
                [common.downstream_remote_address, common.downstream_local_address, common.downstream_direct_remote_address,
                 common.upstream_remote_address, common.upstream_local_address] AS five_addresses,
                [common.time_to_last_rx_byte, common.time_to_first_upstream_tx_byte, common.time_to_last_upstream_tx_byte,
                 common.time_to_first_upstream_rx_byte, common.time_to_last_upstream_rx_byte,
                 common.time_to_first_downstream_tx_byte, common.time_to_last_downstream_tx_byte, common.duration] AS eight_times,
                common.start_time AS start_time, common.upstream_cluster AS upstream_cluster,
                common.response_flags AS response_flags, common.route_name AS route_name, common.metadata AS metadata,
                common.filter_state_objects AS filter_state_objects, common.custom_tags AS custom_tags,
                common.upstream_transport_failure_reason AS upstream_transport_failure_reason,
                common.downstream_transport_failure_reason AS downstream_transport_failure_reason,
                common.connection_termination_details AS connection_termination_details,
                common.stream_id AS stream_id, common.sample_rate AS sample_rate,
                common.intermediate_log_entry AS intermediate_log_entry, common.access_log_type AS access_log_type,
                common.tls_properties_tls_version AS tls_version,
                common.tls_properties_tls_cipher_suite_value AS tls_cipher_suite,
                common.tls_properties_tls_sni_hostname AS tls_sni_hostname,
                common.tls_properties_tls_session_id AS tls_session_id,
                common.tls_properties_ja3_fingerprint AS ja3_fingerprint,
                common.tls_properties_peer_certificate_properties AS peer_certificate,
                common.tls_properties_local_certificate_properties AS own_certificate,
                0 AS protocol_version,
                envoy_als_http_logs_log_entry.request[http_records + 1] AS request,
                envoy_als_http_logs_log_entry.response[http_records + 1] AS response,
                if(common.access_log_type BETWEEN 11 AND 13, 'udp', 'tcp') AS transport,
                connection.received_bytes AS received_bytes,
                connection.sent_bytes AS sent_bytes,
                [toUInt64(common.upstream_request_attempt_count), common.downstream_wire_bytes_sent,
                 common.downstream_wire_bytes_received, common.upstream_wire_bytes_sent, common.upstream_wire_bytes_received,
                 0, 0, 0, 0, 0, 0] AS eleven_counts
            FROM source
            ARRAY JOIN
                envoy_als_tcp_logs_log_entry.common_properties AS common,
                envoy_als_tcp_logs_log_entry.connection_properties AS connection,
                arrayEnumerate(envoy_als_tcp_logs_log_entry) AS position
        )
    )
)
