"""What lies where in a data directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from meshseal.access.state import sqlite_url


@dataclass(frozen=True, slots=True)
class DataPaths:
    """The parts of a data directory."""

    root: Path

    @property
    def lock(self) -> Path:
        """Held by the one server of the directory."""
        return self.root / "server.lock"

    @property
    def running(self) -> Path:
        """Where a running server's engine answers; only its owner can read it."""
        return self.root / "running.json"

    @property
    def keys(self) -> Path:
        """The keys, if they are not kept elsewhere."""
        return self.root / "keys"

    @property
    def master_key(self) -> Path:
        """The master key's file, unless the configuration names another."""
        return self.keys / "master.key"

    @property
    def ledger_key(self) -> Path:
        """The log's signing key, wrapped."""
        return self.keys / "ledger.key"

    @property
    def ledger(self) -> Path:
        """The transparency log."""
        return self.root / "ledger"

    @property
    def spool(self) -> Path:
        """What is received and not stored yet."""
        return self.root / "spool"

    @property
    def engine(self) -> Path:
        """The storage engine's."""
        return self.root / "engine"

    @property
    def state_url(self) -> str:
        """The SQLite state."""
        return sqlite_url(self.root / "state.db")

    def create(self) -> None:
        """Create the folders, for their owner only."""
        for path in (self.root, self.keys, self.ledger, self.spool, self.engine):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
