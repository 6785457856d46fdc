"""What a door takes, the engine reads: as many records, whatever byte of a request is another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from meshseal.model.envelope import Envelope
from meshseal.model.errors import MeshsealError
from meshseal.shape.repair import repaired
from meshseal.wire import PROTOCOL
from meshseal.wire.protocol import Decoded, Reply, Request
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder
from tests.wire.samples import Sample, grpc_samples, path_of, samples

pytestmark = pytest.mark.engine

OTHERS = (b"\xe9", b"\xff", b"\x00", b"\n", b'"', b"\\", b"{", b"]", b"1", b"-")
"""What is put in the place of a byte: no UTF-8, no text, and what has a meaning in JSON."""

IN_JSON = (b"\xe9", b"\\ud800", b"\\u0000", b"999999999999999999999", b"e999", b'"a":1,')
"""What is put into JSON, at every fifth place."""

SAMPLES = [sample for sample in (*samples(), *grpc_samples()) if sample.records]


def request(sample: Sample, body: bytes) -> Decoded:
    path = path_of(sample)
    made = Request(
        path=path,
        query={name: [value] for name, value in sample.query.items()},
        headers={"content-type": sample.media_type, ":path": f"{path}?{urlencode(sample.query)}"},
        body=body,
        received_unix_nano=RECEIVED_UNIX_NANO,
        door=sample.protocol,
        tenant="default",
        source="trial",
    )
    protocol = PROTOCOL[sample.protocol]
    if protocol.stream is None:
        return protocol.decode(made)
    return Decoded(tuple(protocol.stream(made).received([body], RECEIVED_UNIX_NANO)), Reply(200))


def bodies(whole: bytes) -> Iterator[bytes]:
    """Yield a body with one byte replaced, once for each byte, and cut, once at each."""
    for at in range(len(whole)):
        other = OTHERS[at % len(OTHERS)]
        yield whole[:at] + other + whole[at + 1 :]
        yield whole[:at] + other + whole[at:]
        yield whole[:at]
    if whole[:1] in b"{[":
        for at in range(0, len(whole), 5):
            yield whole[:at] + IN_JSON[at % len(IN_JSON)] + whole[at:]


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_what_a_door_takes_the_engine_reads(decoder: Decoder, sample: Sample) -> None:
    taken: list[Envelope] = []
    for body in (sample.body, *bodies(sample.body)):
        try:
            decoded = request(sample, body)
        except MeshsealError:
            continue
        taken += (
            replace(one, content=bytes(one.content), labels=dict(one.labels))
            for one in decoded.envelopes
        )
    assert taken
    for first in range(0, len(taken), 500):
        some = taken[first : first + 500]
        assert len(decoded_or_mended(decoder, some)) == sum(one.records for one in some)


def decoded_or_mended(decoder: Decoder, some: list[Envelope]) -> list[object]:
    """Return the records, as the mill has them: what the engine cannot read is written anew."""
    with suppress(MeshsealError, ValueError):
        return list(decoder.decode(*some))
    if len(some) > 1:
        middle = len(some) // 2
        halves = some[:middle], some[middle:]
        return [row for half in halves for row in decoded_or_mended(decoder, half)]
    (one,) = some
    anew = repaired(one.kind, bytes(one.content))
    assert anew is not None, one
    return list(decoder.decode(replace(one, content=anew)))
