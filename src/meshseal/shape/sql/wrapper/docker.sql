-- A line of Docker's json-file driver: {"log":"text\n","stream":"stdout","time":"…"}, with the
-- container's labels and environment in "attrs" if it was told so. A text without a line's end is
-- part of a longer one. A line that the driver would write otherwise is kept beside what is in it.
-- Source: moby/moby, daemon/logger/jsonfilelog/jsonlog/jsonlogbytes.go
SELECT
    * REPLACE (
        if(is_observed, nanos, ObservedUnixNano) AS ObservedUnixNano,
        if(endsWith(found.log, '\n'), substring(found.log, 1, length(found.log) - 1), found.log) AS Body,
        meshseal_wrapped(
            Attributes,
            arrayConcat(
                [('log.wrapper', 'docker'),
                 ('log.iostream', found.stream),
                 ('log.partial', if(endsWith(found.log, '\n'), '', 'true')),
                 ('log.timestamp', if(is_observed AND meshseal_rfc3339(nanos) = found.time, '', found.time))],
                if(found.attrs = '', [], arrayMap(
                    pair -> (concat('attrs.', pair.1), pair.2), JSONExtractKeysAndValues(found.attrs, 'String')))),
            Body, is_usual) AS Attributes)
FROM (
    SELECT
        *,
        meshseal_time(found.time) AS nanos,
        nanos != 0 AND ObservedUnixNano = ReceivedUnixNano AS is_observed,
        match(Body, '^\\{"log":"(?:[^"\\\\<>&\\x00-\\x1f]|\\\\["\\\\nr]|\\\\u00(?:0[0-9bcef]|1[0-9a-f]|26|3c|3e)|\\\\u202[89])+","stream":"[a-z]+","time":"[0-9TZ:.-]+"\\}$')
            AND position(Body, '\xE2\x80\xA8') = 0 AND position(Body, '\xE2\x80\xA9') = 0 AS is_usual
    FROM (
        SELECT
            *,
            JSONExtract(Body, 'Tuple(log String, stream String, time String, attrs String)') AS found
        FROM raw
    )
)
