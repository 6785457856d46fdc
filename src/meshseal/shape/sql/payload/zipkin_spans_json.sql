-- Zipkin's spans as JSON, version 2: an array of them.
SELECT
    tenant AS Tenant,
    batch AS Batch,
    toUInt32(first_seq + position - 1) AS Seq,
    door AS Door,
    source AS Source,
    toInt64(received_unix_nano) AS ReceivedUnixNano,
    meshseal_micros(span.timestamp) AS StartUnixNano,
    meshseal_micros(meshseal_zipkin_end(span.timestamp, span.duration)) AS EndUnixNano,
    meshseal_filled_id(span.traceId, 32) AS TraceId,
    meshseal_filled_id(span.id, 16) AS SpanId,
    meshseal_filled_id(span.parentId, 16) AS ParentSpanId,
    span.name AS SpanName,
    meshseal_tagged_kind(span.kind, tags) AS KindNumber,
    meshseal_map(arrayConcat(
        CAST(labels, 'Array(Tuple(String, String))'),
        if(span.localEndpoint.serviceName = '', [], [('service.name', span.localEndpoint.serviceName)]))) AS ResourceAttributes,
    meshseal_service(ResourceAttributes) AS ServiceName,
    arrayConcat(
        tags,
        meshseal_zipkin_attributes(
            meshseal_ips(span.localEndpoint.ipv4, span.localEndpoint.ipv6), span.localEndpoint.port,
            span.remoteEndpoint.serviceName,
            meshseal_ips(span.remoteEndpoint.ipv4, span.remoteEndpoint.ipv6), span.remoteEndpoint.port,
            span.shared, span.debug, span.timestamp, span.duration)) AS Attributes,
    meshseal_tagged_status(tags) AS StatusNumber,
    meshseal_tagged_message(tags) AS StatusMessage,
    arrayMap(
        annotation -> (meshseal_micros(annotation.timestamp), annotation.value, CAST([], 'Array(Tuple(String, String))')),
        span.annotations) AS Events
FROM (
    SELECT
        *,
        JSONExtract(
            zipkin_spans_json,
            'Array(Tuple(
                traceId String, id String, parentId String, kind String, name String,
                timestamp UInt64, duration UInt64,
                localEndpoint Tuple(serviceName String, ipv4 String, ipv6 String, port UInt16),
                remoteEndpoint Tuple(serviceName String, ipv4 String, ipv6 String, port UInt16),
                annotations Array(Tuple(timestamp UInt64, value String)),
                tags Map(String, String), shared Bool, debug Bool))') AS spans
    FROM envelopes
)
ARRAY JOIN
    spans AS span,
    arrayMap(one -> CAST(one.tags, 'Array(Tuple(String, String))'), spans) AS tags,
    arrayEnumerate(spans) AS position
