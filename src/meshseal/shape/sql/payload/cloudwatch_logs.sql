-- Messages of a CloudWatch Logs subscription, one per line: each has the log events of one stream.
SELECT
    tenant AS Tenant,
    batch AS Batch,
    toUInt32(first_seq + events_before + position - 1) AS Seq,
    door AS Door,
    source AS Source,
    format AS Hint,
    toInt64(received_unix_nano) AS ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    JSONExtractInt(event, 'timestamp') * 1000000 AS TimeUnixNano,
    ResourceAttributes,
    ServiceName,
    [('log.record.uid', JSONExtractString(event, 'id'))] AS Attributes,
    JSONExtractString(event, 'message') AS Body
FROM (
    SELECT
        tenant, batch, first_seq, door, source, format, received_unix_nano,
        events_before,
        meshseal_map(arrayConcat(
            CAST(labels, 'Array(Tuple(String, String))'),
            arrayFilter(pair -> pair.2 != '', [
                ('cloud.provider', 'aws'),
                ('cloud.account.id', JSONExtractString(message, 'owner')),
                ('aws.log.group.names', JSONExtractString(message, 'logGroup')),
                ('aws.log.stream.names', JSONExtractString(message, 'logStream'))]))) AS ResourceAttributes,
        meshseal_service(ResourceAttributes) AS ServiceName,
        JSONExtractArrayRaw(message, 'logEvents') AS events
    FROM (
        SELECT
            *,
            splitByChar('\n', cloudwatch_logs) AS messages,
            arrayMap(one -> JSONLength(one, 'logEvents'), messages) AS counts
        FROM envelopes
    )
    ARRAY JOIN
        messages AS message,
        arrayMap((total, count) -> total - count, arrayCumSum(counts), counts) AS events_before
)
ARRAY JOIN
    events AS event,
    arrayEnumerate(events) AS position
