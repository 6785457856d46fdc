"""What an earlier run left in the spool, brought back to where it can go on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from meshseal.access.keys import sync_directory
from meshseal.model.envelope import Chunk, Envelope, Tally, decode, read_delimited
from meshseal.model.errors import IntegrityError
from meshseal.spool.copies import delivery_digest, digest
from meshseal.spool.segment import HEADER_BYTES, SUFFIX, ReadBack, read_segment, segment_number
from meshseal.spool.spool import ClosedSegment

_LOG = structlog.get_logger(__name__)
ASIDE = "aside"
"""The folder for segments that could not be read or stored; `meshseal spool` lists and replays."""

# Answers leave within moments of the fsync: only what arrived last before the end can be in doubt.
_IN_DOUBT_NANOS = 60 * 10**9


@dataclass(slots=True)
class Recovered:
    """What was found.

    Attributes:
        segments: Whole segments, in order.
        aside: Names of segments that were set aside because they are damaged.
        received: Records in the segments, by (tenant, door).
        chunks: Numbered chunks in the segments, as (segment, tenant, chunk).
        deliveries: Named deliveries in the segments, as (segment, digest).
        in_doubt: (hash, size) of payloads whose answer may not have arrived.
        next_number: The number of the next segment, as far as the folder tells.
    """

    segments: list[ClosedSegment] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    received: dict[tuple[str, str], int] = field(default_factory=dict)
    chunks: list[tuple[int, str, Chunk]] = field(default_factory=list)
    deliveries: list[tuple[int, bytes]] = field(default_factory=list)
    in_doubt: list[tuple[bytes, int]] = field(default_factory=list)
    next_number: int = 1


def recover(directory: Path, *, spool_key: bytes) -> Recovered:
    """Truncate torn ends, set damaged segments aside, and return what is whole.

    Raises: OSError.
    """
    found = Recovered()
    newest = 0
    waiting: list[tuple[int, bytes, int]] = []
    for path in segment_files(directory):
        number = segment_number(path)
        found.next_number = max(found.next_number, number + 1)
        try:
            read = read_segment(path, spool_key=spool_key)
        except IntegrityError as error:
            if _is_empty(path):
                path.unlink()
                continue
            _LOG.error("spool_segment_damaged", segment=path.name, error=str(error))
            set_aside(path)
            found.aside.append(path.name)
            continue
        _truncate(path, read)
        records = 0
        for envelope in envelopes(read):
            records += envelope.records
            newest = max(newest, envelope.received_unix_nano)
            _note(found, waiting, number, envelope)
        if records:
            found.segments.append(ClosedSegment(number, path, read.whole_bytes, records))
        else:
            path.unlink()
    found.in_doubt = [
        (hashed, size) for at, hashed, size in waiting if at >= newest - _IN_DOUBT_NANOS
    ]
    sync_directory(directory)
    return found


def segment_files(directory: Path) -> list[Path]:
    """Return the files of segments in a folder, oldest first."""
    return sorted(directory.glob(f"*{SUFFIX}"))


def set_aside(path: Path) -> Path:
    """Move a segment to where nothing takes it from by itself, and return its new path."""
    target = path.parent / ASIDE
    target.mkdir(mode=0o700, exist_ok=True)
    moved = path.rename(target / path.name)
    sync_directory(target)
    sync_directory(path.parent)
    return moved


def envelopes(read: ReadBack) -> Iterator[Envelope]:
    """Yield the envelopes of a segment that hold payloads."""
    for content in read.contents:
        for message in read_delimited(content):
            envelope = decode(message)
            if not isinstance(envelope, Tally):
                yield envelope


def _note(
    found: Recovered, waiting: list[tuple[int, bytes, int]], number: int, envelope: Envelope
) -> None:
    key = (envelope.tenant, envelope.door)
    found.received[key] = found.received.get(key, 0) + envelope.records
    if envelope.chunk:
        found.chunks.append((number, envelope.tenant, envelope.chunk))
    elif envelope.delivery:
        found.deliveries.append((number, delivery_digest(envelope)))
    else:
        waiting.append((envelope.received_unix_nano, digest(envelope), len(envelope.content)))


def _is_empty(path: Path) -> bool:
    """Say whether a segment was cut off before its header was whole: nothing was acknowledged."""
    return path.stat().st_size <= HEADER_BYTES


def _keep_tail(path: Path, offset: int) -> Path:
    """Copy what is cut off to the aside folder.

    After a power cut it is half a frame that nobody was promised. But damage to the last frames of
    a file looks just the same, and those were acknowledged.
    """
    folder = path.parent / ASIDE
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = folder / f"{path.stem}.torn-at-{offset}"
    with path.open("rb") as source, kept.open("wb") as target:
        source.seek(offset)
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())
    sync_directory(folder)
    return kept


def _truncate(path: Path, read: ReadBack) -> None:
    if not read.torn_bytes:
        return
    try:
        kept = _keep_tail(path, read.whole_bytes).name
    except OSError as error:
        # A full disk is often why a frame is torn: the server starts all the same.
        kept = f"nowhere: {error}"
    _LOG.warning("spool_torn_frame", segment=path.name, torn_bytes=read.torn_bytes, kept_in=kept)
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, read.whole_bytes)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
