"""The limit: what the engine alone does with the same lines, the same shape and the same table.

One `INSERT … SELECT` from a file, in a process of its own; no HTTP, no spool, no hashes, no seal.
Run as `python -m bench.limit DIRECTORY FILE`; prints the seconds it took.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from meshseal.model.columns import LOG_COLUMNS
from meshseal.shape.assemble import RAW_COLUMNS, record_select
from meshseal.store.engine import Engine, EnginePaths
from meshseal.store.schema import LOGS, create_statements

_COLUMNS = ", ".join(column.name for column in LOG_COLUMNS)


def statement(path: Path) -> str:
    """Return the statement."""
    now = time.time_ns()
    given = {
        "Tenant": "'default'",
        "Batch": "toUInt64(1)",
        "Seq": "toUInt32(rowNumberInAllBlocks())",
        "Format": "'istio_json'",
        "ReceivedUnixNano": f"toInt64({now})",
        "ObservedUnixNano": f"toInt64({now})",
        "Body": "line",
    }
    columns = ",\n    ".join(
        f"CAST({given.get(name, f'defaultValueOfTypeName($${kind}$$)')}, $${kind}$$) AS {name}"
        for name, kind in RAW_COLUMNS.items()
    )
    source = f"SELECT\n    {columns}\nFROM file('{path}', 'LineAsString', 'line String')"
    select = record_select("istio_json", own_attributes=False, retention_days=365)
    select = select.replace("FROM raw", f"FROM (\n{source}\n)")
    return f"INSERT INTO {LOGS} ({_COLUMNS})\nSELECT {_COLUMNS}\nFROM (\n{select}\n)"


def main() -> None:
    """Measure."""
    directory, path = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
    engine = Engine(
        EnginePaths(directory.resolve()),
        handles=1,
        max_memory_bytes=12 << 30,
        merge_threads=2,
        store_key=bytes(32),
    )
    handle = engine.open()
    for create in create_statements():
        handle.execute(create)
    sql = statement(path)
    started = time.monotonic()
    handle.execute(sql)
    seconds = time.monotonic() - started
    found = int(handle.execute(f"SELECT count() FROM {LOGS}"))
    engine.close()
    print(f"{found} {seconds:.3f}")


if __name__ == "__main__":
    main()
