-- Envoy's default text access log, which AWS App Mesh also writes. Old ones put `tcp://` before the
-- upstream's address.
-- Source: envoyproxy/envoy, access log documentation
SELECT
    raw_row,
        CAST((
        groups[1], words[1], arrayStringConcat(arraySlice(words, 2, length(words) - 2), ' '), words[-1],
        groups[3], groups[4], '', '', '', groups[5], groups[6],
        groups[7], groups[8], groups[9], groups[10], groups[11], groups[12],
        if(startsWith(groups[13], 'tcp://'), substring(groups[13], 7), groups[13]),
        '', '', '', '', '', ''),
        '$envoy_fields') AS fields,
    notEmpty(groups) AS parsed
FROM (
    SELECT
        *,
        splitByChar(' ', groups[2]) AS words
    FROM (
        SELECT
            raw_row,
            extractGroups(
                raw_row.Body,
                '^\\[([^\\]]*)\\] "((?:[^"\\\\]|\\\\.)*)" (\\S+) (\\S+) (\\S+) (\\S+) (\\S+) (\\S+) "((?:[^"\\\\]|\\\\.)*)" "((?:[^"\\\\]|\\\\.)*)" "((?:[^"\\\\]|\\\\.)*)" "((?:[^"\\\\]|\\\\.)*)" "((?:[^"\\\\]|\\\\.)*)"$') AS groups
        FROM raw
    )
)
