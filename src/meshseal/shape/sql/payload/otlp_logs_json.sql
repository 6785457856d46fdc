-- OpenTelemetry's ExportLogsServiceRequest as JSON: the same, with hexadecimal ids and with 64-bit
-- numbers as strings or numbers.
SELECT
    Tenant,
    Batch,
    toUInt32(records_before + position - 1) AS Seq,
    Door,
    Source,
    Hint,
    received AS ReceivedUnixNano,
    if(toUInt64OrZero(record.observedTimeUnixNano) = 0, received, toInt64(toUInt64OrZero(record.observedTimeUnixNano))) AS ObservedUnixNano,
    if(toUInt64OrZero(record.timeUnixNano) = 0, if(toUInt64OrZero(record.observedTimeUnixNano) = 0, 0, ObservedUnixNano), toInt64(toUInt64OrZero(record.timeUnixNano))) AS TimeUnixNano,
    lower(record.traceId) AS TraceId,
    lower(record.spanId) AS SpanId,
    toUInt8(record.flags) AS TraceFlags,
    record.severityText AS SeverityText,
    toUInt8(if(record.severityNumber BETWEEN 0 AND 24, record.severityNumber, 0)) AS SeverityNumber,
    ResourceSchemaUrl,
    ResourceAttributes,
    ServiceName,
    ScopeSchemaUrl,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
    meshseal_pairs_json(record.attributes, '$nested') AS Attributes,
    record.eventName AS EventName,
    meshseal_any_text_json(record.body, '$nested') AS Body,
    arrayFilter(encoded -> encoded != '', arrayConcat(
        arrayMap(attribute -> meshseal_nested_json(attribute.value), record.attributes),
        [meshseal_nested_json(record.body)],
        outer_nested)) AS Nested
FROM (
    SELECT
        * EXCEPT (scopes),
        scope_logs.logRecords AS records,
        records_before,
        arrayConcat(resource_nested, arrayMap(attribute -> meshseal_nested_json(attribute.value), scope_logs.scope.attributes)) AS outer_nested,
        scope_logs.schemaUrl AS ScopeSchemaUrl,
        scope_logs.scope.name AS ScopeName,
        scope_logs.scope.version AS ScopeVersion,
        meshseal_map(meshseal_pairs_json(scope_logs.scope.attributes, '$nested')) AS ScopeAttributes
    FROM (
        SELECT
            tenant AS Tenant,
            batch AS Batch,
            door AS Door,
            source AS Source,
            format AS Hint,
            toInt64(received_unix_nano) AS received,
            resource_logs.schemaUrl AS ResourceSchemaUrl,
            meshseal_map(arrayConcat(
                CAST(labels, 'Array(Tuple(String, String))'),
                meshseal_pairs_json(resource_logs.resource.attributes, '$nested'))) AS ResourceAttributes,
            meshseal_service(ResourceAttributes) AS ServiceName,
            arrayMap(attribute -> meshseal_nested_json(attribute.value), resource_logs.resource.attributes) AS resource_nested,
            resource_logs.scopeLogs AS scopes,
            arrayMap(one -> length(one.logRecords), scopes) AS counts,
            first_seq + resources_before AS records_before_resource
        FROM (
            SELECT
                *,
                JSONExtract(
                    otlp_logs_json,
                    'resourceLogs',
                    'Array(Tuple(
                        resource Tuple(attributes Array(Tuple(key String, value String))),
                        scopeLogs Array(Tuple(
                            scope Tuple(name String, version String, attributes Array(Tuple(key String, value String))),
                            logRecords Array(Tuple(
                                timeUnixNano String, observedTimeUnixNano String, severityNumber Int32, severityText String,
                                body String, attributes Array(Tuple(key String, value String)), flags UInt32,
                                traceId String, spanId String, eventName String)),
                            schemaUrl String)),
                        schemaUrl String))') AS resources,
                arrayMap(
                    one -> arraySum(arrayMap(scope -> length(scope.logRecords), one.scopeLogs)),
                    resources) AS resource_counts
            FROM envelopes
        )
        ARRAY JOIN
            resources AS resource_logs,
            arrayMap((total, count) -> total - count, arrayCumSum(resource_counts), resource_counts) AS resources_before
    )
    ARRAY JOIN
        scopes AS scope_logs,
        arrayMap((total, count) -> records_before_resource + total - count, arrayCumSum(counts), counts) AS records_before
)
ARRAY JOIN
    records AS record,
    arrayEnumerate(records) AS position
