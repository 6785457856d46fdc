"""Ships files: cut into chunks at line ends, numbered, sent again until they are acknowledged.

Where a file was left off is kept in a small state file, so that a second run goes on there. A chunk
that was acknowledged without the state file knowing is sent again under the same number, and the
server stores it once.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from meshseal.agent.client import Client
from meshseal.model.errors import MeshsealError, PayloadError

CHUNK_BYTES = 4 << 20
IN_FLIGHT = 3
_FINGERPRINT_BYTES = 1024
_FIRST_WAIT_SECONDS, _LAST_WAIT_SECONDS = 0.2, 10.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a file: whole lines, from `start` up to `end`."""

    sequence: int
    start: int
    end: int


@dataclass(slots=True)
class Progress:
    """How far a file is shipped.

    Attributes:
        agent: This file's number at the server.
        epoch: Changes when the file is shipped anew.
        acknowledged: Bytes from the start that the server has.
        sequence: The number of the chunk that comes next.
        records: Records the server has acknowledged.
    """

    agent: str
    epoch: int
    acknowledged: int = 0
    sequence: int = 0
    records: int = 0


@dataclass(slots=True)
class ShipResult:
    """What became of a file."""

    path: Path
    records: int = 0
    bytes: int = 0
    resumed_at: int = 0


@dataclass(frozen=True, slots=True)
class Shipper:
    """Ships files to one server.

    Attributes:
        client: The server.
        parameters: Query parameters of the requests: `format`, `labels`.
        state_directory: Where progress is kept.
        door: `lines` or `documents`.
        give_up_after_seconds: How long one chunk is sent again and again.
    """

    client: Client
    parameters: Mapping[str, str]
    state_directory: Path
    door: str = "lines"
    give_up_after_seconds: float = 600.0
    _sleep: Callable[[float], None] = field(default=time.sleep)

    def ship(
        self,
        path: Path,
        *,
        restart: bool = False,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> ShipResult:
        """Ship a file, from where the last run left off.

        Args:
            path: The file.
            restart: Ship it whole again, as something new.
            on_progress: Called with the bytes acknowledged so far.

        Raises: MeshsealError when the server refuses for good, or does not answer in time; OSError.
        """
        with path.open("rb") as file:
            identity = _identity(file.fileno(), path)
            state = self.state_directory / f"{identity}.json"
            progress = None if restart else _load(state)
            if progress is None:
                progress = Progress(agent=f"ship-{identity}", epoch=time.time_ns() // 1000)
            result = ShipResult(path, resumed_at=progress.acknowledged)
            on_progress(progress.acknowledged)
            chunks = _chunks(file.fileno(), progress)
            self._send_all(file.fileno(), chunks, progress, state, result, on_progress)
        return result

    def _send_all(
        self,
        descriptor: int,
        chunks: Iterator[Chunk],
        progress: Progress,
        state: Path,
        result: ShipResult,
        on_progress: Callable[[int], None],
    ) -> None:
        """Keep a few chunks in flight; note progress only as far as there is no gap."""
        done: dict[int, tuple[Chunk, int]] = {}
        running: set[Future[tuple[Chunk, int]]] = set()
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            for chunk in chunks:
                running.add(pool.submit(self._send, descriptor, chunk, progress))
                if len(running) >= IN_FLIGHT:
                    running = _collect(running, done)
                    self._advance(done, progress, state, result, on_progress)
            while running:
                running = _collect(running, done)
                self._advance(done, progress, state, result, on_progress)

    def _advance(
        self,
        done: dict[int, tuple[Chunk, int]],
        progress: Progress,
        state: Path,
        result: ShipResult,
        on_progress: Callable[[int], None],
    ) -> None:
        while progress.sequence in done:
            chunk, records = done.pop(progress.sequence)
            progress.acknowledged = chunk.end
            progress.sequence += 1
            progress.records += records
            result.records += records
            result.bytes += chunk.end - chunk.start
        _save(state, progress)
        on_progress(progress.acknowledged)

    def _send(self, descriptor: int, chunk: Chunk, progress: Progress) -> tuple[Chunk, int]:
        """Send one chunk until it is acknowledged. Raises: MeshsealError."""
        body = os.pread(descriptor, chunk.end - chunk.start, chunk.start)
        headers = {
            "Content-Type": "application/octet-stream",
            "Meshseal-Chunk": f"{progress.agent}/{progress.epoch}/{chunk.sequence}",
        }
        deadline = time.monotonic() + self.give_up_after_seconds
        pause = _FIRST_WAIT_SECONDS
        while True:
            try:
                answer = self.client.post(f"/ingest/v1/{self.door}", body, self.parameters, headers)
                return chunk, int(json.loads(answer)["records"])
            except (ValueError, KeyError) as error:
                raise PayloadError("what answers there is not a Meshseal server") from error
            except MeshsealError as error:
                if not error.retryable or time.monotonic() + pause > deadline:
                    raise
                self._sleep(pause)
                pause = min(pause * 2, _LAST_WAIT_SECONDS)


def default_state_directory() -> Path:
    """Return where progress is kept unless told otherwise."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "meshseal" / "ship"


def _collect(
    running: set[Future[tuple[Chunk, int]]], done: dict[int, tuple[Chunk, int]]
) -> set[Future[tuple[Chunk, int]]]:
    """Wait for at least one request and note what is done. Raises what a request raised."""
    finished, rest = wait(running, return_when=FIRST_COMPLETED)
    for future in finished:
        chunk, records = future.result()
        done[chunk.sequence] = (chunk, records)
    return rest


def _chunks(descriptor: int, progress: Progress) -> Iterator[Chunk]:
    """Yield the rest of a file in chunks that end where a line ends, or the file does."""
    size = os.fstat(descriptor).st_size
    start, sequence = progress.acknowledged, progress.sequence
    while start < size:
        end = min(start + CHUNK_BYTES, size)
        if end < size:
            end = _line_end(descriptor, start, end, size)
        yield Chunk(sequence, start, end)
        start, sequence = end, sequence + 1


def _line_end(descriptor: int, start: int, end: int, size: int) -> int:
    """Return the last line end before `end`; behind it, if the line is longer than a chunk."""
    step = 64 * 1024
    at = end
    while at > start:
        low = max(start, at - step)
        found = os.pread(descriptor, at - low, low).rfind(b"\n")
        if found >= 0:
            return low + found + 1
        at = low
    while end < size:
        piece = os.pread(descriptor, step, end)
        found = piece.find(b"\n")
        if found >= 0:
            return end + found + 1
        end += len(piece)
    return size


def _identity(descriptor: int, path: Path) -> str:
    """Return what stays the same while a file grows: where it is, and how it begins."""
    status = os.fstat(descriptor)
    head = os.pread(descriptor, _FINGERPRINT_BYTES, 0).split(b"\n", 1)[0]
    text = f"{path.resolve()}\0{status.st_dev}\0{status.st_ino}\0".encode() + head
    return hashlib.sha256(text).hexdigest()[:32]


def _load(state: Path) -> Progress | None:
    try:
        return Progress(**json.loads(state.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _save(state: Path, progress: Progress) -> None:
    state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = state.with_suffix(".new")
    with temporary.open("w") as file:
        json.dump({name: getattr(progress, name) for name in Progress.__dataclass_fields__}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(state)
