"""Run by `test_short_parts`: an engine that merges while its disk is full.

`python -m tests.faults.engine_on_full_disk FOLDER fill` stores rows until merges on a full disk
have left a part short and the watch says so; prints how many rows the engine took. With `count` it
opens the same store and prints how many rows are there, and how many parts are not whole.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from meshseal.model.errors import EngineError
from meshseal.store.engine import Engine, EnginePaths, Handle
from meshseal.store.parts import DamagedStoreError, PartsWatch
from meshseal.store.schema import LOGS, create_statements

ROWS = 20_000
ROUNDS = 40


def main() -> None:
    """Do what the command line says."""
    folder = Path(sys.argv[1])
    engine = Engine(
        EnginePaths(folder / "engine"),
        handles=1,
        max_memory_bytes=2 << 30,
        merge_threads=1,
        store_key=bytes(32),
    )
    handle = engine.open()
    for statement in create_statements():
        handle.execute(statement)
    if sys.argv[2] == "fill":
        taken = fill_until_damaged(handle, folder / "filler")
        print(f"damaged after {taken} rows", flush=True)
        os._exit(75)
    print(f"{int(handle.execute(f'SELECT uniqExact(Body) FROM {LOGS}'))} rows")
    engine.close()


def fill_until_damaged(handle: Handle, filler: Path) -> int:
    """Return how many rows were stored before the watch found a short part."""
    watch = PartsWatch(handle)
    taken = 0
    for number in range(ROUNDS):
        handle.execute(
            f"INSERT INTO {LOGS} (Timestamp, Tenant, Body, Seq) "
            f"SELECT now64(9), 'a', concat('{number} ', toString(number), ' ', hex(rand64())), "
            f"number FROM numbers({ROWS})"
        )
        taken += ROWS
        watch.check()
        if number % 4 == 3:
            fill_up(filler)
            try:
                with suppress(EngineError):
                    handle.execute(f"OPTIMIZE TABLE {LOGS} FINAL")
                watch.check()
            except DamagedStoreError:
                return taken
            finally:
                filler.unlink()
    raise AssertionError("no merge left a part short")


def fill_up(path: Path) -> None:
    """Write until not one more byte fits."""
    with path.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


if __name__ == "__main__":
    main()
