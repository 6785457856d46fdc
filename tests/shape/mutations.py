"""Lines as they never should be: cut, flipped, with bytes that are no UTF-8, fields gone."""

from __future__ import annotations

import random


def mutated(line: bytes, seed: int, count: int) -> list[bytes]:
    """Return that many bent forms of a line; none is empty, and none holds CR or LF."""
    rng = random.Random(seed)
    found: list[bytes] = []
    while len(found) < count:
        bent = line
        for _ in range(rng.randint(1, 3)):
            bent = rng.choice(_BENDS)(bent, rng)
        bent = bent.replace(b"\n", b" ").replace(b"\r", b" ")
        if bent:
            found.append(bent)
    return found


def _cut(line: bytes, rng: random.Random) -> bytes:
    at = rng.randint(0, len(line))
    return line[:at] if rng.random() < 0.7 else line[at:]


def _flip(line: bytes, rng: random.Random) -> bytes:
    bent = bytearray(line)
    for _ in range(rng.randint(1, 4)):
        if bent:
            bent[rng.randrange(len(bent))] ^= 1 << rng.randrange(8)
    return bytes(bent)


def _put(line: bytes, rng: random.Random) -> bytes:
    at = rng.randint(0, len(line))
    what = rng.choice([b"\xff\xfe", b"\x00", b"\xc3", b'"', b"\\", b"'", b"  ", b"[", b"}", b"%s"])
    return line[:at] + what * rng.randint(1, 3) + line[at:]


def _double_quotes(line: bytes, rng: random.Random) -> bytes:
    return line.replace(b'"', b'""', rng.randint(1, 5))


def _drop(line: bytes, rng: random.Random) -> bytes:
    mark = rng.choice([b" ", b'"', b",", b"\t", b"="])
    fields = line.split(mark)
    if len(fields) > 1:
        del fields[rng.randrange(len(fields))]
    return mark.join(fields)


_BENDS = (_cut, _flip, _put, _double_quotes, _drop)
