"""What the server asks of the machine it runs on: a lock, memory, a place to leave word."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from meshseal.access.keys import Keyring
from meshseal.app.config import Config
from meshseal.app.paths import DataPaths
from meshseal.model.errors import ConfigError
from meshseal.store.supervisor import Endpoint


def lock(path: Path) -> IO[str]:
    """Take the lock of a data directory; it is given back with the file.

    Raises: ConfigError when a server has it.
    """
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        pid = file.read().strip()
        file.close()
        raise ConfigError(
            f"another server runs on {path.parent} (process {pid}): stop it, or use another "
            "directory with --data"
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def is_locked(path: Path) -> bool:
    """Say whether a server has the lock of a data directory."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def publish(path: Path, endpoint: Endpoint) -> None:
    """Leave word for the owner's own tools where the engine answers; nobody else can read it."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(endpoint), file)
    temporary.rename(path)


def machine_memory() -> int:
    """Return the memory of the machine, or of the container if that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    with contextlib.suppress(OSError, ValueError):
        return min(total, int(limit.read_text()))
    return total


def engine_boot(
    paths: DataPaths, config: Config, keyring: Keyring, state_url: str, *, mill: bool
) -> dict[str, Any]:
    """Return what an engine's process is told first."""
    engine = config.engine
    return {
        "data": str(paths.root),
        "master_key": keyring.export(),
        "state_url": state_url,
        "max_memory_bytes": engine.max_memory_bytes or machine_memory() // 4,
        "query_handles": engine.query_handles,
        "mill_workers": engine.mill_workers,
        "merge_threads": engine.merge_threads,
        "retention_days": config.retention.days,
        "mill": mill,
        "log_level": config.log.level,
        "log_json": config.log.format == "json",
    }
