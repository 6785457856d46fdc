"""A door with senders of both kinds: those that send again, and those that never hear of it."""

from __future__ import annotations

from typing import Any

import msgpack

from meshseal.model.errors import OverloadedError
from meshseal.wire.forward import FORWARD
from tests.receive.listening import close, listening, refused


def message(size: int = 1, **option: Any) -> bytes:
    return bytes(msgpack.packb(["t", 1_789_899_072, {"log": "x" * size}, option]))


async def test_events_without_a_chunk_are_waited_for() -> None:
    async with listening(FORWARD) as running:
        reader, writer = await running.connect()
        writer.write(message())
        writer.write(message(chunk="c"))
        assert await reader.readexactly(7) == msgpack.packb({"ack": "c"})
        assert running.intake.patient in ([True], [True, False])
        assert sum(one.records for one in running.intake.taken) == 2
        await close(writer)


async def test_a_chunk_is_not_answered_by_a_door_that_is_full() -> None:
    before = refused("overloaded", "forward")
    async with listening(FORWARD) as running:
        running.intake.error = OverloadedError("the spool is full")
        reader, writer = await running.connect()
        writer.write(message(chunk="c"))
        assert await reader.read() == b""
        assert running.intake.patient == [False]
        assert running.intake.doubted == []
        await close(writer)
    assert refused("overloaded", "forward") == before + 1


async def test_events_wait_for_room_in_memory() -> None:
    before = refused("overloaded", "forward")
    async with listening(FORWARD, max_inflight_bytes=1 << 20) as running:
        running.intake.let.clear()
        first, second = await running.connect(), await running.connect()
        first[1].write(message(700_000, chunk="1"))
        await running.intake.begun.wait()
        second[1].write(message(700_000, chunk="2"))
        running.intake.let.set()
        for number, (reader, writer) in enumerate((first, second), 1):
            assert await reader.readexactly(7) == msgpack.packb({"ack": str(number)})
            await close(writer)
        assert len(running.intake.taken) == 2
    assert refused("overloaded", "forward") == before


async def test_what_cannot_be_kept_is_counted_and_the_connection_goes_on() -> None:
    before = refused("unsupported", "forward")
    async with listening(FORWARD) as running:
        reader, writer = await running.connect()
        writer.write(message(chunk="m", fluent_signal=1))
        assert await reader.readexactly(7) == msgpack.packb({"ack": "m"})
        assert running.intake.refused == [("forward", "default", "unsupported", 1)]
        writer.write(message(chunk="c"))
        assert await reader.readexactly(7) == msgpack.packb({"ack": "c"})
        await close(writer)
    assert refused("unsupported", "forward") == before + 1
