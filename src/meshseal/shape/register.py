"""The register of services as SQL functions over a table of one row.

Names are text from outside: they are the table's content, never part of a statement. The functions
hold constant arrays that the engine reads from it once for each query, so that over a column of few
different values a name costs next to nothing.
"""

from __future__ import annotations

import json
import re

from meshseal.model.register import Register, pattern_regex

TABLE_COLUMNS = (
    "Keys Array(String), Names Array(String), Patterns Array(String), PatternNames Array(String), "
    "LabelKeys Array(String), LabelValues Array(String)"
)
_TABLE = re.compile(r"[a-z_]+\.[a-z0-9_]+")


def table_row(register: Register) -> bytes:
    """Return the table's one row, in the format JSONEachRow.

    A key is `tenant/name`, or `tenant/label/service`: no tenant and no label has a slash in it.
    """
    labels = [
        (f"{one.tenant}/{label}/{one.name}", value)
        for one in register.services()
        for label, value in register.labels(one.tenant, one.name).items()
    ]
    row = {
        "Keys": [f"{tenant}/{name}" for tenant, name in register.names],
        "Names": list(register.names.values()),
        "Patterns": [
            f"^{pattern_regex(f'{tenant}/')}{pattern_regex(pattern)}\\z"
            for tenant, pattern, _ in register.patterns
        ],
        "PatternNames": [name for _, _, name in register.patterns],
        "LabelKeys": [key for key, _ in labels],
        "LabelValues": [value for _, value in labels],
    }
    return json.dumps(row).encode()


def functions(register: Register, table: str) -> list[str]:
    """Return the statements that create `meshseal_alias` and `meshseal_service_label`.

    Args:
        register: What they are to know.
        table: The table with `table_row` of it; the engine's own name.
    """
    if not _TABLE.fullmatch(table):
        raise ValueError(f"{table!r} is not the name of a table")
    alias, label = "name", "''"
    key = "concat(tenant, '/', name)"
    if register.patterns:
        found = (
            "multiMatchAllIndices(concat(tenant, '/', toValidUTF8(name)), "
            f"(SELECT Patterns FROM {table}))"
        )
        alias = f"if(empty({found}), name, (SELECT PatternNames FROM {table})[arrayMin({found})])"
    if register:
        alias = (
            f"transform({key}, (SELECT Keys FROM {table}), (SELECT Names FROM {table}), {alias})"
        )
    if any(register.labels(one.tenant, one.name) for one in register.services()):
        label = (
            "transform(concat(tenant, '/', label, '/', service), "
            f"(SELECT LabelKeys FROM {table}), (SELECT LabelValues FROM {table}), '')"
        )
    return [
        f"CREATE OR REPLACE FUNCTION meshseal_alias AS (tenant, name) -> {alias}",
        f"CREATE OR REPLACE FUNCTION meshseal_service_label AS (tenant, service, label) -> {label}",
    ]
