-- OpenTelemetry's ExportTraceServiceRequest as JSON: the same, with hexadecimal ids and with 64-bit
-- numbers as strings or numbers.
SELECT
    Tenant,
    Batch,
    toUInt32(spans_before + position - 1) AS Seq,
    Door,
    Source,
    received AS ReceivedUnixNano,
    toInt64(toUInt64OrZero(span.startTimeUnixNano)) AS StartUnixNano,
    toInt64(toUInt64OrZero(span.endTimeUnixNano)) AS EndUnixNano,
    lower(span.traceId) AS TraceId,
    lower(span.spanId) AS SpanId,
    lower(span.parentSpanId) AS ParentSpanId,
    span.traceState AS TraceState,
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
        meshseal_pairs_json(span.attributes, '$nested'),
        meshseal_dropped(span.droppedAttributesCount, span.droppedEventsCount, span.droppedLinksCount)) AS Attributes,
    span.status.code AS StatusNumber,
    span.status.message AS StatusMessage,
    arrayMap(
        event -> (toInt64(toUInt64OrZero(event.timeUnixNano)), event.name, arrayConcat(
            meshseal_pairs_json(event.attributes, '$nested'), meshseal_dropped(event.droppedAttributesCount, 0, 0))),
        span.events) AS Events,
    arrayMap(
        link -> (lower(link.traceId), lower(link.spanId), link.traceState, arrayConcat(
            meshseal_pairs_json(link.attributes, '$nested'), meshseal_dropped(link.droppedAttributesCount, 0, 0),
            meshseal_link_flags(link.flags))),
        span.links) AS Links,
    arrayFilter(encoded -> encoded != '', arrayConcat(
        arrayMap(attribute -> meshseal_nested_json(attribute.value), span.attributes),
        arrayFlatten(arrayMap(event -> arrayMap(attribute -> meshseal_nested_json(attribute.value), event.attributes), span.events)),
        arrayFlatten(arrayMap(link -> arrayMap(attribute -> meshseal_nested_json(attribute.value), link.attributes), span.links)),
        outer_nested)) AS Nested
FROM (
    SELECT
        * EXCEPT (scopes),
        scope_spans.spans AS spans,
        spans_before,
        arrayConcat(resource_nested, arrayMap(attribute -> meshseal_nested_json(attribute.value), scope_spans.scope.attributes)) AS outer_nested,
        scope_spans.schemaUrl AS ScopeSchemaUrl,
        scope_spans.scope.name AS ScopeName,
        scope_spans.scope.version AS ScopeVersion,
        meshseal_map(meshseal_pairs_json(scope_spans.scope.attributes, '$nested')) AS ScopeAttributes
    FROM (
        SELECT
            tenant AS Tenant,
            batch AS Batch,
            door AS Door,
            source AS Source,
            toInt64(received_unix_nano) AS received,
            resource_spans.schemaUrl AS ResourceSchemaUrl,
            meshseal_map(arrayConcat(
                CAST(labels, 'Array(Tuple(String, String))'),
                meshseal_pairs_json(resource_spans.resource.attributes, '$nested'))) AS ResourceAttributes,
            meshseal_service(ResourceAttributes) AS ServiceName,
            arrayMap(attribute -> meshseal_nested_json(attribute.value), resource_spans.resource.attributes) AS resource_nested,
            resource_spans.scopeSpans AS scopes,
            arrayMap(one -> length(one.spans), scopes) AS counts,
            first_seq + resources_before AS spans_before_resource
        FROM (
            SELECT
                *,
                JSONExtract(
                    otlp_traces_json,
                    'resourceSpans',
                    'Array(Tuple(
                        resource Tuple(attributes Array(Tuple(key String, value String))),
                        scopeSpans Array(Tuple(
                            scope Tuple(name String, version String, attributes Array(Tuple(key String, value String))),
                            spans Array(Tuple(
                                traceId String, spanId String, traceState String, parentSpanId String, name String, kind Int32,
                                startTimeUnixNano String, endTimeUnixNano String, attributes Array(Tuple(key String, value String)),
                                droppedAttributesCount UInt32, droppedEventsCount UInt32, droppedLinksCount UInt32,
                                events Array(Tuple(timeUnixNano String, name String, attributes Array(Tuple(key String, value String)), droppedAttributesCount UInt32)),
                                links Array(Tuple(traceId String, spanId String, traceState String, attributes Array(Tuple(key String, value String)),
                                    droppedAttributesCount UInt32, flags UInt32)),
                                status Tuple(code Int32, message String), flags UInt32)),
                            schemaUrl String)),
                        schemaUrl String))') AS resources,
                arrayMap(
                    one -> arraySum(arrayMap(scope -> length(scope.spans), one.scopeSpans)),
                    resources) AS resource_counts
            FROM envelopes
        )
        ARRAY JOIN
            resources AS resource_spans,
            arrayMap((total, count) -> total - count, arrayCumSum(resource_counts), resource_counts) AS resources_before
    )
    ARRAY JOIN
        scopes AS scope_spans,
        arrayMap((total, count) -> spans_before_resource + total - count, arrayCumSum(counts), counts) AS spans_before
)
ARRAY JOIN
    spans AS span,
    arrayEnumerate(spans) AS position
