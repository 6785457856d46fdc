"""What the patterns of `%START_TIME(…)%` mean: those of strftime, and Envoy's `%s` and `%3f`.

Source: envoyproxy/envoy, source/common/common/utility.cc (DateFormatter); C++ std::put_time.
"""

from __future__ import annotations

import re

from meshseal.shape.envoy_formats import literals
from meshseal.shape.envoy_formats.expressions import Expression, call, sql

_DIRECTIVE = re.compile(r"%(?:([1-9])f|([A-Za-z%]))")
_WRITTEN_OUT = {"T": "%H:%M:%S", "F": "%Y-%m-%d", "R": "%H:%M", "D": "%m/%d/%y", "h": "%b"}
_GROUPS = {
    "Y": "([0-9]{4})",
    "y": "([0-9]{2})",
    "m": "([0-9]{2})",
    "d": "([0-9]{2})",
    "e": "([0-9 ][0-9])",
    "b": "([A-Z][a-z]{2})",
    "H": "([0-9]{2})",
    "I": "([0-9]{2})",
    "M": "([0-9]{2})",
    "S": "([0-9]{2})",
    "p": "([AP]M)",
    "f": "([0-9]{1,9})",
    "s": "([0-9]{1,11})",
    "z": "([+-][0-9]{2}:?[0-9]{2}|Z)",
    "Z": "(UTC|GMT|Z)",
    "a": "[A-Z][a-z]{2}",
    "A": "[A-Z][a-z]{5,8}",
}
_AS_ISO = re.compile(r"%Y-%m-%d[T ]%H:%M:%S(\.%[1-9]?f)?(Z|%z)?")
_MONTHS = "'JanFebMarAprMayJunJulAugSepOctNovDec'"


def nanoseconds(
    text: Expression, argument: str | None, *, local: bool = False
) -> Expression | None:
    """Return the nanoseconds since the epoch that a time's text stands for; 0 for what is no time.

    Args:
        text: The time as it is in the line.
        argument: The pattern it is written by; None is ISO 8601 with milliseconds and a zone.
        local: Whether it is local time, which only a pattern with a zone tells apart.

    None is returned for a pattern that does not say which moment it is.
    """
    if not argument:
        return call("meshseal_time", text)
    written = re.sub(r"%([TFRDh])", lambda found: _WRITTEN_OUT[found[1]], argument)
    written = re.sub(r"%E(?:([1-9])|[*])S", r"%S.%\1f", written)
    if local and not re.search("%[zs]", written):
        return None
    if _AS_ISO.fullmatch(written):
        return call("meshseal_time", text)
    regex, places = _pattern(written)
    if not regex:
        return None
    groups = sql("extractGroups(", text, f", {literals.text(regex)})")
    part = {name: sql(groups, f"[{place}]") for name, place in places.items()}
    return _epoch(part) if "s" in part else _calendar(part)


def _pattern(written: str) -> tuple[str, dict[str, int]]:
    """Return the regular expression of a pattern, and which directive each group is of."""
    regex, at = "^", 0
    places: dict[str, int] = {}
    for found in _DIRECTIVE.finditer(written):
        regex += literals.regex(written[at : found.start()])
        at = found.end()
        letter = found[2] or "f"
        if letter == "%":
            regex += "%"
        elif letter not in _GROUPS or letter in places:
            return "", {}
        else:
            group = f"([0-9]{{{found[1]}}})" if found[1] else _GROUPS[letter]
            regex += group
            if group.startswith("("):
                places[letter] = len(places) + 1
    rest = written[at:]
    return ("", {}) if "%" in rest else (f"{regex}{literals.regex(rest)}$", places)


def _epoch(part: dict[str, Expression]) -> Expression:
    seconds = sql("toInt64OrZero(", part["s"], ") * 1000000000")
    if "f" not in part:
        return seconds
    return sql(seconds, " + toInt64OrZero(rightPad(", part["f"], ", 9, '0'))")


def _calendar(part: dict[str, Expression]) -> Expression | None:
    if "b" in part:
        part.setdefault("m", _month(part["b"]))
    if "y" in part:
        part.setdefault("Y", sql("concat('20', ", part["y"], ")"))
    if "e" in part:
        part.setdefault("d", sql("replaceAll(", part["e"], ", ' ', '0')"))
    if "I" in part and "p" in part:
        part.setdefault("H", _hour(part["I"], part["p"]))
    if not part.keys() >= {"Y", "m", "d", "H", "M"}:
        return None
    pieces: list[str | Expression] = [part["Y"], ", '-', ", part["m"], ", '-', ", part["d"]]
    pieces += [", 'T', ", part["H"], ", ':', ", part["M"], ", ':', ", part.get("S", "'00'")]
    if "f" in part:
        pieces += [", '.', ", part["f"]]
    if "z" in part:
        pieces += [", ", part["z"]]
    return sql("meshseal_time(concat(", *pieces, "))")


def _month(name: Expression) -> Expression:
    number = sql(f"intDiv(position({_MONTHS}, ", name, ") + 2, 3)")
    return sql("leftPad(toString(", number, "), 2, '0')")


def _hour(hour: Expression, half: Expression) -> Expression:
    number = sql("toUInt8OrZero(", hour, ") % 12 + if(", half, " = 'PM', 12, 0)")
    return sql("leftPad(toString(", number, "), 2, '0')")
