"""What real senders of syslog sent once, over TCP and UDP: it becomes the records it must.

`sent.bin` is all that came by one connection; `datagrams.json` is one text for each datagram.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshseal.model.envelope import Envelope
from meshseal.wire.stream import Connection, Datagram, Secrets, Sender, Step, Take
from meshseal.wire.syslog import SyslogDatagrams, SyslogSession
from tests.shape.decoder import Decoder

CAPTURES = Path(__file__).parent / "captures"
FOLDERS = sorted(path.parent for path in CAPTURES.glob("syslog*/*/expected.json"))
RECORDED_UNIX_NANO = 1_795_330_000 * 10**9
"""About when: 2026-11-22T06:46:40Z. RFC 3164 leaves the year out."""

_SENDER = Sender("address:192.0.2.7", "default")
_SAME = ("Batch", "Seq", "RetentionDays", "ObservedTimestamp", "Tenant", "Source", "Door")


def from_stream(data: bytes, *, at_once: int) -> list[Envelope]:
    session = SyslogSession(
        Connection("syslog", "default", _SENDER, Secrets(), bytes(32), "here", 1 << 20)
    )
    steps: list[Step] = []
    for begin in range(0, len(data), at_once):
        steps += session.received(data[begin : begin + at_once], RECORDED_UNIX_NANO)
    steps += session.ended(RECORDED_UNIX_NANO)
    assert all(isinstance(step, Take) for step in steps)
    return [envelope for step in steps if isinstance(step, Take) for envelope in step.envelopes]


def from_datagrams(texts: list[str]) -> list[Envelope]:
    batch = [Datagram(text.encode(), ("192.0.2.7", 9), _SENDER) for text in texts]
    return list(SyslogDatagrams("syslog_udp").received(batch, RECORDED_UNIX_NANO).envelopes)


def envelopes(folder: Path, *, at_once: int) -> list[Envelope]:
    if folder.parent.name == "syslog":
        return from_stream((folder / "sent.bin").read_bytes(), at_once=at_once)
    return from_datagrams(json.loads((folder / "datagrams.json").read_text()))


def rows(decoder: Decoder, folder: Path, *, at_once: int) -> list[dict[str, Any]]:
    found = [one.row() for one in decoder.decode(*envelopes(folder, at_once=at_once))]
    return [{name: value for name, value in row.items() if name not in _SAME} for row in found]


def test_there_are_captures_of_every_sender() -> None:
    senders = {folder.name.partition("-")[0] for folder in FOLDERS}
    assert senders == {"rsyslog", "syslog", "nginx", "haproxy", "python"}


@pytest.mark.engine
@pytest.mark.parametrize("at_once", [1, 1 << 20], ids=["byte by byte", "at once"])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_capture_becomes_its_records(decoder: Decoder, folder: Path, at_once: int) -> None:
    expected = json.loads((folder / "expected.json").read_text())
    assert rows(decoder, folder, at_once=at_once) == expected["rows"]
