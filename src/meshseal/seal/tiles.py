"""The transparency log as files: C2SP tlog-tiles.

```
checkpoint                  the signed checkpoint
tile/<level>/<n>[.p/<w>]    256 (or w) hashes of the tree, 32 bytes each
tile/entries/<n>[.p/<w>]    256 (or w) entries, each behind its length as a big-endian uint16
```

A tile's hash i at level L is the root of the 256^L entries it stands for. Only the newest partial
tile of each level is kept; a reader who asks for a narrower one gets its beginning.

Source: C2SP tlog-tiles v1.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from meshseal.model.errors import IntegrityError, NotFoundError
from meshseal.seal import merkle

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_ENTRY_BYTES = 0xFFFF
_TRIES = 20
ENTRIES = "entries"
_LENGTH = struct.Struct(">H")
_PATH = re.compile(r"tile/([0-9]{1,2}|entries)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?")


def tile_path(level: int | str, number: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile: `tile/0/x001/x234/067`, with `.p/5` behind it if it is partial."""
    parts = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        parts.insert(0, f"x{number % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(parts)}{partial}"


@dataclass(frozen=True, slots=True)
class TileName:
    """A tile as a path names it. `level` is a number or `entries`."""

    level: str
    number: int
    width: int

    @classmethod
    def parse(cls, path: str) -> TileName:
        """Raises: NotFoundError when the path names no tile."""
        found = _PATH.fullmatch(path)
        if not found:
            raise NotFoundError(f"{path[:100]!r} is not the path of a tile")
        level, number, width = found.groups()
        name = cls(level, int(number.replace("x", "").replace("/", "")), int(width or TILE_WIDTH))
        if tile_path(level, name.number, name.width) != path or not 0 < name.width <= TILE_WIDTH:
            raise NotFoundError(f"{path[:100]!r} is not how that tile's path is written")
        return name


def encode_bundle(entries: list[bytes]) -> bytes:
    """Return entries as a bundle. Raises: ValueError when one is too large."""
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise ValueError(f"an entry has at most {MAX_ENTRY_BYTES} bytes")
    return b"".join(_LENGTH.pack(len(entry)) + entry for entry in entries)


def decode_bundle(content: bytes) -> list[bytes]:
    """Return the entries of a bundle. Raises: IntegrityError when it is cut."""
    entries: list[bytes] = []
    offset = 0
    while offset < len(content):
        if offset + _LENGTH.size > len(content):
            raise IntegrityError("a bundle of entries is cut")
        (length,) = _LENGTH.unpack_from(content, offset)
        offset += _LENGTH.size
        if offset + length > len(content):
            raise IntegrityError("a bundle of entries is cut")
        entries.append(content[offset : offset + length])
        offset += length
    return entries


class Tiles:
    """The tiles in a directory, for reading. `size` is how many entries they are asked about."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, level: int | str, number: int, width: int) -> bytes:
        """Return a tile's bytes, from the full tile or from any partial one that is wide enough.

        Raises: NotFoundError.
        """
        for _ in range(_TRIES):
            try:
                found = self._read(level, number, width)
            except FileNotFoundError:
                continue  # the log's writer has just replaced it by a wider one
            if found is not None:
                return _narrow(level, found, width)
            break
        raise NotFoundError(f"there is no {tile_path(level, number, width)}")

    def _read(self, level: int | str, number: int, width: int) -> bytes | None:
        full = self._directory / tile_path(level, number)
        if full.exists():
            return full.read_bytes()
        folder = full.with_name(f"{full.name}.p")
        widths = sorted(int(path.name) for path in folder.glob("*") if path.name.isdecimal())
        wide_enough = next((candidate for candidate in widths if candidate >= width), None)
        if wide_enough is None:
            # A tile that became full between the two looks.
            return full.read_bytes() if full.exists() else None
        return (folder / str(wide_enough)).read_bytes()

    def entry(self, index: int, size: int) -> bytes:
        """Return one entry of the log. Raises: NotFoundError, IntegrityError."""
        if not 0 <= index < size:
            raise NotFoundError(f"the log has no entry {index}")
        number, at = divmod(index, TILE_WIDTH)
        bundle = decode_bundle(self.read(ENTRIES, number, at + 1))
        if len(bundle) <= at:
            raise IntegrityError(f"{tile_path(ENTRIES, number)} has only {len(bundle)} entries")
        return bundle[at]

    def entries(self, start: int, size: int) -> Iterator[tuple[int, bytes]]:
        """Yield (index, entry) from `start` up to `size`."""
        for number in range(start // TILE_WIDTH, -(-size // TILE_WIDTH)):
            width = min(TILE_WIDTH, size - number * TILE_WIDTH)
            bundle = decode_bundle(self.read(ENTRIES, number, width))
            if len(bundle) != width:
                raise IntegrityError(
                    f"{tile_path(ENTRIES, number, width)} has {len(bundle)} entries"
                )
            for at, entry in enumerate(bundle):
                if number * TILE_WIDTH + at >= start:
                    yield number * TILE_WIDTH + at, entry

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree: 2^level leaves from index * 2^level on."""
        tile_level, inside = divmod(level, TILE_HEIGHT)
        first = index << inside
        number, at = divmod(first, TILE_WIDTH)
        count = 1 << inside
        content = self.read(tile_level, number, at + count)
        hashes = merkle.split_hashes(content)[at : at + count]
        if len(hashes) != count:
            raise IntegrityError(f"{tile_path(tile_level, number)} is cut")
        return merkle.root(hashes)

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` entries."""
        return self._range(0, size) if size else merkle.EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of an entry in the tree of the first `size`."""
        if not 0 <= index < size:
            raise NotFoundError(f"the log has no entry {index}")
        return self._path(index, 0, size)

    def consistency_proof(self, old_size: int, size: int) -> list[bytes]:
        """Return the proof that the first `old_size` entries are a prefix of the first `size`."""
        if not 0 < old_size <= size:
            raise NotFoundError(f"no tree of {old_size} inside one of {size}")
        return self._subproof(old_size, 0, size, complete=True)

    def _range(self, start: int, end: int) -> bytes:
        """Return the hash over entries start to end, start being where such a subtree may begin."""
        count = end - start
        if count & (count - 1) == 0:
            level = count.bit_length() - 1
            return self.node(level, start >> level)
        split = 1 << (count - 1).bit_length() - 1
        return merkle.node_hash(self._range(start, start + split), self._range(start + split, end))

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        count = end - start
        if count == 1:
            return []
        split = start + (1 << (count - 1).bit_length() - 1)
        if index < split:
            return [*self._path(index, start, split), self._range(split, end)]
        return [*self._path(index, split, end), self._range(start, split)]

    def _subproof(self, size: int, start: int, end: int, *, complete: bool) -> list[bytes]:
        count = end - start
        if size == count:
            return [] if complete else [self._range(start, end)]
        split = 1 << (count - 1).bit_length() - 1
        if size <= split:
            below = self._subproof(size, start, start + split, complete=complete)
            return [*below, self._range(start + split, end)]
        below = self._subproof(size - split, start + split, end, complete=False)
        return [*below, self._range(start, start + split)]


def _narrow(level: int | str, content: bytes, width: int) -> bytes:
    """Return the first `width` hashes or entries of a tile."""
    if level != ENTRIES:
        return content[: width * merkle.HASH_BYTES]
    return encode_bundle(decode_bundle(content)[:width])


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, and on disk when it returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
