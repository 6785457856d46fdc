-- Any JSON object: every value under its path.
SELECT
    raw_row,
    meshseal_json_object(raw_row.Body) AS pairs,
    notEmpty(pairs) OR isValidJSON(raw_row.Body) AS parsed
FROM raw
