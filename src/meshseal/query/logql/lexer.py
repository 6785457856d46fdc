"""Cuts LogQL text into tokens."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from meshseal.model.errors import QueryError


class Kind(enum.Enum):
    """What a token is."""

    NAME = "name"
    STRING = "string"
    NUMBER = "number"
    DURATION = "duration"
    BYTES = "bytes"
    SYMBOL = "symbol"
    END = "end of query"


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `value` is a string's content, a number, nanoseconds, bytes, or the text."""

    kind: Kind
    text: str
    value: str | float
    position: int


DURATION_NANOS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3600 * 1_000_000_000,
    "d": 24 * 3600 * 1_000_000_000,
    "w": 7 * 24 * 3600 * 1_000_000_000,
    "y": 365 * 24 * 3600 * 1_000_000_000,
}

BYTES_UNITS = {
    "b": 1,
    **{f"{letter}b": 1000**power for power, letter in enumerate("kmgtpe", 1)},
    **{f"{letter}ib": 1024**power for power, letter in enumerate("kmgtpe", 1)},
}

_MOST_NANOS = 2.0**63
_UNITS = "|".join(sorted(DURATION_NANOS, key=len, reverse=True))
_DURATION_PART = re.compile(rf"([0-9]+(?:\.[0-9]+)?)({_UNITS})")
_DURATION = re.compile(rf"(?:[0-9]+(?:\.[0-9]+)?(?:{_UNITS}))+(?![A-Za-z0-9_])")
_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kKmMgGtTpPeE]?i?[bB])(?![A-Za-z0-9_])")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SYMBOL = re.compile(r"\|=|\|~|\|>|!=|!~|!>|=~|==|>=|<=|--?[a-z][a-z-]*|[{}()\[\],|=<>+\-*/%^]")
_SPACE = re.compile(r"(?:\s+|#[^\n]*)+")
_FLAGS = ("--strict", "--keep-empty")
_ESCAPE = re.compile(
    r'\\(?:([abfnrtv\\\'"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))'
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a query, an END behind them. Raises: QueryError."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        space = _SPACE.match(text, position)
        if space:
            position = space.end()
            continue
        token = _next(text, position)
        tokens.append(token)
        position += len(token.text)
    tokens.append(Token(Kind.END, "", "", len(text)))
    return tokens


def parse_duration(text: str) -> int | None:
    """Return a duration such as `1h30m` in nanoseconds, or None."""
    if not _DURATION.fullmatch(text):
        return None
    parts = _DURATION_PART.findall(text)
    nanos = sum(float(number) * DURATION_NANOS[unit] for number, unit in parts)
    # More than time has is as much as time has: whoever needs a bound checks for one.
    return int(min(nanos, _MOST_NANOS))


def _next(text: str, position: int) -> Token:
    character = text[position]
    if character in "\"`'":
        return _string(text, position)
    if _NUMBER.match(text, position):
        return _quantity(text, position)
    name = _NAME.match(text, position)
    if name:
        return Token(Kind.NAME, name[0], name[0], position)
    symbol = _SYMBOL.match(text, position)
    if symbol:
        found = symbol[0]
        if found.startswith("-") and found not in _FLAGS:
            found = "-"
        return Token(Kind.SYMBOL, found, found, position)
    raise QueryError(f"unexpected character {character!r}", position=position)


def _quantity(text: str, position: int) -> Token:
    duration = _DURATION.match(text, position)
    if duration:
        nanos = parse_duration(duration[0])
        assert nanos is not None
        return Token(Kind.DURATION, duration[0], nanos, position)
    size = _BYTES.match(text, position)
    if size:
        value = float(size[1]) * BYTES_UNITS[size[2].lower()]
        return Token(Kind.BYTES, size[0], value, position)
    number = _NUMBER.match(text, position)
    assert number is not None
    return Token(Kind.NUMBER, number[0], float(number[0]), position)


def _string(text: str, position: int) -> Token:
    quote = text[position]
    end = position + 1
    while end < len(text) and text[end] != quote:
        end += 2 if text[end] == "\\" and quote != "`" else 1
    if end >= len(text):
        raise QueryError("a string does not end", position=position)
    raw = text[position + 1 : end]
    if quote != "`":
        if "\n" in raw:
            raise QueryError("a string in quotes may not hold a line end", position=position)
        raw = _unescape(raw, position)
    return Token(Kind.STRING, text[position : end + 1], raw, position)


def _unescape(raw: str, position: int) -> str:
    def replace(found: re.Match[str]) -> str:
        simple, *codes = found.groups()
        if simple:
            return _SIMPLE.get(simple, simple)
        hexadecimal = next((code for code in codes[:3] if code), None)
        number = int(hexadecimal, 16) if hexadecimal else int(codes[3], 8)
        if number > 0x10FFFF or 0xD800 <= number < 0xE000:
            raise QueryError("an escape stands for no character", position=position)
        return chr(number)

    bare = re.sub(_ESCAPE, "", raw)
    if "\\" in bare:
        raise QueryError("a string holds an unknown escape", position=position)
    return _ESCAPE.sub(replace, raw)
