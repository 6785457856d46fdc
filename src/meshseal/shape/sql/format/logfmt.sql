-- logfmt: key=value pairs between spaces, values quoted where they hold one.
SELECT
    raw_row,
    arrayMap(
        groups -> (groups[1], if(startsWith(groups[2], '"'), meshseal_unquote(substring(groups[2], 2, length(groups[2]) - 2)), groups[2])),
        extractAllGroupsVertical(raw_row.Body, '([A-Za-z_@][A-Za-z0-9_.@/-]*)=("(?:[^"\\\\]|\\\\.)*"|[^\\s"]*)')) AS pairs,
    notEmpty(pairs) AS parsed
FROM raw
