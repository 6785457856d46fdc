-- Loki's PushRequest: streams of entries. A stream's labels are LogQL text, `{a="b", c="d"}`.
SELECT
    tenant AS Tenant,
    batch AS Batch,
    toUInt32(first_seq + entries_before + position - 1) AS Seq,
    door AS Door,
    source AS Source,
    format AS Hint,
    toInt64(received_unix_nano) AS ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    meshseal_loki_nanos(entry.timestamp_seconds, entry.timestamp_nanos) AS TimeUnixNano,
    ResourceAttributes,
    ServiceName,
    arrayMap(pair -> (pair.name, pair.value), entry.structured_metadata) AS Attributes,
    if(level != '', level, meshseal_first_value(Attributes, ['level', 'detected_level', 'severity'])) AS SeverityText,
    entry.line AS Body
FROM (
    SELECT
        tenant, batch, first_seq, door, source, format, received_unix_nano,
        entries_before,
        stream.entries AS entries,
        meshseal_map(arrayConcat(
            CAST(labels, 'Array(Tuple(String, String))'),
            arrayMap(
                matched -> (matched[1], meshseal_unquote(matched[2])),
                extractAllGroupsVertical(stream.labels, '([A-Za-z_][A-Za-z0-9_]*)\\s*=\\s*"((?:[^"\\\\]|\\\\.)*)"'))))
            AS ResourceAttributes,
        -- What Loki itself takes for a level, but for what it finds in lines.
        meshseal_first([ResourceAttributes['level'], ResourceAttributes['detected_level'], ResourceAttributes['severity']]) AS level,
        meshseal_service(ResourceAttributes) AS ServiceName
    FROM (
        SELECT
            *,
            arrayMap(one -> length(one.entries), loki_push_streams) AS counts
        FROM envelopes
    )
    ARRAY JOIN
        loki_push_streams AS stream,
        arrayMap((total, count) -> total - count, arrayCumSum(counts), counts) AS entries_before
)
ARRAY JOIN
    entries AS entry,
    arrayEnumerate(entries) AS position
