-- Elasticsearch's bulk lines: an action, `{"create": {"_index": …, "_id": …}}`, and its source, a
-- JSON object, in turn. The labels are the index and the pipeline of the request.
--
-- The body is the source's message (`message`, or `log` as container logs have it), or the whole
-- source, whose attributes its format then gives. Bytes that are no UTF-8 are replaced where a
-- source is taken apart, and it is kept as it came in `log.record.original`.
SELECT
    Tenant,
    Batch,
    Seq,
    Door,
    Source,
    Hint,
    ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    if(meshseal_ecs_time(pairs) != 0, meshseal_ecs_time(pairs), if(meshseal_epoch(stamp) != 0, meshseal_epoch(stamp), meshseal_time(stamp))) AS TimeUnixNano,
    meshseal_ecs_trace(pairs) AS TraceId,
    meshseal_ecs_span(pairs) AS SpanId,
    if(meshseal_ecs_level(pairs) = '' AND meshseal_severity(meshseal_ecs_value(pairs, 'priority')) != 0, meshseal_ecs_value(pairs, 'priority'), meshseal_ecs_level(pairs)) AS SeverityText,
    meshseal_map(meshseal_ecs_resource(pairs)) AS ResourceAttributes,
    meshseal_service(ResourceAttributes) AS ServiceName,
    arrayConcat(
        told,
        if(text_key = '', [], arrayFilter(pair -> pair.1 != text_key, meshseal_ecs_attributes(pairs))),
        if(isValidUTF8(document), [], [('log.record.original', document)])) AS Attributes,
    if(text_key = '', document, trim(TRAILING '\n' FROM meshseal_ecs_value(pairs, text_key))) AS Body
FROM (
    SELECT
        *,
        meshseal_ecs_pairs(if(isValidUTF8(document), document, toValidUTF8(document))) AS pairs,
        arrayFirst(key -> meshseal_ecs_value(pairs, key) != '', ['message', 'log']) AS text_key,
        meshseal_first_value(pairs, ['timestamp', 'time', 'ts', 'timereported', 'date']) AS stamp,
        arrayConcat(named, arrayFilter(pair -> NOT has(pairs.1, pair.1), arrayMap(
            (key, value) -> (key, value),
            if(empty(stream), CAST([], 'Array(String)'), ['data_stream.type', 'data_stream.dataset', 'data_stream.namespace']),
            stream))) AS told
    FROM (
        SELECT
            * EXCEPT (members, request_labels),
            arrayConcat(
                arrayMap(
                    member -> (concat('elasticsearch.', trim(LEADING '_' FROM member.1)), meshseal_ecs_text(member.2)),
                    arrayFilter(member -> member.2 != 'null', members)) AS given,
                arrayFilter(pair -> NOT has(given.1, pair.1), request_labels)) AS named,
            extractGroups(
                meshseal_value(named, 'elasticsearch.index'),
                '^(logs|metrics|traces|synthetics|profiling)-([^-]+)-(.+)$') AS stream
        FROM (
            SELECT
                tenant AS Tenant,
                batch AS Batch,
                toUInt32(first_seq + position - 1) AS Seq,
                door AS Door,
                source AS Source,
                format AS Hint,
                toInt64(received_unix_nano) AS ReceivedUnixNano,
                CAST(labels, 'Array(Tuple(String, String))') AS request_labels,
                JSONExtractKeysAndValuesRaw(tupleElement(JSONExtractKeysAndValuesRaw(action)[1], 2)) AS members,
                trim(BOTH ' \t\r' FROM line) AS document
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
    )
)
