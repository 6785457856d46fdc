"""The definitions of a running server: held here, kept in the state, told to the engine's process.

An edit is made in the engine first, which may refuse it, and then in the state together with its
audit record. Whenever an engine's process starts it is told everything before it is asked anything.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from meshseal.access.definitions import Definitions, Editor
from meshseal.model.errors import EngineError, FormatError, MeshsealError, NotFoundError
from meshseal.model.own_format import OwnFormat
from meshseal.model.register import Register, Service
from meshseal.shape.formats import BUILT_IN
from meshseal.shape.own_formats import compiled

_LOG = structlog.get_logger(__name__)
_ANSWER_SECONDS = 60.0
MAX_FORMATS = 100


class LiveDefinitions:
    """The definitions. Use it from one event loop.

    Args:
        stored: Those in the state.
        configured: The formats of the configuration; they cannot be edited here.
        proxies: The networks whose proxies are trusted.
        order: Sends an order to the engine's process.

    Raises: FormatError when a format of the configuration cannot be used.
    """

    def __init__(
        self,
        stored: Definitions,
        *,
        configured: Sequence[OwnFormat],
        proxies: Sequence[str],
        order: Callable[[dict[str, Any]], None],
    ) -> None:
        self._stored = stored
        for own in configured:
            compiled(own)
        self.configured = {own.name: own for own in configured}
        self.edited = {own.name: own for own in stored.formats()}
        self.refused: dict[str, str] = {}
        """Formats that could be used once and now cannot, with the reason."""
        self.register = Register(stored.services())
        self._proxies = list(proxies)
        self._order = order
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._edit = asyncio.Lock()
        self._up = False

    @property
    def formats(self) -> dict[str, OwnFormat]:
        """Every format of this installation's own; the configuration goes before edits."""
        return {**self.edited, **self.configured}

    @property
    def format_names(self) -> frozenset[str]:
        """What senders may name as a format beside the formats that are built in."""
        return frozenset(self.formats) - frozenset(self.refused)

    # ---- The engine ------------------------------------------------------------------------

    async def engine_ready(self) -> None:
        """Tell a new engine's process everything. What it refuses is done without, and logged."""
        self._up = True
        async with self._edit:
            try:
                self.refused = await self._tell_formats(self.formats, lenient=True)
                await self._tell_services(self.register)
            except EngineError as error:
                _LOG.error("definitions_not_made", error=str(error)[:500])
        for name, reason in self.refused.items():
            _LOG.error("format_refused", format=name, reason=reason[:500])

    def engine_lost(self) -> None:
        """Give up on answers that will not come."""
        self._up = False
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(EngineError("the storage engine went away: try again"))

    def message(self, message: Mapping[str, Any]) -> bool:
        """Take what the engine's process says, if it is an answer to this; says whether it was."""
        number = message.get("defined")
        if number is None:
            return False
        waiting = self._waiting.get(number)
        if waiting and not waiting.done():
            waiting.set_result(dict(message))
        return True

    # ---- Edits -----------------------------------------------------------------------------

    async def put_format(self, own: OwnFormat, editor: Editor) -> None:
        """Add or replace a format. Raises: FormatError, EngineError; then nothing has changed."""
        self._require_editable(own.name)
        await asyncio.to_thread(compiled, own)
        async with self._edit:
            if len(self.edited) >= MAX_FORMATS and own.name not in self.edited:
                raise FormatError(f"there are {MAX_FORMATS} formats already: remove one")
            edited = {**self.edited, own.name: own}
            await self._change_formats(edited, own.name, self._stored.put_format, own, editor)

    async def remove_format(self, name: str, editor: Editor) -> None:
        """Remove a format. Raises: NotFoundError, FormatError, EngineError."""
        self._require_editable(name)
        async with self._edit:
            if name not in self.edited:
                raise NotFoundError(f"there is no format {name[:80]!r} of this installation's own")
            edited = {key: own for key, own in self.edited.items() if key != name}
            await self._change_formats(edited, name, self._stored.remove_format, name, editor)

    async def put_service(self, service: Service, editor: Editor) -> None:
        """Add or replace a service. Raises: PayloadError, EngineError; then nothing has changed."""
        async with self._edit:
            register = await asyncio.to_thread(self.register.with_service, service)
            await self._change_register(register, self._stored.put_service, service, editor)

    async def remove_service(self, tenant: str, name: str, editor: Editor) -> None:
        """Remove a service. Raises: NotFoundError, EngineError; then nothing has changed."""
        async with self._edit:
            register = await asyncio.to_thread(self.register.without, tenant, name)
            await self._change_register(register, self._stored.remove_service, tenant, name, editor)

    async def read(self, lines: Sequence[str], name: str, own: OwnFormat | None) -> list[Any]:
        """Return how lines would be read, a format first. Raises: FormatError, EngineError."""
        given = own.document() if own else None
        answer = await self._ask({"lines": list(lines), "name": name, "own": given})
        rows: list[Any] = answer["rows"]
        return rows

    # ---- Inside ----------------------------------------------------------------------------

    def _require_editable(self, name: str) -> None:
        if name in BUILT_IN:
            raise FormatError(f"{name} is built in")
        if name in self.configured:
            raise FormatError(f"{name} is in the configuration: change it there")

    async def _change_formats(
        self,
        edited: dict[str, OwnFormat],
        name: str,
        keep: Callable[..., None],
        *what: object,
    ) -> None:
        known = {**edited, **self.configured}
        usable = {key: own for key, own in known.items() if key == name or key not in self.refused}
        refused = await self._tell_formats(usable, lenient=False)
        if refused:
            raise FormatError(next(iter(refused.values())))
        try:
            await asyncio.to_thread(keep, *what)
        except SQLAlchemyError:
            await self._tell_formats(self.formats, lenient=True)
            raise
        self.edited = edited
        self.refused = {key: reason for key, reason in self.refused.items() if key != name}

    async def _change_register(
        self, register: Register, keep: Callable[..., None], *what: object
    ) -> None:
        await self._tell_services(register)
        try:
            await asyncio.to_thread(keep, *what)
        except SQLAlchemyError:
            await self._tell_services(self.register)
            raise
        self.register = register

    async def _tell_formats(
        self, formats: Mapping[str, OwnFormat], *, lenient: bool
    ) -> dict[str, str]:
        given = {name: own.document() for name, own in sorted(formats.items())}
        answer = await self._ask({"formats": given, "proxies": self._proxies, "lenient": lenient})
        refused: dict[str, str] = answer["refused"]
        return refused

    async def _tell_services(self, register: Register) -> None:
        rows = [
            {
                "tenant": one.tenant,
                "name": one.name,
                "namespace": one.namespace,
                "aliases": one.aliases,
                "labels": dict(one.labels),
            }
            for one in register.services()
        ]
        await self._ask({"services": rows})

    async def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Send an order and wait for its answer. Raises: FormatError, EngineError."""
        if not self._up:
            raise EngineError("the storage engine is not ready: try again in a few seconds")
        number = next(self._numbers)
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        try:
            self._order({"define": number, **order})
            answer = await asyncio.wait_for(waiting, _ANSWER_SECONDS)
        except TimeoutError as error:
            raise EngineError("the storage engine does not answer: try again") from error
        finally:
            del self._waiting[number]
        if "error" in answer:
            raise _refusal(answer)
        return answer


def _refusal(answer: Mapping[str, Any]) -> MeshsealError:
    if answer["engine_code"] < 0:
        return FormatError(answer["error"])
    return EngineError(answer["error"], engine_code=answer["engine_code"])
