"""Sends orders as spans with py_zipkin, ten in each trace.

python -S zipkin_sender.py V1_JSON|V2_JSON|V2_PROTO3 PORT_FILE COUNT BEGUN_UNIX_MICROS

A payload is sent again until it is acknowledged; the port is read from the file before every try. A
line is written when half of the spans are sent; the sender goes on when it gets one.
"""

from __future__ import annotations

import random
import sys
import time
from http.client import HTTPException
from pathlib import Path

from py_zipkin import Encoding, Kind
from py_zipkin.transport import SimpleHTTPTransport
from py_zipkin.util import ZipkinAttrs
from py_zipkin.zipkin import zipkin_span

KINDS = (Kind.SERVER, Kind.CLIENT, Kind.PRODUCER)


class Patient(SimpleHTTPTransport):
    """The client's own transport, tried until it succeeds."""

    def __init__(self, address: Path) -> None:
        super().__init__("127.0.0.1", 0)
        self._file = address

    def send(self, payload: str | bytes) -> None:
        while True:
            self.port = int(self._file.read_text())
            try:
                return super().send(payload)
            except (OSError, HTTPException):
                time.sleep(0.2)


def main(encoding: Encoding, address: Path, count: int, begun: int) -> None:
    transport = Patient(address)
    ids = random.Random(begun)
    for first in range(0, count, 10):
        trace = f"{ids.getrandbits(128) | 1 << 127:032x}"
        own = f"{ids.getrandbits(64) | 1:016x}"
        root = span(first, encoding, begun, transport, ZipkinAttrs(trace, own, None, "0", True))
        with root:
            for n in range(first + 1, min(first + 10, count)):
                with span(n, encoding, begun):
                    pass
        if first + 10 == count // 2 and count > 100:
            print("half", flush=True)
            sys.stdin.readline()


def span(
    n: int, encoding: Encoding, begun: int, transport: Patient | None = None,
    attributes: ZipkinAttrs | None = None,
) -> zipkin_span:  # fmt: skip
    tags = {"order.id": str(n), "region": "eu"}
    if n % 7 == 0:
        tags["error"] = "late"
    found = zipkin_span(
        "shop", f"order {n}", zipkin_attrs=attributes, transport_handler=transport,
        encoding=encoding, kind=KINDS[n % 3], host="10.0.0.1", port=8080, binary_annotations=tags,
        timestamp=(begun + n) / 1e6, duration=(n + 1) / 1e6,
        annotations={"paid": (begun + n) / 1e6}, report_root_timestamp=True,
    )  # fmt: skip
    if n % 10 == 1 and n % 3 == 1:
        found.add_sa_binary_annotation(5432, "db", "10.0.0.9")
    return found


if __name__ == "__main__":
    main(Encoding[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
