"""What senders say of themselves, on its way into the store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from meshseal.model.counters import Alive, Meaning, Reading
from meshseal.model.errors import EngineError
from meshseal.store import counter_book
from meshseal.store.client import Store
from meshseal.store.completeness import ARRIVALS, COUNTERS
from meshseal.store.counter_book import CounterBook

READING = Reading("sent", Meaning.PASSED, 5, 2_000, 1_000, emitter="otlp/cart", service="cart")


class FakeStore:
    """Keeps what is inserted, unless it is to fail."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, bytes]] = []
        self.fails = False

    async def insert(self, table: str, rows: bytes) -> None:
        if self.fails:
            raise EngineError("the engine is away")
        self.rows.append((table, rows))


async def written(book: CounterBook, store: FakeStore) -> list[str]:
    store.rows.clear()
    await book.write(cast("Store", store))
    return [table for table, _ in store.rows]


async def test_what_waits_is_written_once() -> None:
    book, store = CounterBook(), FakeStore()
    book.read("a", "key:1", [READING])
    book.alive("a", "key:1", "loki", Alive())
    assert await written(book, store) == [COUNTERS, ARRIVALS]
    assert await written(book, store) == []


async def test_what_cannot_be_written_waits_on() -> None:
    book, store = CounterBook(), FakeStore()
    book.read("a", "key:1", [READING])
    book.alive("a", "key:1", "loki", Alive())
    store.fails = True
    assert await written(book, store) == []
    store.fails = False
    assert await written(book, store) == [COUNTERS, ARRIVALS]


async def test_what_was_added_is_added_up() -> None:
    book, store = CounterBook(), FakeStore()
    added = replace(READING, delta=True)
    for time, start in ((2_000, 1_000), (3_000, 2_000), (4_000, 3_000)):
        book.read("a", "key:1", [replace(added, time_unix_nano=time, start_unix_nano=start)])
    book.read("a", "key:2", [added])
    await written(book, store)
    ((_, rows),) = store.rows
    numbers = [row[-24:] for row in split(rows)]
    values = [
        tuple(int.from_bytes(row[at : at + 8], "little") for at in (0, 8, 16)) for row in numbers
    ]
    assert values == [(2_000, 5, 1_000), (3_000, 10, 1_000), (4_000, 15, 1_000), (2_000, 5, 1_000)]


def split(rows: bytes) -> list[bytes]:
    """Return the rows, each of eight short texts and three numbers."""
    found, offset = [], 0
    while offset < len(rows):
        start = offset
        for _ in range(8):
            offset += 1 + rows[offset]
        offset += 24
        found.append(rows[start:offset])
    return found


async def test_one_sign_of_life_in_ten_seconds_is_enough() -> None:
    book, store = CounterBook(), FakeStore()
    for _ in range(100):
        book.alive("a", "key:1", "loki", Alive())
        book.alive("a", "key:1", "", Alive("cart", "pod-1"))
    await written(book, store)
    ((table, rows),) = store.rows
    assert table == ARRIVALS
    assert rows.count(b"key:1") == 2


async def test_a_sender_with_too_many_series_keeps_those_it_had(monkeypatch: Any) -> None:
    monkeypatch.setattr(counter_book, "_MOST_SERIES", 3)
    book, store = CounterBook(), FakeStore()
    book.read("a", "key:1", [replace(READING, counter=f"c{n}") for n in range(9)])
    book.read("a", "key:1", [replace(READING, counter="c0")])
    book.read("a", "key:2", [replace(READING, counter="c9")])
    await written(book, store)
    ((_, rows),) = store.rows
    assert [rows.count(f"c{n}".encode()) for n in (0, 1, 2, 3, 9)] == [2, 1, 1, 0, 1]
