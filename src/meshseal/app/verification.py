"""Checks a whole data directory: the log, and every record of the store against it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, select

from meshseal.access.keys import Keyring, load_master
from meshseal.access.state import BATCHES, migrate, open_state
from meshseal.app.config import Config
from meshseal.app.engine_child import SPOOL_PURPOSE
from meshseal.app.logs import configure_logs
from meshseal.app.machine import engine_boot, is_locked
from meshseal.app.parts import check_parts
from meshseal.app.paths import DataPaths
from meshseal.mill.keys import BatchKeys
from meshseal.model.columns import SIGNALS
from meshseal.model.errors import ConfigError, EngineError, IntegrityError
from meshseal.model.identifiers import segment_of_batch
from meshseal.query.sql import Binder
from meshseal.seal import merkle
from meshseal.seal.check import Finding, check_log
from meshseal.seal.manifest import Manifest
from meshseal.seal.note import Verifier
from meshseal.seal.signing_key import load_verifier
from meshseal.shape.canonical import leaf_expression
from meshseal.spool.recovery import envelopes, segment_files
from meshseal.spool.segment import read_segment, segment_number
from meshseal.store.client import Store
from meshseal.store.schema import RECORDS, SEAL_HINT, TABLES
from meshseal.store.settings import QuerySettings
from meshseal.store.supervisor import Endpoint, EngineProcess

_ROW = struct.Struct("<QII32s")
_GROUP_RECORDS = 400_000
_ENGINE_SECONDS = 90.0
_LIMITS = QuerySettings(max_seconds=3600, max_memory_bytes=4 << 30)

Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Report:
    """What a check gave.

    Attributes:
        checked: What was checked, in words.
        findings: What does not hold; nothing, if all is well.
    """

    checked: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


async def verify_directory(
    data: Path,
    config: Config,
    *,
    verifier: Verifier | None = None,
    older_checkpoint: str | None = None,
    on_progress: Progress = lambda *_: None,
) -> Report:
    """Check a data directory, whether or not a server runs on it.

    Args:
        data: The directory.
        config: Where keys and state are, if not in it.
        verifier: The log's key, if the one beside the log is not to be trusted.
        older_checkpoint: A checkpoint of the log that was kept elsewhere.
        on_progress: Called with what is being done, how much is done, and how much there is.

    Raises: ConfigError when the directory or its keys cannot be used; EngineError when the store
        cannot be opened at all.
    """
    paths = DataPaths(data.resolve())  # noqa: ASYNC240  (nothing else runs)
    if not paths.ledger_key.exists():
        raise ConfigError(f"{data} is not a data directory: there is no {paths.ledger_key}")
    master = Path(config.keys.master_file) if config.keys.master_file else paths.master_key
    keyring = load_master(master)
    state_url = config.state.url or paths.state_url
    migrate(state_url)
    state = open_state(state_url)
    report = Report()
    log = check_log(
        paths.ledger,
        verifier or load_verifier(paths.ledger_key),
        older=older_checkpoint,
        batch_of=_entry_names(state),
    )
    report.findings += log.findings
    size = log.checkpoint.size if log.checkpoint else 0
    report.checked.append(f"log: {len(log.manifests)} manifests, checkpoint over {size}")
    _check_state(state, log.manifests, report)
    pending = _check_spool(paths.spool, keyring, report)
    async with _store_of(paths, config, keyring, state_url) as store:
        check = _StoreCheck(store, BatchKeys(state, keyring), report, on_progress)
        await check.run([manifest for _, manifest in log.manifests], pending)
    state.dispose()
    return report


def run(
    data: Path,
    config: Config,
    *,
    verifier: Verifier | None,
    older_checkpoint: str | None,
    on_progress: Progress,
) -> Report:
    """Check a data directory, from a program that has no event loop; see `verify_directory`."""
    configure_logs(level="error", as_json=False, process="verify")
    return asyncio.run(
        verify_directory(
            data,
            config,
            verifier=verifier,
            older_checkpoint=older_checkpoint,
            on_progress=on_progress,
        )
    )


def _entry_names(state: Engine) -> Callable[[int], str]:
    def batch_of(entry: int) -> str:
        with state.connect() as connection:
            query = select(BATCHES.c.batch).where(BATCHES.c.entry == entry)
            batch = connection.execute(query).scalar()
        return "" if batch is None else str(batch)

    return batch_of


def _check_state(state: Engine, manifests: Sequence[tuple[int, Manifest]], report: Report) -> None:
    """The state must know each batch of the log, and no other as sealed."""
    with state.connect() as connection:
        rows = connection.execute(select(BATCHES.c.batch, BATCHES.c.entry))
        known = {str(row.batch): row.entry for row in rows if row.entry is not None}
    sealed = {manifest.batch: index for index, manifest in manifests}
    for batch in sorted(sealed.keys() | known.keys(), key=int):
        if batch not in sealed:
            report.findings.append(Finding("it was sealed, but is not in the log", batch))
        elif known.get(batch, sealed[batch]) != sealed[batch]:
            report.findings.append(Finding("it stands elsewhere in the log than it did", batch))


def _check_spool(spool: Path, keyring: Keyring, report: Report) -> set[int]:
    """Read what waits in the spool; returns the numbers of its segments."""
    numbers: set[int] = set()
    records = 0
    for path in segment_files(spool):
        number = segment_number(path)
        numbers.add(number)
        try:
            read = read_segment(path, spool_key=keyring.derive(SPOOL_PURPOSE))
            records += sum(envelope.records for envelope in envelopes(read))
        except FileNotFoundError:
            continue  # milled in the meantime
        except (IntegrityError, ValueError) as error:
            report.findings.append(Finding(f"spool: {error}"))
    report.checked.append(f"spool: {records} records in {len(numbers)} segments wait to be sealed")
    return numbers


@asynccontextmanager
async def _store_of(
    paths: DataPaths, config: Config, keyring: Keyring, state_url: str
) -> AsyncIterator[Store]:
    """Give the store of a directory: the running server's, or an engine started for this."""
    store = Store(_LIMITS)
    if is_locked(paths.lock):
        try:
            endpoint = Endpoint(**json.loads(paths.running.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise EngineError("a server runs here, but its engine is not ready") from error
        await store.connect(endpoint)
        try:
            yield store
        finally:
            await store.disconnect()
        return
    ready: asyncio.Future[Endpoint] = asyncio.get_running_loop().create_future()
    boot = engine_boot(paths, config, keyring, state_url, mill=False)
    engine = EngineProcess(
        "meshseal.app.engine_child",
        boot,
        hang_timeout_seconds=3600,
        on_ready=lambda endpoint: None if ready.done() else ready.set_result(endpoint),
        on_lost=lambda _: (
            None
            if ready.done()
            else ready.set_exception(
                EngineError("the storage engine does not start on this directory")
            )
        ),
        on_message=lambda _: None,
    )
    await engine.start()
    try:
        await store.connect(await asyncio.wait_for(ready, _ENGINE_SECONDS))
        yield store
    finally:
        await store.disconnect()
        await engine.stop()


class _StoreCheck:
    """Computes every leaf anew from the store, and every root from the leaves."""

    def __init__(
        self, store: Store, keys: BatchKeys, report: Report, on_progress: Progress
    ) -> None:
        self._store = store
        self._keys = keys
        self._report = report
        self._on_progress = on_progress

    async def run(self, manifests: Sequence[Manifest], pending: set[int]) -> None:
        total = sum(manifest.count for manifest in manifests)
        done = 0
        for group in _grouped(manifests):
            await self._check_group(group)
            done += sum(manifest.count for manifest in group)
            self._on_progress("records", done, total)
        await self._check_unsealed(manifests, pending)
        await self._check_parts()
        self._report.checked.append(
            f"store: {total} records of {len(manifests)} batches, every leaf computed anew"
        )

    async def _check_group(self, group: Sequence[Manifest]) -> None:
        """Check some batches at once; where they cannot be read together, one by one."""
        try:
            rows = await self._rows(group)
        except EngineError as error:
            if len(group) == 1:
                self._found(group[0], f"its records cannot be read: {_first_line(error)}")
                return
            middle = len(group) // 2
            await self._check_group(group[:middle])
            await self._check_group(group[middle:])
            return
        for manifest in group:
            self._check_batch(manifest, rows.get(int(manifest.batch), []))

    async def _rows(self, group: Sequence[Manifest]) -> dict[int, list[tuple[int, int, bytes]]]:
        """Return (seq, hint, leaf) of the records of each batch, in order."""
        numbers = [int(manifest.batch) for manifest in group]
        try:
            keys = await asyncio.to_thread(self._keys.load, numbers)
        except IntegrityError as error:
            raise EngineError(str(error)) from error
        binder = Binder()
        batches = ", ".join(str(number) for number in numbers)
        hexes = ", ".join(binder.text(keys.get(number, b"").hex()) for number in numbers)
        signal = SIGNALS[group[0].record_version]
        leaf = leaf_expression(signal, f"unhex(transform(Batch, [{batches}], [{hexes}], ''))")
        first = min(int(manifest.first_time_unix_nano) for manifest in group)
        last = max(int(manifest.last_time_unix_nano) for manifest in group)
        tenants = tuple(sorted({manifest.tenant for manifest in group}))
        sql = f"""SELECT Batch, Seq, {SEAL_HINT}, {leaf}
FROM {signal.table}
WHERE has({binder.texts(tenants)}, Tenant)
  AND Timestamp >= fromUnixTimestamp64Nano({binder.integer(first)}, 'UTC')
  AND Timestamp <= fromUnixTimestamp64Nano({binder.integer(last)}, 'UTC')
  AND Batch IN ({batches})
ORDER BY Batch, Seq"""
        content = bytearray()
        async with self._store.stream(sql, binder.parameters, output="RowBinary") as pieces:
            async for piece in pieces:
                content += piece
        rows: dict[int, list[tuple[int, int, bytes]]] = {}
        for batch, seq, hint, hashed in _ROW.iter_unpack(content):
            rows.setdefault(batch, []).append((seq, hint, hashed))
        return rows

    def _check_batch(self, manifest: Manifest, rows: Sequence[tuple[int, int, bytes]]) -> None:
        sequence = [row[0] for row in rows]
        if sequence != list(range(manifest.count)):
            self._found(manifest, _sequence_fault(sequence, manifest.count))
            return
        differing = [seq for seq, hint, leaf in rows if leaf[:4] != hint.to_bytes(4, "little")]
        root = merkle.root([row[2] for row in rows]).hex()
        if root != manifest.root:
            where = f"record {differing[0]}" if differing else "a record"
            self._found(manifest, f"{where} is not what was sealed")
        elif differing:
            self._found(manifest, f"the stored hash of record {differing[0]} was changed")

    async def _check_unsealed(self, manifests: Sequence[Manifest], pending: set[int]) -> None:
        """What is stored must be sealed, or still wait in the spool to be.

        Batches are counted without regard to tenant and time, where a record that was slipped in
        may say anything.
        """
        sealed = {int(manifest.batch): manifest for manifest in manifests}
        counts = " UNION ALL ".join(
            f"SELECT Batch, count() AS records FROM {table} GROUP BY Batch" for table in RECORDS
        )
        try:
            sql = f"SELECT Batch, sum(records) FROM ({counts}) GROUP BY Batch ORDER BY Batch"
            rows = (await self._store.query(sql)).rows
        except EngineError as error:
            self._report.findings.append(Finding(f"store: {_first_line(error)}"))
            return
        named = {finding.batch for finding in self._report.findings}
        for batch, count in rows:
            manifest = sealed.get(batch)
            if manifest is None:
                if segment_of_batch(batch) not in pending:
                    self._report.findings.append(
                        Finding("it is stored, but not sealed", str(batch))
                    )
            elif count > manifest.count and manifest.batch not in named:
                what = f"records are under its number that are not of it: {count - manifest.count}"
                self._found(manifest, what)

    async def _check_parts(self) -> None:
        """Look at the files that records are not read from, too."""
        parts = 0
        for table in TABLES:
            try:
                checked, broken = await check_parts(self._store, table)
            except EngineError as error:
                self._report.findings.append(Finding(f"store: {_first_line(error)}"))
                continue
            parts += checked
            for part, message in broken.items():
                batch = await self._first_batch(table, part) if table in RECORDS else ""
                what = f"part {part} of the store's {table} is damaged: {message[:200]}"
                self._report.findings.append(Finding(what, batch))
        self._report.checked.append(f"store: {parts} parts, every file against its checksum")

    async def _first_batch(self, table: str, part: str) -> str:
        binder = Binder()
        sql = f"SELECT min(Batch) FROM {table} WHERE _part = {binder.text(part)}"
        with contextlib.suppress(EngineError):
            rows = (await self._store.query(sql, binder.parameters)).rows
            return str(rows[0][0])
        return ""

    def _found(self, manifest: Manifest, what: str) -> None:
        self._report.findings.append(Finding(what, manifest.batch))


def _grouped(manifests: Iterable[Manifest]) -> Iterable[list[Manifest]]:
    """Yield manifests in groups, each of one signal and of a size that can be read at once."""
    group: list[Manifest] = []
    records = 0
    for manifest in sorted(manifests, key=lambda each: each.record_version):
        full = records + manifest.count > _GROUP_RECORDS or len(group) >= 500
        if group and (full or manifest.record_version != group[0].record_version):
            yield group
            group, records = [], 0
        group.append(manifest)
        records += manifest.count
    if group:
        yield group


def _sequence_fault(found: Sequence[int], count: int) -> str:
    """Say what is wrong with the numbers of a batch's records."""
    present = set(found)
    missing = next((seq for seq in range(count) if seq not in present), None)
    if missing is not None:
        return f"record {missing} is missing: {len(found)} of {count} records are there"
    if len(found) > count:
        double = next((s for s in found if found.count(s) > 1 or s >= count), found[-1])
        return f"record {double} should not be there: {len(found)} records instead of {count}"
    return f"its records are not numbered from 0 to {count - 1}"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300]
