-- Functions of the formats that are made from Envoy's format strings. Every one is total.

-- The pairs of a JSON line that no known key is of; `known` is a tuple.
CREATE OR REPLACE FUNCTION meshseal_envoy_unknown AS (line, known) -> arrayMap(
    pair -> (if(has($promoted, tupleElement(pair, 1)), concat('envoy.', tupleElement(pair, 1)), tupleElement(pair, 1)), tupleElement(pair, 2)),
    arrayFilter(
        pair -> tupleElement(pair, 2) NOT IN ('', '-'),
        meshseal_json_pairs(arrayFilter(member -> tupleElement(member, 1) NOT IN known, JSONExtractKeysAndValuesRaw(line)))));

-- The same, of a line whose known keys have no objects and no lists. `given` is how many of them have a value:
-- a line that has no more members than those and the ones that are null is not read again. Within a text of
-- JSON a quote stands behind a backslash, so that what a client sends counts for nothing.
CREATE OR REPLACE FUNCTION meshseal_envoy_extra AS (line, known, given) -> if(
    JSONLength(line) > given + countSubstrings(line, '":null') - countSubstrings(line, '\\":null'),
    meshseal_envoy_unknown(line, known),
    []);

-- The same, of any line.
CREATE OR REPLACE FUNCTION meshseal_envoy_extra_nested AS (line, known) -> if(
    arrayAll(key -> key IN known, JSONExtractKeys(line)), [], meshseal_envoy_unknown(line, known));
