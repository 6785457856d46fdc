"""SQL of series that belong together: set operations, matching on labels, `label_replace`.

Sides are SELECTs of `labels`, `step` and `value`, in which no labels are twice at one step; so is
what comes of them. What belongs together does so at each step for itself. Sources: grafana/loki,
pkg/logql/evaluator.go (vectorBinop, vectorAnd, vectorOr, vectorUnless, resultMetric), and for
`label_replace` prometheus/prometheus, promql/functions.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from meshseal.query.refusals import (
    DUPLICATE_LEFT,
    DUPLICATE_RIGHT,
    MANY_TO_ONE,
    NOT_UNIQUE,
    SAME_LABELS,
    throw_if,
)
from meshseal.query.sql import Binder
from meshseal.query.tree import ALL_LABELS, LabelReplace, Many, Matching

_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))")
_GROUP = re.compile(
    # A set of characters that has no end is one to the end, or else a long row of brackets would be
    # looked through from each of them.
    r"\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*+(?:\]|\\?\Z)|\((\?P?<(\w+)>|(?!\?))",
    re.S,
)
_MOST_GROUPS = 1_000_000


def chosen(binder: Binder, matching: Matching, sides: Sequence[str]) -> str:
    """Return the series of the first side, and of each other one what the ones before lack."""
    if matching == ALL_LABELS:
        # What is equal in all labels is one row, and need not be gathered.
        return (
            "SELECT labels, step, argMin(value, side) AS value\n"
            f"FROM (\n{_united(sides)}\n)\nGROUP BY labels, step"
        )
    return f"""SELECT entry.1 AS labels, step, entry.2 AS value
FROM (
SELECT step, groupArray((labels, value, side)) AS entries, min(side) AS first
FROM (
{_united(sides)}
)
GROUP BY {_key(binder, matching)}, step
)
ARRAY JOIN arrayFilter(entry -> entry.3 = first, entries) AS entry"""


def only(binder: Binder, matching: Matching, sides: Sequence[str], *, there: bool) -> str:
    """Return the series of the first side that the second has, or lacks."""
    return f"""SELECT entry.1 AS labels, step, entry.2 AS value
FROM (
{_grouped(binder, matching, sides)}
HAVING {"notEmpty" if there else "empty"}(rights)
)
ARRAY JOIN lefts AS entry"""


def paired(binder: Binder, matching: Matching, left: str, right: str) -> str:
    """Return what belongs together: `labels`, `step`, and the numbers as `a` and `b`."""
    grouped = _grouped(binder, matching, (left, right))
    if matching.many is Many.NEITHER:
        duplicate = throw_if("length(rights) > 1", DUPLICATE_RIGHT)
        several = throw_if("length(lefts) > 1 AND notEmpty(rights)", MANY_TO_ONE)
        return f"""SELECT key AS labels, step, lefts[1].2 AS a, rights[1].2 AS b
FROM (
{grouped}
HAVING {duplicate} + {several} + (empty(lefts) OR empty(rights)) = 0
)"""
    many, one, words, a, b = "lefts", "rights", DUPLICATE_RIGHT, "entry.2", "one.2"
    if matching.many is Many.RIGHT:
        many, one, words, a, b = "rights", "lefts", DUPLICATE_LEFT, "one.2", "entry.2"
    return f"""SELECT labels, step, any(left_value) AS a, any(right_value) AS b
FROM (
SELECT {_included(binder, matching)} AS labels, step, {a} AS left_value, {b} AS right_value
FROM (
SELECT step, {many} AS entries, {one}[1] AS one
FROM (
{grouped}
HAVING {throw_if(f"length({one}) > 1", words)} + (empty(lefts) OR empty(rights)) = 0
)
)
ARRAY JOIN entries AS entry
)
GROUP BY labels, step
HAVING {throw_if("count() > 1", NOT_UNIQUE)} = 0"""


def replaced(binder: Binder, query: LabelReplace, inner: str) -> str:
    """Return the series of a side with a label made of another one."""
    target, source = binder.text(query.target), binder.text(query.source)
    pattern = binder.text(f"^(?-s:({query.regex}))$")
    texts, groups = [], []
    for text, group in template(query.replacement, group_numbers(query.regex)):
        texts.append(text)
        groups.append(group)
    # The first group is the whole value: the engine counts from 1, and $0 is 0.
    made = (
        "arrayStringConcat(arrayMap((text, group) -> concat(text, if(group < 0, '', "
        f"found[group + 1])), {binder.texts(tuple(texts))}, {binder.integers(tuple(groups))}))"
    )
    return f"""SELECT made AS labels, step, any(amount) AS value
FROM (
SELECT step, amount, if(empty(found), all_labels, mapSort(mapFilter(
    (name, text) -> text != '', mapUpdate(all_labels, map({target}, {made}))))) AS made
FROM (
SELECT labels AS all_labels, step, value AS amount,
    extractGroups(toValidUTF8(labels[{source}]), {pattern}) AS found
FROM (
{inner}
)
)
)
GROUP BY made, step
HAVING {throw_if("count() > 1", SAME_LABELS)} = 0"""


def template(replacement: str, names: dict[str, int]) -> list[tuple[str, int]]:
    """Return the pieces of a replacement: a text, and the number of the group behind it or -1.

    `$1` and `${1}` are groups by number, `$name` and `${name}` by name, `$$` is a dollar sign. A
    name is as long as it can be; a group that is not there is empty.
    Source: golang.org/pkg/regexp, Expand.
    """
    pieces: list[tuple[str, int]] = []
    text, at = "", 0
    for found in _REFERENCE.finditer(replacement):
        text += replacement[at : found.start()]
        at = found.end()
        dollar, braced, bare = found.groups()
        if dollar:
            text += "$"
            continue
        pieces.append((text, _number(braced or bare, names)))
        text = ""
    return [*pieces, (text + replacement[at:], -1)]


def group_numbers(regex: str) -> dict[str, int]:
    """Return the numbers of the named groups of a regular expression in RE2's syntax."""
    names: dict[str, int] = {}
    number = 0
    for found in _GROUP.finditer(regex):
        if found[1] is None:
            continue
        number += 1
        if found[2]:
            names[found[2]] = number
    return names


def _number(name: str, names: dict[str, int]) -> int:
    if name.isascii() and name.isdigit() and (name == "0" or name[0] != "0"):
        return min(int(name), _MOST_GROUPS) if len(name) < 9 else _MOST_GROUPS
    return names.get(name, -1)


def _united(sides: Sequence[str]) -> str:
    return "\nUNION ALL\n".join(
        f"SELECT labels, toInt64(step) AS step, value, {at} AS side FROM (\n{side}\n)"
        for at, side in enumerate(sides)
    )


def _grouped(binder: Binder, matching: Matching, sides: Sequence[str]) -> str:
    """Return what belongs together as rows: `key`, `step`, and both sides' (labels, value)."""
    return f"""SELECT {_key(binder, matching)} AS key, step,
    groupArrayIf((labels, value), side = 0) AS lefts,
    groupArrayIf((labels, value), side = 1) AS rights
FROM (
{_united(sides)}
)
GROUP BY key, step"""


def _key(binder: Binder, matching: Matching) -> str:
    """Return the SQL of the labels that must be equal."""
    found = f"has({binder.texts(matching.labels)}, name)"
    condition = found if matching.on else f"NOT {found}"
    return f"mapFilter((name, text) -> {condition}, labels)"


def _included(binder: Binder, matching: Matching) -> str:
    """Return the SQL of the labels of one of many, with those that it takes over."""
    found = f"has({binder.texts(matching.include)}, name)"
    return (
        f"mapSort(mapUpdate(mapFilter((name, text) -> NOT {found}, entry.1), "
        f"mapFilter((name, text) -> {found} AND text != '', one.1)))"
    )
