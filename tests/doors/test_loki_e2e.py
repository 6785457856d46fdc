"""Loki's clients and a real server: every record there once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conservation import settled
from tests.doors.node_clients import node
from tests.server import ServerProcess
from tests.store_access import ask

pytestmark = pytest.mark.e2e

RECORDS = 10_000
BEGUN_MS = 1_789_899_072_123
LEVELS = ["debug", "info", "warn", "error"]
NUMBERS = [5, 9, 13, 17]
COLUMNS = (
    "SELECT toUnixTimestamp64Nano(Timestamp), Body, SeverityText, SeverityNumber, ServiceName, "
    "ResourceAttributes, LogAttributes FROM logs WHERE Door = 'loki' ORDER BY Timestamp, Body"
)
COUNT = 'sum(count_over_time({service_name="shop"}[3650d]))'
Row = tuple[Any, ...]


def text(number: int) -> str:
    return f"part {number // 1000}: order {number} costs 7 €"


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def labels(number: int) -> dict[str, str]:
    level, host = LEVELS[number % 4], f"host-{number % 11}"
    return {"level": level, "service_name": "shop", "host": host}


def pino_row(number: int) -> Row:
    level = LEVELS[number % 4].replace("warn", "warning")
    document = {
        "level": number % 4 * 10 + 20,
        "time": BEGUN_MS + number,
        "host": f"host-{number % 11}",
        "order": number,
        "meta": {"order_id": str(number)},
        "msg": text(number),
    }
    found = {name: str(value) for name, value in document.items() if name != "meta"}
    return (
        (BEGUN_MS + number) * 10**6,
        compact(document),
        level,
        NUMBERS[number % 4],
        "shop",
        {**labels(number), "level": level},
        {**found, "meta.order_id": str(number), "order_id": str(number)},
    )


def check_stored(server: ServerProcess, rows: list[Row]) -> None:
    """Check that there are these records and no others, each once."""
    server.wait_for_count(len(rows), COUNT)
    assert ask(server, COLUMNS) == rows
    # Since the kill: what was stored before is not counted any more.
    counted = settled(server)["loki", "default"]
    assert RECORDS // 2 <= counted["received"] == counted["stored"] <= RECORDS


def winston_row(number: int) -> Row:
    level = LEVELS[number % 4]
    return (
        (BEGUN_MS + number) * 10**6,
        f"{text(number)} {compact({'level': level, 'order': number})}",
        level,
        NUMBERS[number % 4],
        "shop",
        labels(number),
        {},
    )


def winston_json_row(number: int) -> Row:
    """With JSON, the transport sends the rest of a record as structured metadata too."""
    metadata = {"level": LEVELS[number % 4], "order": str(number)}
    return (*winston_row(number)[:-1], metadata)


def send(server: ServerProcess, client: str, first: int, end: int) -> None:
    """Send orders with a client, which ends when all of them are answered."""
    process = node("loki.js", client, server.urls["loki"], first, end, BEGUN_MS)
    said = process.communicate(timeout=120)[0]
    assert (process.returncode, said) == (0, "")


@pytest.mark.parametrize(
    ("client", "row"),
    [("pino", pino_row), ("winston-json", winston_json_row), ("winston-protobuf", winston_row)],
)
def test_every_record_is_there_once(tmp_path: Path, client: str, row: Callable[[int], Row]) -> None:
    """The server is killed half-way, as soon as the first half is answered.

    pino-loki drops what is refused, and winston-loki waits for a minute, so that nothing may be on
    its way then.
    """
    with ServerProcess(tmp_path / "data") as server:
        send(server, client, 0, RECORDS // 2)
        server.kill()
        server.start()
        send(server, client, RECORDS // 2, RECORDS)
        check_stored(server, [row(n) for n in range(RECORDS)])
