-- logfmt: key=value pairs between spaces, values quoted where they hold one.
SELECT
    raw_row,
    meshseal_logfmt(raw_row.Body) AS pairs,
    notEmpty(pairs) AS parsed
FROM raw
