-- Syslog messages, one record each.
SELECT
    tenant AS Tenant,
    batch AS Batch,
    Seq,
    door AS Door,
    source AS Source,
    format AS Hint,
    ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    sent AS TimeUnixNano,
    severity.1 AS SeverityText,
    severity.2 AS SeverityNumber,
    meshseal_map(arrayConcat(CAST(labels, 'Array(Tuple(String, String))'), origin)) AS ResourceAttributes,
    if(app != '', app, meshseal_service(labels)) AS ServiceName,
    facts AS Attributes,
    text AS Body
FROM headers
