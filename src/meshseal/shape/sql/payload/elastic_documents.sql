-- Elasticsearch's bulk lines: an action, `{"create": {"_index": …, "_id": …}}`, and its source, a
-- JSON object, in turn. The labels are the index and the pipeline of the request.
--
-- The body is the source's message (`message`, or `log` as container logs have it), or the whole
-- source, whose attributes its format then gives. Bytes that are no UTF-8 are replaced where a
-- source is taken apart, and it is kept as it came in `log.record.original`.
--
-- What a shipper writes about itself and its surroundings is the same in thousands of documents, and
-- it is most of them: it is taken apart once for all that have it in common.
SELECT
    one.tenant AS Tenant,
    one.batch AS Batch,
    one.seq AS Seq,
    one.door AS Door,
    one.source AS Source,
    one.format AS Hint,
    one.received AS ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    if(meshseal_epoch(stamp) != 0, meshseal_epoch(stamp), meshseal_time(stamp)) AS TimeUnixNano,
    meshseal_ecs_trace(own) AS TraceId,
    meshseal_ecs_span(own) AS SpanId,
    if(meshseal_ecs_level(own) = '' AND meshseal_severity(meshseal_ecs_value(own, 'priority')) != 0,
        meshseal_ecs_value(own, 'priority'), meshseal_ecs_level(own)) AS SeverityText,
    if(empty(own_resource), shared_resource,
        meshseal_map(arrayConcat(own_resource, CAST(shared_resource, 'Array(Tuple(String, String))')))) AS ResourceAttributes,
    if(empty(own_resource), shared_service, meshseal_service(ResourceAttributes)) AS ServiceName,
    arrayConcat(
        told,
        if(text_key = '', [], arrayConcat(
            arrayFilter(pair -> pair.1 != text_key, meshseal_ecs_attributes(own)),
            shared_attributes)),
        if(isValidUTF8(one.document), [], [('log.record.original', one.document)])) AS Attributes,
    if(text_key = '', one.document, trim(TRAILING '\n' FROM meshseal_ecs_value(own, text_key))) AS Body
FROM (
    SELECT
        *,
        own.2[arrayFirst(place -> place != 0, [
            indexOf(own.1, '@timestamp'), indexOf(own.1, 'timestamp'), indexOf(own.1, 'time'),
            indexOf(own.1, 'ts'), indexOf(own.1, 'timereported'), indexOf(own.1, 'date')])] AS stamp,
        multiIf(meshseal_ecs_value(own, 'message') != '', 'message', meshseal_ecs_value(own, 'log') != '', 'log', '') AS text_key,
        if(empty(one.stream), one.told, arrayConcat(one.told, arrayFilter(
            pair -> pair.2 != '' AND NOT has(present, pair.1),
            [('data_stream.type', one.stream[1]), ('data_stream.dataset', one.stream[2]), ('data_stream.namespace', one.stream[3])]))) AS told
    FROM (
        SELECT
            one,
            shared_resource,
            shared_service,
            shared_attributes,
            meshseal_ecs_named(one.members) AS own,
            meshseal_ecs_resource(own) AS own_resource,
            arrayFilter(key -> startsWith(key, 'data_stream.'), arrayConcat(own.1, shared_attributes.1)) AS present
        FROM (
            SELECT
                ones,
                meshseal_ecs_named(shared) AS pairs,
                meshseal_map(meshseal_ecs_resource(pairs)) AS shared_resource,
                meshseal_service(shared_resource) AS shared_service,
                arrayFilter(pair -> NOT meshseal_ecs_is_resource(tupleElement(pair, 1)), pairs) AS shared_attributes
            FROM (
                SELECT
                    arrayFilter(member -> meshseal_ecs_is_shared(tupleElement(member, 1)), members) AS shared,
                    groupArray(CAST((tenant, batch, seq, door, source, format, received, document, told, stream,
                        arrayFilter(member -> NOT meshseal_ecs_is_shared(tupleElement(member, 1)), members)),
                        'Tuple(tenant String, batch UInt64, seq UInt32, door String, source String, format String, received Int64, document String, told Array(Tuple(String, String)), stream Array(String), members Array(Tuple(String, String)))')) AS ones
                FROM (
                    SELECT
                        tenant, batch, door, source, format,
                        toUInt32(first_seq + position - 1) AS seq,
                        toInt64(received_unix_nano) AS received,
                        trim(BOTH ' \t\r' FROM line) AS document,
                        JSONExtractKeysAndValuesRaw(if(isValidUTF8(document), document, toValidUTF8(document))) AS members,
                        arrayMap(
                            member -> (concat('elasticsearch.', trim(LEADING '_' FROM member.1)), meshseal_ecs_text(member.2)),
                            arrayFilter(
                                member -> member.2 != 'null',
                                JSONExtractKeysAndValuesRaw(tupleElement(JSONExtractKeysAndValuesRaw(action)[1], 2)))) AS given,
                        arrayConcat(given, arrayFilter(
                            pair -> NOT has(given.1, pair.1),
                            CAST(labels, 'Array(Tuple(String, String))'))) AS told,
                        extractGroups(
                            meshseal_ecs_value(told, 'elasticsearch.index'),
                            '^(logs|metrics|traces|synthetics|profiling)-([^-]+)-(.+)$') AS stream
                    FROM (
                        SELECT
                            *,
                            splitByChar('\n', elastic_documents) AS lines,
                            arrayFilter((one, place) -> place % 2 = 0, lines, arrayEnumerate(lines)) AS sources,
                            arraySlice(arrayFilter((one, place) -> place % 2 = 1, lines, arrayEnumerate(lines)), 1, length(sources)) AS actions
                        FROM envelopes
                    )
                    ARRAY JOIN
                        actions AS action,
                        sources AS line,
                        arrayEnumerate(actions) AS position
                )
                GROUP BY shared
            )
        )
        ARRAY JOIN ones AS one
    )
)
