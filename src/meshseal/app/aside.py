"""Segments that were set aside: listed, and put back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import delete, select

from meshseal.access.keys import load_master
from meshseal.access.state import SEGMENTS, open_state
from meshseal.app.config import load_config
from meshseal.app.engine_child import SPOOL_PURPOSE
from meshseal.app.machine import lock
from meshseal.app.paths import DataPaths
from meshseal.app.segments import next_segment
from meshseal.model.errors import ConfigError, IntegrityError, NotFoundError
from meshseal.spool.recovery import ASIDE, envelopes, segment_files
from meshseal.spool.segment import (
    SegmentWriter,
    read_segment,
    salvage_segment,
    segment_number,
    segment_path,
)


def list_aside(
    data: Path, config_file: Path | None = None, assignments: Sequence[str] = ()
) -> list[str]:
    """Return what was set aside, a line each: name, records, why. Raises: ConfigError."""
    paths, spool_key, state_url = _open(data, config_file, assignments)
    state = open_state(state_url)
    with state.connect() as connection:
        reasons = {row.number: row.reason for row in connection.execute(select(SEGMENTS))}
    lines: list[str] = []
    for path in segment_files(paths.spool / ASIDE):
        reason = reasons.get(segment_number(path), "envelopes of it cannot be decoded")
        try:
            read = read_segment(path, spool_key=spool_key)
            count = str(sum(envelope.records for envelope in envelopes(read)))
        except IntegrityError as error:
            count, reason = "?", str(error)
        lines.append(f"{path.name}  {count} records  {reason}")
    return lines


def replay_aside(
    data: Path,
    names: Sequence[str],
    config_file: Path | None = None,
    assignments: Sequence[str] = (),
) -> list[str]:
    """Put segments back into the spool under new numbers, for the next start of the server.

    Raises: ConfigError while a server runs; NotFoundError for a name that is not there.
    """
    paths, spool_key, state_url = _open(data, config_file, assignments)
    done: list[str] = []
    with lock(paths.lock):
        state = open_state(state_url)
        for name in names:
            path = paths.spool / ASIDE / Path(name).name
            if not path.exists():
                raise NotFoundError(f"{name} was not set aside: see `meshseal spool list`")
            number = max(
                next_segment(state),
                1 + max(map(segment_number, segment_files(paths.spool)), default=0),
            )
            read = salvage_segment(path, spool_key=spool_key)
            writer = SegmentWriter(
                paths.spool, number, spool_key=spool_key, now_unix_nano=time.time_ns()
            )
            try:
                for content in read.contents:
                    writer.append(content)
            finally:
                writer.close()
            path.unlink()
            with state.begin() as connection:
                connection.execute(
                    delete(SEGMENTS).where(SEGMENTS.c.number == segment_number(path))
                )
            records = sum(envelope.records for envelope in envelopes(read))
            done.append(f"{name}: {records} records, now {segment_path(paths.spool, number).name}")
    return done


def _open(
    data: Path, config_file: Path | None, assignments: Sequence[str]
) -> tuple[DataPaths, bytes, str]:
    """Return the directory's paths, the spool's key and where the state is."""
    paths = DataPaths(data.resolve())
    if not paths.spool.is_dir():
        raise ConfigError(f"{data} is not a data directory")
    config = load_config(config_file, assignments=assignments)
    configured = config.keys.master_file
    keyring = load_master(Path(configured) if configured else paths.master_key)
    return paths, keyring.derive(SPOOL_PURPOSE), config.state.url or paths.state_url
