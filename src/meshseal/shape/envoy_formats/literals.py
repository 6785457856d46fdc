"""Text from outside as literals of SQL, and nothing else.

All that a definition holds goes through `text`, and what is to be matched through `regex` before
it. No quote, backslash, dollar, brace, backquote or space is left that could end the literal, or
that the renderer could take for a word of its own.
"""

from __future__ import annotations

import re

PLAIN = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.,:;/@#%&*+<>=!|~^?()[]"
)
"""What stands in a literal as it is; any other byte is written as a number."""


def text(value: str) -> str:
    """Return a string literal of ClickHouse's SQL that stands for exactly this text."""
    return f"'{_escaped(value)}'"


def regex(value: str) -> str:
    """Return the regular expression (RE2) that matches exactly this text; no literal yet."""
    return re.sub(r"([^A-Za-z0-9_ \x80-\U0010ffff])", r"\\\1", value)


def tuple_type(names: list[tuple[str, str]]) -> str:
    """Return the type `Tuple(name type, …)` for names from outside; no literal yet."""
    return f"Tuple({', '.join(f'{_identifier(name)} {type_}' for name, type_ in names)})"


def _identifier(name: str) -> str:
    return f"`{_escaped(name)}`"


def _escaped(value: str) -> str:
    encoded = value.encode("utf-8", "surrogateescape")
    return "".join(chr(code) if chr(code) in PLAIN else f"\\x{code:02x}" for code in encoded)
