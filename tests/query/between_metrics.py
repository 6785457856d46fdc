"""Records of three services, queries of what is between metrics, and what they give."""

from __future__ import annotations

from collections.abc import Mapping

RECORDS = [
    (30, "a", "200"),
    (31, "a", "500"),
    (60, "a", "200"),
    (90, "b", "200"),
    (100, "a", "200"),
    (150, "c", "500"),
]
"""When, in seconds from the base; which service; which status."""


ALL = 'sum by (svc) (count_over_time({app="web"}[10m]))'
FAILED = 'sum by (svc) (count_over_time({app="web", code="500"}[10m]))'
BOTH = 'sum by (svc, code) (count_over_time({app="web"}[10m]))'
TOTAL = 'sum(count_over_time({app="web"}[10m]))'
NONE = f"({ALL} > 100)"
A, B, C = "svc=a", "svc=b", "svc=c"
A200, A500, B200, C500 = "code=200, svc=a", "code=500, svc=a", "code=200, svc=b", "code=500, svc=c"

CASES: dict[str, tuple[str, Mapping[str, float]]] = {
    "both sides are as they are": (BOTH, {A200: 3, A500: 1, B200: 1, C500: 1}),
    # ---- Set operations
    "and": (f"{ALL} and {FAILED}", {A: 4, C: 1}),
    "and, of nothing": (f"{ALL} and {NONE}", {}),
    "or": (f"{FAILED} or {ALL}", {A: 1, B: 1, C: 1}),
    "or, the other way round": (f"{ALL} or {FAILED}", {A: 4, B: 1, C: 1}),
    "or, of nothing": (f"{ALL} or {NONE}", {A: 4, B: 1, C: 1}),
    "nothing or": (f"{NONE} or {FAILED}", {A: 1, C: 1}),
    "or, of other labels": (f"{FAILED} or {TOTAL}", {A: 1, C: 1, "": 6}),
    "or, several": (f"{FAILED} or {ALL} * 10 or {TOTAL}", {A: 1, B: 10, C: 1, "": 6}),
    "or, on what both lack": (f"{FAILED} or on() {TOTAL}", {A: 1, C: 1}),
    "or, on a label": (f"{FAILED} or on(svc) {BOTH}", {A: 1, C: 1, B200: 1}),
    "or, on a label, several": (
        f"{FAILED} * 7 or on(svc) {BOTH} or on(svc) {ALL}",
        {A: 7, C: 7, B200: 1},
    ),
    "or, on different labels": (
        f"{FAILED} or on(svc) {BOTH} or on() {TOTAL}",
        {A: 1, C: 1, B200: 1},
    ),
    "unless": (f"{ALL} unless {FAILED}", {B: 1}),
    "unless, of nothing": (f"{ALL} unless {NONE}", {A: 4, B: 1, C: 1}),
    "and, ignoring": (f"{BOTH} and ignoring(code) {FAILED}", {A200: 3, A500: 1, C500: 1}),
    "unless, ignoring": (f"{BOTH} unless ignoring(code) {FAILED}", {B200: 1}),
    "and binds closer than or": (f"{ALL} or {TOTAL} and {FAILED}", {A: 4, B: 1, C: 1}),
    "a comparison and": (f"{ALL} > 1 and {FAILED} < 5", {A: 4}),
    "a sum of or": (f"sum({FAILED} or {ALL})", {"": 3}),
    "zero where there is none": (f"({FAILED} or {ALL} * 0) / {ALL}", {A: 0.25, B: 0, C: 1}),
    # ---- Matching
    "on": (f"{FAILED} / on(svc) {ALL}", {A: 0.25, C: 1}),
    "on nothing": (f"{TOTAL} - on() vector(1)", {"": 5}),
    "ignoring": (f"{FAILED} / ignoring(code) {ALL}", {A: 0.25, C: 1}),
    "on, and the labels that are left": (
        f'sum by (svc, code) (count_over_time({{svc="b"}}[10m])) * on(svc) {ALL}',
        {B: 1},
    ),
    "ignoring, and the labels that are left": (
        f'sum by (svc, code) (count_over_time({{svc="b"}}[10m])) * ignoring(code) {ALL}',
        {B: 1},
    ),
    "group_left": (
        f"{BOTH} / on(svc) group_left {ALL}",
        {A200: 0.75, A500: 0.25, B200: 1, C500: 1},
    ),
    "group_left, ignoring": (
        f"{BOTH} / ignoring(code) group_left {ALL}",
        {A200: 0.75, A500: 0.25, B200: 1, C500: 1},
    ),
    "group_right": (f"{ALL} - on(svc) group_right {BOTH}", {A200: 1, A500: 3, B200: 0, C500: 0}),
    "group_left with a label of the one": (
        f'{BOTH} * on(svc) group_left(tier) label_replace({ALL}, "tier", "t-$1", "svc", "([ab])")',
        {f"{A200}, tier=t-a": 12, f"{A500}, tier=t-a": 4, f"{B200}, tier=t-b": 1, C500: 1},
    ),
    "group_left with a label that the one lacks": (
        f'{BOTH} * on(svc) group_left(code) sum by (svc) (count_over_time({{svc=~"b|c"}}[10m]))',
        {B: 1, C: 1},
    ),
    "a comparison on": (f"{BOTH} == on(svc) group_left {ALL}", {B200: 1, C500: 1}),
    "a comparison with the one on the left": (
        f"{ALL} > on(svc) group_right {BOTH}",
        {A200: 4, A500: 4},
    ),
    "a comparison with bool": (
        f"{BOTH} == bool on(svc) group_left {ALL}",
        {A200: 0, A500: 0, B200: 1, C500: 1},
    ),
    "several on the left that nothing matches": (
        f'{BOTH} / on(svc) sum by (svc) (count_over_time({{svc="b"}}[10m]))',
        {B: 1},
    ),
    # ---- label_replace
    "a label of its own": (
        f'label_replace({FAILED}, "figure", "5xx %", "", "")',
        {"figure=5xx %, svc=a": 1, "figure=5xx %, svc=c": 1},
    ),
    "a group": (
        f'label_replace({BOTH}, "class", "${{1}}xx", "code", "(.).*")',
        {
            "class=2xx, code=200, svc=a": 3,
            "class=5xx, code=500, svc=a": 1,
            "class=2xx, code=200, svc=b": 1,
            "class=5xx, code=500, svc=c": 1,
        },
    ),
    "the same label": (
        f'label_replace({ALL}, "svc", "<$0>", "svc", "[ab]")',
        {"svc=<a>": 4, "svc=<b>": 1, C: 1},
    ),
    "the regex matches the whole value": (
        f'label_replace({BOTH}, "x", "y", "code", "20")',
        {A200: 3, A500: 1, B200: 1, C500: 1},
    ),
    "a part of an alternative is no match": (
        f'label_replace({FAILED}, "x", "y", "svc", "ab|ac")',
        {A: 1, C: 1},
    ),
    "an empty result drops the label": (
        f'label_replace({BOTH} and on(svc) {FAILED} unless {ALL}, "code", "$1", "svc", "c()")',
        {A200: 3, A500: 1, C: 1},
    ),
    "a label that is not there is empty": (
        f'label_replace({TOTAL}, "x", "[$1]", "svc", "(.*)")',
        {"x=[]": 6},
    ),
    "a group by name": (f'label_replace({TOTAL}, "x", "$n${{n}}", "", "(?P<n>)b?")', {"": 6}),
    "summed by the new label": (
        f'sum by (class) (label_replace({BOTH}, "class", "${{1}}xx", "code", "(.).*"))',
        {"class=2xx": 4, "class=5xx": 2},
    ),
    "in any case": (f'label_replace({FAILED}, "x", "y", "svc", "(?i)A")', {"svc=a, x=y": 1, C: 1}),
}
