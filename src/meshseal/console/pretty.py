"""Lays JSON out for reading, without changing a character of its values."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

MAX_CHARACTERS = 256 * 1024
_INDENT = "  "
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of laid-out JSON. `kind` is `key`, `string`, `number`, `word` or `plain`."""

    kind: str
    text: str


def laid_out(text: str) -> list[Token]:
    """Return a JSON object or array in tokens, spaces and line ends among them; else nothing.

    Numbers stay as they are written, and a key that is there twice is there twice: what is shown
    is what was received.
    """
    stripped = text.strip()
    if not stripped.startswith(("{", "[")) or len(stripped) > MAX_CHARACTERS:
        return []
    try:
        json.loads(stripped)
    except (ValueError, RecursionError):
        return []
    return _laid_out([match[1] for match in _TOKEN.finditer(stripped)])


def _laid_out(words: list[str]) -> list[Token]:
    tokens: list[Token] = []
    depth = 0
    for at, word in enumerate(words):
        previous = words[at - 1] if at else ""
        following = words[at + 1] if at + 1 < len(words) else ""
        if word in "}]":
            depth -= 1
            # An empty object stays on its line.
            if previous not in "{[":
                tokens.append(Token("plain", "\n" + _INDENT * depth))
        tokens.append(Token(_kind(word, following), word))
        if word == ":":
            tokens.append(Token("plain", " "))
        elif word in "{[,":
            depth += word != ","
            if following not in "}]":
                tokens.append(Token("plain", "\n" + _INDENT * depth))
    return tokens


def _kind(word: str, following: str) -> str:
    if word in "{}[],:":
        return "plain"
    if word.startswith('"'):
        return "key" if following == ":" else "string"
    return "word" if word in ("true", "false", "null") else "number"
