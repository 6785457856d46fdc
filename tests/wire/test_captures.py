"""What real clients sent once: each capture is taken, and becomes the records it must.

`tools/record_captures.py` records them; `expected.json` is written by hand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from meshseal.model.envelope import Envelope
from meshseal.receive.decompress import decompress, decompress_by_magic
from meshseal.receive.grpc_stream import Frames
from meshseal.wire import PROTOCOL, PROTOCOLS
from meshseal.wire.protocol import MAX_REQUEST_BYTES, Decoded, Reply, Request
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder

FOLDER = Path(__file__).parent / "captures"


@dataclass(frozen=True)
class Capture:
    """One folder of captures."""

    path: Path

    def __str__(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    @cached_property
    def expected(self) -> dict[str, Any]:
        return dict(json.loads((self.path / "expected.json").read_text()))

    def decoded(self, *, tenant: str = "team-a") -> Decoded:
        """Return what the protocol makes of the request."""
        request = json.loads((self.path / "request.json").read_text())
        headers: dict[str, str] = request["headers"]
        path, _, query = str(request["path"]).partition("?")
        protocol = PROTOCOL[self.path.parent.name]
        assert path in protocol.paths
        body = (self.path / "body.bin").read_bytes()
        if protocol.packed_by_magic:
            body = decompress_by_magic(body, limit_bytes=MAX_REQUEST_BYTES)
        encoding = "" if protocol.packed_by_magic else headers.get("content-encoding", "")
        made = Request(
            path=path,
            query=parse_qs(query),
            headers=headers,
            body=decompress(body, encoding, limit_bytes=MAX_REQUEST_BYTES),
            received_unix_nano=RECEIVED_UNIX_NANO,
            door=protocol.name,
            tenant=tenant,
            source="key:abc",
        )
        if protocol.stream is None:
            return protocol.decode(made)
        frames = Frames("identity", MAX_REQUEST_BYTES)
        frames.add(body)
        messages, _ = frames.take(len(body))
        envelopes = protocol.stream(made).received(messages, RECEIVED_UNIX_NANO)
        return Decoded(tuple(envelopes), Reply(200))


CAPTURES = [Capture(path.parent) for path in sorted(FOLDER.glob("*/*/request.json"))]

ONLY_IN_THEIR_CLOUDS = {"aws_firehose", "gcp_pubsub", "azure_records"}
"""Protocols whose senders are services of a cloud: nobody can run them, and record them, here."""


def test_every_protocol_has_a_capture() -> None:
    captured = {capture.path.parent.name for capture in CAPTURES}
    assert captured | ONLY_IN_THEIR_CLOUDS == {one.name for one in PROTOCOLS}
    assert not captured & ONLY_IN_THEIR_CLOUDS


@pytest.mark.parametrize("capture", CAPTURES, ids=str)
def test_a_capture_becomes_one_envelope(capture: Capture) -> None:
    decoded = capture.decoded()
    (found,) = decoded.envelopes
    wanted = capture.expected["envelope"]
    assert found.kind.name == wanted["kind"]
    assert found.records == decoded.records == wanted["records"]
    assert (found.format, dict(found.labels)) == (
        wanted.get("format", ""),
        wanted.get("labels", {}),
    )
    assert (found.tenant, found.source) == ("team-a", "key:abc")
    assert found.door == capture.path.parent.name
    assert found.received_unix_nano == RECEIVED_UNIX_NANO
    assert decoded.reply.status in (200, 202, 204)


_SAME = ("Batch", "Seq", "RetentionDays", "ObservedTimestamp", "Tenant", "Source", "Door")


@pytest.mark.engine
@pytest.mark.parametrize("capture", CAPTURES, ids=str)
def test_a_capture_becomes_its_records(decoder: Decoder, capture: Capture) -> None:
    (found,) = capture.decoded(tenant="team-b").envelopes
    one: Envelope = replace(found, content=bytes(found.content))
    rows = [record.row() for record in decoder.decode(one)]
    assert [row["Door"] for row in rows] == [capture.path.parent.name] * len(rows)
    assert {row["Tenant"] for row in rows} == {"team-b"}
    kept = [{name: value for name, value in row.items() if name not in _SAME} for row in rows]
    assert kept == capture.expected["rows"]
