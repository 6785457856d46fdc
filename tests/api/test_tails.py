"""The live tail: it goes on from where a search or a connection ended, and leaves nothing out."""

from __future__ import annotations

import asyncio
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, cast

import pytest

from meshseal.agent.client import Client, ServerSentEvent
from meshseal.api.tails import MAX_FOLLOWERS, NewBatch, News, Tails
from meshseal.model.errors import OverloadedError
from meshseal.query.logql import parse
from tests.server import ServerProcess, free_port

QUERY = '{service_name="tailed"}'
COUNT = f"sum(count_over_time({QUERY}[1h]))"


# ---- Which batches one is told of ---------------------------------------------------------------


class Batches:
    """A reader whose records are the batches that it is asked for."""

    async def logs(self, _query: object, **asked: Any) -> list[Any]:
        assert asked["tenant"] == "own"
        return [SimpleNamespace(batch=batch) for batch in asked["batches"]]


def batch(number: int, tenant: str = "own") -> NewBatch:
    return NewBatch(tenant, number, number, number)


def read(tails: Tails, after: str = "") -> tuple[list[int], str, bool]:
    """Return all there is, up to which point, and whether something was skipped."""

    async def all_of_it() -> tuple[list[int], str, bool]:
        found: list[int] = []
        point, skipped = after, False
        async with tails.follow(cast("Any", parse(QUERY)), tenant="own", after=after) as follower:
            while True:
                news: News = await follower.next(0.001)
                found += [record.batch for record in news.records]
                point, skipped = news.point, skipped or news.skipped
                if not news.records:
                    return found, point, skipped

    return asyncio.run(all_of_it())


def test_one_is_told_what_came_since_a_point() -> None:
    tails = Tails(cast("Any", Batches()))
    begin = tails.point
    for number in range(100):
        tails.announce(batch(number, "own" if number % 3 else "other"))
    middle = tails.point
    for number in range(100, 300):
        tails.announce(batch(number))
    own = [number for number in range(100) if number % 3]
    assert read(tails, begin) == ([*own, *range(100, 300)], tails.point, False)
    assert read(tails, middle) == (list(range(100, 300)), tails.point, False)
    assert read(tails, tails.point) == ([], tails.point, False)
    assert read(tails) == ([], tails.point, False)


def test_what_is_forgotten_is_said_to_be_skipped() -> None:
    tails = Tails(cast("Any", Batches()))
    begin = tails.point
    for number in range(1000):
        tails.announce(batch(number))
    assert read(tails, begin) == (list(range(1000)), tails.point, False)
    tails.announce(batch(1000))
    assert read(tails, begin) == (list(range(1, 1001)), tails.point, True)


@pytest.mark.parametrize("point", ["00000000-0", "x", "-1", "{run}-1000", "{run}-", "{run}-1 "])
def test_a_point_that_is_not_of_this_run(point: str) -> None:
    tails = Tails(cast("Any", Batches()))
    tails.announce(batch(7))
    run = tails.point.partition("-")[0]
    assert read(tails, point.format(run=run)) == ([7], tails.point, True)
    assert read(tails, tails.point) == ([], tails.point, False)


def test_one_who_waits_is_woken() -> None:
    async def follow() -> list[int]:
        tails = Tails(cast("Any", Batches()))
        async with tails.follow(cast("Any", parse(QUERY)), tenant="own") as follower:
            waiting = asyncio.create_task(follower.next(60))
            await asyncio.sleep(0)
            tails.announce(batch(1, "other"))
            assert (await waiting).records == []
            waiting = asyncio.create_task(follower.next(60))
            await asyncio.sleep(0)
            tails.announce(batch(2))
            return [record.batch for record in (await waiting).records]

    assert asyncio.run(follow()) == [2]


def test_there_are_so_many_followers_and_no_more() -> None:
    async def crowd() -> None:
        tails = Tails(cast("Any", Batches()))
        query = cast("Any", parse(QUERY))
        inside = [tails.follow(query, tenant="own") for _ in range(MAX_FOLLOWERS)]
        for one in inside:
            await one.__aenter__()
        with pytest.raises(OverloadedError):
            await tails.follow(query, tenant="own").__aenter__()
        await inside[0].__aexit__(None, None, None)
        await tails.follow(query, tenant="own").__aenter__()

    asyncio.run(crowd())


# ---- By the server ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("tails") / "data") as process:
        yield process


def events(server: ServerProcess, after: str, **headers: str) -> Iterator[ServerSentEvent]:
    client = Client(server.url)
    client._headers |= {name.replace("_", "-"): value for name, value in headers.items()}
    return client.events("/meshseal/v1/tail", {"query": QUERY, "after": after})


def until(stream: Iterator[ServerSentEvent], line: str) -> tuple[list[str], str]:
    """Return the lines up to one, and the point behind it."""
    lines: list[str] = []
    deadline = time.monotonic() + 30
    for event in stream:
        assert time.monotonic() < deadline, f"no {line!r} after {lines[-3:]}"
        if event.data:
            lines.append(json.loads(event.data)["line"])
        if event.id and lines and lines[-1] == line:
            return lines, event.id
    raise AssertionError(f"the stream ended after {lines[-3:]}")


@pytest.mark.e2e
def test_all_records_of_a_batch_come_and_after_them_only_new_ones(server: ServerProcess) -> None:
    stream = events(server, "")
    server.ship(b"the first", labels="service.name=tailed")
    _, begin = until(stream, "the first")
    wanted = [f"line {number:04}" for number in range(2300)]
    server.ship("\n".join(wanted).encode(), labels="service.name=tailed")
    assert until(stream, wanted[-1])[0] == wanted
    # A second reader, who lost the connection after the first record.
    assert until(events(server, begin), wanted[-1])[0] == wanted
    assert until(events(server, "", Last_Event_ID=begin), wanted[-1])[0] == wanted


@pytest.mark.e2e
def test_the_command_goes_on_after_the_server_died(tmp_path: Path) -> None:
    port = f"main.port={free_port()}"
    with (
        ServerProcess(tmp_path / "data", "--set", port) as server,
        following(server, QUERY) as lines,
    ):
        for number in range(100):  # until it follows
            server.ship(b"before %d" % number, labels="service.name=tailed")
            if "before" in next_line(lines, 0.5):
                break
        server.kill()
        lines_until(lines, "trying again")
        server.start()
        server.ship(b"after", labels="service.name=tailed")
        found = lines_until(lines, "after")
        assert any("cannot say what came before" in line for line in found)
        server.ship(b"the end", labels="service.name=tailed")
        found += lines_until(lines, "the end")
        assert sum("after" in line for line in found) == 1


@contextmanager
def following(server: ServerProcess, query: str) -> Iterator[queue.Queue[str]]:
    """Give the lines that `meshseal tail` prints."""
    command = [str(Path(sys.executable).parent / "meshseal"), "tail", "--server", server.url, query]
    lines: queue.Queue[str] = queue.Queue()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as tail:
        assert tail.stdout is not None
        reader = threading.Thread(target=_read, args=(tail.stdout, lines))
        reader.start()
        try:
            yield lines
        finally:
            tail.kill()
            reader.join()


def _read(output: IO[str], lines: queue.Queue[str]) -> None:
    for line in output:
        lines.put(line)


def lines_until(lines: queue.Queue[str], word: str) -> list[str]:
    """Return the lines up to one with a word."""
    deadline = time.monotonic() + 60
    found: list[str] = []
    while time.monotonic() < deadline:
        if line := next_line(lines, 1):
            found.append(line)
            if word in line:
                return found
    raise AssertionError(f"no {word!r} in {found}")


def next_line(lines: queue.Queue[str], seconds: float) -> str:
    """Return the next line, '' if there is none in time."""
    try:
        return lines.get(timeout=seconds)
    except queue.Empty:
        return ""
