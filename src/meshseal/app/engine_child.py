"""The engine's process: the engine, its HTTP face, and the mill.

The server starts it with one line of JSON on standard input, and speaks to it in lines of JSON
from then on: `{"mill": 7, "again": false}` asks for a segment, `{"define": 3, …}` for a change of
definitions (`mill.definitions`), `{"stop": true}` ends it. It answers `{"ready": …}`, for each
segment `{"milled": …}` or `{"failed": …}`, and for each change `{"defined": 3, …}`. When standard
input ends, the server is gone, and the process ends too.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import hashlib
import os
import queue
import secrets
import signal
import socket
import sys
import threading
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import structlog
import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from meshseal.access.keys import Keyring
from meshseal.access.state import open_state
from meshseal.app.logs import configure_logs
from meshseal.app.paths import DataPaths
from meshseal.mill.definitions import Definitions
from meshseal.mill.faults import fault_of
from meshseal.mill.gate import Gate
from meshseal.mill.keys import BatchKeys
from meshseal.mill.sealer import Sealer
from meshseal.mill.stage import Stage
from meshseal.mill.stair import Stair
from meshseal.mill.writer import StoreWriter
from meshseal.model.errors import EngineError, MeshsealError
from meshseal.seal.ledger import Ledger
from meshseal.seal.signing_key import load_or_create_signer
from meshseal.store.engine import Engine, EnginePaths, Handle
from meshseal.store.face import USER, Face
from meshseal.store.parts import DamagedStoreError, PartsWatch
from meshseal.store.schema import clean_statements, create_statements
from meshseal.store.supervisor import EXIT_DAMAGED

_LOG = structlog.get_logger(__name__)
_PR_SET_PDEATHSIG = 1
_WATCH_SECONDS = 2.0
SPOOL_PURPOSE, STORE_PURPOSE = "spool", "store"


@dataclass(frozen=True, slots=True)
class Boot:
    """What the server tells the process first."""

    data: str
    master_key: str
    state_url: str
    max_memory_bytes: int
    query_handles: int
    mill_workers: int
    merge_threads: int
    retention_days: int
    mill: bool
    log_level: str
    log_json: bool


class _Child:
    """The process."""

    def __init__(self, boot: Boot) -> None:
        self._boot = boot
        self._paths = DataPaths(Path(boot.data))
        self._keyring = Keyring(bytes.fromhex(boot.master_key))
        self._state = open_state(boot.state_url)
        self._engine = Engine(
            EnginePaths(self._paths.engine),
            handles=boot.query_handles,
            max_memory_bytes=boot.max_memory_bytes,
            merge_threads=boot.merge_threads,
            store_key=self._keyring.derive(STORE_PURPOSE),
        )
        self._work: queue.Queue[tuple[int, bool] | None] = queue.Queue()
        self._orders: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._gate = Gate()
        self._stages: list[Stage] = []
        self._output = threading.Lock()
        self._workers: list[threading.Thread] = []

    def run(self) -> None:
        """Serve until the server says stop or is gone."""
        setup = self._engine.open()
        self._create(setup)
        watch = PartsWatch(setup)
        stop = threading.Event()
        watcher = threading.Thread(target=_watch_parts, args=(watch, stop), name="parts")
        watcher.start()
        if self._boot.mill:
            self._start_workers()
        self._start_definitions()
        try:
            asyncio.run(self._serve())
        finally:
            for _ in self._workers:
                self._work.put(None)
            self._orders.put(None)
            for worker in self._workers:
                worker.join()
            stop.set()
            watcher.join()
            if self._boot.mill:
                self._clean(setup, watch)
            self._engine.close()

    def _create(self, setup: Handle) -> None:
        """Create tables and functions, unless an earlier run left just these."""
        statements = create_statements()
        digest = hashlib.sha256("\0".join(statements).encode()).hexdigest()
        # Not every time: a full disk has no room for what creating writes.
        if self._schema_note.exists() and self._schema_note.read_text() == digest:
            return
        self._definitions_note.unlink(missing_ok=True)
        for statement in statements:
            setup.execute(statement)
        self._schema_note.write_text(digest)

    @property
    def _definitions_note(self) -> Path:
        """Says which functions were made of definitions since then."""
        return self._paths.engine / "definitions.json"

    @property
    def _schema_note(self) -> Path:
        """Says which tables, settings and functions there are; missing while they change."""
        return self._paths.engine / "schema.sha256"

    def _clean(self, setup: Handle, watch: PartsWatch) -> None:
        """Remove the parts that merges have replaced, once what replaces them is on the disk.

        Copies that nothing reads would be bytes that `meshseal verify` cannot answer for.
        """
        with contextlib.suppress(DamagedStoreError, EngineError, OSError):
            watch.check()
            os.sync()
            # Away while the settings differ: if this is cut off, the next start sets them again.
            digest = self._schema_note.read_text()
            self._schema_note.unlink()
            for statement in clean_statements():
                setup.execute(statement)
            self._schema_note.write_text(digest)

    def _start_workers(self) -> None:
        signer = load_or_create_signer(self._paths.ledger_key, self._keyring, origin="")
        sealer = Sealer(Ledger(self._paths.ledger, signer), self._state)
        keys = BatchKeys(self._state, self._keyring)
        schema = str(resources.files("meshseal.model").joinpath("spool.proto"))
        for number in range(self._boot.mill_workers):
            handle = self._engine.open()
            stage = Stage(
                handle,
                worker=number,
                schema_path=schema,
                retention_days=self._boot.retention_days,
            )
            self._stages.append(stage)
            stair = Stair(
                self._paths.spool,
                spool_key=self._keyring.derive(SPOOL_PURPOSE),
                stage=stage,
                writer=StoreWriter(handle, stage.tables),
                keys=keys,
                sealer=sealer,
            )
            thread = threading.Thread(target=self._mill, args=(stair,), name=f"mill-{number}")
            thread.start()
            self._workers.append(thread)

    def _start_definitions(self) -> None:
        definitions = Definitions(
            self._engine.open(), self._definitions_note, stages=self._stages, gate=self._gate
        )
        thread = threading.Thread(target=self._define, args=(definitions,), name="definitions")
        thread.start()
        self._workers.append(thread)

    def _define(self, definitions: Definitions) -> None:
        """Change definitions as the server asks."""
        while (order := self._orders.get()) is not None:
            self._say({"defined": order["define"], **definitions.answer(order)})

    def _mill(self, stair: Stair) -> None:
        while (job := self._work.get()) is not None:
            segment, again = job
            try:
                with self._gate.segment():
                    milled = stair.mill(segment, again=again)
            except DamagedStoreError as error:
                _give_up(error)
            except (MeshsealError, OSError, ValueError, SQLAlchemyError) as error:
                fault = fault_of(error)
                _LOG.exception("mill_failed", segment=segment, fault=fault)
                reason = f"{type(error).__name__}: {error}"[:1000]
                self._say({"failed": segment, "fault": fault, "reason": reason})
            else:
                self._say({"milled": asdict(milled)})

    async def _serve(self) -> None:
        password = secrets.token_urlsafe(32)
        face = Face(self._engine, password=password, handles=self._boot.query_handles)
        # With the protocol named, asyncio switches Nagle's algorithm off: 40 ms a query otherwise.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        # Before "ready" is said: the server connects at once, and then not again.
        listener.listen()
        config = uvicorn.Config(
            face,
            interface="asgi3",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        server = uvicorn.Server(config)
        loop = asyncio.get_running_loop()
        threading.Thread(
            target=self._listen, args=(loop, server), name="control", daemon=True
        ).start()
        port = listener.getsockname()[1]
        self._say({"ready": {"port": port, "user": USER, "password": password}})
        await server.serve([listener])
        face.close()

    def _listen(self, loop: asyncio.AbstractEventLoop, server: uvicorn.Server) -> None:
        """Take the server's orders until there are no more."""
        for line in sys.stdin.buffer:
            order = msgspec.json.decode(line)
            if "mill" in order:
                self._work.put((order["mill"], order["again"]))
            elif "define" in order:
                self._orders.put(order)
            elif "stop" in order:
                break
        loop.call_soon_threadsafe(setattr, server, "should_exit", True)

    def _say(self, message: dict[str, Any]) -> None:
        with self._output:
            sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
            sys.stdout.buffer.flush()


def _watch_parts(watch: PartsWatch, stop: threading.Event) -> None:
    """Look after what merges write."""
    while not stop.wait(_WATCH_SECONDS):
        try:
            watch.check()
        except DamagedStoreError as error:
            _give_up(error)
        except EngineError as error:
            _LOG.warning("parts_not_checked", error=str(error)[:500])


def _give_up(error: DamagedStoreError) -> NoReturn:
    """End the process at once, so that the next one finds out what is whole."""
    _LOG.error("store_damaged", error=str(error))
    sys.stderr.flush()
    os._exit(EXIT_DAMAGED)


def main() -> None:
    """Run the process."""
    # The kernel ends this process when the server dies, however it dies.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    boot = msgspec.json.decode(sys.stdin.buffer.readline(), type=Boot)
    if os.getppid() == 1:
        return
    configure_logs(level=boot.log_level, as_json=boot.log_json, process="engine")
    _Child(boot).run()


if __name__ == "__main__":
    main()
