"""A segment on disk: what was written comes back; what was not, never does."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.model.errors import IntegrityError
from meshseal.spool.segment import (
    HEADER_BYTES,
    ReadBack,
    SegmentWriter,
    read_segment,
    salvage_segment,
    segment_number,
    segment_path,
)

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
FRAMES = [b"first frame", b"", b"third frame, which is longer", b"4"]


def write(folder: Path, frames: list[bytes], number: int = 7) -> Path:
    writer = SegmentWriter(folder, number, spool_key=KEY, now_unix_nano=1)
    for content in frames:
        writer.append(content)
    writer.close()
    return writer.path


def read(path: Path) -> ReadBack:
    return read_segment(path, spool_key=KEY)


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frames=st.lists(st.binary(max_size=300), max_size=8), number=st.integers(0, 10**12 - 1))
def test_what_was_written_is_read(tmp_path: Path, frames: list[bytes], number: int) -> None:
    path = write(tmp_path, frames, number)
    try:
        assert read(path) == ReadBack(number, frames, path.stat().st_size, 0)
        assert segment_number(path) == number
    finally:
        path.unlink()


def test_content_is_not_on_disk_in_the_open_and_the_file_is_private(tmp_path: Path) -> None:
    path = write(tmp_path, FRAMES)
    assert b"frame" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_content_never_looks_the_same(tmp_path: Path) -> None:
    first = write(tmp_path, [b"same", b"same"], 1).read_bytes()[HEADER_BYTES:]
    second = write(tmp_path, [b"same", b"same"], 2).read_bytes()[HEADER_BYTES:]
    assert len({first[:24], first[24:], second[:24], second[24:]}) == 4


def test_every_cut_gives_the_frames_that_are_whole(tmp_path: Path) -> None:
    path = write(tmp_path, FRAMES)
    whole = path.read_bytes()
    ends = _ends(whole)
    for size in range(HEADER_BYTES, len(whole) + 1):
        path.write_bytes(whole[:size])
        kept = sum(1 for end in ends if end <= size)
        assert read(path) == ReadBack(
            7,
            FRAMES[:kept],
            max([HEADER_BYTES, *ends[:kept]]),
            size - max([HEADER_BYTES, *ends[:kept]]),
        )


def _ends(data: bytes) -> list[int]:
    """Return where each frame ends, by the lengths alone."""
    ends, offset = [], HEADER_BYTES
    while offset < len(data):
        offset += 4 + int.from_bytes(data[offset : offset + 4], "big")
        ends.append(offset)
    return ends


@pytest.mark.parametrize("size", [0, 1, 16, HEADER_BYTES - 1])
def test_half_a_header_is_no_segment(tmp_path: Path, size: int) -> None:
    path = write(tmp_path, FRAMES)
    os.truncate(path, size)
    with pytest.raises(IntegrityError):
        read(path)


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, FRAMES)
    whole = path.read_bytes()
    created = range(25, 33)  # When it was created is not authenticated, and nothing relies on it.
    last_frame = _ends(whole)[-2]
    for position in range(len(whole)):
        if position in created:
            continue
        bent = bytearray(whole)
        bent[position] ^= 0x40
        path.write_bytes(bent)
        try:
            found = read(path)
        except IntegrityError:
            continue
        # What is bent in the last frame, or in a length, cannot be told from a torn end; but then
        # all that is returned is a beginning of what was written, and the rest is named.
        assert found.contents == FRAMES[: len(found.contents)]
        assert found.torn_bytes > 0
        assert position >= last_frame or position in _lengths(whole)


def _lengths(data: bytes) -> set[int]:
    starts = [HEADER_BYTES, *_ends(data)[:-1]]
    return {start + place for start in starts for place in range(4)}


def test_frames_cannot_change_places_or_segments(tmp_path: Path) -> None:
    first, second = write(tmp_path, [b"aaaa", b"bbbb"], 1), write(tmp_path, [b"cccc"], 2)
    data, other = first.read_bytes(), second.read_bytes()
    one, two = _ends(data)
    first.write_bytes(data[:HEADER_BYTES] + data[one:two] + data[HEADER_BYTES:one])
    assert read(first).contents == []
    first.write_bytes(data + other[HEADER_BYTES:])
    assert read(first).contents == [b"aaaa", b"bbbb"]
    first.write_bytes(other)
    with pytest.raises(IntegrityError, match="says that it is segment 2"):
        read(first)


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, FRAMES)
    with pytest.raises(IntegrityError):
        read_segment(path, spool_key=OTHER_KEY)


def test_damage_in_the_middle_is_no_torn_end(tmp_path: Path) -> None:
    path = write(tmp_path, FRAMES)
    bent = bytearray(path.read_bytes())
    bent[HEADER_BYTES + 10] ^= 1
    path.write_bytes(bent)
    with pytest.raises(IntegrityError, match="damaged"):
        read(path)
    assert salvage_segment(path, spool_key=KEY).contents == FRAMES[1:]


def test_a_failed_write_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SegmentWriter(tmp_path, 1, spool_key=KEY, now_unix_nano=1)
    writer.append(b"kept")

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fail)
        with pytest.raises(OSError, match="Input/output"):
            writer.append(b"lost")
    writer.close()
    assert read(writer.path) == ReadBack(1, [b"kept"], writer.path.stat().st_size, 0)


def test_a_segment_s_file_is_made_once(tmp_path: Path) -> None:
    write(tmp_path, [])
    with pytest.raises(FileExistsError):
        write(tmp_path, [])


@pytest.mark.parametrize("name", ["7.txt", "x.segment", "segment"])
def test_other_names_are_no_segments(name: str) -> None:
    with pytest.raises(ValueError, match=r"segment|invalid literal"):
        segment_number(Path(name))


def test_names_sort_as_numbers(tmp_path: Path) -> None:
    paths = [segment_path(tmp_path, number) for number in (1, 9, 10, 99, 100, 10**11)]
    assert sorted(paths) == paths
