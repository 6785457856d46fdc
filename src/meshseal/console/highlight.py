"""Shows lines: which part of a line a query looked for, and what is invisible in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from meshseal.query.tree import LineFilter, LineOp, LogQuery

MAX_LINE = 4000
"""Most characters of a line in the table; the panel shows all of it."""

_SPECIAL = frozenset(".^$*+?{}[]()|\\")
_CASELESS = "(?i)"


@dataclass(frozen=True, slots=True)
class Needle:
    """A text that a query looks for."""

    text: str
    any_case: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line, and whether it is what was looked for."""

    text: str
    found: bool


def needles(query: LogQuery) -> list[Needle]:
    """Return the texts that a query looks for in lines.

    Regular expressions count as far as they are made of plain texts, such as `timeout|refused`.
    The others are not run here: it is the engine that has a time limit.
    """
    found: dict[Needle, None] = {}
    for stage in query.stages:
        if not isinstance(stage, LineFilter):
            continue
        for value in stage.values:
            if stage.op is LineOp.CONTAINS:
                found[Needle(value)] = None
            elif stage.op is LineOp.REGEX:
                found |= dict.fromkeys(plain_texts(value))
    return [needle for needle in found if needle.text]


def plain_texts(pattern: str) -> list[Needle]:
    """Return the texts that a regular expression is made of; none if it is made of more."""
    any_case = pattern.startswith(_CASELESS)
    rest = pattern.removeprefix(_CASELESS)
    if rest.startswith("(") and rest.endswith(")") and not rest.startswith("(?"):
        rest = rest[1:-1]
    texts = [_plain(part) for part in _alternatives(rest)]
    if any(text is None for text in texts):
        return []
    return [Needle(text, any_case) for text in texts if text]


def pieces(line: str, wanted: Sequence[Needle], *, limit: int = MAX_LINE) -> list[Piece]:
    """Return a line in pieces, what is invisible made visible."""
    shown = line if len(line) <= limit else line[:limit] + "…"
    if not wanted:
        return [Piece(visible(shown), found=False)]
    return [Piece(visible(text), found=hit) for text, hit in _cut(shown, wanted) if text]


def visible(text: str) -> str:
    """Return text with its control characters shown, but for tabs and line ends.

    So is what turns the direction of writing: a line must not look like another one.
    """
    return text.translate(_VISIBLE)


_VISIBLE: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: 0x2421,
    **{code: f"⟨U+{code:04X}⟩" for code in (*range(0x80, 0xA0), *range(0x202A, 0x202F))},
    **{code: f"⟨U+{code:04X}⟩" for code in (0x200E, 0x200F, *range(0x2066, 0x206A))},
}


def _cut(line: str, wanted: Iterable[Needle]) -> Iterator[tuple[str, bool]]:
    ordered = sorted(wanted, key=lambda needle: -len(needle.text))
    pattern = "|".join(
        f"(?i:{re.escape(needle.text)})" if needle.any_case else re.escape(needle.text)
        for needle in ordered
    )
    at = 0
    for match in re.finditer(pattern, line):
        yield line[at : match.start()], False
        yield match[0], True
        at = match.end()
    yield line[at:], False


def _alternatives(pattern: str) -> list[str]:
    """Return what stands between the bars of a pattern that are not escaped."""
    parts, at = [""], 0
    while at < len(pattern):
        if pattern[at] == "|":
            parts.append("")
            at += 1
        else:
            width = 2 if pattern[at] == "\\" else 1
            parts[-1] += pattern[at : at + width]
            at += width
    return parts


def _plain(part: str) -> str | None:
    """Return the text that a pattern stands for, or None if it stands for more than one."""
    text, at = "", 0
    while at < len(part):
        if part[at] == "\\":
            # Only what is escaped to be itself: `\.` is a dot, `\d` is not a letter.
            if part[at + 1 : at + 2] not in _SPECIAL | set("-/\"'`# :=&,;<>@!%~"):
                return None
            at += 1
        elif part[at] in _SPECIAL:
            return None
        text += part[at]
        at += 1
    return text
