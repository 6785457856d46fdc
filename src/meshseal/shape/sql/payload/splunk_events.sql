-- Splunk's events, one JSON object for each line. A line's end may be LF or CRLF.
--
-- What is no JSON to the engine is kept whole as the body. Bytes that are no UTF-8 are replaced
-- where an event is taken apart, and its line is kept as it came in `log.record.original`.
--
-- Looking for keys one by one costs most here. So each object's keys are turned into numbers once,
-- and what is looked for is found by its number.
--
-- Sources: Splunk, "Format events for HTTP Event Collector"; OpenTelemetry Collector contrib,
-- splunkhecreceiver and splunkhecexporter (names of metadata and of the fields for severity).
SELECT
    Tenant,
    Batch,
    Seq,
    Door,
    Source,
    Hint,
    ReceivedUnixNano,
    ObservedUnixNano,
    TimeUnixNano,
    meshseal_hex_id(given[indexOf(well_known, 3)].2, 32) AS TraceId,
    meshseal_hex_id(given[indexOf(well_known, 4)].2, 16) AS SpanId,
    given[indexOf(well_known, 1)].2 AS SeverityText,
    meshseal_number_of_severity(given[indexOf(well_known, 2)].2) AS SeverityNumber,
    meshseal_map(arrayConcat(
        arrayFilter(pair -> NOT has(metadata.1, pair.1), request_labels),
        metadata,
        arrayFilter(pair -> NOT has(metadata.1, pair.1), arrayFilter((pair, resource) -> resource, given, of_resource)))) AS ResourceAttributes,
    if(meshseal_service(ResourceAttributes) != '', meshseal_service(ResourceAttributes), given[indexOf(well_known, 5)].2) AS ServiceName,
    arrayConcat(
        arrayFilter((pair, resource) -> NOT resource, given, of_resource),
        if(TimeUnixNano = 0 AND stamp NOT IN ('', '0'), [('com.splunk.time', stamp)], []),
        if(isValidUTF8(line), [], [('log.record.original', line)])) AS Attributes,
    multiIf(empty(members), line, body != '', meshseal_json_scalar(body), meshseal_json_scalar(event)) AS Body
FROM (
    SELECT
        *,
        arrayMap(pair -> transform(
            pair.1,
            ['otel.log.severity.text', 'severity', 'level', 'log.level', 'severity_text', 'loglevel', 'lvl',
             'otel.log.severity.number', 'trace_id', 'traceId', 'trace.id', 'traceID', 'span_id', 'spanId', 'span.id', 'spanID',
             'service_name', 'service', 'app'],
            [1, 1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5],
            0), given) AS well_known,
        arrayMap(pair -> meshseal_of_resource(pair.1), given) AS of_resource,
        meshseal_stamp(stamp, line) AS TimeUnixNano
    FROM (
        SELECT
            * EXCEPT (fields, indexed, object, object_ids),
            meshseal_json_pairs(arrayConcat(
                fields,
                multiIf(
                    body = '', [],
                    hasAny(fields.1, object.1), arrayMap(
                        pair -> (if(has(fields.1, pair.1), concat('event.', pair.1), pair.1), pair.2),
                        arrayFilter((pair, id) -> id != body_id, object, object_ids)),
                    arrayFilter((pair, id) -> id != body_id, object, object_ids)),
                arrayFilter((member, id) -> id = 0, members, ids))) AS given
        FROM (
            SELECT
                *,
                arrayMap(member -> transform(member.1, ['message', 'log', 'line', 'msg', 'body'], [1, 2, 3, 4, 5], 0), object) AS object_ids,
                arrayFirst(id -> id != 0 AND object[indexOf(object_ids, id)].2 NOT IN ('', '""', 'null'), arraySort(object_ids)) AS body_id,
                if(body_id = 0, '', object[indexOf(object_ids, body_id)].2) AS body
            FROM (
                SELECT
                    *,
                    meshseal_json_scalar(members[indexOf(ids, 1)].2) AS stamp,
                    arrayFilter(pair -> pair.2 != '', [
                        ('host.name', meshseal_json_scalar(members[indexOf(ids, 2)].2)),
                        ('com.splunk.source', meshseal_json_scalar(members[indexOf(ids, 3)].2)),
                        ('com.splunk.sourcetype', meshseal_json_scalar(members[indexOf(ids, 4)].2)),
                        ('com.splunk.index', meshseal_json_scalar(members[indexOf(ids, 5)].2))]) AS metadata,
                    members[indexOf(ids, 6)].2 AS event,
                    JSONExtractKeysAndValuesRaw(members[indexOf(ids, 7)].2) AS indexed,
                    -- Splunk Connect for Kubernetes has names of its own for what OpenTelemetry's collector calls `k8s.*`.
                    if(has(indexed.1, 'pod') AND has(indexed.1, 'namespace'), arrayMap(
                        member -> (
                            transform(
                                member.1,
                                ['pod', 'namespace', 'container_name', 'container_id', 'cluster_name', 'node'],
                                ['k8s.pod.name', 'k8s.namespace.name', 'k8s.container.name', 'container.id', 'k8s.cluster.name', 'k8s.node.name'],
                                member.1),
                            member.2),
                        indexed), indexed) AS fields,
                    if(startsWith(event, '{'), JSONExtractKeysAndValuesRaw(event), []) AS object
                FROM (
                    SELECT
                        *,
                        arrayMap(member -> transform(
                            member.1, ['time', 'host', 'source', 'sourcetype', 'index', 'event', 'fields'], [1, 2, 3, 4, 5, 6, 7], 0),
                            members) AS ids
                    FROM (
                        SELECT
                            tenant AS Tenant,
                            batch AS Batch,
                            toUInt32(first_seq + position - 1) AS Seq,
                            door AS Door,
                            source AS Source,
                            format AS Hint,
                            toInt64(received_unix_nano) AS ReceivedUnixNano,
                            ReceivedUnixNano AS ObservedUnixNano,
                            CAST(labels, 'Array(Tuple(String, String))') AS request_labels,
                            line,
                            arrayFilter(
                                member -> member.2 != 'null',
                                JSONExtractKeysAndValuesRaw(if(isValidUTF8(line), line, toValidUTF8(line)))) AS members
                        FROM (
                            SELECT
                                *,
                                meshseal_lines(splunk_events) AS records
                            FROM envelopes
                        )
                        ARRAY JOIN
                            records AS line,
                            arrayEnumerate(records) AS position
                    )
                )
            )
        )
    )
)
