"""The engine's process, from the server's side: started, spoken to, watched, replaced."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import structlog

EXIT_DAMAGED = 75
"""Exit status of a process that must be replaced because it uses files that are not whole."""

_LOG = structlog.get_logger(__name__)
_PING_SECONDS = 2.0
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0
_LINE_BYTES = 64 << 20
_FIRST_BACKOFF_SECONDS, _LAST_BACKOFF_SECONDS = 0.2, 15.0
_STABLE_SECONDS = 60.0

# What the engine freed goes back to the system sooner than by its own default of five seconds: a
# sixth of its memory under load.
_ALLOCATOR = {"JE_MALLOC_CONF": "dirty_decay_ms:2000"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where ClickHouse's HTTP interface answers."""

    host: str
    port: int
    user: str
    password: str


class EngineProcess:
    """Keeps one engine process running. Use it from one event loop.

    Args:
        module: The Python module to run.
        boot: What the process is told first; it holds secrets and goes through a pipe.
        hang_timeout_seconds: A process that has not answered for so long is replaced.
        on_ready: Called with the endpoint each time a process is ready.
        on_lost: Called when the process is gone, with whether it may have been its own doing: it
            crashed, hung, or used up the machine's memory. A process that somebody killed did not.
        on_message: Called with each message of the process.
    """

    def __init__(
        self,
        module: str,
        boot: Mapping[str, Any],
        *,
        hang_timeout_seconds: float,
        on_ready: Callable[[Endpoint], None],
        on_lost: Callable[[bool], None],
        on_message: Callable[[dict[str, Any]], None],
    ) -> None:
        self._command = [sys.executable, "-m", module]
        self._boot = msgspec.json.encode(boot) + b"\n"
        self._hang_timeout = hang_timeout_seconds
        self._on_ready = on_ready
        self._on_lost = on_lost
        self._on_message = on_message
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._hung = False
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        process = self._process
        return process.pid if process and process.returncode is None else None

    async def start(self) -> None:
        """Start the process and keep it running."""
        self._task = asyncio.create_task(self._keep_running(), name="engine")

    async def stop(self) -> None:
        """Let the process finish what it does, then end it."""
        self._stopping = True
        process = self._process
        if process and process.returncode is None:
            self.order({"stop": True})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            if process.returncode is None:
                process.kill()
        if self._task:
            await self._task

    def order(self, message: dict[str, Any]) -> None:
        """Send an order; one that cannot be sent is lost with the process it was for."""
        process = self._process
        if process and process.stdin and not process.stdin.is_closing():
            process.stdin.write(msgspec.json.encode(message) + b"\n")

    async def _keep_running(self) -> None:
        backoff = _FIRST_BACKOFF_SECONDS
        while not self._stopping:
            started = time.monotonic()
            await self._run_once()
            if self._stopping:
                return  # type: ignore[unreachable]  # it changes while the process runs
            self.restarts += 1
            if time.monotonic() - started > _STABLE_SECONDS:
                backoff = _FIRST_BACKOFF_SECONDS
            _LOG.error("engine_lost", restart_in_seconds=backoff)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _LAST_BACKOFF_SECONDS)

    async def _run_once(self) -> None:
        """Run one process from its start to its end."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            start_new_session=True,
            env={**_ALLOCATOR, **os.environ},
        )
        self._process = process
        if self._stopping:
            # `stop` found nothing to tell, because the process did not exist yet.
            self._kill(process)
        self._hung = False
        out_of_memory_before = _out_of_memory_kills()
        assert process.stdin is not None
        process.stdin.write(self._boot)
        watcher: asyncio.Task[None] | None = None
        late = asyncio.get_running_loop().call_later(_READY_SECONDS, self._kill, process)
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                message = msgspec.json.decode(line)
                if "ready" in message:
                    late.cancel()
                    endpoint = Endpoint("127.0.0.1", **message["ready"])
                    watcher = asyncio.create_task(self._watch(process, endpoint))
                    self._on_ready(endpoint)
                else:
                    self._on_message(message)
        finally:
            late.cancel()
            if watcher:
                watcher.cancel()
            self._kill(process)
            code = await process.wait()
            guilty = (
                self._hung
                or code not in (0, EXIT_DAMAGED, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT)
                or _out_of_memory_kills() > out_of_memory_before
            )
            _LOG.info("engine_ended", exit_code=code, by_itself=guilty)
            self._on_lost(guilty)

    async def _watch(self, process: asyncio.subprocess.Process, endpoint: Endpoint) -> None:
        """Kill the process when it does not answer any more."""
        url = f"http://{endpoint.host}:{endpoint.port}/ping"
        answered = time.monotonic()
        timeout = aiohttp.ClientTimeout(total=self._hang_timeout / 2)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await asyncio.sleep(min(_PING_SECONDS, self._hang_timeout / 4))
                try:
                    async with session.get(url) as response:
                        if response.status == 200:
                            answered = time.monotonic()
                except (aiohttp.ClientError, TimeoutError):
                    pass
                if time.monotonic() - answered > self._hang_timeout:
                    _LOG.error("engine_hangs", seconds=self._hang_timeout)
                    self._hung = True
                    self._kill(process)
                    return

    @staticmethod
    def _kill(process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def _out_of_memory_kills() -> int:
    """Return how often the kernel has killed a process for memory since it started."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
