-- Events of Fluentd's Forward protocol: groups of one tag each. Records and metadata are lines of
-- JSON, as `wire/forward_events.py` writes them.
--
-- What says where a record comes from is the same in thousands of records, and often most of them:
-- it is taken apart once for all that have it in common.
SELECT
    one.tenant AS Tenant,
    one.batch AS Batch,
    one.seq AS Seq,
    one.door AS Door,
    one.source AS Source,
    if(message_key = '' AND startsWith(whole, '{') AND NOT is_access_log, 'unparsed', one.format) AS Hint,
    one.received AS ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    one.time AS TimeUnixNano,
    meshseal_hex_id(meshseal_ecs_value(own, trace_key), 32) AS TraceId,
    meshseal_hex_id(meshseal_ecs_value(own, span_key), 16) AS SpanId,
    meshseal_ecs_value(own, level_key) AS SeverityText,
    meshseal_fluent_number(meshseal_ecs_value(own, 'otlp.severity_number')) AS SeverityNumber,
    if(empty(own_resource), shared_resource,
        meshseal_map(arrayConcat(own_resource, CAST(shared_resource, 'Array(Tuple(String, String))')))) AS ResourceAttributes,
    if(empty(own_resource), shared_service, meshseal_fluent_service(ResourceAttributes)) AS ServiceName,
    arrayConcat(
        if(one.tag = '', [], [('fluent.tag', one.tag)]),
        arrayFilter(
            pair -> pair.1 != message_key AND pair.1 != level_key AND NOT meshseal_fluent_is_resource(pair.1)
                AND NOT (pair.1 = trace_key AND pair.2 = TraceId) AND NOT (pair.1 = span_key AND pair.2 = SpanId)
                AND NOT (is_access_log AND meshseal_fluent_is_access(pair.1)),
            own),
        shared_attributes) AS Attributes,
    if(message_key = '', whole, meshseal_fluent_line(meshseal_ecs_value(own, message_key))) AS Body
FROM (
    SELECT
        one, own, shared_resource, shared_service, shared_attributes, message_key, is_access_log, whole,
        arrayMap(
            pair -> (if(startsWith(pair.1, 'resource.attributes.'), substring(pair.1, 21), pair.1), pair.2),
            arrayFilter(pair -> meshseal_fluent_is_resource(pair.1), own)) AS own_resource,
        arrayFirst(key -> has(tupleElement(own, 1), key), ['level', 'severity', 'log.level', 'loglevel', 'lvl', 'levelname', 'severity_text', 'otlp.severity_text']) AS level_key,
        arrayFirst(key -> has(tupleElement(own, 1), key), ['trace_id', 'traceId', 'trace.id', 'traceID']) AS trace_key,
        arrayFirst(key -> has(tupleElement(own, 1), key), ['span_id', 'spanId', 'span.id', 'spanID']) AS span_key
    FROM (
        SELECT
            one, shared_resource, shared_service, shared_attributes,
            arrayFirst(
                key -> startsWith(tupleElement(one.members, 2)[indexOf(tupleElement(one.members, 1), key)], '"'),
                ['log', 'message', 'msg', 'MESSAGE']) AS message_key,
            message_key = '' AND position(one.record, '"response_code"') > 0 AND position(one.record, '"start_time"') > 0 AS is_access_log,
            meshseal_fluent_bytes(if(startsWith(one.record, '"'), meshseal_ecs_text(one.record), one.record)) AS whole,
            meshseal_fluent_named(one.members) AS named,
            if(one.metadata IN ('', '{}'), named, arrayConcat(named, arrayMap(
                pair -> meshseal_fluent_metadata(meshseal_fluent_bytes(pair.1), meshseal_fluent_bytes(pair.2)),
                meshseal_json_object(one.metadata)))) AS own
        FROM (
            SELECT
                ones,
                meshseal_fluent_named(shared) AS pairs,
                meshseal_map(arrayDistinct(arrayFilter(pair -> meshseal_fluent_is_resource(pair.1), pairs))) AS shared_resource,
                meshseal_fluent_service(shared_resource) AS shared_service,
                arrayFilter(pair -> NOT meshseal_fluent_is_resource(pair.1), pairs) AS shared_attributes
            FROM (
                SELECT
                    arrayFilter(member -> meshseal_fluent_is_shared(tupleElement(member, 1)), members) AS shared,
                    groupArray(CAST((tenant, batch, seq, door, source, format, received, tag, time, record, metadata,
                        arrayFilter(member -> NOT meshseal_fluent_is_shared(tupleElement(member, 1)), members)),
                        'Tuple(tenant String, batch UInt64, seq UInt32, door String, source String, format String, received Int64, tag String, time Int64, record String, metadata String, members Array(Tuple(String, String)))')) AS ones
                FROM (
                    SELECT
                        tenant, batch, door, source, format, tag, time, record, metadata,
                        toUInt32(first_seq + events_before + position - 1) AS seq,
                        toInt64(received_unix_nano) AS received,
                        JSONExtractKeysAndValuesRaw(record) AS members
                    FROM (
                        SELECT
                            tenant, batch, first_seq, door, source, format, received_unix_nano,
                            events_before,
                            fluent.tag AS tag,
                            fluent.times AS times,
                            splitByChar('\n', fluent.records) AS records,
                            if(fluent.metadata = '', arrayResize(CAST([], 'Array(String)'), length(times)), splitByChar('\n', fluent.metadata)) AS metadatas
                        FROM (
                            SELECT *, arrayMap(one -> length(one.times), fluent_events_groups) AS counts
                            FROM envelopes
                        )
                        ARRAY JOIN
                            fluent_events_groups AS fluent,
                            arrayMap((total, count) -> total - count, arrayCumSum(counts), counts) AS events_before
                    )
                    ARRAY JOIN
                        records AS record,
                        times AS time,
                        metadatas AS metadata,
                        arrayEnumerate(records) AS position
                )
                GROUP BY shared
            )
        )
        ARRAY JOIN ones AS one
    )
)
