"""What GELF's libraries sent once over TCP and UDP: it becomes the records it must.

`tools/record_splunk_gelf.py` records it; `expected.json` was made once and read over against it.
What they send by HTTP is in `test_captures.py`.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from meshseal.model.envelope import Envelope
from meshseal.wire import STREAMS
from meshseal.wire.stream import Connection, Datagram, Secrets, Sender, Take
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder

FOLDER = Path(__file__).parent / "captures"
DOORS = {one.name: one for one in STREAMS if one.name.startswith("gelf")}
CAPTURES = [
    path.parent for door in DOORS for path in sorted(FOLDER.glob(f"{door}/*/expected.json"))
]
_SAME = ("Batch", "Seq", "RetentionDays", "ObservedTimestamp", "Tenant", "Source", "Door")


def envelopes(folder: Path) -> list[Envelope]:
    """Return what a door makes of a capture."""
    door, sender = DOORS[folder.parent.name], Sender("address:10.0.0.1", "team-a")
    if door.datagrams:
        sent = [
            base64.b64decode(one) for one in json.loads((folder / "datagrams.json").read_text())
        ]
        batch = [Datagram(data, ("10.0.0.1", 5), sender) for data in sent]
        arrived = door.datagrams(door.name).received(batch, RECEIVED_UNIX_NANO)
        assert not arrived.refused
        return list(arrived.envelopes)
    assert door.session
    session = door.session(Connection(door.name, "team-a", sender, Secrets(), b"", "h", 1 << 20))
    data = (folder / "sent.bin").read_bytes()
    steps = [
        *session.received(data, RECEIVED_UNIX_NANO),
        *session.ended(RECEIVED_UNIX_NANO),
    ]
    assert all(isinstance(step, Take) for step in steps)
    return [one for step in steps if isinstance(step, Take) for one in step.envelopes]


def test_every_door_has_captures() -> None:
    assert {path.parent.name for path in CAPTURES} == set(DOORS) == {"gelf", "gelf_udp"}


@pytest.mark.engine
@pytest.mark.parametrize("folder", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_capture_becomes_its_records(decoder: Decoder, folder: Path) -> None:
    (found,) = envelopes(folder)
    assert (found.door, found.tenant, found.source) == (
        folder.parent.name,
        "team-a",
        "address:10.0.0.1",
    )
    rows = [record.row() for record in decoder.decode(found)]
    kept = [{name: value for name, value in row.items() if name not in _SAME} for row in rows]
    assert kept == json.loads((folder / "expected.json").read_text())["rows"]
