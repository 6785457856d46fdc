"""What processes use: memory and processor time, from /proc."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from tests.server import ServerProcess

_TICKS = os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> int:
    """Return the memory of a process, shared pages counted by share (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no memory")


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def server_memory(server: ServerProcess) -> tuple[int, int]:
    """Return the memory of (main process, engine)."""
    return memory_bytes(server.pid), memory_bytes(server.engine_pid())


class Watch:
    """Samples the memory of a server while something goes on. A context manager."""

    def __init__(self, server: ServerProcess, every_seconds: float = 1.0) -> None:
        self._server = server
        self._every_seconds = every_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.samples: list[int] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def most(self) -> int:
        """The most memory seen, main process and engine together."""
        return max(self.samples, default=0)

    def _sample(self) -> None:
        while not self._stop.wait(self._every_seconds):
            self.samples.append(sum(server_memory(self._server)))
