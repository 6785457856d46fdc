r"""One segment of the spool on disk.

```
header  = "MESHSEAL-SPOOL-1\n" segment:u64 created_unix_nano:u64 wrapped_key:60 bytes
frame   = length:u32 AES-256-GCM(key, nonce = index:u96, aad = segment:u64 index:u64, content)
content = envelopes, each behind its length as a varint
```

Integers are big-endian; `length` counts ciphertext and tag. Each segment has a random key of its
own, wrapped under the spool's, so that the frame's index can be its nonce. One frame is one group
commit. The tag makes a torn last frame evident; nothing is ever appended to a segment that was
read back, so no nonce is used twice.

Source: NIST SP 800-38D for AES-GCM with a deterministic nonce (section 8.2.1).
"""

from __future__ import annotations

import os
import secrets
import struct
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from meshseal.access.keys import KEY_BYTES, WRAPPED_BYTES, sync_directory, unwrap, wrap
from meshseal.model.errors import IntegrityError

SUFFIX = ".segment"
_MAGIC = b"MESHSEAL-SPOOL-1\n"
_NUMBERS = struct.Struct(">QQ")
_LENGTH = struct.Struct(">I")
_TAG_BYTES = 16
HEADER_BYTES = len(_MAGIC) + _NUMBERS.size + WRAPPED_BYTES
MAX_FRAME_BYTES = 1 << 30


def segment_path(directory: Path, number: int) -> Path:
    """Return the path of a segment's file."""
    return directory / f"{number:012d}{SUFFIX}"


def segment_number(path: Path) -> int:
    """Return the number in a segment file's name. Raises: ValueError for any other name."""
    if path.suffix != SUFFIX:
        raise ValueError(f"{path.name} is not a segment")
    return int(path.stem)


class SegmentWriter:
    """A segment that is being written. Its methods block; one thread at a time may call them."""

    def __init__(
        self, directory: Path, number: int, *, spool_key: bytes, now_unix_nano: int
    ) -> None:
        """Create the file. Raises: OSError."""
        self.number = number
        self.path = segment_path(directory, number)
        key = secrets.token_bytes(KEY_BYTES)
        wrapped = wrap(key, under=spool_key, context=_context(number))
        self._cipher = AESGCM(key)
        self._index = 0
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            self._write_all(_MAGIC + _NUMBERS.pack(number, now_unix_nano) + wrapped)
            os.fdatasync(self._descriptor)
            sync_directory(directory)
        except OSError:
            os.close(self._descriptor)
            self.path.unlink(missing_ok=True)
            raise
        self.size_bytes = HEADER_BYTES

    def append(self, content: bytes) -> None:
        """Write one frame and make it durable.

        Raises: OSError, and then the file ends where it ended before and takes no more frames: a
        nonce that was used for content that did not arrive must not be used again.
        """
        sealed = self._cipher.encrypt(*_frame(self.number, self._index, content))
        try:
            self._write_all(_LENGTH.pack(len(sealed)), sealed)
            os.fdatasync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self.size_bytes)
            raise
        self._index += 1
        self.size_bytes += _LENGTH.size + len(sealed)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _write_all(self, *parts: bytes) -> None:
        views = [memoryview(part) for part in parts]
        while views:
            written = os.writev(self._descriptor, views)
            while views and written >= len(views[0]):
                written -= len(views.pop(0))
            if views and written:
                views[0] = views[0][written:]


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What a segment holds.

    Attributes:
        number: Its number.
        contents: The content of each whole frame, in order.
        whole_bytes: Where the last whole frame ends.
        torn_bytes: What stands behind it: the start of a frame that never became whole.
    """

    number: int
    contents: list[bytes]
    whole_bytes: int
    torn_bytes: int


def read_segment(path: Path, *, spool_key: bytes) -> ReadBack:
    """Read a segment up to its last whole frame.

    Raises: IntegrityError when the header is not that of a segment, or when a frame does not open
        although whole frames follow it: that is damage, not a torn end. OSError.
    """
    data = path.read_bytes()
    number, cipher = _open_header(path, data, spool_key)
    contents: list[bytes] = []
    offset, index = HEADER_BYTES, 0
    while found := _next_frame(cipher, number, index, data, offset):
        content, offset = found
        contents.append(content)
        index += 1
    torn = len(data) - offset
    if torn and _whole_frame_follows(cipher, number, index, data, offset):
        raise IntegrityError(f"{path.name} is damaged at byte {offset}, before its end")
    return ReadBack(number, contents, offset, torn)


def salvage_segment(path: Path, *, spool_key: bytes) -> ReadBack:
    """Read every frame of a segment that opens, over damage in between. Raises: IntegrityError."""
    data = path.read_bytes()
    number, cipher = _open_header(path, data, spool_key)
    contents: list[bytes] = []
    offset, index = HEADER_BYTES, 0
    while (end := _frame_end(data, offset)) is not None:
        found = _next_frame(cipher, number, index, data, offset)
        if found:
            contents.append(found[0])
        offset, index = end, index + 1
    return ReadBack(number, contents, offset, len(data) - offset)


def _open_header(path: Path, data: bytes, spool_key: bytes) -> tuple[int, AESGCM]:
    if len(data) < HEADER_BYTES or not data.startswith(_MAGIC):
        raise IntegrityError(f"{path.name} does not begin as a segment does")
    number, _created = _NUMBERS.unpack_from(data, len(_MAGIC))
    if number != segment_number(path):
        raise IntegrityError(f"{path.name} says that it is segment {number}")
    wrapped = data[HEADER_BYTES - WRAPPED_BYTES : HEADER_BYTES]
    return number, AESGCM(unwrap(wrapped, under=spool_key, context=_context(number)))


def _next_frame(
    cipher: AESGCM, number: int, index: int, data: bytes, offset: int
) -> tuple[bytes, int] | None:
    """Return (content, offset behind it) of the frame at `offset`, if it is whole."""
    end = _frame_end(data, offset)
    if end is None:
        return None
    nonce, _, aad = _frame(number, index, b"")
    try:
        return cipher.decrypt(nonce, data[offset + _LENGTH.size : end], aad), end
    except InvalidTag:
        return None


def _frame_end(data: bytes, offset: int) -> int | None:
    if offset + _LENGTH.size > len(data):
        return None
    (length,) = _LENGTH.unpack_from(data, offset)
    end = offset + _LENGTH.size + length
    return None if length < _TAG_BYTES or end > len(data) else end


def _whole_frame_follows(cipher: AESGCM, number: int, index: int, data: bytes, offset: int) -> bool:
    end = _frame_end(data, offset)
    return end is not None and _next_frame(cipher, number, index + 1, data, end) is not None


def _frame(number: int, index: int, content: bytes) -> tuple[bytes, bytes, bytes]:
    """Return (nonce, content, additional data) of a frame, as AES-GCM takes them."""
    return index.to_bytes(12, "big"), content, _NUMBERS.pack(number, index)


def _context(number: int) -> str:
    return f"segment:{number}"
