-- A whole syslog message as a line of text, with or without its priority. What stands before the
-- text is kept as it is, and what it says as the syslog door has it. What the record says of itself
-- goes first.
SELECT
    raw_row.Tenant AS Tenant,
    raw_row.Batch AS Batch,
    raw_row.Seq AS Seq,
    raw_row.Door AS Door,
    raw_row.Source AS Source,
    raw_row.ReceivedUnixNano AS ReceivedUnixNano,
    if(sent != 0 AND raw_row.ObservedUnixNano = raw_row.ReceivedUnixNano, sent, raw_row.ObservedUnixNano) AS ObservedUnixNano,
    raw_row.TimeUnixNano AS TimeUnixNano,
    raw_row.TraceId AS TraceId,
    raw_row.SpanId AS SpanId,
    raw_row.TraceFlags AS TraceFlags,
    if(says_severity, raw_row.SeverityText, severity.1) AS SeverityText,
    if(says_severity, raw_row.SeverityNumber, severity.2) AS SeverityNumber,
    if(raw_row.ServiceName = '', app, raw_row.ServiceName) AS ServiceName,
    raw_row.ResourceSchemaUrl AS ResourceSchemaUrl,
    meshseal_map(arrayConcat(own, arrayFilter(pair -> NOT has(own.1, pair.1), origin))) AS ResourceAttributes,
    raw_row.ScopeSchemaUrl AS ScopeSchemaUrl,
    raw_row.ScopeName AS ScopeName,
    raw_row.ScopeVersion AS ScopeVersion,
    raw_row.ScopeAttributes AS ScopeAttributes,
    raw_row.EventName AS EventName,
    raw_row.Nested AS Nested,
    meshseal_wrapped(
        raw_row.Attributes,
        arrayConcat(if(has_priority, facts, arrayFilter(pair -> pair.1 != 'syslog.facility', facts)), [('syslog.header', substring(raw_row.Body, 1, length(raw_row.Body) - length(text)))]),
        raw_row.Body, true) AS Attributes,
    text AS Body
FROM (
    SELECT
        *,
        CAST(raw_row.ResourceAttributes, 'Array(Tuple(String, String))') AS own,
        startsWith(raw_row.Body, '<') AS has_priority,
        NOT has_priority OR raw_row.SeverityNumber != 0 OR raw_row.SeverityText != '' AS says_severity
    FROM headers
)
