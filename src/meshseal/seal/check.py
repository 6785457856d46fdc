"""Checks a transparency log in a directory: signature, tree, tiles, manifests.

Nothing is taken from the log that the log itself could be made to say: every hash is computed anew
from the entries, every tile compared with what it must be, and the root with the signed checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from meshseal.model.errors import IntegrityError, NotFoundError
from meshseal.seal import merkle
from meshseal.seal.ledger import CHECKPOINT
from meshseal.seal.manifest import Manifest
from meshseal.seal.note import Checkpoint, Verifier, open_checkpoint
from meshseal.seal.tiles import ENTRIES, TILE_WIDTH, Tiles, decode_bundle, tile_path


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold. `batch` is the first batch concerned, or '' if unknown."""

    what: str
    batch: str = ""

    def __str__(self) -> str:
        return f"batch {self.batch}: {self.what}" if self.batch else self.what


@dataclass(slots=True)
class CheckedLog:
    """What the check of a log gave.

    Attributes:
        checkpoint: The checkpoint, if its signature holds.
        manifests: (index, manifest) of every entry that is one.
        findings: What does not hold.
    """

    checkpoint: Checkpoint | None = None
    manifests: list[tuple[int, Manifest]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def check_log(
    directory: Path,
    verifier: Verifier,
    *,
    older: str | None = None,
    batch_of: Callable[[int], str] = lambda _: "",
) -> CheckedLog:
    """Check a log.

    Args:
        directory: Where it is.
        verifier: The key that must have signed its checkpoint.
        older: A signed checkpoint of the same log that was kept elsewhere.
        batch_of: Names the batch of an entry that cannot be read any more.
    """
    return _Check(directory, verifier, batch_of).run(older)


class _Check:
    def __init__(self, directory: Path, verifier: Verifier, batch_of: Callable[[int], str]) -> None:
        self._directory = directory
        self._tiles = Tiles(directory)
        self._verifier = verifier
        self._batch_of = batch_of
        self._result = CheckedLog()
        self._names: dict[int, str] = {}

    def run(self, older: str | None) -> CheckedLog:
        hashes = list(self._leaf_hashes())
        self._check_checkpoint(hashes)
        self._check_tiles(hashes)
        if older is not None:
            self._check_older(older, hashes)
        self._check_chains()
        return self._result

    def _found(self, what: str, entry: int | None = None) -> None:
        batch = ""
        if entry is not None:
            batch = self._batch_of(entry) or self._names.get(entry, "")
        self._result.findings.append(Finding(what, batch))

    # ---- Entries ---------------------------------------------------------------------------

    def _leaf_hashes(self) -> Iterator[bytes]:
        """Yield the hash of each entry there is, and note the manifests."""
        index = 0
        for entries in self._bundles():
            for entry in entries:
                try:
                    manifest = Manifest.decode(entry)
                except IntegrityError as error:
                    self._found(f"entry {index} of the log: {error}", index)
                else:
                    self._names[index] = manifest.batch
                    self._result.manifests.append((index, manifest))
                yield merkle.leaf_hash(entry)
                index += 1

    def _bundles(self) -> Iterator[list[bytes]]:
        number = 0
        while True:
            path = self._widest(ENTRIES, number)
            if path is None:
                return
            try:
                entries = decode_bundle(path.read_bytes())
            except IntegrityError as error:
                self._found(f"{self._named(path)}: {error}", number * TILE_WIDTH)
                return
            yield entries
            if len(entries) < TILE_WIDTH:
                return
            number += 1

    def _widest(self, level: int | str, number: int) -> Path | None:
        """Return the full tile, or the widest partial one."""
        full = self._directory / tile_path(level, number)
        if full.exists():
            return full
        folder = full.with_name(f"{full.name}.p")
        partial = [path for path in folder.glob("*") if path.name.isdecimal()]
        return max(partial, key=lambda path: int(path.name), default=None)

    # ---- Checkpoint and tiles --------------------------------------------------------------

    def _check_checkpoint(self, hashes: list[bytes]) -> None:
        last = len(hashes) - 1
        try:
            note = (self._directory / CHECKPOINT).read_text()
            checkpoint = open_checkpoint(note, self._verifier)
        except (OSError, UnicodeDecodeError, IntegrityError) as error:
            self._found(f"the checkpoint does not hold: {error}", max(last, 0))
            return
        self._result.checkpoint = checkpoint
        if checkpoint.size > len(hashes):
            self._found(
                f"the checkpoint stands for {checkpoint.size} entries, but only {len(hashes)} "
                "are there",
                len(hashes),
            )
        elif merkle.root(hashes[: checkpoint.size]) != checkpoint.root:
            self._found(
                "the entries do not lead to the root of the signed checkpoint",
                self._first_difference(hashes),
            )

    def _first_difference(self, hashes: list[bytes]) -> int:
        """Return the first entry that is not what its tile says; the first of all if none is."""
        for number in range(-(-len(hashes) // TILE_WIDTH)):
            part = hashes[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]
            try:
                stored = merkle.split_hashes(self._tiles.read(0, number, len(part)))
            except NotFoundError:
                return number * TILE_WIDTH
            for at, (expected, found) in enumerate(zip(part, stored, strict=False)):
                if expected != found:
                    return number * TILE_WIDTH + at
        return 0

    def _check_tiles(self, hashes: list[bytes]) -> None:
        level, span, current = 0, 1, hashes
        while current:
            for number in range(-(-len(current) // TILE_WIDTH)):
                part = current[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]
                self._check_tile(level, number, part, span)
            full = len(current) // TILE_WIDTH
            current = [
                merkle.root(current[at * TILE_WIDTH : (at + 1) * TILE_WIDTH]) for at in range(full)
            ]
            level, span = level + 1, span * TILE_WIDTH

    def _check_tile(self, level: int, number: int, part: list[bytes], span: int) -> None:
        path = self._widest(level, number)
        first = number * TILE_WIDTH * span
        if path is None:
            self._found(f"{tile_path(level, number, len(part))} is missing", first)
            return
        stored = merkle.split_hashes(path.read_bytes())
        for at in range(max(len(part), len(stored))):
            if at >= len(part) or at >= len(stored) or part[at] != stored[at]:
                entry = min(first + at * span, first + len(part) * span - 1)
                self._found(f"{self._named(path)} is not what the entries give", entry)
                return

    def _check_older(self, older: str, hashes: list[bytes]) -> None:
        try:
            checkpoint = open_checkpoint(older, self._verifier)
        except IntegrityError as error:
            self._found(f"the older checkpoint does not hold: {error}")
            return
        if checkpoint.size > len(hashes):
            self._found(
                f"the log had {checkpoint.size} entries once, and has {len(hashes)} now",
                len(hashes),
            )
        elif merkle.root(hashes[: checkpoint.size]) != checkpoint.root:
            self._found("the log does not begin as it did under the older checkpoint", 0)

    # ---- Manifests -------------------------------------------------------------------------

    def _check_chains(self) -> None:
        """Each manifest must name the one of its tenant before it, and a batch of its own."""
        previous: dict[str, str] = {}
        batches: set[str] = set()
        for index, manifest in self._result.manifests:
            if manifest.previous != previous.get(manifest.tenant, ""):
                self._found("its manifest does not follow its tenant's last one", index)
            if manifest.batch in batches:
                self._found("it is in the log twice", index)
            batches.add(manifest.batch)
            previous[manifest.tenant] = manifest.digest

    def _named(self, path: Path) -> str:
        return str(path.relative_to(self._directory))
