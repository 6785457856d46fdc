"""Connections: deadlines, slow readers, too many of them, overload, the server's end."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from dataclasses import replace

import pytest

from meshseal.api import streams
from meshseal.model.errors import OverloadedError
from meshseal.receive.settings import TlsSettings
from meshseal.wire.lumberjack import PROTOCOL
from meshseal.wire.stream import Connection, Session, Step, Take
from tests.certificates import Files
from tests.receive.listening import WINDOW, close, drained, listening, refused, until
from tests.wire.test_lumberjack import A, ack, event, events, packed, window

PATIENT = replace(PROTOCOL, name="patient", answers=False)


# ---- Deadlines -------------------------------------------------------------------------------


async def test_an_idle_connection_is_closed() -> None:
    async with listening(stream_idle_seconds=0.2) as running:
        reader, writer = await running.connect()
        writer.write(WINDOW)
        assert await reader.readexactly(6) == ack(1)
        assert await reader.read() == b""
        await close(writer)


async def test_an_idle_connection_may_live_longer_than_a_message() -> None:
    async with listening(body_timeout_seconds=0.1) as running:
        reader, writer = await running.connect()
        for _ in range(3):
            await asyncio.sleep(0.2)
            writer.write(WINDOW)
            assert await reader.readexactly(6) == ack(1)
        await close(writer)


@pytest.mark.parametrize("trickle", [False, True], ids=["silence", "a byte now and then"])
async def test_half_a_message_has_a_deadline(trickle: bool) -> None:
    before = refused("invalid_payload")
    async with listening(body_timeout_seconds=0.3) as running:
        reader, writer = await running.connect()
        writer.write(window(3) + event(1, A) + event(2, A)[:7])
        if trickle:
            while not reader.at_eof():
                writer.write(b"\0")
                await asyncio.sleep(0.02)
        assert await reader.read() == b""
        await close(writer)
        assert running.intake.taken == []
        assert running.inflight.held_bytes == 0
    assert refused("invalid_payload") == before + 1


async def test_a_handshake_that_never_ends_is_cut(files: Files) -> None:
    tls = TlsSettings(certificate_file=str(files.certificate), key_file=str(files.key))
    async with listening(tls=tls, header_timeout_seconds=0.3) as running:
        silent, other = await running.connect()
        other.write(b"\x16\x03\x01\x02\x00\x01")
        context = ssl.create_default_context(cafile=str(files.certificate))
        reader, writer = await running.connect(context)
        writer.write(WINDOW)
        assert await reader.readexactly(6) == ack(1)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await silent.readexactly(1)
        await close(writer)
        await close(other)


# ---- Who reads slowly, and who is too many ---------------------------------------------------


class Chatty(Session):
    """Answers every byte with a megabyte."""

    def __init__(self, connection: Connection) -> None:
        self._inner = PROTOCOL.session(connection) if PROTOCOL.session else Session()

    def received(self, data: bytes, received_unix_nano: int) -> Iterable[Step]:
        for step in self._inner.received(data, received_unix_nano):
            assert isinstance(step, Take)
            yield replace(step, reply=bytes(64 << 20))


async def test_who_does_not_read_is_cut_and_what_it_sent_is_in_doubt() -> None:
    chatty = replace(PROTOCOL, session=Chatty)
    async with listening(chatty, body_timeout_seconds=0.3) as running:
        reader, writer = await running.connect()
        writer.write(WINDOW * 2)
        await until(lambda: running.intake.doubted)
        assert len(running.intake.taken) == 1
        assert running.intake.doubted == running.intake.taken
        await until(lambda: running.inflight.held_bytes == 0)
        assert len(await asyncio.wait_for(drained(reader), 60)) < 64 << 20
        await close(writer)


async def test_one_too_many_is_closed_at_once() -> None:
    async with listening(max_connections=2) as running:
        first, second = await running.connect(), await running.connect()
        for reader, writer in (first, second):
            writer.write(WINDOW)
            assert await reader.readexactly(6) == ack(1)
        reader, writer = await running.connect()
        assert await drained(reader) == b""
        await close(writer)
        await close(first[1])
        answered = b""
        while not answered:  # the place is free as soon as the server has seen the end
            reader, writer = await running.connect()
            writer.write(WINDOW)
            answered = await _drained_ack(reader)
            await close(writer)
        assert answered == ack(1)
        await close(second[1])


async def _drained_ack(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readexactly(6)
    except (ConnectionError, asyncio.IncompleteReadError):
        return b""


# ---- Overload --------------------------------------------------------------------------------


async def test_overload_closes_without_an_answer() -> None:
    before = refused("overloaded")
    async with listening() as running:
        running.intake.error = OverloadedError("the spool is full")
        reader, writer = await running.connect()
        writer.write(WINDOW)
        assert await drained(reader) == b""
        assert running.intake.patient == [False]
        assert running.intake.doubted == []
        await close(writer)
    assert refused("overloaded") == before + 1


async def test_who_would_not_send_again_is_waited_for() -> None:
    async with listening(PATIENT) as running:
        reader, writer = await running.connect()
        writer.write(WINDOW)
        assert await reader.readexactly(6) == ack(1)
        assert running.intake.patient == [True]
        await close(writer)


async def test_what_all_hold_together_is_bounded_unpacked() -> None:
    """Little is sent and much is meant: the second has no room while the first is being stored."""
    before = refused("overloaded")
    large = window(1) + packed(event(1, b'{"a":"%b"}' % (b"x" * 700_000)))
    async with listening(max_inflight_bytes=1 << 20) as running:
        running.intake.let.clear()
        first, second = await running.connect(), await running.connect()
        first[1].write(large)
        await running.intake.begun.wait()
        second[1].write(large)
        assert await drained(second[0]) == b""
        running.intake.let.set()
        assert await first[0].readexactly(6) == ack(1)
        await close(first[1])
        await close(second[1])
        await until(lambda: running.inflight.held_bytes == 0)
        assert len(running.intake.taken) == 1
    assert refused("overloaded") == before + 1


async def test_who_would_not_send_again_waits_for_room() -> None:
    large = window(1) + packed(event(1, b'{"a":"%b"}' % (b"x" * 700_000)))
    async with listening(PATIENT, max_inflight_bytes=1 << 20) as running:
        running.intake.let.clear()
        first, second = await running.connect(), await running.connect()
        first[1].write(large)
        await running.intake.begun.wait()
        second[1].write(large)
        running.intake.let.set()
        for reader, writer in (first, second):
            assert await reader.readexactly(6) == ack(1)
            await close(writer)
        assert len(running.intake.taken) == 2


# ---- While records are being made durable ----------------------------------------------------


async def test_who_waits_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_KEEP_ALIVE_SECONDS", 0.02)
    async with listening() as running:
        running.intake.let.clear()
        reader, writer = await running.connect()
        writer.write(WINDOW)
        assert await reader.readexactly(18) == ack(0) * 3
        running.intake.let.set()
        answers = await reader.readuntil(ack(1))
        assert answers.removesuffix(ack(1)) == ack(0) * (len(answers) // 6 - 1)
        assert running.intake.doubted == []
        await close(writer)


async def test_windows_are_answered_in_order() -> None:
    async with listening() as running:
        reader, writer = await running.connect()
        writer.write(b"".join(window(n) + packed(events(*[A] * n)) for n in range(1, 20)))
        assert await reader.readexactly(19 * 6) == b"".join(ack(n) for n in range(1, 20))
        assert [one.records for one in running.intake.taken] == list(range(1, 20))
        await close(writer)


async def test_who_is_lost_meanwhile_may_send_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost while it was told to wait, and stored all the same: its next try is a copy."""
    monkeypatch.setattr(streams, "_KEEP_ALIVE_SECONDS", 0.02)
    async with listening() as running:
        running.intake.let.clear()
        _, writer = await running.connect()
        writer.write(WINDOW)
        await running.intake.begun.wait()
        writer.transport.abort()
        await asyncio.sleep(0.1)
        running.intake.let.set()
        await until(lambda: running.intake.doubted)
        assert running.intake.doubted == running.intake.taken


async def test_who_ended_before_the_answer_may_send_again() -> None:
    async with listening() as running:
        running.intake.let.clear()
        reader, writer = await running.connect()
        writer.write(WINDOW)
        writer.write_eof()
        await running.intake.begun.wait()
        await asyncio.sleep(0.05)
        running.intake.let.set()
        assert await reader.read() == ack(1)
        assert running.intake.doubted == running.intake.taken
        await close(writer)


# ---- The server's end ------------------------------------------------------------------------


async def test_a_stop_closes_idle_connections_and_answers_those_at_work() -> None:
    async with listening() as running:
        idle, busy = await running.connect(), await running.connect()
        idle[1].write(window(2) + event(1, A))
        running.intake.let.clear()
        busy[1].write(WINDOW)
        await running.intake.begun.wait()
        stopped = asyncio.create_task(running.server.stop())
        assert await idle[0].read() == b""
        running.intake.let.set()
        assert await busy[0].read() == ack(1)
        await stopped
        assert running.intake.doubted == []
        with pytest.raises(ConnectionError):
            await running.connect()
        for _, writer in (idle, busy):
            await close(writer)
