"""The transparency log of this node, for writing.

An append writes the entries and the hashes into new files first, the checkpoint last; what a crash
leaves behind a checkpoint is not part of the log and is written over. One process may write.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from meshseal.model.errors import IntegrityError
from meshseal.seal import merkle
from meshseal.seal.note import Checkpoint, Signer, open_checkpoint
from meshseal.seal.tiles import (
    ENTRIES,
    TILE_WIDTH,
    Tiles,
    decode_bundle,
    encode_bundle,
    tile_path,
    write_durably,
)

CHECKPOINT = "checkpoint"


class Ledger:
    """The log in a directory.

    Args:
        directory: Where it is; created if it is not there.
        signer: The key of its checkpoints; its name is the log's origin.

    Raises: IntegrityError when the log that is there is not one this key signed, or its tiles do
        not lead to its checkpoint.
    """

    def __init__(self, directory: Path, signer: Signer) -> None:
        self._directory = directory
        self._signer = signer
        self.tiles = Tiles(directory)
        self._levels: list[list[bytes]] = []
        self._bundle: list[bytes] = []
        self.size = 0
        path = directory / CHECKPOINT
        if path.exists():
            self._load(open_checkpoint(path.read_text(), signer.verifier))
        else:
            self._publish()

    @property
    def checkpoint(self) -> str:
        """The newest signed checkpoint."""
        return (self._directory / CHECKPOINT).read_text()

    def append(self, entries: list[bytes]) -> int:
        """Add entries, publish a checkpoint over them, and return the index of the first.

        Raises: ValueError when an entry is larger than 65,535 bytes. OSError, and then the log is
            what it was.
        """
        first = self.size
        before = ([list(level) for level in self._levels], list(self._bundle), self.size)
        try:
            for entry in entries:
                self._add(entry)
            self._write_edge()
            self._publish()
        except BaseException:
            self._levels, self._bundle, self.size = before
            raise
        self._remove_narrower(first)
        return first

    def _add(self, entry: bytes) -> None:
        self._bundle.append(entry)
        self._push(0, merkle.leaf_hash(entry))
        self.size += 1
        if len(self._bundle) == TILE_WIDTH:
            number = self.size // TILE_WIDTH - 1
            self._write(ENTRIES, number, encode_bundle(self._bundle))
            self._bundle = []

    def _push(self, level: int, hashed: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
        hashes = self._levels[level]
        hashes.append(hashed)
        if len(hashes) == TILE_WIDTH:
            number = (self.size + 1) // TILE_WIDTH ** (level + 1) - 1
            self._write(level, number, b"".join(hashes))
            self._levels[level] = []
            self._push(level + 1, merkle.root(hashes))

    def _write(
        self, level: int | str, number: int, content: bytes, width: int = TILE_WIDTH
    ) -> None:
        write_durably(self._directory / tile_path(level, number, width), content)

    def _write_edge(self) -> None:
        """Write the partial tile at the right edge of every level."""
        if self._bundle:
            number = self.size // TILE_WIDTH
            self._write(ENTRIES, number, encode_bundle(self._bundle), len(self._bundle))
        for level, hashes in enumerate(self._levels):
            if hashes:
                number = self.size // TILE_WIDTH ** (level + 1)
                self._write(level, number, b"".join(hashes), len(hashes))

    def _publish(self) -> None:
        checkpoint = Checkpoint(self._signer.name, self.size, self._root())
        note = self._signer.sign(checkpoint.text())
        write_durably(self._directory / CHECKPOINT, note.encode())

    def _root(self) -> bytes:
        """Return the root, from what each level has at its right edge."""
        found: bytes | None = None
        for hashes in self._levels:
            level = [*hashes, found] if found is not None else hashes
            found = merkle.root(level) if level else None
        return found if found is not None else merkle.EMPTY_ROOT

    def _remove_narrower(self, first: int) -> None:
        """Remove the partial tiles that wider ones stand for now."""
        numbers: list[tuple[int | str, int]] = [(ENTRIES, TILE_WIDTH)]
        numbers += [(level, TILE_WIDTH ** (level + 1)) for level in range(len(self._levels))]
        for level, span in numbers:
            for number in range(first // span, self.size // span + 1):
                full = self._directory / tile_path(level, number)
                folder = full.with_name(f"{full.name}.p")
                if full.exists():
                    shutil.rmtree(folder, ignore_errors=True)
                elif folder.exists():
                    for path in sorted(folder.iterdir(), key=_width)[:-1]:
                        path.unlink()

    def _load(self, checkpoint: Checkpoint) -> None:
        size = checkpoint.size
        self.size = size
        level, span = 0, 1
        while span <= size:
            count = size // span % TILE_WIDTH
            number = size // span // TILE_WIDTH
            content = self.tiles.read(level, number, count) if count else b""
            self._levels.append(merkle.split_hashes(content))
            level, span = level + 1, span * TILE_WIDTH
        width = size % TILE_WIDTH
        if width:
            self._bundle = decode_bundle(self.tiles.read(ENTRIES, size // TILE_WIDTH, width))
        if self._root() != checkpoint.root:
            raise IntegrityError(f"the tiles of the log do not lead to its checkpoint at {size}")


def _width(path: Path) -> int:
    return int(path.name) if path.name.isdecimal() else -1
