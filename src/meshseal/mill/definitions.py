"""What users define while the server runs, in the engine.

That is formats of their own, trusted proxies and the register of services. How records are read
changes between two segments, so that one segment is read by one set of formats. What the engine
refuses changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from meshseal.mill.gate import Gate
from meshseal.mill.stage import Stage
from meshseal.mill.trial import Trial
from meshseal.model.errors import EngineError, FormatError, MeshsealError
from meshseal.model.own_format import OwnFormat, own_format
from meshseal.model.register import Register, Service
from meshseal.shape import register as register_sql
from meshseal.shape.families.format import Format
from meshseal.shape.formats import BUILT_IN, Formats
from meshseal.shape.networks import parse_networks, trusted_proxy_function
from meshseal.shape.own_formats import compiled
from meshseal.store.engine import WORK_DATABASE, Handle

_READING, _REGISTER = "reading", "register"


class Definitions:
    """The definitions that the engine knows. Use it from one thread.

    Args:
        handle: A connection of its own to the engine.
        note: The file that says which functions the engine has on disk.
        stages: The stages of the mill.
        gate: What keeps changes out of segments.
    """

    def __init__(
        self, handle: Handle, note: Path, *, stages: Sequence[Stage] = (), gate: Gate | None = None
    ) -> None:
        self._handle = handle
        self._note = note
        self._stages = stages
        self._gate = gate or Gate()
        self._trial = Trial(handle)
        self._made: dict[str, list[str]] = {}
        self._known: dict[str, tuple[OwnFormat, Format]] = {}
        self._tables: list[str] = []
        self.formats: Formats = BUILT_IN

    def answer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Do what the server asks, and return what it is to be told.

        `{"formats": …, "proxies": …, "lenient": …}` and `{"services": …}` put what they list in the
        place of what was there; `{"lines": …, "own": …}` shows how lines would be read.
        """
        try:
            if "services" in order:
                self.define_register(Register(_service(row) for row in order["services"]))
                return {}
            own = own_format(order["name"], order["own"]) if order.get("own") else None
            if "lines" in order:
                return {"rows": self.read(order["lines"], order["name"], own)}
            owns = [own_format(name, given) for name, given in order["formats"].items()]
            proxies = order["proxies"]
            return {"refused": self.define_reading(owns, proxies, lenient=order["lenient"])}
        except (MeshsealError, ValueError) as error:
            code = error.engine_code if isinstance(error, EngineError) else -1
            return {"error": str(error), "engine_code": code}

    def define_reading(
        self, owns: Iterable[OwnFormat], proxies: Iterable[str], *, lenient: bool
    ) -> dict[str, str]:
        """Read records by these formats and networks from the next segment on.

        Returns: The formats that are refused, with the reason. Then nothing has changed, unless
            `lenient`, which is to do without them.
        Raises: EngineError when the engine cannot take the change, and then nothing has changed.
        """
        rows: list[Format] = []
        refused: dict[str, str] = {}
        for own in owns:
            try:
                rows.append(self._compiled(own))
            except FormatError as error:
                refused[own.name] = str(error)
        if refused and not lenient:
            return refused
        formats = Formats(rows)
        networks = parse_networks(proxies)
        statements = [*formats.functions(), trusted_proxy_function(networks)]
        with self._gate.change():
            self._create(_READING, statements)
            for stage in self._stages:
                stage.use(formats)
        self.formats = formats
        return refused

    def define_register(self, register: Register) -> None:
        """Answer queries by this register from now on. Raises: EngineError, and nothing changed."""
        row = register_sql.table_row(register)
        table = f"{WORK_DATABASE}.register_{hashlib.sha256(row).hexdigest()[:16]}"
        if register and table not in self._tables:
            columns = register_sql.TABLE_COLUMNS
            self._handle.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns}) ENGINE = Memory")
            self._handle.execute(f"TRUNCATE TABLE {table}")
            self._handle.insert(f"INSERT INTO {table}", row, format_name="JSONEachRow")
        self._create(_REGISTER, register_sql.functions(register, table))
        # A query that has just been given the functions of before may still ask for their table.
        self._tables = [*(name for name in self._tables if name != table), table]
        while len(self._tables) > 2:
            self._handle.execute(f"DROP TABLE IF EXISTS {self._tables.pop(0)}")

    def read(self, lines: Sequence[str], name: str, own: OwnFormat | None) -> list[Any]:
        """Return how lines would be read, a format first. Raises: FormatError, EngineError."""
        row = self._compiled(own) if own else None
        if row is None and name in self.formats:
            row = self.formats[name]
        return self._trial.read(lines, row, self.formats)

    def _compiled(self, own: OwnFormat) -> Format:
        known = self._known.get(own.name)
        if known and known[0] == own:
            return known[1]
        row = compiled(own)
        self._trial.probe(row)
        self._known[own.name] = own, row
        return row

    def _create(self, kind: str, statements: list[str]) -> None:
        """Create functions, unless the engine has just these on disk already."""
        digest = hashlib.sha256("\0".join(statements).encode()).hexdigest()
        noted = self._noted()
        if noted.get(kind) == digest:
            self._made[kind] = statements
            return
        # Away while they change: if this is cut off, the next start makes them again.
        self._write({name: other for name, other in noted.items() if name != kind})
        try:
            for statement in statements:
                self._handle.execute(statement)
        except EngineError:
            with suppress(EngineError):
                for statement in self._made.get(kind, ()):
                    self._handle.execute(statement)
            raise
        self._made[kind] = statements
        self._write({**noted, kind: digest})

    def _noted(self) -> dict[str, str]:
        with suppress(OSError, ValueError):
            noted: dict[str, str] = json.loads(self._note.read_text())
            return noted
        return {}

    def _write(self, noted: Mapping[str, str]) -> None:
        try:
            self._note.write_text(json.dumps(noted))
        except OSError as error:
            raise EngineError(f"cannot note which functions there are: {error}") from error


def _service(row: Mapping[str, Any]) -> Service:
    return Service(
        row["tenant"], row["name"], row["namespace"], tuple(row["aliases"]), row["labels"]
    )
