"""Looks whether what the engine says it has written is on the disk.

On an encrypted disk the engine does not notice when the last bytes of a file find no room: it goes
on with a part whose files are short, and drops the parts it was merged from some minutes later. So
the sizes of every new part's files are added up here. An engine with such a part must be replaced
at once: when it starts again it finds the part broken, sets it aside, and takes what is whole.
"""

from __future__ import annotations

import os

from meshseal.model.errors import IntegrityError
from meshseal.store.engine import Handle
from meshseal.store.schema import TABLES

HEADER_BYTES = 64
"""The header of an encrypted file."""

_UNCOUNTED = frozenset(
    {
        "checksums.txt",
        "columns.txt",
        "columns_substreams.txt",
        "default_compression_codec.txt",
        "metadata_version.txt",
    }
)
"""The files that the engine does not count into a part's size."""

_SELECT = f"""SELECT table || '/' || name, path, bytes_on_disk
FROM system.parts
WHERE active AND database = 'default' AND table IN {TABLES!r}"""


class DamagedStoreError(IntegrityError):
    """The engine uses a part that is not whole on the disk."""


class PartsWatch:
    """Looks at each active part once. What is there at first was read, and so checked, at start.

    Args:
        handle: A connection that nothing else uses meanwhile.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._known = set(self._parts())

    def check(self) -> None:
        """Look at the parts that were not there before. Raises: DamagedStoreError."""
        parts = self._parts()
        for name in parts.keys() - self._known:
            path, expected = parts[name]
            try:
                _check_part(name, path, expected)
            except FileNotFoundError:
                continue  # merged away in the meantime
        self._known = set(parts)

    def _parts(self) -> dict[str, tuple[str, int]]:
        rows = (line.split("\t") for line in self._handle.execute(_SELECT).decode().splitlines())
        return {name: (path, int(size)) for name, path, size in rows}


def _check_part(name: str, path: str, expected: int) -> None:
    found = 0
    with os.scandir(path) as entries:
        for entry in entries:
            size = entry.stat().st_size
            counted = entry.name not in _UNCOUNTED
            if counted and not size:
                continue  # in a wide part, a column in which every value is the default
            if size <= HEADER_BYTES:
                raise DamagedStoreError(f"part {name}: {entry.name} is not on the disk")
            if counted:
                found += size - HEADER_BYTES
    if found != expected:
        raise DamagedStoreError(f"part {name} has {found} bytes on the disk, not {expected}")
