-- Records of Azure Monitor: {"records": [{time, resourceId, category, operationName, level, properties}]}.
-- Source: Microsoft, "Common and service-specific schemas for Azure resource logs".
SELECT
    tenant AS Tenant,
    batch AS Batch,
    toUInt32(first_seq + position - 1) AS Seq,
    door AS Door,
    source AS Source,
    -- Its attributes are taken from the record already: it is not read once more as a JSON body.
    if(message_key = '', 'unparsed', format) AS Hint,
    toInt64(received_unix_nano) AS ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    meshseal_time(meshseal_first_value(pairs, ['time', 'timeStamp', 'timestamp', 'TimeGenerated'])) AS TimeUnixNano,
    meshseal_first_value(pairs, ['level', 'Level', 'properties.level', 'properties.severity']) AS SeverityText,
    meshseal_severity(SeverityText) AS SeverityNumber,
    meshseal_map(arrayConcat(
        CAST(labels, 'Array(Tuple(String, String))'),
        [('cloud.provider', 'azure')],
        arrayFilter(pair -> pair.2 != '', [
            ('cloud.resource_id', meshseal_first_value(pairs, ['resourceId', 'resourceID', 'ResourceId'])),
            ('cloud.region', meshseal_value(pairs, 'location')),
            ('k8s.pod.name', meshseal_first_value(pairs, ['properties.pod', 'PodName'])),
            ('container.id', meshseal_first_value(pairs, ['properties.containerID', 'ContainerId']))]))) AS ResourceAttributes,
    meshseal_service(ResourceAttributes) AS ServiceName,
    arrayMap(
        pair -> (transform(
            pair.1,
            ['category', 'operationName', 'resultType', 'resultSignature', 'correlationId', 'callerIpAddress', 'tenantId', 'durationMs'],
            ['azure.category', 'azure.operation.name', 'azure.result.type', 'azure.result.signature', 'azure.correlation.id', 'client.address', 'azure.tenant.id', 'mesh.duration_ms'],
            pair.1), pair.2),
        arrayFilter(
            pair -> pair.1 NOT IN (message_key, 'time', 'level', 'resourceId', 'location', 'properties.pod', 'properties.containerID'),
            pairs)) AS Attributes,
    if(message_key = '', record, meshseal_value(pairs, message_key)) AS Body
FROM (
    SELECT
        tenant, batch, first_seq, door, source, format, received_unix_nano, labels, record, position,
        meshseal_json_object(record) AS pairs,
        arrayFirst(
            key -> meshseal_value(pairs, key) != '',
            ['properties.log', 'properties.message', 'properties.Message', 'LogMessage', 'message', 'resultDescription']) AS message_key
    FROM (
        SELECT *, JSONExtractArrayRaw(azure_records, 'records') AS records
        FROM envelopes
    )
    ARRAY JOIN
        records AS record,
        arrayEnumerate(records) AS position
)
