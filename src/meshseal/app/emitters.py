"""Fetches the counters of emitters, and writes what senders say of themselves into the store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from meshseal.app.emitter_settings import EmitterSettings
from meshseal.model import telemetry
from meshseal.model.errors import ConfigError, MeshsealError
from meshseal.model.identifiers import DEFAULT_TENANT
from meshseal.receive.fetch import FetchError, fetch, secret_of, tls_context
from meshseal.store.client import Store
from meshseal.store.counter_book import CounterBook
from meshseal.wire.emitter_stats import read_stats

_LOG = structlog.get_logger(__name__)
_WRITE_SECONDS = 2.0


class Emitters:
    """What runs beside the doors. Use it from one event loop.

    Args:
        settings: The emitters by name.
        book: Where readings wait.
        store: Where they are written.

    Raises: ConfigError when a file that the settings name cannot be used.
    """

    def __init__(
        self, settings: Mapping[str, EmitterSettings], book: CounterBook, store: Store
    ) -> None:
        self._book = book
        self._store = store
        self._fetchers = [_Fetcher(name, one) for name, one in sorted(settings.items())]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        works = [self._write_forever(), *(self._follow(one) for one in self._fetchers)]
        self._tasks = [asyncio.create_task(work, name="emitters") for work in works]

    async def stop(self) -> None:
        """End, and write what waits."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._store.connected:
            await self._book.write(self._store)

    async def _write_forever(self) -> None:
        while True:
            await asyncio.sleep(_WRITE_SECONDS)
            if self._store.connected:
                await self._book.write(self._store)

    async def _follow(self, fetcher: _Fetcher) -> None:
        """Fetch at whole multiples of the interval, so that samples lie at the hours' ends."""
        while True:
            await fetcher.fetch_into(self._book)
            interval = fetcher.settings.interval_seconds
            await asyncio.sleep(interval - time.time() % interval)


@dataclass(slots=True)
class _Fetcher:
    """One emitter."""

    name: str
    settings: EmitterSettings
    failing: str = ""

    def __post_init__(self) -> None:
        try:
            self._check()
        except OSError as error:
            raise ConfigError(f"emitters.{self.name}: {error}") from error

    def _check(self) -> None:
        one = self.settings
        tls_context(one.ca_file, one.certificate_file, one.key_file)
        if one.token_file:
            secret_of(one.token_file)

    async def fetch_into(self, book: CounterBook) -> None:
        """Fetch once; what goes wrong is told when it begins and when it ends."""
        one = self.settings
        reason = ""
        try:
            # Read each time: certificates and tokens are changed while the server runs.
            context = tls_context(one.ca_file, one.certificate_file, one.key_file)
            headers = {"Accept": "application/json, text/plain", "User-Agent": "meshseal"}
            if one.token_file:
                headers["Authorization"] = f"Bearer {secret_of(one.token_file)}"
            body = await fetch(
                one.url,
                timeout_seconds=one.timeout_seconds,
                limit_bytes=one.max_bytes,
                headers=headers,
                context=context,
            )
            readings = await asyncio.to_thread(
                read_stats, one.kind, body, one.wanted(), time.time_ns()
            )
            if not readings:
                raise FetchError("none of the counters that tell of records is there")
        except (MeshsealError, OSError) as error:
            reason = str(error)[:300]
        else:
            book.read(
                one.tenant or DEFAULT_TENANT,
                one.source,
                [
                    replace(
                        reading,
                        emitter=self.name,
                        door=one.door or reading.door,
                        service=one.service,
                        instance=one.instance,
                    )
                    for reading in readings
                ],
            )
        self._tell(reason)

    def _tell(self, reason: str) -> None:
        outcome = "failed" if reason else "read"
        telemetry.EMITTER_FETCHES.labels(self.name, outcome).inc()
        if reason and reason != self.failing:
            _LOG.warning("emitter_not_read", emitter=self.name, reason=reason)
        elif self.failing and not reason:
            _LOG.info("emitter_read_again", emitter=self.name)
        self.failing = reason
