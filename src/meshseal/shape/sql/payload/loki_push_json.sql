-- Loki's push as JSON: {"streams": [{"stream": {…}, "values": [["<nanoseconds>", "line", {…}?]]}]}.
SELECT
    tenant AS Tenant,
    batch AS Batch,
    toUInt32(first_seq + entries_before + position - 1) AS Seq,
    door AS Door,
    source AS Source,
    format AS Hint,
    toInt64(received_unix_nano) AS ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    toInt64OrDefault(JSONExtractString(entry, 1), toInt64(-1)) AS TimeUnixNano,
    ResourceAttributes,
    ServiceName,
    JSONExtractKeysAndValues(JSONExtractRaw(entry, 3), 'String') AS Attributes,
    if(level != '', level, meshseal_first_value(Attributes, ['level', 'detected_level', 'severity'])) AS SeverityText,
    JSONExtractString(entry, 2) AS Body
FROM (
    SELECT
        tenant, batch, first_seq, door, source, format, received_unix_nano,
        entries_before,
        meshseal_map(arrayConcat(
            CAST(labels, 'Array(Tuple(String, String))'),
            JSONExtractKeysAndValues(JSONExtractRaw(stream, 'stream'), 'String'))) AS ResourceAttributes,
        -- What Loki itself takes for a level, but for what it finds in lines.
        meshseal_first([ResourceAttributes['level'], ResourceAttributes['detected_level'], ResourceAttributes['severity']]) AS level,
        meshseal_service(ResourceAttributes) AS ServiceName,
        JSONExtractArrayRaw(stream, 'values') AS entries
    FROM (
        SELECT
            *,
            JSONExtractArrayRaw(loki_push_json, 'streams') AS streams,
            arrayMap(one -> JSONLength(one, 'values'), streams) AS counts
        FROM envelopes
    )
    ARRAY JOIN
        streams AS stream,
        arrayMap((total, count) -> total - count, arrayCumSum(counts), counts) AS entries_before
)
ARRAY JOIN
    entries AS entry,
    arrayEnumerate(entries) AS position
