-- Jaeger's batches of spans. A span's own process goes before its batch's.
SELECT
    Tenant,
    Batch,
    toUInt32(spans_before + position - 1) AS Seq,
    Door,
    Source,
    received AS ReceivedUnixNano,
    meshseal_jaeger_nanos(span.start_time_seconds, span.start_time_nanos) AS StartUnixNano,
    if(StartUnixNano = 0, 0, StartUnixNano + meshseal_jaeger_nanos(span.duration_seconds, span.duration_nanos)) AS EndUnixNano,
    trace_id AS TraceId,
    meshseal_filled_id(hex(span.span_id), 16) AS SpanId,
    if(parent = 0, '', tupleElement(references[parent], 2)) AS ParentSpanId,
    meshseal_value(tags, 'w3c.tracestate') AS TraceState,
    bitAnd(span.flags, 1) AS TraceFlags,
    span.operation_name AS SpanName,
    meshseal_tagged_kind('', tags) AS KindNumber,
    meshseal_map(arrayConcat(labels, if(has_process, meshseal_jaeger_process(span.process_service_name, span.process_tags), batch_process))) AS ResourceAttributes,
    meshseal_service(ResourceAttributes) AS ServiceName,
    meshseal_first_value(tags, ['otel.scope.name', 'otel.library.name']) AS ScopeName,
    meshseal_first_value(tags, ['otel.scope.version', 'otel.library.version']) AS ScopeVersion,
    arrayConcat(
        tags,
        arrayFilter(pair -> pair.2 != '', [
            ('jaeger.flags', if(span.flags < 2, '', toString(span.flags))),
            ('jaeger.process_id', span.process_id),
            ('jaeger.warnings', if(empty(span.warnings), '', toJSONString(span.warnings))),
            ('jaeger.start_time', meshseal_jaeger_lost(span.start_time_seconds, span.start_time_nanos)),
            ('jaeger.duration', if(
                StartUnixNano = 0 AND (span.duration_seconds != 0 OR span.duration_nanos != 0),
                concat(toString(span.duration_seconds), '.', leftPad(toString(span.duration_nanos), 9, '0'), 's'),
                meshseal_jaeger_lost(span.duration_seconds, span.duration_nanos)))])) AS Attributes,
    meshseal_tagged_status(tags) AS StatusNumber,
    meshseal_tagged_message(tags) AS StatusMessage,
    arrayMap(
        log -> meshseal_jaeger_event(meshseal_jaeger_nanos(log.timestamp_seconds, log.timestamp_nanos), meshseal_jaeger_pairs(log.fields)),
        span.logs) AS Events,
    arrayMap(
        reference -> (
            reference.1, reference.2, '',
            [('opentracing.ref_type', transform(reference.3, [0, 1], ['child_of', 'follows_from'], toString(reference.3)))]),
        arrayFilter((reference, at) -> at != parent, references, arrayEnumerate(references))) AS Links
FROM (
    SELECT
        Tenant, Batch, Door, Source, received, labels, batch_process, spans_before, position, span,
        meshseal_filled_id(hex(span.trace_id), 32) AS trace_id,
        meshseal_jaeger_pairs(span.tags) AS tags,
        span.process_service_name != '' OR notEmpty(span.process_tags) AS has_process,
        arrayMap(
            reference -> (meshseal_filled_id(hex(reference.trace_id), 32), meshseal_filled_id(hex(reference.span_id), 16), reference.ref_type),
            span.references) AS references,
        arrayFirstIndex(reference -> reference.3 = 0 AND reference.1 = trace_id, references) AS parent
    FROM (
        SELECT
            tenant AS Tenant,
            batch AS Batch,
            door AS Door,
            source AS Source,
            toInt64(received_unix_nano) AS received,
            CAST(labels, 'Array(Tuple(String, String))') AS labels,
            meshseal_jaeger_process(one_batch.process_service_name, one_batch.process_tags) AS batch_process,
            one_batch.spans AS spans,
            first_seq + batch_before AS spans_before
        FROM (
            SELECT *, arrayMap(one -> length(one.spans), jaeger_spans_batch) AS counts
            FROM envelopes
        )
        ARRAY JOIN
            jaeger_spans_batch AS one_batch,
            arrayMap((total, count) -> total - count, arrayCumSum(counts), counts) AS batch_before
    )
    ARRAY JOIN
        spans AS span,
        arrayEnumerate(spans) AS position
)
