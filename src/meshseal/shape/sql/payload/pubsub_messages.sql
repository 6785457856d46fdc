-- A push of Google Pub/Sub: one message. Its data is a LogEntry, if Cloud Logging's router sent it,
-- or anything else, which is then the body as it is.
-- Source: Google Cloud, reference of LogEntry, MonitoredResource and HttpRequest.
SELECT
    Tenant,
    Batch,
    Seq,
    Door,
    Source,
    -- What stands in the payload is attributes already: it is not read once more as a JSON body.
    if(payload != '' AND JSONExtractString(payload, 'message') = '' AND NOT JSONHas(entry, 'textPayload'), 'unparsed', format) AS Hint,
    ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    if(time_unix_nano != 0, time_unix_nano, meshseal_time(JSONExtractString(pubsub_messages, 'message', 'publishTime'))) AS TimeUnixNano,
    meshseal_hex_id(substringIndex(JSONExtractString(entry, 'trace'), '/', -1), 32) AS TraceId,
    meshseal_hex_id(JSONExtractString(entry, 'spanId'), 16) AS SpanId,
    if(JSONExtractBool(entry, 'traceSampled'), 1, 0) AS TraceFlags,
    JSONExtractString(entry, 'severity') AS SeverityText,
    meshseal_google_severity(SeverityText) AS SeverityNumber,
    meshseal_map(resource) AS ResourceAttributes,
    meshseal_service(ResourceAttributes) AS ServiceName,
    arrayFilter(pair -> pair.2 != '', arrayConcat(
        [('messaging.message.id', JSONExtractString(pubsub_messages, 'message', 'messageId')),
         ('messaging.destination.subscription.name', JSONExtractString(pubsub_messages, 'subscription')),
         ('log.record.uid', JSONExtractString(entry, 'insertId')),
         ('gcp.log_name', JSONExtractString(entry, 'logName')),
         ('http.request.method', JSONExtractString(request, 'requestMethod')),
         ('url.full', JSONExtractString(request, 'requestUrl')),
         ('http.response.status_code', meshseal_json_scalar(JSONExtractRaw(request, 'status'))),
         ('http.request.body.size', meshseal_json_scalar(JSONExtractRaw(request, 'requestSize'))),
         ('http.response.body.size', meshseal_json_scalar(JSONExtractRaw(request, 'responseSize'))),
         ('user_agent.original', JSONExtractString(request, 'userAgent')),
         ('client.address', JSONExtractString(request, 'remoteIp')),
         ('server.address', JSONExtractString(request, 'serverIp')),
         ('http.request.header.referer', JSONExtractString(request, 'referer')),
         ('mesh.duration_ms', meshseal_google_milliseconds(JSONExtractString(request, 'latency')))],
        arrayMap(pair -> (concat('gcp.label.', pair.1), pair.2), JSONExtractKeysAndValues(JSONExtractRaw(entry, 'labels'), 'String')),
        if(entry = '',
            JSONExtractKeysAndValues(JSONExtractRaw(pubsub_messages, 'message', 'attributes'), 'String'),
            if(payload = '', [], arrayFilter(
                pair -> pair.1 NOT IN ('message', '@type'),
                meshseal_json_object(payload))))
    )) AS Attributes,
    multiIf(
        entry = '', data,
        JSONHas(entry, 'textPayload'), JSONExtractString(entry, 'textPayload'),
        JSONExtractString(payload, 'message') != '', JSONExtractString(payload, 'message'),
        payload != '', payload,
        data) AS Body
FROM (
    SELECT
        tenant AS Tenant,
        batch AS Batch,
        toUInt32(first_seq) AS Seq,
        door AS Door,
        source AS Source,
        format,
        toInt64(received_unix_nano) AS ReceivedUnixNano,
        pubsub_messages,
        data,
        entry,
        JSONExtractRaw(entry, 'httpRequest') AS request,
        meshseal_first([JSONExtractRaw(entry, 'jsonPayload'), JSONExtractRaw(entry, 'protoPayload')]) AS payload,
        meshseal_time(meshseal_first([JSONExtractString(entry, 'timestamp'), JSONExtractString(entry, 'receiveTimestamp')])) AS time_unix_nano,
        arrayConcat(
            CAST(labels, 'Array(Tuple(String, String))'),
            if(entry = '', [], arrayConcat(
                [('cloud.provider', 'gcp'), ('gcp.resource_type', JSONExtractString(entry, 'resource', 'type'))],
                arrayMap(
                    pair -> (transform(
                        pair.1,
                        ['project_id', 'location', 'cluster_name', 'namespace_name', 'pod_name', 'container_name', 'instance_id', 'zone', 'service_name', 'revision_name'],
                        ['cloud.account.id', 'cloud.region', 'k8s.cluster.name', 'k8s.namespace.name', 'k8s.pod.name', 'k8s.container.name', 'host.id', 'cloud.availability_zone', 'service.name', 'service.version'],
                        concat('gcp.resource.', pair.1)), pair.2),
                    JSONExtractKeysAndValues(JSONExtractRaw(entry, 'resource', 'labels'), 'String'))))) AS resource
    FROM (
        SELECT
            *,
            tryBase64Decode(JSONExtractString(pubsub_messages, 'message', 'data')) AS data,
            if(JSONHas(data, 'logName') AND JSONHas(data, 'resource'), data, '') AS entry
        FROM envelopes
    )
)
