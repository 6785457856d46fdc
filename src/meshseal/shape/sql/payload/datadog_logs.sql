-- Datadog's logs: a JSON array of {message, status, timestamp, hostname, service, ddsource, ddtags,
-- …}, or with the hint `text` lines. The labels are what the request's query said for all of them.
-- Of an array where no object has any of the fields, ClickHouse extracts no tuples at all: hence
-- arrayResize.
SELECT
    tenant AS Tenant,
    batch AS Batch,
    toUInt32(first_seq + position - 1) AS Seq,
    door AS Door,
    source AS Source,
    '' AS Hint,
    toInt64(received_unix_nano) AS ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    if(meshseal_epoch(stamp) != 0, meshseal_epoch(stamp), meshseal_time(stamp)) AS TimeUnixNano,
    meshseal_datadog_trace_id(trace) AS TraceId,
    meshseal_datadog_span_id(span) AS SpanId,
    if(said_in_body, '', if(fields.status != '', fields.status, level)) AS SeverityText,
    toUInt8(meshseal_datadog_status(SeverityText)) AS SeverityNumber,
    if(service != '', service, meshseal_service(ResourceAttributes)) AS ServiceName,
    meshseal_map(arrayConcat(told, resource_tags)) AS ResourceAttributes,
    arrayConcat(
        attributes,
        if(said_in_body, [('status', fields.status)], []),
        if(fields.timestamp = '' OR match(fields.timestamp, '^[0-9]{13}$'), [], [('timestamp', fields.timestamp)]),
        other_tags) AS Attributes,
    text AS Body
FROM (
    SELECT
        *,
        arrayFilter(tag -> tag.1 != '' AND NOT has(told.1, tag.1), named_tags) AS resource_tags,
        arrayMap(
            tag -> (multiIf(tag.1 = '', 'datadog.tags', has(attributes.1, tag.1), concat('ddtags.', tag.1), tag.1), tag.2),
            arrayFilter(
                (tag, name) -> name = '' OR (has(told.1, name) AND meshseal_value(told, name) != tag.2),
                tags, named_tags.1)) AS other_tags
    FROM (
        SELECT
            * EXCEPT (members),
            arrayFilter(pair -> pair.2 != '', [
                ('host.name', meshseal_first([fields.hostname, labels['hostname']])),
                ('service.name', service),
                ('datadog.log.source', meshseal_first([fields.ddsource, labels['ddsource']])),
                ('cloud.resource_id', meshseal_value(members, 'lambda.arn'))]) AS told,
            arrayMap(
                pair -> (meshseal_datadog_attribute(pair.1), pair.2),
                arrayFilter(pair -> pair.1 != 'lambda.arn', members)) AS attributes,
            meshseal_first([
                fields.timestamp,
                meshseal_first_value(members, ['@timestamp', '_timestamp', 'timestamp', 'date', 'eventTime', 'published_date'])]) AS stamp,
            meshseal_first_value(members, ['severity', 'level', 'log.level', 'syslog.severity']) AS level,
            meshseal_first_value(members, ['dd.trace_id', 'trace_id']) AS own_trace,
            multiIf(
                own_trace != '', own_trace,
                in_text, extract(text, 'dd[.]trace_id["'']?[=: ]+["'']?([0-9a-fA-F]+)'),
                in_member, extract(text, '"dd": ?[{][^{}]*"trace_id": ?"?([0-9a-fA-F]+)'),
                '') AS trace,
            meshseal_first_value(members, ['dd.span_id', 'span_id']) AS own_span,
            multiIf(
                own_span != '', own_span,
                in_text, extract(text, 'dd[.]span_id["'']?[=: ]+["'']?([0-9a-fA-F]+)'),
                in_member, extract(text, '"dd": ?[{][^{}]*"span_id": ?"?([0-9a-fA-F]+)'),
                '') AS span
        FROM (
            SELECT
                * EXCEPT (members),
                members,
                meshseal_first([
                    fields.service, labels['service'], meshseal_value(tags, 'service'), meshseal_value(members, 'dd.service')]) AS service,
                arrayMap(tag -> (meshseal_datadog_resource(tag.1), tag.2), tags) AS named_tags,
                position(text, 'dd.trace_id') > 0 AS in_text,
                NOT in_text AND position(text, '"dd":') > 0 AS in_member,
                startsWith(text, '{') AND fields.status IN ('info', 'error')
                    AND hasAny(JSONExtractKeys(text), ['level', 'severity', 'log.level', 'lvl', 'loglevel', 'severity_text']) AS said_in_body
            FROM (
                SELECT
                    * EXCEPT (pairs),
                    meshseal_datadog_tags(arrayStringConcat(arrayFilter(one -> one != '',
                        [meshseal_datadog_tag_text(fields.ddtags), labels['ddtags']]), ',')) AS tags,
                    multiIf(
                        inner_message != '', inner_message,
                        fields.message != '', fields.message,
                        record) AS text,
                    if(fields.message = '', CAST([], 'Array(Tuple(String, String))'), arrayMap(
                        pair -> (pair.1, meshseal_json_scalar(pair.2)),
                        meshseal_flatten(meshseal_flatten(meshseal_flatten(arrayFilter(
                            pair -> pair.1 NOT IN ('message', 'status', 'timestamp', 'hostname', 'service', 'ddsource', 'ddtags')
                                AND pair.2 != 'null',
                            if(inner_message = '', pairs, arrayConcat(
                                arrayFilter(pair -> pair.1 != 'message', JSONExtractKeysAndValuesRaw(message)),
                                pairs)))))))) AS members
                FROM (
                    SELECT
                        tenant, batch, first_seq, door, source, labels, received_unix_nano,
                        position, fields, record,
                        JSONExtractKeysAndValuesRaw(record) AS pairs,
                        if(startsWith(fields.message, '{'), meshseal_value(pairs, 'message'), '') AS message,
                        if(startsWith(message, '{'), JSONExtractString(message, 'message'), '') AS inner_message
                    FROM (
                        SELECT
                            *,
                            CAST(
                                if(format = 'text',
                                    arrayMap(line -> (line, '', '', '', '', '', ''), lines),
                                    JSONExtract(datadog_logs, 'Array(Tuple(message String, status String, timestamp String,
                                        hostname String, service String, ddsource String, ddtags String))')),
                                'Array(Tuple(message String, status String, timestamp String,
                                    hostname String, service String, ddsource String, ddtags String))') AS known,
                            if(format = 'text', lines, JSONExtractArrayRaw(datadog_logs)) AS records
                        FROM (
                            SELECT
                                *,
                                if(format = 'text', meshseal_lines(datadog_logs), []) AS lines
                            FROM envelopes
                        )
                    )
                    ARRAY JOIN
                        arrayResize(known, length(records)) AS fields,
                        records AS record,
                        arrayEnumerate(records) AS position
                )
            )
        )
    )
)
