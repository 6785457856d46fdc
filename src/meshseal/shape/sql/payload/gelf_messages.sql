-- GELF messages, one JSON object for each line. A line's end may be LF or CRLF.
--
-- The body is the full message if it begins with the short one, or else the short one; the other of
-- the two stays beside it. Additional fields lose their underscore; what Docker's driver and the
-- usual libraries call their own gets OpenTelemetry's name; `_id`, which senders should not send, is
-- `gelf.id`. The version of the format is not kept. What is no JSON to the engine is kept whole.
--
-- Sources: Graylog, GELF payload specification 1.1; moby/moby, daemon/logger/gelf; OpenTelemetry
-- semantic conventions 1.44 (container, code, thread, process).
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
    meshseal_hex_id(given[indexOf(well_known, 1)].2, 32) AS TraceId,
    meshseal_hex_id(given[indexOf(well_known, 2)].2, 16) AS SpanId,
    transform(
        level,
        ['0', '1', '2', '3', '4', '5', '6', '7'],
        ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'],
        level) AS SeverityText,
    meshseal_map(arrayConcat(
        CAST(labels, 'Array(Tuple(String, String))'),
        if(host = '', [], [('host.name', host)]),
        arrayFilter((pair, resource) -> resource, given, of_resource))) AS ResourceAttributes,
    multiIf(
        meshseal_service(ResourceAttributes) != '', meshseal_service(ResourceAttributes),
        given[indexOf(well_known, 3)].2 != '', given[indexOf(well_known, 3)].2,
        ResourceAttributes['container.name']) AS ServiceName,
    arrayConcat(
        arrayFilter((pair, resource) -> NOT resource, given, of_resource),
        multiIf(
            Body = full_message AND short_message NOT IN ('', full_message), [('gelf.short_message', short_message)],
            Body = short_message AND full_message NOT IN ('', short_message), [('gelf.full_message', full_message)],
            []),
        if(TimeUnixNano = 0 AND stamp NOT IN ('', '0'), [('gelf.timestamp', stamp)], []),
        if(isValidUTF8(line), [], [('log.record.original', line)])) AS Attributes,
    multiIf(
        full_message != '' AND startsWith(full_message, short_message), full_message,
        short_message != '', short_message,
        line) AS Body
FROM (
    SELECT
        *,
        arrayMap(pair -> transform(
            pair.1,
            ['trace_id', 'traceId', 'trace.id', 'traceID', 'span_id', 'spanId', 'span.id', 'spanID',
             'service_name', 'service', 'app', 'application', 'app_name', 'application_name'],
            [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3],
            0), given) AS well_known,
        arrayMap(pair -> meshseal_of_resource(pair.1), given) AS of_resource
    FROM (
        SELECT
            *,
            meshseal_json_scalar(members[indexOf(ids, 2)].2) AS host,
            meshseal_json_scalar(members[indexOf(ids, 3)].2) AS short_message,
            meshseal_json_scalar(members[indexOf(ids, 4)].2) AS full_message,
            meshseal_json_scalar(members[indexOf(ids, 5)].2) AS stamp,
            meshseal_json_scalar(members[indexOf(ids, 6)].2) AS level,
            meshseal_stamp(stamp, line) AS TimeUnixNano,
            meshseal_json_pairs(arrayMap(
                member -> (transform(
                    member.1,
                    ['_id', 'line', '_line', 'file', '_file', '_function', '_func', '_thread_name', '_pid',
                     '_container_id', '_container_name', '_image_id', '_image_name', '_command'],
                    ['gelf.id', 'code.line.number', 'code.line.number', 'code.file.path', 'code.file.path',
                     'code.function.name', 'code.function.name', 'thread.name', 'process.pid',
                     'container.id', 'container.name', 'container.image.id', 'container.image.name', 'container.command'],
                    if(startsWith(member.1, '_') AND length(member.1) > 1, substring(member.1, 2), member.1)), member.2),
                arrayFilter((member, id) -> id = 0, members, ids))) AS given
        FROM (
            SELECT
                *,
                arrayMap(member -> transform(
                    member.1,
                    ['version', 'host', 'short_message', 'full_message', 'timestamp', 'level'],
                    [1, 2, 3, 4, 5, 6],
                    0), members) AS ids
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
                    labels,
                    line,
                    arrayFilter(
                        member -> member.2 != 'null',
                        JSONExtractKeysAndValuesRaw(if(isValidUTF8(line), line, toValidUTF8(line)))) AS members
                FROM (
                    SELECT
                        *,
                        meshseal_lines(gelf_messages) AS records
                    FROM envelopes
                )
                ARRAY JOIN
                    records AS line,
                    arrayEnumerate(records) AS position
            )
        )
    )
)
