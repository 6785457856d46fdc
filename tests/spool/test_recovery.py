"""What an earlier run left behind: torn ends are cut off, damage is set aside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meshseal.model.envelope import Chunk, Envelope, Payload, Tally, delimited
from meshseal.spool.copies import InDoubt, delivery_digest
from meshseal.spool.recovery import ASIDE, Recovered, recover
from meshseal.spool.segment import HEADER_BYTES, SegmentWriter

KEY = bytes(range(32))
NOW = 1_790_000_000 * 10**9


def envelope(
    content: bytes, *, at: int = NOW, chunk: Chunk | None = None, delivery: str = ""
) -> Envelope:
    return Envelope(
        "team-a", at, "lines", "trial", Payload.LINES, content, 1, chunk=chunk, delivery=delivery
    )


def write(folder: Path, number: int, *frames: list[Envelope | Tally]) -> Path:
    writer = SegmentWriter(folder, number, spool_key=KEY, now_unix_nano=NOW)
    for frame in frames:
        writer.append(b"".join(delimited(one.encode()) for one in frame))
    writer.close()
    return writer.path


def recovered(folder: Path) -> Recovered:
    return recover(folder, spool_key=KEY)


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    assert recovered(tmp_path) == Recovered()


def test_whole_segments_are_counted_in_order(tmp_path: Path) -> None:
    write(tmp_path, 12, [envelope(b"c")])
    write(tmp_path, 3, [envelope(b"a"), envelope(b"b")], [Tally("team-a", "lines", 5, 6)])
    found = recovered(tmp_path)
    assert [(one.number, one.records) for one in found.segments] == [(3, 2), (12, 1)]
    assert found.received == {("team-a", "lines"): 3}
    assert found.next_number == 13
    assert found.aside == []


def test_a_torn_end_is_cut_off_at_every_place(tmp_path: Path) -> None:
    path = write(tmp_path, 1, [envelope(b"kept")], [envelope(b"torn")])
    whole = path.read_bytes()
    first_end = HEADER_BYTES + 4 + int.from_bytes(whole[HEADER_BYTES : HEADER_BYTES + 4], "big")
    for size in range(first_end, len(whole)):
        path.write_bytes(whole[:size])
        (segment,) = recovered(tmp_path).segments
        assert (segment.records, segment.size_bytes) == (1, first_end)
        assert path.read_bytes() == whole[:first_end]


@pytest.mark.parametrize("size", [0, 5, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 3])
def test_a_segment_without_a_whole_frame_goes(tmp_path: Path, size: int) -> None:
    path = write(tmp_path, 4, [envelope(b"never acknowledged")])
    os.truncate(path, size)
    found = recovered(tmp_path)
    assert not path.exists()
    assert (found.segments, found.aside, found.next_number) == ([], [], 5)


def test_a_segment_of_nothing_but_tallies_goes(tmp_path: Path) -> None:
    path = write(tmp_path, 1, [Tally("team-a", "lines", 1, 0)])
    assert recovered(tmp_path).segments == []
    assert not path.exists()


def test_damage_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    bad = write(tmp_path, 1, [envelope(b"a")], [envelope(b"b")])
    write(tmp_path, 2, [envelope(b"c")])
    bent = bytearray(bad.read_bytes())
    bent[HEADER_BYTES + 8] ^= 1
    bad.write_bytes(bent)
    found = recovered(tmp_path)
    assert [one.number for one in found.segments] == [2]
    assert found.aside == [bad.name]
    assert (tmp_path / ASIDE / bad.name).read_bytes() == bent
    assert found.received == {("team-a", "lines"): 1}


def test_another_key_sets_all_aside_and_deletes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, 1, [envelope(b"a")])
    content = path.read_bytes()
    assert recover(tmp_path, spool_key=bytes(32)).aside == [path.name]
    assert (tmp_path / ASIDE / path.name).read_bytes() == content


def test_a_named_delivery_is_found_and_not_in_doubt(tmp_path: Path) -> None:
    named = envelope(b"named", delivery="chunk-1")
    write(tmp_path, 5, [named], [envelope(b"other")])
    found = recovered(tmp_path)
    assert found.deliveries == [(5, delivery_digest(named))]
    assert [size for _, size in found.in_doubt] == [len(b"other")]


def test_chunks_and_payloads_in_doubt_are_found(tmp_path: Path) -> None:
    chunk = Chunk("agent", 1, 7)
    late, early = envelope(b"late"), envelope(b"early", at=NOW - 120 * 10**9)
    write(tmp_path, 5, [early, envelope(b"numbered", chunk=chunk)], [late])
    found = recovered(tmp_path)
    assert found.chunks == [(5, "team-a", chunk)]
    in_doubt = InDoubt()
    for hashed, size in found.in_doubt:
        in_doubt.add_digest(hashed, size)
    # Only what arrived in the last minute may be unheard of; a numbered chunk speaks for itself.
    assert [in_doubt.take(one) for one in (late, late, early)] == [True, False, False]
