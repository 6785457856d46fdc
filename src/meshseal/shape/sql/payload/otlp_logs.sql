-- OpenTelemetry's ExportLogsServiceRequest: resources of scopes of log records.
SELECT
    Tenant,
    Batch,
    toUInt32(records_before + position - 1) AS Seq,
    Door,
    Source,
    Hint,
    received AS ReceivedUnixNano,
    if(record.observed_time_unix_nano = 0, received, toInt64(record.observed_time_unix_nano)) AS ObservedUnixNano,
    if(record.time_unix_nano = 0, if(record.observed_time_unix_nano = 0, 0, ObservedUnixNano), toInt64(record.time_unix_nano)) AS TimeUnixNano,
    lower(hex(record.trace_id)) AS TraceId,
    lower(hex(record.span_id)) AS SpanId,
    toUInt8(record.flags) AS TraceFlags,
    record.severity_text AS SeverityText,
    toUInt8(if(record.severity_number BETWEEN 0 AND 24, record.severity_number, 0)) AS SeverityNumber,
    ResourceSchemaUrl,
    ResourceAttributes,
    ServiceName,
    ScopeSchemaUrl,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
    meshseal_pairs(record.attributes, '$nested') AS Attributes,
    record.event_name AS EventName,
    meshseal_any_text(record.body, '$nested') AS Body,
    arrayFilter(encoded -> encoded != '', arrayConcat(
        arrayMap(attribute -> meshseal_nested(attribute.value), record.attributes),
        [meshseal_nested(record.body)],
        outer_nested)) AS Nested
FROM (
    SELECT
        * EXCEPT (scopes),
        scope_logs.log_records AS records,
        records_before,
        arrayConcat(resource_nested, arrayMap(attribute -> meshseal_nested(attribute.value), scope_logs.scope_attributes)) AS outer_nested,
        scope_logs.schema_url AS ScopeSchemaUrl,
        scope_logs.scope_name AS ScopeName,
        scope_logs.scope_version AS ScopeVersion,
        meshseal_map(meshseal_pairs(scope_logs.scope_attributes, '$nested')) AS ScopeAttributes
    FROM (
        SELECT
            tenant AS Tenant,
            batch AS Batch,
            door AS Door,
            source AS Source,
            format AS Hint,
            toInt64(received_unix_nano) AS received,
            resource_logs.schema_url AS ResourceSchemaUrl,
            meshseal_map(arrayConcat(
                CAST(labels, 'Array(Tuple(String, String))'),
                meshseal_pairs(resource_logs.resource_attributes, '$nested'))) AS ResourceAttributes,
            meshseal_service(ResourceAttributes) AS ServiceName,
            arrayMap(attribute -> meshseal_nested(attribute.value), resource_logs.resource_attributes) AS resource_nested,
            resource_logs.scope_logs AS scopes,
            arrayMap(one -> length(one.log_records), scopes) AS counts,
            first_seq + resources_before AS records_before_resource
        FROM (
            SELECT
                *,
                arrayMap(
                    one -> arraySum(arrayMap(scope -> length(scope.log_records), one.scope_logs)),
                    otlp_logs_resource_logs) AS resource_counts
            FROM envelopes
        )
        ARRAY JOIN
            otlp_logs_resource_logs AS resource_logs,
            arrayMap((total, count) -> total - count, arrayCumSum(resource_counts), resource_counts) AS resources_before
    )
    ARRAY JOIN
        scopes AS scope_logs,
        arrayMap((total, count) -> records_before_resource + total - count, arrayCumSum(counts), counts) AS records_before
)
ARRAY JOIN
    records AS record,
    arrayEnumerate(records) AS position
