-- Datadog's spans: an Agent's AgentPayload as it came, or a tracer's TracerPayload as JSON.
--
-- What it becomes follows the OpenTelemetry Collector's datadogreceiver: the operation is the
-- span's name, the resource its attribute `dd.span.Resource`, an error an event of an exception. The
-- upper half of a trace id stands on one span of a chunk only, and holds for all of it.
SELECT
    Tenant,
    Batch,
    toUInt32(spans_before + position - 1) AS Seq,
    Door,
    Source,
    received AS ReceivedUnixNano,
    span.start AS StartUnixNano,
    span.start + span.duration AS EndUnixNano,
    if(span.trace_id = 0, '', concat(
        meshseal_datadog_upper(meshseal_first([tags['_dd.p.tid'], upper_half])),
        meshseal_datadog_hex(span.trace_id))) AS TraceId,
    meshseal_datadog_hex(span.span_id) AS SpanId,
    meshseal_datadog_hex(span.parent_id) AS ParentSpanId,
    tags['tracestate'] AS TraceState,
    span.name AS SpanName,
    meshseal_datadog_kind(tags['span.kind'], span.type) AS KindNumber,
    meshseal_first([span.service, tags['service']]) AS ServiceName,
    meshseal_map(arrayConcat(
        own_resource,
        arrayFilter(pair -> NOT has(own_resource.1, pair.1), payload_resource))) AS ResourceAttributes,
    'Datadog' AS ScopeName,
    tracer_version AS ScopeVersion,
    arrayConcat(
        arrayFilter(pair -> pair.2 != '', [('dd.span.Resource', span.resource), ('span.type', span.type)]),
        arrayMap(
            pair -> (meshseal_datadog_attribute(pair.1), pair.2),
            arrayFilter(
                (pair, name) -> name = '' AND pair.1 NOT IN ('_dd.p.tid', 'span.kind', 'tracestate')
                    AND NOT (pair.1 = '_dd.span_links' AND notEmpty(told_links))
                    AND NOT (pair.1 = 'events' AND notEmpty(told_events))
                    AND NOT (is_exception AND pair.1 IN ('error.message', 'error.msg', 'error.stack')),
                span.meta, meta_names)),
        arrayMap(
            metric -> (
                if(metric.1 = '_sampling_priority_v1', 'sampling.priority', meshseal_datadog_attribute(metric.1)),
                if(isNull(metric.2), 'NaN', toString(assumeNotNull(metric.2)))),
            arrayFilter(metric -> metric.1 != 'process_id', span.metrics)),
        arrayMap(
            pair -> (concat('meta_struct.', pair.1), if(from_agent, base64Encode(pair.2), pair.2)),
            span.meta_struct),
        arrayFilter(
            pair -> NOT mapContains(tags, pair.1)
                AND NOT (pair.1 = 'sampling.priority' AND has(span.metrics.1, '_sampling_priority_v1')),
            chunk_attributes),
        if(span.error IN (0, 1), [], [('error', toString(span.error))])) AS Attributes,
    if(span.error = 0, 0, 2) AS StatusNumber,
    if(span.error = 0, '', meshseal_first([tags['error.message'], tags['error.msg']])) AS StatusMessage,
    arrayConcat(
        events,
        if(is_exception, [(
            EndUnixNano,
            'exception',
            arrayFilter(pair -> pair.2 != '', [
                ('exception.type', tags['error.type']),
                ('exception.message', StatusMessage),
                ('exception.stacktrace', tags['error.stack'])]))], [])) AS Events,
    arrayConcat(
        arrayMap(
            link -> (
                concat(leftPad(meshseal_datadog_hex(link.trace_id_high), 16, '0'), leftPad(meshseal_datadog_hex(link.trace_id), 16, '0')),
                meshseal_datadog_hex(link.span_id),
                link.tracestate,
                CAST(link.attributes, 'Array(Tuple(String, String))')),
            span.span_links),
        arrayMap(
            link -> (
                meshseal_datadog_trace_id(link.trace_id),
                meshseal_hex_id(link.span_id, 16),
                link.tracestate,
                CAST(link.attributes, 'Array(Tuple(String, String))')),
            told_links)) AS Links
FROM (
    SELECT
        Tenant, Batch, Door, Source, received, from_agent, spans_before, position, span, upper_half, tracer_version,
        chunk_attributes, payload_resource, tags, meta_names, told_links, told_events, events,
        arrayConcat(
            if(span.service = '', [], [('service.name', span.service)]),
            arrayFilter(
                pair -> pair.1 != '' AND NOT (pair.1 = 'service.name' AND span.service != ''),
                arrayMap(
                    (pair, name) -> (name, if(name = 'telemetry.sdk.language', meshseal_datadog_language(pair.2), pair.2)),
                    span.meta, meta_names)),
            arrayMap(
                metric -> ('process.pid', toString(assumeNotNull(metric.2))),
                arrayFilter(metric -> metric.1 = 'process_id' AND isNotNull(metric.2), span.metrics))) AS own_resource,
        span.error != 0 AND NOT has(events.2, 'exception')
            AND (tags['error.type'] != '' OR tags['error.stack'] != '' OR tags['error.message'] != '' OR tags['error.msg'] != '') AS is_exception
    FROM (
        SELECT
            Tenant, Batch, Door, Source, received, from_agent, spans_before, position, span, upper_half, tracer_version,
            chunk_attributes, payload_resource,
            CAST(span.meta, 'Map(String, String)') AS tags,
            arrayMap(pair -> if(pair.1 = 'service' AND pair.2 != span.service, '', meshseal_datadog_resource(pair.1)), span.meta) AS meta_names,
            if(tags['_dd.span_links'] = '', [], JSONExtract(tags['_dd.span_links'],
                'Array(Tuple(trace_id String, span_id String, attributes Map(String, String), tracestate String))')) AS told_links,
            if(tags['events'] = '', [], JSONExtract(tags['events'],
                'Array(Tuple(name String, time_unix_nano UInt64, attributes Map(String, String)))')) AS told_events,
            arrayConcat(
                arrayMap(
                    event -> (
                        toInt64(event.time_unix_nano),
                        event.name,
                        arrayMap(pair -> (pair.1, meshseal_datadog_value(pair.2)), event.attributes)),
                    span.span_events),
                arrayMap(
                    event -> (toInt64(event.time_unix_nano), event.name, CAST(event.attributes, 'Array(Tuple(String, String))')),
                    told_events)) AS events
        FROM (
            SELECT
                Tenant, Batch, Door, Source, received, from_agent, tracer_version, payload_resource,
                chunk.spans AS spans,
                chunk_spans_before AS spans_before,
                meshseal_first([
                    meshseal_value(chunk.tags, '_dd.p.tid'),
                    meshseal_first(arrayMap(one -> meshseal_value(one.meta, '_dd.p.tid'), spans))]) AS upper_half,
                arrayConcat(
                    arrayFilter(pair -> pair.1 != '_dd.p.tid', CAST(chunk.tags, 'Array(Tuple(String, String))')),
                    arrayFilter(pair -> pair.2 != '', [
                        ('_dd.origin', chunk.origin),
                        ('sampling.priority', if(ifNull(chunk.priority, -128) = -128, '', toString(assumeNotNull(chunk.priority))))])) AS chunk_attributes
            FROM (
                SELECT
                    tenant AS Tenant,
                    batch AS Batch,
                    door AS Door,
                    source AS Source,
                    toInt64(received_unix_nano) AS received,
                    datadog_spans_tracer_json = '' AS from_agent,
                    payload.tracer_version AS tracer_version,
                    payload.chunks AS chunks,
                    first_seq + payload_spans_before AS spans_before_payload,
                    arrayMap(one -> length(one.spans), chunks) AS counts,
                    arrayFilter(pair -> pair.2 != '', arrayConcat(
                        [('container.id', payload.container_id),
                         ('telemetry.sdk.name', 'Datadog'),
                         ('telemetry.sdk.language', meshseal_datadog_language(payload.language_name)),
                         ('telemetry.sdk.version', payload.tracer_version),
                         ('process.runtime.version', payload.language_version),
                         ('service.instance.id', payload.runtime_id),
                         ('deployment.environment.name', meshseal_first([payload.env, datadog_spans_env])),
                         ('host.name', meshseal_first([payload.hostname, datadog_spans_host_name])),
                         ('service.version', payload.app_version)],
                        arrayMap(
                            tag -> (meshseal_first([meshseal_datadog_resource(tag.1), tag.1]), tag.2),
                            arrayConcat(payload.tags, datadog_spans_tags)))) AS payload_resource
                FROM (
                    SELECT
                        *,
                        arrayMap(
                            one -> arraySum(arrayMap(chunk -> length(chunk.spans), one.chunks)),
                            payloads) AS payload_counts
                    FROM (
                        SELECT
                            *,
                            if(datadog_spans_tracer_json = '',
                                CAST(datadog_spans_tracer_payloads, '$datadog_payloads'),
                                [CAST(JSONExtract(datadog_spans_tracer_json, '$datadog_json'), '$datadog_payload')]) AS payloads
                        FROM envelopes
                    )
                )
                ARRAY JOIN
                    payloads AS payload,
                    arrayMap((total, count) -> total - count, arrayCumSum(payload_counts), payload_counts) AS payload_spans_before
            )
            ARRAY JOIN
                chunks AS chunk,
                arrayMap((total, count) -> spans_before_payload + total - count, arrayCumSum(counts), counts) AS chunk_spans_before
        )
        ARRAY JOIN
            spans AS span,
            arrayEnumerate(spans) AS position
    )
)
