-- What the well-known keys of an open format mean.
SELECT
    raw_row,
    parsed,
    pairs,
    if(meshseal_epoch(known.stamp) != 0, meshseal_epoch(known.stamp), meshseal_time(known.stamp)) AS time_unix_nano,
    known.level AS severity_text,
    meshseal_severity(known.level) AS severity_number,
    known.service AS service_name,
    meshseal_hex_id(known.trace, 32) AS trace_id,
    meshseal_hex_id(known.span, 16) AS span_id
FROM (
    SELECT
        *,
        tuple(
            meshseal_first_value(pairs, ['timestamp', '@timestamp', 'time', 'ts', 'start_time', 'datetime', 'date']) AS stamp,
            meshseal_first_value(pairs, ['level', 'severity', 'log.level', 'lvl', 'loglevel', 'severity_text']) AS level,
            meshseal_first_value(pairs, ['service.name', 'service_name', 'service', 'app']) AS service,
            meshseal_first_value(pairs, ['trace_id', 'traceId', 'trace.id', 'traceID']) AS trace,
            meshseal_first_value(pairs, ['span_id', 'spanId', 'span.id', 'spanID']) AS span) AS known
    FROM fields
)
