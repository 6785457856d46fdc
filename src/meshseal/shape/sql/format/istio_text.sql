-- Istio's default text access log.
-- Source: istio/istio, pilot/pkg/model/telemetry_logging.go
SELECT
    raw_row,
        CAST((
        groups[1], words[1], arrayStringConcat(arraySlice(words, 2, length(words) - 2), ' '), words[-1],
        groups[3], groups[4], groups[5], groups[6], groups[7], groups[8], groups[9],
        groups[10], groups[11], groups[12], groups[13], groups[14], groups[15], groups[16],
        groups[17], groups[18], groups[19], groups[20], groups[21], groups[22]),
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
                '^\\[([^\\]]*)\\] "((?:[^"\\\\]|\\\\.)*)" (\\S+) (\\S+) (\\S+) (\\S+) "((?:[^"\\\\]|\\\\.)*)" (\\S+) (\\S+) (\\S+) (\\S+) "((?:[^"\\\\]|\\\\.)*)" "((?:[^"\\\\]|\\\\.)*)" "((?:[^"\\\\]|\\\\.)*)" "((?:[^"\\\\]|\\\\.)*)" "((?:[^"\\\\]|\\\\.)*)" (\\S+) (\\S+) (\\S+) (\\S+) (\\S+) (\\S+)') AS groups
        FROM raw
    )
)
