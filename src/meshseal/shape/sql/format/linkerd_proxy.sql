-- The log of Linkerd's proxy, as text and as JSON: `[ 12.3s]  INFO ThreadId(01) spans: target: message`.
-- Its time is that since the proxy began, so the record's is the time of receipt.
-- Sources: linkerd/linkerd2-proxy, linkerd/tracing/src/lib.rs; tokio-rs/tracing, tracing-subscriber
SELECT
    raw_row,
    match(uptime, '^[0-9]+[.][0-9]+$') OR time_unix_nano != 0 AS parsed,
    time_unix_nano,
    f.level AS severity_text,
    meshseal_severity(f.level) AS severity_number,
    '' AS service_name,
    '' AS trace_id,
    '' AS span_id,
    uptime AS `linkerd.uptime_seconds`,
    trim(BOTH 'ThreadId()' FROM f.thread) AS `thread.id`,
    f.target AS `log.logger`,
    f.message AS `message`,
    f.spans AS `linkerd.spans`,
    multiIf(match(f.spans, '^(\\[\\{"name":")?inbound'), 'inbound', match(f.spans, '^(\\[\\{"name":")?outbound'), 'outbound', '') AS `mesh.reporter`,
    client.1 AS `client.address`,
    client.2 AS `client.port`,
    f.error AS `error.message`
FROM (
    SELECT
        *,
        extract(f.stamp, '^\\[ *([0-9.]+)s\\]$') AS uptime,
        if(startsWith(f.stamp, '['), 0, meshseal_time(f.stamp)) AS time_unix_nano,
        meshseal_address(if(f.client != '', f.client, extract(f.spans, 'client[.]addr=([^ },]+)'))) AS client
    FROM (
        SELECT
            raw_row,
            if(startsWith(raw_row.Body, '{'),
                tuple(j.timestamp, j.level, j.threadId, if(j.spans IN ('', '[]'), '', j.spans), j.target, j.fields.message, j.fields.error, j.fields.`client.addr`),
                tuple(
                    concat(substringIndex(raw_row.Body, ']', 1), ']'),
                    words[1],
                    words[2],
                    if(named = 2, pieces[1], ''),
                    pieces[named],
                    arrayStringConcat(arraySlice(pieces, named + 1), ': '),
                    extract(arrayStringConcat(arraySlice(pieces, named + 1), ': '), ' error=(.*)$'),
                    ''))::Tuple(stamp String, level String, thread String, spans String, target String, message String, error String, client String) AS f
        FROM (
            SELECT
                *,
                -- What stands before the message: the target, and before that the spans, if there are any.
                if(match(pieces[2], '^[a-z0-9_]+(::[a-z0-9_]+)*$')
                    AND (position(pieces[1], '{') > 0 OR startsWith(pieces[2], 'linkerd')), 2, 1) AS named
            FROM (
                SELECT
                    raw_row,
                    if(startsWith(raw_row.Body, '{'), JSONExtract(raw_row.Body, 'Tuple(timestamp String, level String, fields Tuple(message String, error String, `client.addr` String), target String, spans String, threadId String)'), defaultValueOfTypeName('Tuple(timestamp String, level String, fields Tuple(message String, error String, `client.addr` String), target String, spans String, threadId String)')) AS j,
                    trim(LEADING ' ' FROM substring(raw_row.Body, position(raw_row.Body, ']') + 1)) AS after,
                    splitByChar(' ', after, 2) AS words,
                    splitByString(': ', substring(after, length(words[1]) + length(words[2]) + 3)) AS pieces
                FROM raw
            )
        )
    )
)
