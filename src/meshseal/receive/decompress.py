"""Decompression that cannot be made to fill the memory: every decoder stops at a limit."""

from __future__ import annotations

import io
import sys
import zlib

import cramjam
import lz4.frame

from meshseal.model.errors import PayloadError, TooLargeError, UnsupportedError
from meshseal.model.protowire import read_varint

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENCODINGS = ("identity", "gzip", "deflate", "zstd", "lz4")
"""The values of `Content-Encoding` that are understood. Snappy is not one: where it is used it is
the protocol's own framing, not HTTP's."""

_GZIP_OR_ZLIB = 47
_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
_STEP_BYTES = 1 << 20


def decompress(content: bytes, encoding: str, *, limit_bytes: int) -> bytes:
    """Return `content` without its `Content-Encoding`.

    Several encodings, as in `gzip, zstd`, are taken off from the last to the first, at most two.

    Raises: TooLargeError when the result is larger than `limit_bytes`; UnsupportedError for an
        encoding that is not in `ENCODINGS`; PayloadError when the bytes are not of that encoding.
    """
    names = [name.strip().lower() for name in encoding.split(",") if name.strip()]
    if len(names) > 2:
        raise UnsupportedError("more than two content encodings on top of one another")
    for name in reversed(names):
        if name not in _DECODERS:
            raise UnsupportedError(
                f"content encoding {name[:40]!r} is not understood: use one of "
                f"{', '.join(ENCODINGS)}"
            )
        content = _DECODERS[name](content, limit_bytes)
    if len(content) > limit_bytes:
        raise _too_large(limit_bytes)
    return content


def decompress_by_magic(content: bytes, *, limit_bytes: int) -> bytes:
    """Return `content` unpacked, as its first bytes say; what they say nothing of, as it is.

    For text: nothing that begins like JSON begins like one of these formats. At most two of them
    are taken off.

    Raises: TooLargeError, PayloadError.
    """
    for _ in range(2):
        encoding = _encoding_of(content)
        if not encoding:
            break
        content = _DECODERS[encoding](content, limit_bytes)
    if len(content) > limit_bytes:
        raise _too_large(limit_bytes)
    return content


def _encoding_of(content: bytes) -> str:
    for magic, encoding in _MAGIC:
        if content.startswith(magic):
            return encoding
    is_zlib = len(content) > 1 and content[0] & 0x8F == 8 and int.from_bytes(content[:2]) % 31 == 0
    return "gzip" if is_zlib else ""


def decompress_snappy(content: bytes, *, limit_bytes: int) -> bytes:
    """Return what a snappy block holds. Raises: TooLargeError, PayloadError.

    Source: https://github.com/google/snappy/blob/main/format_description.txt (the length comes
    first, as a varint).
    """
    try:
        length, _ = read_varint(content, 0)
        if length > limit_bytes:
            raise _too_large(limit_bytes)
        return bytes(cramjam.snappy.decompress_raw(content))
    except (ValueError, cramjam.DecompressionError) as error:
        raise PayloadError("the body is not a snappy block") from error


def _identity(content: bytes, _limit: int) -> bytes:
    return content


def _zlib_members(content: bytes, limit: int, window_bits: int) -> bytes:
    """Inflate one or several members that follow one another."""
    out = io.BytesIO()
    while content:
        inflater = zlib.decompressobj(window_bits)
        pending = content
        while not inflater.eof:
            piece = inflater.decompress(pending, _STEP_BYTES)
            pending = inflater.unconsumed_tail
            out.write(piece)
            if out.tell() > limit:
                raise _too_large(limit)
            if not piece and not pending and not inflater.eof:
                raise PayloadError("the compressed body ends too early")
        content = inflater.unused_data
    return out.getvalue()


def _gzip(content: bytes, limit: int) -> bytes:
    try:
        return _zlib_members(content, limit, _GZIP_OR_ZLIB)
    except zlib.error as error:
        raise PayloadError("the body is not gzip") from error


def _deflate(content: bytes, limit: int) -> bytes:
    """HTTP's deflate is zlib's format; many senders leave zlib's header out."""
    try:
        return _zlib_members(content, limit, zlib.MAX_WBITS)
    except zlib.error:
        pass
    try:
        return _zlib_members(content, limit, -zlib.MAX_WBITS)
    except zlib.error as error:
        raise PayloadError("the body is not deflate") from error


def _zstd(content: bytes, limit: int) -> bytes:
    out = io.BytesIO()
    try:
        while content:
            decoder = zstd.ZstdDecompressor(
                options={zstd.DecompressionParameter.window_log_max: 27}
            )
            pending: bytes = content
            while not decoder.eof:
                piece = decoder.decompress(pending, max_length=_STEP_BYTES)
                pending = b""
                out.write(piece)
                if out.tell() > limit:
                    raise _too_large(limit)
                if decoder.needs_input and not decoder.eof:
                    raise PayloadError("the compressed body ends too early")
            content = decoder.unused_data
    except zstd.ZstdError as error:
        raise PayloadError("the body is not zstd") from error
    return out.getvalue()


def _lz4(content: bytes, limit: int) -> bytes:
    out = io.BytesIO()
    try:
        decoder = lz4.frame.LZ4FrameDecompressor()
        pending = content
        while not decoder.eof:
            piece = decoder.decompress(pending, max_length=_STEP_BYTES)
            pending = b""
            out.write(piece)
            if out.tell() > limit:
                raise _too_large(limit)
            if decoder.needs_input and not decoder.eof:
                raise PayloadError("the compressed body ends too early")
    except (RuntimeError, EOFError) as error:
        raise PayloadError("the body is not an lz4 frame") from error
    return out.getvalue()


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"the body unpacks to more than {limit} bytes")


_DECODERS = {
    "identity": _identity,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "zstd": _zstd,
    "lz4": _lz4,
}
