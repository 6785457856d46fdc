"""Makes the proof of a record: reads the batch again, and finds the way up to the checkpoint."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from meshseal.access.keys import Keyring
from meshseal.mill.keys import BatchKeys, sealed_entries
from meshseal.model.columns import ARRAYS, SIGNALS, Column, Kind
from meshseal.model.errors import IntegrityError, NotFoundError
from meshseal.query.sql import Binder
from meshseal.seal import merkle
from meshseal.seal.canonical import Record, salt
from meshseal.seal.ledger import CHECKPOINT
from meshseal.seal.manifest import Manifest
from meshseal.seal.note import Verifier, open_checkpoint
from meshseal.seal.proof import LogProof, Proof
from meshseal.seal.tiles import Tiles
from meshseal.shape.canonical import leaf_expression, text_of
from meshseal.store.client import Store

_CACHED_BATCHES = 16


@dataclass(frozen=True, slots=True)
class _Batch:
    """A sealed batch: where it stands in the log, and the tree over its records."""

    manifest: Manifest
    encoded: bytes
    entry: int
    levels: list[list[bytes]]

    def path(self, seq: int) -> list[bytes]:
        """Return the audit path of one record."""
        path: list[bytes] = []
        for level in self.levels[:-1]:
            sibling = seq ^ 1
            if sibling < len(level):
                path.append(level[sibling])
            seq //= 2
        return path


class ProofMaker:
    """Makes proofs for the records of one node.

    Args:
        store: Where records are.
        state: Where batch keys are.
        keyring: Holds the key that batch keys are under.
        ledger: The log's directory.
        verifier: The log's key.
    """

    def __init__(
        self, store: Store, *, state: Engine, keyring: Keyring, ledger: Path, verifier: Verifier
    ) -> None:
        self._store = store
        self._state = state
        self._keys = BatchKeys(state, keyring)
        self._ledger = ledger
        self._tiles = Tiles(ledger)
        self._verifier = verifier
        self._batches: OrderedDict[int, _Batch] = OrderedDict()

    async def proof(self, *, tenant: str, batch: int, seq: int) -> Proof:
        """Return the proof of a record.

        Raises: NotFoundError when the tenant has no such record, or it is not sealed yet;
            IntegrityError when what is stored is not what was sealed; EngineError.
        """
        sealed = await self._sealed(tenant, batch)
        if not 0 <= seq < sealed.manifest.count:
            raise NotFoundError(f"batch {batch} has no record {seq}")
        record = await self._record(sealed.manifest, batch, seq)
        keys = await asyncio.to_thread(self._keys.load, [batch])
        note = await asyncio.to_thread((self._ledger / CHECKPOINT).read_text)
        checkpoint = open_checkpoint(note, self._verifier)
        path = await asyncio.to_thread(self._tiles.inclusion_proof, sealed.entry, checkpoint.size)
        return Proof(
            record=record,
            salt=salt(keys[batch], seq),
            path=sealed.path(seq),
            manifest=sealed.encoded,
            log=LogProof(sealed.entry, path, note),
        )

    async def is_sealed(self, batch: int) -> bool:
        """Say whether a batch is in the log."""
        return batch in await asyncio.to_thread(sealed_entries, self._state, [batch])

    async def _sealed(self, tenant: str, batch: int) -> _Batch:
        found = self._batches.get(batch)
        if found is None:
            found = await self._load(batch)
            self._batches[batch] = found
            while len(self._batches) > _CACHED_BATCHES:
                self._batches.popitem(last=False)
        self._batches.move_to_end(batch)
        if found.manifest.tenant != tenant:
            raise NotFoundError(f"there is no sealed batch {batch}")
        return found

    async def _load(self, batch: int) -> _Batch:
        entry, encoded = await asyncio.to_thread(self._entry, batch)
        manifest = Manifest.decode(encoded)
        keys = await asyncio.to_thread(self._keys.load, [batch])
        leaves = await self._leaves(manifest, batch, keys[batch])
        levels = [leaves]
        while len(levels[-1]) > 1:
            levels.append(merkle.next_level(levels[-1]))
        if len(leaves) != manifest.count or merkle.root(levels[-1]).hex() != manifest.root:
            raise IntegrityError(
                f"what is stored of batch {batch} is not what was sealed: run `meshseal verify`"
            )
        return _Batch(manifest, encoded, entry, levels)

    def _entry(self, batch: int) -> tuple[int, bytes]:
        entry = sealed_entries(self._state, [batch]).get(batch)
        if entry is None:
            raise NotFoundError(f"there is no sealed batch {batch}")
        return entry, self._tiles.entry(entry, entry + 1)

    async def _leaves(self, manifest: Manifest, batch: int, key: bytes) -> list[bytes]:
        binder = Binder()
        where = _where(binder, manifest, batch)
        signal = SIGNALS[manifest.record_version]
        leaf = leaf_expression(signal, f"unhex({binder.text(key.hex())})")
        sql = f"SELECT hex({leaf}) FROM {signal.table} WHERE {where} ORDER BY Seq"
        rows = (await self._store.query(sql, binder.parameters)).rows
        return [bytes.fromhex(row[0]) for row in rows]

    async def _record(self, manifest: Manifest, batch: int, seq: int) -> Record:
        binder = Binder()
        where = f"{_where(binder, manifest, batch)} AND Seq = {binder.integer(seq)}"
        signal = SIGNALS[manifest.record_version]
        columns = ", ".join(f"{_hex_of(each)} AS c{at}" for at, each in enumerate(signal.columns))
        sql = f"SELECT {columns} FROM {signal.table} WHERE {where}"
        rows = (await self._store.query(sql, binder.parameters)).rows
        if len(rows) != 1:
            raise IntegrityError(f"record {seq} of batch {batch} is stored {len(rows)} times")
        return {
            column.name: _value(column, value)
            for column, value in zip(signal.columns, rows[0], strict=True)
        }


def _where(binder: Binder, manifest: Manifest, batch: int) -> str:
    """Return the conditions on a batch; its times keep the engine from looking everywhere."""
    first, last = int(manifest.first_time_unix_nano), int(manifest.last_time_unix_nano)
    return (
        f"Tenant = {binder.text(manifest.tenant)} "
        f"AND Timestamp >= fromUnixTimestamp64Nano({binder.integer(first)}, 'UTC') "
        f"AND Timestamp <= fromUnixTimestamp64Nano({binder.integer(last)}, 'UTC') "
        f"AND Batch = {binder.integer(batch)}"
    )


def _hex_of(column: Column) -> str:
    """Return SQL for a column's value as text in hexadecimal, which any bytes can be."""
    match column.kind:
        case Kind.MAP:
            return _hex_pairs(column.sql)
        case Kind.MAPS:
            return f"arrayMap(each -> {_hex_pairs('each')}, {column.sql})"
        case Kind.TEXTS:
            return f"arrayMap(each -> hex(toString(each)), {column.sql})"
        case Kind.TIMES:
            return f"arrayMap(each -> hex(toString(toUnixTimestamp64Nano(each))), {column.sql})"
    return f"hex(toString({text_of(column)}))"


def _hex_pairs(attributes: str) -> str:
    pairs = f"CAST({attributes}, 'Array(Tuple(String, String))')"
    return f"arrayMap(pair -> [hex(pair.1), hex(pair.2)], {pairs})"


def _value(column: Column, shown: Any) -> Any:
    if column.kind is Kind.MAP:
        return [(bytes.fromhex(key), bytes.fromhex(value)) for key, value in shown]
    if column.kind is Kind.MAPS:
        return [[(bytes.fromhex(k), bytes.fromhex(v)) for k, v in pairs] for pairs in shown]
    if column.kind in ARRAYS:
        return [bytes.fromhex(element) for element in shown]
    return bytes.fromhex(shown)
