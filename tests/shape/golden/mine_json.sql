-- startsWith(line, '{') AND position(line, '\x22a\x5c\x22b\x22:') > 0 AND position(line, '\x22n\x22:') > 0
SELECT
    raw_row AS raw_row,
    l1.1 AS parsed,
    toInt64OrZero(extractGroups(tupleElement(tupleElement(tupleElement(found, 2), 1), 1), '^([0-9]\x7b1,11\x7d)\x24')[1]) * 1000000000 AS time_unix_nano,
    multiIf(l2.1 >= 500, 'ERROR', l2.1 >= 400, 'WARN', 'INFO') AS severity_text,
    multiIf(l2.1 >= 500, 17, l2.1 >= 400, 13, 9) AS severity_number,
    '' AS service_name,
    '' AS trace_id,
    '' AS span_id,
    meshseal_envoy_extra_nested(raw_row.Body, tuple('a\x22b', 'n'), l1.1) AS pairs,
    l1.2 AS a1,
    multiIf(l2.1 >= 500, toString(l2.1), '') AS a2,
    tupleElement(tupleElement(tupleElement(found, 2), 1), 2) AS a3
FROM (
SELECT
    *,
    tuple(
        toUInt16OrZero(l1.2)) AS l2
FROM (
SELECT
    *,
    tuple(
        (notEmpty(tupleElement(found, 1)) + notEmpty(concat(tupleElement(tupleElement(tupleElement(found, 2), 1), 1), tupleElement(tupleElement(tupleElement(found, 2), 1), 2))) > 0),
        meshseal_envoy(tupleElement(found, 1))) AS l1
FROM (
SELECT
    raw_row,
    JSONExtract(raw_row.Body, 'Tuple(\x60a\x5cx22b\x60\x20String,\x20\x60n\x60\x20Tuple(\x60t\x60\x20Tuple(String,\x20String)))') AS found
FROM raw)))
-- http.response.status_code, error.type, n.t.1
