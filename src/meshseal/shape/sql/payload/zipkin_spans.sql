-- Zipkin's ListOfSpans.
SELECT
    tenant AS Tenant,
    batch AS Batch,
    toUInt32(first_seq + position - 1) AS Seq,
    door AS Door,
    source AS Source,
    toInt64(received_unix_nano) AS ReceivedUnixNano,
    meshseal_micros(span.timestamp) AS StartUnixNano,
    meshseal_micros(meshseal_zipkin_end(span.timestamp, span.duration)) AS EndUnixNano,
    meshseal_filled_id(hex(span.trace_id), 32) AS TraceId,
    meshseal_filled_id(hex(span.id), 16) AS SpanId,
    meshseal_filled_id(hex(span.parent_id), 16) AS ParentSpanId,
    span.name AS SpanName,
    meshseal_tagged_kind(transform(span.kind, [0, 1, 2, 3, 4], ['', 'CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER'], '?'), tags) AS KindNumber,
    meshseal_map(arrayConcat(
        CAST(labels, 'Array(Tuple(String, String))'),
        if(span.local_endpoint_service_name = '', [], [('service.name', span.local_endpoint_service_name)]))) AS ResourceAttributes,
    meshseal_service(ResourceAttributes) AS ServiceName,
    arrayConcat(
        tags,
        meshseal_zipkin_attributes(
            meshseal_ips(meshseal_ip(span.local_endpoint_ipv4), meshseal_ip(span.local_endpoint_ipv6)), span.local_endpoint_port,
            span.remote_endpoint_service_name,
            meshseal_ips(meshseal_ip(span.remote_endpoint_ipv4), meshseal_ip(span.remote_endpoint_ipv6)), span.remote_endpoint_port,
            span.shared, span.debug, span.timestamp, span.duration)) AS Attributes,
    meshseal_tagged_status(tags) AS StatusNumber,
    meshseal_tagged_message(tags) AS StatusMessage,
    arrayMap(
        annotation -> (meshseal_micros(annotation.timestamp), annotation.value, CAST([], 'Array(Tuple(String, String))')),
        span.annotations) AS Events
FROM envelopes
ARRAY JOIN
    zipkin_spans_spans AS span,
    arrayMap(one -> CAST(one.tags, 'Array(Tuple(String, String))'), zipkin_spans_spans) AS tags,
    arrayEnumerate(zipkin_spans_spans) AS position
