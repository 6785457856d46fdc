-- Text and documents: one record per line that is not empty. A line's end may be LF or CRLF.
SELECT
    tenant AS Tenant,
    batch AS Batch,
    toUInt32(first_seq + position - 1) AS Seq,
    door AS Door,
    source AS Source,
    format AS Hint,
    toInt64(received_unix_nano) AS ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    meshseal_map(labels) AS ResourceAttributes,
    meshseal_service(ResourceAttributes) AS ServiceName,
    line AS Body
FROM (
    SELECT
        *,
        meshseal_lines(content) AS records
    FROM envelopes
)
ARRAY JOIN
    records AS line,
    arrayEnumerate(records) AS position
