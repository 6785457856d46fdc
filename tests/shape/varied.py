"""Lines like given ones: with other times, addresses, ids, words and orders of keys."""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Callable, Iterator
from pathlib import Path

SAMPLES = Path(__file__).parent / "samples"

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnprstvz"


def samples() -> dict[str, list[str]]:
    """Return the lines of every sample file, by the format that it is named after.

    Stack traces are several lines: `\\n` stands for the end of each.
    """
    found = {path.stem: path.read_text().splitlines() for path in sorted(SAMPLES.glob("*.log"))}
    found["app_trace"] = [line.replace("\\n", "\n") for line in found["app_trace"]]
    return found


def varied(line: str, seed: int, count: int) -> Iterator[str]:
    """Yield lines of the same format."""
    dice = random.Random(f"{seed}/{line}")
    for _ in range(count):
        other = line
        for pattern, replace in _PARTS:
            other = pattern.sub(lambda found, by=replace: by(found, dice), other)  # type: ignore[misc]
        yield _shuffled(other, dice)


def _shuffled(line: str, dice: random.Random) -> str:
    """Return a JSON object with its members in another order, as short as it can be or not."""
    if not line.startswith("{"):
        return line
    try:
        pairs = json.loads(line, object_pairs_hook=list)
    except ValueError:
        return line
    if not _is_object(pairs):
        return line
    separators = dice.choice([(",", ":"), (",", ":"), (", ", ": ")])
    return json.dumps(_mixed(pairs, dice), separators=separators, ensure_ascii=False)


def _mixed(value: object, dice: random.Random) -> object:
    if _is_object(value):
        assert isinstance(value, list)
        pairs = [(key, _mixed(inner, dice)) for key, inner in value]
        dice.shuffle(pairs)
        return dict(pairs)
    if isinstance(value, list):
        return [_mixed(inner, dice) for inner in value]
    return value


def _is_object(value: object) -> bool:
    """Tell a list of members from an array: an array of pairs of text does not occur here."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, tuple) and len(one) == 2 for one in value)
    )


# ---- Parts of lines ----------------------------------------------------------------------------


def _digits(found: re.Match[str], dice: random.Random) -> str:
    text = found[0]
    return str(dice.randrange(1, 10)) + "".join(dice.choices(string.digits, k=len(text) - 1))


def _hex(found: re.Match[str], dice: random.Random) -> str:
    digits = "0123456789ABCDEF" if found[0].upper() == found[0] else "0123456789abcdef"
    return "".join(dice.choice(digits) if one != "-" else one for one in found[0])


def _iso_date(found: re.Match[str], dice: random.Random) -> str:
    return f"{dice.randrange(2015, 2027)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}"


def _slash_date(found: re.Match[str], dice: random.Random) -> str:
    day, month = dice.randrange(1, 29), dice.choice(_MONTHS)
    return f"{day:02}/{month}/{dice.randrange(2015, 2027)}"


def _clock(found: re.Match[str], dice: random.Random) -> str:
    return f"{dice.randrange(24):02}:{dice.randrange(60):02}:{dice.randrange(60):02}"


def _address(found: re.Match[str], dice: random.Random) -> str:
    return ".".join(str(dice.randrange(1, 255)) for _ in range(4))


def _path(found: re.Match[str], dice: random.Random) -> str:
    """Return a path of one to four words in the place of one in a request."""
    words = ["/" + _word(dice) for _ in range(dice.randrange(1, 5))]
    query = dice.choice(["", "", f"?{_word(dice)}={dice.randrange(1000)}"])
    return found[1] + "".join(words) + query + found[2]


def _word(dice: random.Random) -> str:
    return "".join(
        dice.choice(_CONSONANTS) + dice.choice(_VOWELS) for _ in range(dice.randrange(1, 5))
    )


_Replace = Callable[[re.Match[str], random.Random], str]
_PARTS: tuple[tuple[re.Pattern[str], _Replace], ...] = (
    (re.compile(r"\b[0-9]{4}-[01][0-9]-[0-3][0-9](?=[T ])"), _iso_date),
    (re.compile(r"\b[0-3][0-9]/[A-Z][a-z]{2}/[0-9]{4}(?=:)"), _slash_date),
    (re.compile(r"\b[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\b"), _clock),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), _hex),
    (re.compile(r"\b(?=[0-9a-f]*[a-f])[0-9a-f]{16,64}\b"), _hex),
    (re.compile(r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b"), _address),
    (re.compile(r"((?:GET|POST|PUT|DELETE) )/[^ ?\"]*(?:\?[^ \"]*)?( HTTP/)"), _path),
    (re.compile(r"(?<=[0-9]:)[0-9]{4,5}\b"), lambda found, dice: str(dice.randrange(1024, 65536))),
    (re.compile(r"(?<=[ =\"])[0-9]{2}(?=[ \"])"), _digits),
)
"""What may be otherwise in a line of any format. Statuses and sizes of three digits stay."""
