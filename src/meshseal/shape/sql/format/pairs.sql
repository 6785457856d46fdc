-- What the well-known keys of an open format mean.
SELECT
    raw_row,
    parsed,
    pairs,
    if(meshseal_epoch(known.stamp) != 0, meshseal_epoch(known.stamp), meshseal_time(known.stamp)) AS time_unix_nano,
    known.level AS severity_text,
    meshseal_severity(known.level) AS severity_number,
    known.service AS service_name,
    if(known.trace = '', meshseal_datadog_id(known.datadog_trace, 32), meshseal_trace_id(known.trace)) AS trace_id,
    if(known.span = '', meshseal_datadog_id(known.datadog_span, 16), meshseal_span_id(known.span)) AS span_id
FROM (
    SELECT
        *,
        tuple(
            meshseal_first_value(told, ['timestamp', '@timestamp', 'time', 'ts', 'start_time', 'datetime', 'date']) AS stamp,
            meshseal_first_value(told, ['level', 'severity', 'log.level', 'lvl', 'loglevel', 'severity_text']) AS level,
            meshseal_first_value(told, ['service.name', 'service_name', 'service', 'app']) AS service,
            meshseal_first_value(told, [
                'trace_id', 'traceId', 'trace.id', 'traceID', 'traceparent', 'b3', 'x-b3-traceid', 'X-B3-TraceId',
                'x-amzn-trace-id', 'X-Amzn-Trace-Id', 'xray_trace_id', 'x-cloud-trace-context', 'uber-trace-id']) AS trace,
            meshseal_first_value(told, [
                'span_id', 'spanId', 'span.id', 'spanID', 'traceparent', 'b3', 'x-b3-spanid', 'X-B3-SpanId',
                'x-amzn-trace-id', 'X-Amzn-Trace-Id', 'x-cloud-trace-context', 'uber-trace-id']) AS span,
            meshseal_value(told, 'dd.trace_id') AS datadog_trace,
            meshseal_value(told, 'dd.span_id') AS datadog_span) AS known
    FROM (
        SELECT
            *,
            -- So that each key is looked for among few.
            arrayFilter(pair -> tupleElement(pair, 1) IN (
                'timestamp', '@timestamp', 'time', 'ts', 'start_time', 'datetime', 'date',
                'level', 'severity', 'log.level', 'lvl', 'loglevel', 'severity_text',
                'service.name', 'service_name', 'service', 'app',
                'trace_id', 'traceId', 'trace.id', 'traceID', 'span_id', 'spanId', 'span.id', 'spanID',
                'dd.trace_id', 'dd.span_id', 'traceparent', 'b3', 'x-b3-traceid', 'X-B3-TraceId', 'x-b3-spanid', 'X-B3-SpanId',
                'x-amzn-trace-id', 'X-Amzn-Trace-Id', 'xray_trace_id', 'x-cloud-trace-context', 'uber-trace-id'), pairs) AS told
        FROM fields
    )
)
