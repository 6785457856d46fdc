-- Functions of the formats that are made from Envoy's format strings. Every one is total.

-- The pairs of a JSON line that no known key is of; `known` is a tuple.
CREATE OR REPLACE FUNCTION meshseal_envoy_unknown AS (line, known) -> arrayMap(
    pair -> (if(has($promoted, tupleElement(pair, 1)), concat('envoy.', tupleElement(pair, 1)), tupleElement(pair, 1)), tupleElement(pair, 2)),
    arrayFilter(
        pair -> tupleElement(pair, 2) NOT IN ('', '-'),
        meshseal_json_pairs(arrayFilter(member -> tupleElement(member, 1) NOT IN known, JSONExtractKeysAndValuesRaw(line)))));

-- The same, read only if the line has such keys. The lambda over none or one line is there because what the engine
-- puts off until an `if` needs it, it computes again for each place that needs it.
CREATE OR REPLACE FUNCTION meshseal_envoy_extra_nested AS (line, known, gives) -> arrayMap(
    other -> meshseal_envoy_unknown(other, known),
    if(NOT arrayAll(key -> key IN known, JSONExtractKeys(line)) AND gives, [line], []))[1];

-- The same, of a line whose known keys have no objects and no lists. `given` is how many of them have a value:
-- a line that has no more members than those and the ones that are null is not looked through, unless it may have
-- an object in it, with nulls of its own. Within a text of JSON a quote stands behind a backslash, so that what
-- a client sends counts for nothing.
CREATE OR REPLACE FUNCTION meshseal_envoy_extra AS (line, known, given) -> meshseal_envoy_extra_nested(
    if(
        JSONLength(line) > given
            + countSubstrings(line, '":null') - countSubstrings(line, '\\":null')
            + countSubstrings(line, '": null') - countSubstrings(line, '\\": null')
            OR position(line, '{', 2) > 0,
        line,
        ''),
    known,
    given > 0);
