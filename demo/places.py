"""Where the demo keeps what: its server's data, and beside it a log and how far it has played."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path


class PlaceError(Exception):
    """A directory that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one demo.

    Attributes:
        data: The server's data directory.
    """

    data: Path

    @property
    def log(self) -> Path:
        """What the server says, and what the clients complain about."""
        return self.data.with_name(f"{self.data.name}.log")

    @property
    def progress(self) -> Path:
        """How far the demo has played."""
        return self.data.with_name(f"{self.data.name}.played.json")

    def played_until(self) -> int:
        """Return the end of what was played; nanoseconds since the epoch, 0 for nothing."""
        try:
            return int(json.loads(self.progress.read_text())["played_until_unix_nano"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def note_played(self, until: int) -> None:
        """Note the end of what was played; nanoseconds since the epoch."""
        temporary = self.progress.with_suffix(".new")
        temporary.write_text(json.dumps({"played_until_unix_nano": until}))
        temporary.replace(self.progress)

    def clear(self) -> None:
        """Remove all of it. Raises: PlaceError for a directory that no demo has made."""
        if self.data.exists() and not self.progress.exists():
            raise PlaceError(f"--fresh removes only what the demo has made, and not {self.data}")
        if self.data.exists():
            shutil.rmtree(self.data)
        self.log.unlink(missing_ok=True)
        self.progress.unlink(missing_ok=True)
