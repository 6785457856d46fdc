"""The embedded engine: ClickHouse inside this process.

Only the engine's child process imports this module. What must be minded, each point seen to fail:
one process per path; one query at a time per handle, and never another while a stream is open on
it; a working directory of its own, because a `config.xml` there is picked up; handles closed before
the process ends; its memory limit set.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any
from xml.sax.saxutils import escape

from meshseal.model.errors import EngineError

WORK_DATABASE = "work"
"""The database of the mill's own tables; it lives in memory."""

STORE_KEY_VARIABLE = "MESHSEAL_STORE_KEY"
_LOCK_WAIT_SECONDS = 20
_CODE = re.compile(r"Code: (\d+)\.")
_MAX_MESSAGE = 2000


@dataclass(frozen=True, slots=True)
class EnginePaths:
    """Where the engine keeps what."""

    root: Path

    @property
    def database(self) -> Path:
        """Metadata and tables."""
        return self.root / "database"

    @property
    def disk(self) -> Path:
        """The disk that the encrypted disk lies on."""
        return self.root / "disk"

    @property
    def work(self) -> Path:
        """The process's working directory."""
        return self.root / "work"

    @property
    def config(self) -> Path:
        """The engine's configuration, without secrets."""
        return self.root / "config.xml"


def render_config(paths: EnginePaths, *, max_memory_bytes: int, merge_threads: int) -> str:
    """Return the engine's configuration file."""
    disk = escape(f"{paths.disk}/")
    return f"""<clickhouse>
  <timezone>UTC</timezone>
  <logger><level>none</level></logger>
  <max_server_memory_usage>{int(max_memory_bytes)}</max_server_memory_usage>
  <background_pool_size>{int(merge_threads)}</background_pool_size>
  <os_threads_nice_value_merge_mutate>10</os_threads_nice_value_merge_mutate>
  <background_schedule_pool_size>4</background_schedule_pool_size>
  <background_move_pool_size>1</background_move_pool_size>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <background_common_pool_size>2</background_common_pool_size>
  <mark_cache_size>134217728</mark_cache_size>
  <index_mark_cache_size>67108864</index_mark_cache_size>
  <index_uncompressed_cache_size>{int(max_memory_bytes) // 32}</index_uncompressed_cache_size>
  <storage_configuration>
    <disks>
      <plain><type>local</type><path>{disk}</path></plain>
      <sealed>
        <type>encrypted</type><disk>plain</disk><path>sealed/</path>
        <algorithm>AES_256_CTR</algorithm>
        <key_hex id="0" from_env="{STORE_KEY_VARIABLE}"/><current_key_id>0</current_key_id>
      </sealed>
    </disks>
    <policies><sealed><volumes><main><disk>sealed</disk></main></volumes></sealed></policies>
  </storage_configuration>
  <custom_local_disks_base_directory>{escape(str(paths.root))}/</custom_local_disks_base_directory>
</clickhouse>
"""


class Handle:
    """One connection to the engine: one query at a time."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(
        self, sql: str, parameters: Mapping[str, str] | None = None, *, output: str = "TSV"
    ) -> bytes:
        """Run a statement and return its whole result in an output format. Raises: EngineError."""
        with _engine_errors():
            result = self._connection.query(sql, output, params=dict(parameters or {}))
            return bytes(result.bytes())

    def stream(
        self, sql: str, parameters: Mapping[str, str] | None = None, *, output: str = "TSV"
    ) -> Iterator[bytes]:
        """Run a query and yield its result in pieces. Raises: EngineError, also in between."""
        with _engine_errors():
            stream = self._connection.send_query(sql, output, params=dict(parameters or {}))
        try:
            while True:
                with _engine_errors():
                    chunk = stream.fetch()
                if chunk is None:
                    return
                yield bytes(chunk.bytes())
        finally:
            with _engine_errors():
                stream.close()

    def insert(self, sql: str, data: bytes, *, format_name: str) -> int:
        """Run `INSERT INTO …` with rows in a format; return how many. Raises: EngineError."""
        with _engine_errors():
            inserter = self._connection.send_insert(sql, format_name)
            try:
                inserter.append(data)
                return int(inserter.finish().rows_written)
            except BaseException:
                inserter.cancel()
                raise

    def close(self) -> None:
        """Close the connection; again does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class Engine:
    """The engine of this process.

    Args:
        paths: Where it keeps what.
        handles: How many queries may run at one time through `lease`.
        max_memory_bytes: Most memory it may use.
        merge_threads: Threads that merge.
        store_key: The key of the encrypted disk.
    """

    def __init__(
        self,
        paths: EnginePaths,
        *,
        handles: int,
        max_memory_bytes: int,
        merge_threads: int,
        store_key: bytes,
    ) -> None:
        for path in (paths.database, paths.disk, paths.work):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Folders of tables in memory, which the engine makes and does not remove when it is killed.
        shutil.rmtree(paths.database / "data" / WORK_DATABASE, ignore_errors=True)
        self._paths = paths
        _restore_links(paths.database)
        config = render_config(
            paths, max_memory_bytes=max_memory_bytes, merge_threads=merge_threads
        )
        # Written only when it is new: so the engine starts even on a full disk.
        if not paths.config.exists() or paths.config.read_text() != config:
            paths.config.write_text(config)
        os.chdir(paths.work)
        os.environ[STORE_KEY_VARIABLE] = store_key.hex()
        self._address = f"{paths.database}?config-file={paths.config}"
        self._chdb = _import_chdb()
        self._open: set[Handle] = set()
        self._pool: LifoQueue[Handle] = LifoQueue()
        self._wait_for_path()
        del os.environ[STORE_KEY_VARIABLE]
        for _ in range(handles):
            self._pool.put(self.open())

    def open(self) -> Handle:
        """Open one more handle, which `close` closes with the others. Raises: EngineError."""
        with _engine_errors():
            handle = Handle(self._chdb.connect(self._address))
        self._open.add(handle)
        # The names of the elements of tuples, which the shapes rely on.
        handle.execute("SET enable_named_columns_in_function_tuple = 1")
        return handle

    def take(self) -> Handle:
        """Take a handle from the pool. Raises: EngineError when all are in use."""
        try:
            return self._pool.get_nowait()
        except Empty as error:
            raise EngineError("every handle is in use", engine_code=202) from error

    def give_back(self, handle: Handle, *, usable: bool = True) -> None:
        """Give a handle back; one that is not usable any more is replaced."""
        if not usable:
            handle.close()
            self._open.discard(handle)
            handle = self.open()
        self._pool.put(handle)

    def close(self) -> None:
        """Close every handle, and with the last of them the engine.

        A process that ends with an open handle may crash.
        """
        while self._open:
            self._open.pop().close()
        _remove_links(self._paths.database)

    def _wait_for_path(self) -> None:
        """Connect, waiting for an engine of an earlier run to let go of the path."""
        deadline = time.monotonic() + _LOCK_WAIT_SECONDS
        while True:
            try:
                self.open()
            except EngineError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return


def _remove_links(database: Path) -> None:
    """Remove the engine's links to tables, which it makes anew whenever it starts.

    Whoever copies the directory and follows links would have every table twice.
    """
    for link in (database / "data").glob("*/*"):
        if link.is_symlink():
            link.unlink()


def _restore_links(database: Path) -> None:
    """Make links again where whoever copied the directory followed them: else nothing starts.

    Raises: EngineError when what the link to the default database led to is gone.
    """
    for folder in (database / "data").glob("*/*"):
        if not folder.is_symlink():
            shutil.rmtree(folder)
    followed = database / "metadata" / "default"
    if followed.is_symlink() or not followed.exists():
        return
    tables = _contents(followed)
    found = [folder for folder in database.glob("store/*/*") if _contents(folder) == tables]
    if len(found) != 1:
        raise EngineError(f"{followed} is not a link any more, and what it led to is not there")
    shutil.rmtree(followed)
    followed.symlink_to(Path(os.path.relpath(found[0], followed.parent)))


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _import_chdb() -> Any:
    # chdb imports pyarrow, and through it numpy and pandas, if they are there, for formats that are
    # not used here: 70 MB of memory.
    for name in ("pyarrow", "numpy", "pandas"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    import chdb  # noqa: PLC0415  (must not be imported before the lines above, nor before a fork)

    return chdb


@contextmanager
def _engine_errors() -> Iterator[None]:
    """Turn what chdb raises, which is a RuntimeError, into EngineError."""
    try:
        yield
    except RuntimeError as error:
        raise _engine_error(str(error)) from None


def _engine_error(message: str) -> EngineError:
    found = _CODE.search(message)
    return EngineError(message[:_MAX_MESSAGE], engine_code=int(found[1]) if found else 0)
