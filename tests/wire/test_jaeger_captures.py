"""What Jaeger's clients sent in datagrams once: it becomes the records it must.

`datagrams.json` has each in base64; `tools/record_spans.py` records them.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from meshseal.wire.jaeger import STREAMS
from meshseal.wire.stream import Datagram, Sender
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder

CAPTURES = Path(__file__).parent / "captures"
FOLDERS = sorted(path.parent for path in CAPTURES.glob("jaeger_*/*/datagrams.json"))
_SENDER = Sender("address:192.0.2.7", "default")
_SAME = ("Batch", "Seq", "RetentionDays", "ObservedTimestamp", "Tenant", "Source", "Door")


def rows(decoder: Decoder, folder: Path) -> list[dict[str, Any]]:
    texts = json.loads((folder / "datagrams.json").read_text())
    door = {stream.name: stream for stream in STREAMS}[folder.parent.name]
    assert door.datagrams
    batch = [Datagram(base64.b64decode(text), ("192.0.2.7", 9), _SENDER) for text in texts]
    arrived = door.datagrams(door.name).received(batch, RECEIVED_UNIX_NANO)
    assert not arrived.refused
    found = [one.row() for one in decoder.decode(*arrived.envelopes)]
    return [{name: value for name, value in row.items() if name not in _SAME} for row in found]


def test_there_are_captures_of_both_doors() -> None:
    assert {folder.parent.name for folder in FOLDERS} == {stream.name for stream in STREAMS}


@pytest.mark.engine
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_capture_becomes_its_records(decoder: Decoder, folder: Path) -> None:
    assert rows(decoder, folder) == json.loads((folder / "expected.json").read_text())["rows"]
