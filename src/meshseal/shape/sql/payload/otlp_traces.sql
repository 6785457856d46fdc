-- OpenTelemetry's ExportTraceServiceRequest: resources of scopes of spans.
SELECT
    Tenant,
    Batch,
    toUInt32(spans_before + position - 1) AS Seq,
    Door,
    Source,
    received AS ReceivedUnixNano,
    toInt64(span.start_time_unix_nano) AS StartUnixNano,
    toInt64(span.end_time_unix_nano) AS EndUnixNano,
    lower(hex(span.trace_id)) AS TraceId,
    lower(hex(span.span_id)) AS SpanId,
    lower(hex(span.parent_span_id)) AS ParentSpanId,
    span.trace_state AS TraceState,
    span.flags AS TraceFlags,
    span.name AS SpanName,
    span.kind AS KindNumber,
    ResourceSchemaUrl,
    ResourceAttributes,
    ServiceName,
    ScopeSchemaUrl,
    ScopeName,
    ScopeVersion,
    ScopeAttributes,
    arrayConcat(
        meshseal_pairs(span.attributes, '$nested'),
        meshseal_dropped(span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count)) AS Attributes,
    span.status_code AS StatusNumber,
    span.status_message AS StatusMessage,
    arrayMap(
        event -> (toInt64(event.time_unix_nano), event.name, arrayConcat(
            meshseal_pairs(event.attributes, '$nested'), meshseal_dropped(event.dropped_attributes_count, 0, 0))),
        span.events) AS Events,
    arrayMap(
        link -> (lower(hex(link.trace_id)), lower(hex(link.span_id)), link.trace_state, arrayConcat(
            meshseal_pairs(link.attributes, '$nested'), meshseal_dropped(link.dropped_attributes_count, 0, 0),
            meshseal_link_flags(link.flags))),
        span.links) AS Links,
    arrayFilter(encoded -> encoded != '', arrayConcat(
        arrayMap(attribute -> meshseal_nested(attribute.value), span.attributes),
        arrayFlatten(arrayMap(event -> arrayMap(attribute -> meshseal_nested(attribute.value), event.attributes), span.events)),
        arrayFlatten(arrayMap(link -> arrayMap(attribute -> meshseal_nested(attribute.value), link.attributes), span.links)),
        outer_nested)) AS Nested
FROM (
    SELECT
        * EXCEPT (scopes),
        scope_spans.spans AS spans,
        spans_before,
        arrayConcat(resource_nested, arrayMap(attribute -> meshseal_nested(attribute.value), scope_spans.scope_attributes)) AS outer_nested,
        scope_spans.schema_url AS ScopeSchemaUrl,
        scope_spans.scope_name AS ScopeName,
        scope_spans.scope_version AS ScopeVersion,
        meshseal_map(meshseal_pairs(scope_spans.scope_attributes, '$nested')) AS ScopeAttributes
    FROM (
        SELECT
            tenant AS Tenant,
            batch AS Batch,
            door AS Door,
            source AS Source,
            toInt64(received_unix_nano) AS received,
            resource_spans.schema_url AS ResourceSchemaUrl,
            meshseal_map(arrayConcat(
                CAST(labels, 'Array(Tuple(String, String))'),
                meshseal_pairs(resource_spans.resource_attributes, '$nested'))) AS ResourceAttributes,
            meshseal_service(ResourceAttributes) AS ServiceName,
            arrayMap(attribute -> meshseal_nested(attribute.value), resource_spans.resource_attributes) AS resource_nested,
            resource_spans.scope_spans AS scopes,
            arrayMap(one -> length(one.spans), scopes) AS counts,
            first_seq + resources_before AS spans_before_resource
        FROM (
            SELECT
                *,
                arrayMap(
                    one -> arraySum(arrayMap(scope -> length(scope.spans), one.scope_spans)),
                    otlp_traces_resource_spans) AS resource_counts
            FROM envelopes
        )
        ARRAY JOIN
            otlp_traces_resource_spans AS resource_spans,
            arrayMap((total, count) -> total - count, arrayCumSum(resource_counts), resource_counts) AS resources_before
    )
    ARRAY JOIN
        scopes AS scope_spans,
        arrayMap((total, count) -> spans_before_resource + total - count, arrayCumSum(counts), counts) AS spans_before
)
ARRAY JOIN
    spans AS span,
    arrayEnumerate(spans) AS position
