"""The server: everything that a running Meshseal is made of, put together, started and stopped."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import structlog
from starlette.applications import Starlette

from meshseal import __version__
from meshseal.access.credentials import Credentials
from meshseal.access.definitions import Definitions
from meshseal.access.keys import Keyring, load_or_create_master
from meshseal.access.state import migrate, open_state
from meshseal.api.completeness import CompletenessApi
from meshseal.api.definitions import LiveDefinitions
from meshseal.api.formats import FormatsApi
from meshseal.api.gate import Gate
from meshseal.api.intake import Intake
from meshseal.api.loki import LokiApi
from meshseal.api.mesh import MeshApi
from meshseal.api.own import OwnApi
from meshseal.api.reading import ReadContext
from meshseal.api.services import ServicesApi
from meshseal.api.tails import Tails
from meshseal.api.traces import TracesApi
from meshseal.app.auditing import SpoolAudit
from meshseal.app.conductor import Conductor, load_chunks, load_deliveries
from meshseal.app.config import Config
from meshseal.app.definition_settings import own_formats
from meshseal.app.doors import Doors, check_listeners
from meshseal.app.emitters import Emitters
from meshseal.app.engine_child import SPOOL_PURPOSE
from meshseal.app.machine import engine_boot, lock, publish
from meshseal.app.paths import DataPaths
from meshseal.app.segments import next_segment
from meshseal.console.pages import Console
from meshseal.console.sessions import Site
from meshseal.model import telemetry
from meshseal.model.errors import ConfigError, EngineError, FormatError
from meshseal.query.completeness import Completeness
from meshseal.query.mesh import Mesh
from meshseal.query.proofs import ProofMaker
from meshseal.query.reader import Reader
from meshseal.query.traces import Traces
from meshseal.receive.body import InFlight
from meshseal.receive.rates import Rates
from meshseal.seal.signing_key import load_or_create_signer
from meshseal.spool.copies import Chunks, Deliveries, InDoubt
from meshseal.spool.recovery import Recovered, recover
from meshseal.spool.spool import Spool
from meshseal.spool.tally import TallyBook
from meshseal.store.client import Store
from meshseal.store.counter_book import CounterBook
from meshseal.store.supervisor import Endpoint, EngineProcess

_LOG = structlog.get_logger(__name__)
_ENGINE_MODULE = "meshseal.app.engine_child"
_DRAIN_SECONDS = 20.0


class Server:
    """One server on one data directory.

    Args:
        data: The data directory; created if it is not there.
        config: The configuration.
        trial: Whether everybody on this machine may do everything.

    Raises: ConfigError when the configuration cannot be used here, or another server runs on the
        directory. IntegrityError when what is in the directory is not what was left there.
    """

    def __init__(self, data: Path, config: Config, *, trial: bool) -> None:
        self.config = config
        self.trial = trial
        self.paths = DataPaths(data.resolve())
        check_listeners(config, trial=trial)
        self.paths.create()
        self._lock = lock(self.paths.lock)
        self.keyring = self._open_keyring()
        signer = load_or_create_signer(
            self.paths.ledger_key, self.keyring, origin=config.ledger.origin
        )
        self.verifier = signer.verifier
        self._state_url = config.state.url or self.paths.state_url
        migrate(self._state_url)
        self.state = open_state(self._state_url)
        self.credentials = Credentials(self.state)
        self._gate = Gate(self.credentials, trial=trial)
        self._inflight = InFlight(config.limits.max_inflight_bytes)
        self._doors = Doors(config, trial=trial, gate=self._gate, inflight=self._inflight)
        self.store = Store(config.query)
        self.reader = Reader(self.store, config.query, register=lambda: self.definitions.register)
        self.tails = Tails(self.reader)
        self._chunks = Chunks()
        self._deliveries = Deliveries()
        self._in_doubt = InDoubt()
        self._tallies = TallyBook()
        self._book = CounterBook()
        self._emitters = Emitters(config.emitters, self._book, self.store)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._engine = EngineProcess(
            _ENGINE_MODULE,
            engine_boot(self.paths, config, self.keyring, self._state_url, mill=True),
            hang_timeout_seconds=config.engine.hang_timeout_seconds,
            on_ready=self._engine_ready,
            on_lost=self._engine_lost,
            on_message=self._engine_says,
        )
        self.definitions = self._open_definitions()
        self.conductor = Conductor(
            state=self.state,
            chunks=self._chunks,
            order=self._engine.order,
            on_batch=self.tails.announce,
        )
        self._spool: Spool | None = None
        self._pending_audit: asyncio.Task[None] | None = None

    # ---- Life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Recover what was left, then open the doors. Raises: ConfigError, IntegrityError."""
        for mark in load_chunks(self.state):
            self._chunks.load(mark)
        for digest, age_seconds in load_deliveries(self.state):
            self._deliveries.add(digest, age_seconds=age_seconds)
        spool_key = self.keyring.derive(SPOOL_PURPOSE)
        recovered = await asyncio.to_thread(recover, self.paths.spool, spool_key=spool_key)
        spool = Spool(
            self.paths.spool,
            spool_key=spool_key,
            settings=self.config.spool,
            first_number=max(recovered.next_number, next_segment(self.state)),
            on_closed=self.conductor.closed,
            tallies=self._tallies,
        )
        self._spool = spool
        self._take_over(recovered, spool)
        self.conductor.attach(spool)
        await spool.start()
        intake = Intake(
            spool,
            self._chunks,
            self._deliveries,
            self._in_doubt,
            self._tallies,
            Rates(self.config.limits),
            on_chunk=self.conductor.arrived,
            on_delivery=self.conductor.delivered,
            book=self._book,
            own_formats=lambda: self.definitions.format_names,
        )
        await self._engine.start()
        audit = SpoolAudit(spool)
        self._pending_audit = asyncio.create_task(audit.write_pending(self.state), name="audit")
        await self._open_doors(intake, audit)
        self._emitters.start()

    async def stop(self) -> None:
        """Close the doors, write what waits, finish what can be finished, end."""
        self._stopping = True
        await self._doors.close()
        if self._pending_audit:
            self._pending_audit.cancel()
            await asyncio.wait([self._pending_audit])
        if self._spool:
            await self._spool.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self.conductor.idle and self._engine.pid:  # noqa: ASYNC110  (two things)
                    await asyncio.sleep(0.05)
        await self._emitters.stop()
        await self.store.disconnect()
        await self._engine.stop()
        await self.conductor.stop()
        self.paths.running.unlink(missing_ok=True)
        self.state.dispose()
        self._lock.close()

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Where each listener is, by its name."""
        return self._doors.addresses

    @property
    def ready(self) -> bool:
        """Whether records can be taken in and found."""
        return self.store.connected and not self._stopping and self._spool is not None

    def status(self) -> dict[str, Any]:
        """Return how the server is, and bring the gauges up to date."""
        assert self._spool is not None
        segments, size = self._spool.backlog()
        telemetry.SPOOL_SEGMENTS.set(segments)
        telemetry.SPOOL_BYTES.set(size)
        telemetry.SPOOL_OLDEST_SECONDS.set(self._spool.oldest_seconds())
        telemetry.INFLIGHT_BYTES.set(self._inflight.held_bytes)
        telemetry.ENGINE_UP.set(self.store.connected)
        return {
            "version": __version__,
            "trial": self.trial,
            "ready": self.ready,
            "ledger": {"key": str(self.verifier)},
            "spool": {
                "segments": segments,
                "bytes": size,
                "oldest_seconds": round(self._spool.oldest_seconds(), 3),
            },
            "engine": {"up": self.store.connected, "restarts": self._engine.restarts},
            "listeners": {name: f"{host}:{port}" for name, (host, port) in self.addresses.items()},
        }

    # ---- Before the start --------------------------------------------------------------------

    def _open_keyring(self) -> Keyring:
        configured = self.config.keys.master_file
        return load_or_create_master(Path(configured) if configured else self.paths.master_key)

    def _open_definitions(self) -> LiveDefinitions:
        try:
            return LiveDefinitions(
                Definitions(self.state),
                configured=own_formats(self.config.formats),
                proxies=self.config.mesh.proxies,
                order=self._engine.order,
            )
        except FormatError as error:
            raise ConfigError(f"formats: {error}") from error

    def _take_over(self, recovered: Recovered, spool: Spool) -> None:
        for segment in recovered.segments:
            spool.adopt(segment)
            self.conductor.left_behind(segment)
        for segment_number, tenant, chunk in recovered.chunks:
            self._chunks.add(tenant, chunk)
            self.conductor.arrived(segment_number, tenant, chunk)
        for segment_number, named in recovered.deliveries:
            self._deliveries.add(named)
            self.conductor.delivered(segment_number, named)
        for hashed, size in recovered.in_doubt:
            self._in_doubt.add_digest(hashed, size)
        for (tenant, door), records in recovered.received.items():
            telemetry.RECORDS_RECEIVED.labels(door, tenant).inc(records)
            telemetry.SPOOL_RECORDS.inc(records)
        if recovered.segments:
            _LOG.info("spool_recovered", segments=len(recovered.segments))

    # ---- The engine --------------------------------------------------------------------------

    def _engine_ready(self, endpoint: Endpoint) -> None:
        self._spawn(self._connect(endpoint))

    async def _connect(self, endpoint: Endpoint) -> None:
        await self.definitions.engine_ready()
        try:
            await self.store.connect(endpoint)
        except EngineError as error:
            _LOG.error("engine_does_not_answer", error=str(error))
            return
        try:
            publish(self.paths.running, endpoint)
        except OSError as error:
            # The disk is full, say: the owner's tools must wait, the server need not.
            _LOG.error("engine_not_published", error=str(error))
        self.conductor.engine_ready()
        _LOG.info("engine_ready")

    def _engine_lost(self, by_itself: bool) -> None:
        self.paths.running.unlink(missing_ok=True)
        telemetry.ENGINE_RESTARTS.inc()
        self.definitions.engine_lost()
        self._spawn(self.store.disconnect())
        if not self._stopping:
            self._spawn(self.conductor.engine_lost(by_itself=by_itself))

    def _engine_says(self, message: dict[str, Any]) -> None:
        if not self.definitions.message(message):
            self.conductor.message(message)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- The doors ---------------------------------------------------------------------------

    async def _open_doors(self, intake: Intake, audit: SpoolAudit) -> None:
        context = ReadContext(self._gate, self.reader, audit)
        proofs = ProofMaker(
            self.store,
            state=self.state,
            keyring=self.keyring,
            ledger=self.paths.ledger,
            verifier=self.verifier,
        )
        loki = LokiApi(context, self.config.query, is_ready=lambda: self.ready)
        own = OwnApi(
            context,
            proofs=proofs,
            tails=self.tails,
            ledger=self.paths.ledger,
            verifier=self.verifier,
            status=self.status,
            is_ready=lambda: self.ready,
        )
        completeness = Completeness(self.store, self.state, self.config.completeness)
        complete = CompletenessApi(context, completeness)
        traces = TracesApi(context, Traces(self.store, self.config.query))
        mesh = MeshApi(context, Mesh(self.store))
        console = Console(
            context,
            proofs=proofs,
            verifier=self.verifier,
            trial=self.trial,
            site=Site(self.config.main.public_url, tls=bool(self.config.tls.certificate_file)),
            completeness=completeness,
            definitions=self.definitions,
            tails=self.tails,
        )
        await self._doors.open(
            intake,
            Starlette(
                routes=[
                    *own.routes(),
                    *traces.routes(),
                    *complete.routes(),
                    *mesh.routes(),
                    *FormatsApi(context, self.definitions).routes(),
                    *ServicesApi(context, self.definitions).routes(),
                    *loki.routes(),
                    *console.routes(),
                ]
            ),
            {"loki": Starlette(routes=loki.routes())},
        )
