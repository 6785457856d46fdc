"""Decompression: what real libraries pack comes back; what is no packing is refused in bounds."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import cramjam
import lz4.frame
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.errors import PayloadError, TooLargeError, UnsupportedError
from meshseal.receive.decompress import ENCODINGS, decompress, decompress_snappy

LIMIT = 10_000
Pack = Callable[[bytes], bytes]


def _raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def _streamed_zstd(content: bytes) -> bytes:
    packer = zstd.ZstdCompressor()
    middle = len(content) // 2
    return (
        packer.compress(content[:middle], packer.FLUSH_BLOCK)
        + packer.compress(content[middle:])
        + packer.flush()
    )


PACKERS = [
    pytest.param("identity", bytes, id="identity"),
    pytest.param("gzip", gzip.compress, id="gzip"),
    pytest.param("x-gzip", gzip.compress, id="gzip by its old name"),
    pytest.param("GZIP", gzip.compress, id="in capitals"),
    pytest.param("gzip", lambda c: gzip.compress(c[:5]) + gzip.compress(c[5:]), id="two members"),
    pytest.param("gzip", lambda c: bytes(cramjam.gzip.compress(c)), id="another gzip"),
    pytest.param("gzip", zlib.compress, id="zlib said to be gzip"),
    pytest.param("deflate", zlib.compress, id="deflate"),
    pytest.param("deflate", _raw_deflate, id="deflate without zlib's header"),
    pytest.param("zstd", zstd.compress, id="zstd"),
    pytest.param("zstd", _streamed_zstd, id="zstd, no size in its head"),
    pytest.param("zstd", lambda c: zstd.compress(c[:5]) + zstd.compress(c[5:]), id="two frames"),
    pytest.param("lz4", lz4.frame.compress, id="lz4"),
    pytest.param("gzip, zstd", lambda c: zstd.compress(gzip.compress(c)), id="one on the other"),
]


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
@given(content=st.binary(max_size=2000))
def test_what_a_library_packs_comes_back(encoding: str, pack: Pack, content: bytes) -> None:
    assert decompress(pack(content), encoding, limit_bytes=LIMIT) == content


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 2 << 20])
@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_sizes_around_the_decoder_s_step(encoding: str, pack: Pack, size: int) -> None:
    assert decompress(pack(bytes(size)), encoding, limit_bytes=4 << 20) == bytes(size)


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_the_limit_is_exact(encoding: str, pack: Pack) -> None:
    assert decompress(pack(bytes(LIMIT)), encoding, limit_bytes=LIMIT) == bytes(LIMIT)
    with pytest.raises(TooLargeError):
        decompress(pack(bytes(LIMIT + 1)), encoding, limit_bytes=LIMIT)


@pytest.mark.parametrize(("encoding", "pack"), PACKERS[1:])
def test_every_cut_is_refused_or_gives_a_beginning(encoding: str, pack: Pack) -> None:
    content = bytes(range(200))
    packed = pack(content)
    for size in range(1, len(packed)):
        try:
            found = decompress(packed[:size], encoding, limit_bytes=LIMIT)
        except PayloadError:
            continue
        # Only where one whole member or frame ends may a cut go unnoticed.
        assert found == content[:5]


@pytest.mark.parametrize("encoding", [*ENCODINGS, "x-gzip", "gzip, deflate", ""])
@given(content=st.binary(max_size=300))
def test_any_bytes_are_unpacked_or_refused(encoding: str, content: bytes) -> None:
    with contextlib.suppress(PayloadError):
        assert len(decompress(content, encoding, limit_bytes=LIMIT)) <= LIMIT


@pytest.mark.parametrize(
    "encoding", ["br", "snappy", "compress", "gzip, br", "gzip,gzip,gzip", "\x00", "ü"]
)
def test_an_encoding_that_is_not_understood(encoding: str) -> None:
    with pytest.raises(UnsupportedError):
        decompress(bz2.compress(b"x"), encoding, limit_bytes=LIMIT)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("zstd", zstd.compress), ("lz4", lz4.frame.compress)],
)
def test_a_bomb_costs_no_more_than_the_limit(encoding: str, pack: Pack) -> None:
    bomb = pack(bytes(200 << 20))
    tracemalloc.start()
    with pytest.raises(TooLargeError):
        decompress(bomb, encoding, limit_bytes=1 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20


@given(content=st.binary(max_size=2000))
def test_a_snappy_block_comes_back(content: bytes) -> None:
    packed = bytes(cramjam.snappy.compress_raw(content))
    assert decompress_snappy(packed, limit_bytes=2000) == content


@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_snappy_block_or_refused(content: bytes) -> None:
    with contextlib.suppress(PayloadError):
        assert len(decompress_snappy(content, limit_bytes=LIMIT)) <= LIMIT


def test_a_snappy_block_is_refused_by_the_length_it_promises() -> None:
    packed = bytes(cramjam.snappy.compress_raw(bytes(LIMIT + 1)))
    with pytest.raises(TooLargeError):
        decompress_snappy(packed, limit_bytes=LIMIT)
    with pytest.raises(TooLargeError):
        decompress_snappy(b"\xff\xff\xff\xff\x0f", limit_bytes=LIMIT)
