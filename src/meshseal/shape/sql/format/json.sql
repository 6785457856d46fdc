-- Any JSON object: every value under its path, joined by dots, four levels deep.
SELECT
    raw_row,
    arrayMap(pair -> (pair.1, meshseal_json_scalar(pair.2)), arrayFilter(pair -> pair.2 != 'null', level_4)) AS pairs,
    notEmpty(level_4) OR isValidJSON(raw_row.Body) AS parsed
FROM (
    SELECT *, meshseal_flatten(level_3) AS level_4
    FROM (
        SELECT *, meshseal_flatten(level_2) AS level_3
        FROM (
            SELECT *, meshseal_flatten(level_1) AS level_2
            FROM (
                SELECT raw_row, JSONExtractKeysAndValuesRaw(raw_row.Body) AS level_1
                FROM raw
            )
        )
    )
)
