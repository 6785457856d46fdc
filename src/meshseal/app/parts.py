"""Checks what the store keeps beside the records: checksums, headers, indexes, ranges of time.

None of it says anything about a record, but a damaged index could keep one from being found.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from meshseal.model.errors import EngineError
from meshseal.query.sql import Binder
from meshseal.store.client import Store
from meshseal.store.parts import HEADER_BYTES
from meshseal.store.schema import INDEX_PROBES, RECORDS

_CACHES = ("MARK", "INDEX MARK", "INDEX UNCOMPRESSED", "QUERY CONDITION")
"""What an engine that runs has in memory of files that may have changed since."""

_HEADER_USED_BYTES = 39
"""Of the unused end of an encrypted file's header, which the engine skips, each byte is 0."""


async def check_parts(store: Store, table: str) -> tuple[int, dict[str, str]]:
    """Return how many parts a table has, and what is wrong, by the name of the part.

    Raises: EngineError when the engine cannot read what it needs to.
    """
    for cache in _CACHES:
        await store.command(f"SYSTEM DROP {cache} CACHE")
    rows = (
        await store.query(f"CHECK TABLE {table}", settings={"check_query_single_value_result": 0})
    ).rows
    rows = [row for row in rows if len(row) > 1]  # of an empty table it says just "1"
    broken = await _broken_headers(store, table)
    if table in RECORDS:
        broken |= await _broken_ranges(store, table)
    broken |= {str(row[0]): str(row[2]).partition("\n")[0] for row in rows if not row[1]}
    if table in RECORDS and not broken:
        broken = await _broken_indexes(store, table)
    return len(rows), broken


async def _broken_headers(store: Store, table: str) -> dict[str, str]:
    sql = (
        "SELECT name, path FROM system.parts "
        f"WHERE database = currentDatabase() AND table = '{table}' AND active"
    )
    parts = (await store.query(sql)).rows
    return await asyncio.to_thread(_changed_headers, parts)


def _changed_headers(parts: Sequence[Sequence[object]]) -> dict[str, str]:
    broken: dict[str, str] = {}
    for name, folder in parts:
        for path in Path(str(folder)).rglob("*"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                if any(file.read(HEADER_BYTES)[_HEADER_USED_BYTES:]):
                    broken[str(name)] = f"the header of {path.name} was changed"
    return broken


async def _broken_ranges(store: Store, table: str) -> dict[str, str]:
    """Compare the ranges that each part says its records have with what they have."""
    sql = (
        "SELECT _part, toUnixTimestamp64Nano(min(Timestamp)), toUnixTimestamp64Nano(max(Timestamp))"
        ", min(RetentionDays), max(RetentionDays), count() "
        f"FROM {table} GROUP BY _part ORDER BY _part"
    )
    ranges = []
    for implicit in (1, 0):  # from the part's own files, and from the column
        settings = {"optimize_use_implicit_projections": implicit}
        rows = (await store.query(sql, settings=settings)).rows
        ranges.append({str(row[0]): tuple(row[1:]) for row in rows})
    said, found = ranges
    return {
        part: "its ranges are not those of its records"
        for part in said.keys() | found.keys()
        if said.get(part) != found.get(part)
    }


async def _broken_indexes(store: Store, table: str) -> dict[str, str]:
    """Let the engine read every index; part by part, where one cannot be read."""
    try:
        await _read_indexes(store, table, "1")
    except EngineError:
        binder = Binder()
        broken: dict[str, str] = {}
        for part in (await store.query(f"SELECT DISTINCT _part FROM {table}")).rows:
            try:
                name = binder.text(str(part[0]))
                await _read_indexes(store, table, f"_part = {name}", binder.parameters)
            except EngineError as error:
                broken[str(part[0])] = f"an index cannot be read: {error}".partition("\n")[0]
        if not broken:
            raise
        return broken
    return {}


async def _read_indexes(
    store: Store, table: str, where: str, parameters: Mapping[str, object] | None = None
) -> None:
    for index, probe in INDEX_PROBES[table].items():
        await store.query(
            f"SELECT count() FROM {table} WHERE {where} AND {probe}",
            parameters or {},
            settings={"force_data_skipping_indices": index},
        )
