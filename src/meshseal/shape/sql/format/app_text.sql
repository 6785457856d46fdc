-- Lines of applications: a time, a level, a thread, a logger, in the orders that Logback, Log4j, Spring
-- Boot, Python's logging and Rust's tracing have them, `ERROR:logger:text`, and .NET's `fail: Logger[1]`;
-- and the stack trace behind them, or one alone: Java, Python, Go, Node, .NET. Without a zone a time is UTC.
-- Sources: the programs' documentation of their layouts; OpenTelemetry semantic conventions 1.44, exceptions
SELECT
    raw_row,
    notEmpty(dated) OR notEmpty(plain) OR trace.1 != '' AS parsed,
    if(empty(dated), 0, meshseal_time(replaceOne(dated[1], ',', '.'))) AS time_unix_nano,
    multiIf(level != '', level, startsWith(trace.3, 'panic: ') OR startsWith(trace.3, 'fatal error: '), 'panic', '') AS severity_text,
    multiIf(
        level IN ('trce', 'dbug', 'fail'), transform(level, ['trce', 'dbug', 'fail'], [1, 5, 17], 0),
        severity_text != '', meshseal_severity(severity_text),
        trace.1 != '', 17, 0) AS severity_number,
    '' AS service_name,
    '' AS trace_id,
    '' AS span_id,
    if(match(logger, '(Exception|Error|Throwable)$'), '', logger) AS `log.logger`,
    thread AS `thread.name`,
    dated[5] AS `process.pid`,
    trace.1 AS `exception.type`,
    trace.2 AS `exception.message`,
    trace.3 AS `exception.stacktrace`
FROM (
    SELECT
        *,
        if(empty(dated), plain[1], dated[4]) AS level,
        if(empty(dated), plain[2], meshseal_first([dated[2], dated[7], dated[8]])) AS logger,
        trim(BOTH ' ' FROM if(dated[3] != '', dated[3], trim(BOTH ' []' FROM arrayElement(splitByChar('[', dated[6]), -1)))) AS thread,
        meshseal_stack_trace(raw_row.Body) AS trace
    FROM (
        SELECT
            raw_row,
            substring(substringIndex(raw_row.Body, '\n', 1), 1, 400) AS head,
            if(match(head, '^[0-9]{4}-'), extractGroups(head, '^([0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?(?: ?(?:Z|[+-][0-9]{2}:?[0-9]{2}))?)[ \\t|]+(?:- ([^ ]+) - )?(?:\\[([^\\]]*)\\] *)?\\[?((?i:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRITICAL|FATAL))\\]?(?: *[-|:]+ *| +|$)(?:([0-9]+) +--- +)?((?:\\[[^\\]]*\\] *)*)(?:([A-Za-z_$][A-Za-z0-9_$.:/-]*) *- |([A-Za-z_$][A-Za-z0-9_$]*(?:(?:[.]|::|/)[A-Za-z0-9_$-]+)+(?:\\[[0-9]+\\])?) *: )?'), []) AS dated,
            if(match(head, '^([A-Z]{4,8}:|[a-z]{4}: )'), extractGroups(head, '^(DEBUG|INFO|WARNING|ERROR|CRITICAL|trce|dbug|info|warn|fail|crit): ?([A-Za-z_][A-Za-z0-9_.]*)(?:\\[[0-9]+\\]|:)'), []) AS plain
        FROM raw
    )
)
