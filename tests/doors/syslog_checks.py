"""What the tests of syslog from end to end send, and look for afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.doors.checks import count_query
from tests.server import ServerProcess

RECORDS = 10_000
_LEVELS = ["fatal", "error", "error", "error", "warn", "info", "info", "debug"]
# What the server numbers itself, and what it derives from the name of a host.
_OWN = ("meshseal_batch", "meshseal_seq", "meshseal_format", "platform")


@dataclass(frozen=True, slots=True)
class Order:
    """One record, different for each number."""

    number: int
    begun_unix: int

    @property
    def priority(self) -> int:
        return (16 + self.number % 5) * 8 + self.number % 8

    @property
    def text(self) -> str:
        return f"part {self.number // 1000}: order {self.number} costs 7 € [x] a=b"

    def message(self) -> bytes:
        """Return it as RFC 5424 has it."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.begun_unix))
        return (
            f"<{self.priority}>1 {stamp}.{self.number:06d}Z host-{self.number % 11} "
            f"app{self.number % 7} {1000 + self.number} ID{self.number % 3} "
            f'[order@32473 id="{self.number}" note="a\\"b"] {self.text}'
        ).encode()

    def record(self, door: str) -> dict[str, Any]:
        """Return what is to be found of it."""
        return {
            "host_name": f"host-{self.number % 11}",
            "service_name": f"app{self.number % 7}",
            "process_pid": str(1000 + self.number),
            "detected_level": _LEVELS[self.number % 8],
            "syslog_facility": f"local{self.number % 5}",
            "syslog_msgid": f"ID{self.number % 3}",
            "syslog_version": "1",
            "order_32473_id": str(self.number),
            "order_32473_note": 'a"b',
            "meshseal_door": door,
            "time_unix_nano": self.begun_unix * 10**9 + self.number * 1000,
            "line": self.text,
        }

    def old_record(self, door: str) -> dict[str, Any]:
        """Return what is left of it in RFC 3164."""
        record = self.record(door) | {"time_unix_nano": self.begun_unix * 10**9}
        for name in ("syslog_msgid", "syslog_version", "order_32473_id", "order_32473_note"):
            del record[name]
        return record


def orders(count: int) -> list[Order]:
    begun = int(time.time()) - 60
    return [Order(number, begun) for number in range(count)]


def address(server: ServerProcess, door: str) -> tuple[str, int]:
    host, port = server.urls[door].removeprefix("http://").split(":")
    return host, int(port)


def found(server: ServerProcess, door: str, query: str = "") -> list[dict[str, Any]]:
    """Return the records of a door, without what the server numbers itself."""
    records = server.records(f'{{meshseal_door="{door}"}} {query}')
    return [
        {name: value for name, value in record.items() if name not in _OWN} for record in records
    ]


def check_orders(server: ServerProcess, door: str, wanted: list[dict[str, Any]]) -> None:
    """Check that there are these records and no others, each once."""
    server.wait_for_count(len(wanted), count_query(door))
    for part in range(-(-len(wanted) // 1000)):
        here = found(server, door, f'|= "part {part}: "')
        key = lambda record: int(record["line"].split()[3])  # noqa: E731
        assert sorted(here, key=key) == wanted[part * 1000 : part * 1000 + 1000]


def everything_stored(records: int) -> dict[str, float]:
    """Return what a door counts that has refused nothing and got nothing twice."""
    return {"received": records, "stored": records, "refused": 0, "deduplicated": 0}
