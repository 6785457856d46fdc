"""JSON objects that follow one another, with or without white space between: one for each line.

What several protocols share: Splunk's event collector sends its events so, GELF its messages.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from meshseal.wire.protocol import NOT_JSON, count_lines

# Up to the next brace that is outside of strings, or up to the end: it matches at every place, so
# that no bytes make it look at the same ones twice.
_BRACE = re.compile(rb'(?:[^{}"]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))*+(?P<brace>[{}]|\Z)', re.DOTALL)


# A backslash that is escaped itself, a pair of surrogates, or half of one.
_SURROGATES = re.compile(
    rb"\\\\|(\\u[dD][89abAB][0-9a-fA-F]{2})?\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89abAB][0-9a-fA-F]{2}"
)


class BadDocumentError(Exception):
    """One of the documents is not what it must be.

    Attributes:
        number: Which, counted from 0.
        reason: Why, in msgspec's words.
    """

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"document {number}: {reason}")
        self.number = number
        self.reason = reason


def one_per_line(body: bytes, decoder: msgspec.json.Decoder[Any]) -> tuple[bytes, int]:
    """Return the objects of a body, each on a line of its own, and how many they are.

    A body that has them so already is returned as it is. `decoder` says what an object must be; it
    must take objects only. No JSON object is the beginning of a longer one, so there is one way at
    most to cut a body into objects: a cut is right when every piece is one.

    Raises: BadDocumentError.
    """
    for text in (body, body.replace(b"}{", b"}\n{")):
        try:
            count = len(decoder.decode_lines(text))
        except NOT_JSON:
            continue
        if count == count_lines(text):
            return text, count
    documents = _pieces(_paired(body))
    text = b"\n".join(documents)
    try:
        decoder.decode_lines(text)
    except NOT_JSON as error:
        raise _first_bad(documents, decoder) from error
    return text, len(documents)


def _paired(body: bytes) -> bytes:
    """Return a body with U+FFFD for each half of a pair of surrogates.

    JavaScript and others write such halves where text was cut; no text can hold one, and no reader
    of JSON here takes one.
    """
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _SURROGATES.sub(
        lambda found: found[0] if found[0] == b"\\\\" or found[1] else b"\\ufffd", body
    )


def _pieces(body: bytes) -> list[bytes]:
    """Return a body cut behind each brace that closes one opened outside of all others.

    A line's end inside JSON is white space, because strings cannot hold one: a blank takes its
    place. What is left at the end is a piece too, unless it is blank.
    """
    pieces: list[bytes] = []
    depth = start = 0
    for found in _BRACE.finditer(body):
        if found["brace"] == b"{":
            depth += 1
        elif found["brace"]:
            depth -= 1
            if depth <= 0:
                pieces.append(body[start : found.end()])
                start, depth = found.end(), 0
    pieces.append(body[start:])
    stripped = (piece.strip().replace(b"\n", b" ") for piece in pieces)
    return [piece for piece in stripped if piece]


def _first_bad(documents: list[bytes], decoder: msgspec.json.Decoder[Any]) -> BadDocumentError:
    for number, document in enumerate(documents):
        try:
            decoder.decode(document)
        except NOT_JSON as error:
            return BadDocumentError(number, str(error))
    return BadDocumentError(0, "not JSON")
