"""Renders the recogniser: SQL that finds the format a line is written in.

Rules, in this order: an installation's own formats, for their checks are for exactly their lines;
the format whose telling text is found in the line, the first such in the order of the rows; then,
in their order, the formats without a telling text that may begin as the line does.

What a recogniser costs is copies of the line: the engine makes one for each condition of a
`multiIf` that looks at the line, of all lines that are still left there. So the outer conditions
are on numbers, one for the first telling text and one for the first character, each found once for
every line, and the checks are in what the conditions give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from meshseal.shape.families.format import Format

LINE = "line"


def condition(row: Format) -> str:
    """Return the SQL condition that a line is of a format."""
    if row.hinted or not row.telling:
        return row.hinted or row.check
    found = " OR ".join(f"position({LINE}, {_quoted(text)}) > 0" for text in row.telling)
    return f"({found}) AND {row.check}"


def by_content(own: Sequence[Format], rows: Sequence[Format], otherwise: str) -> str:
    """Return SQL for the name of the format that a line is of.

    Args:
        own: The installation's own formats.
        rows: The others.
        otherwise: The name where none fits.
    """
    everything = (*own, *rows)
    numbers = {row.name: number for number, row in enumerate(everything, 1)}
    told, other = _by_telling(rows, numbers), _by_start(rows, numbers)
    found = f"if({told} != 0, {told}, {other})" if told else other
    if own:
        mine = _first(own, numbers)
        found = f"if({mine} != 0, {mine}, {found})"
    names = ", ".join(_quoted(row.name) for row in everything)
    return f"transform({found}, {list(numbers.values())}, [{names}], {_quoted(otherwise)})"


def _by_telling(rows: Sequence[Format], numbers: Mapping[str, int]) -> str:
    """Return SQL for the format whose telling text is found first in the order of rows, or 0."""
    claims: dict[str, list[Format]] = {}
    for row in rows:
        for text in row.telling:
            claims.setdefault(text, []).append(row)
    if not claims:
        return ""
    # The engine gives the place in the list of the first of the texts that the line holds at all.
    place = f"multiSearchFirstIndex({LINE}, [{', '.join(map(_quoted, claims))}])"
    cases: list[tuple[list[Format], str]] = []
    for at, claimants in enumerate(claims.values(), 1):
        if cases and cases[-1][0] == claimants:
            cases[-1] = (claimants, f"{cases[-1][1]} OR {place} = {at}")
        else:
            cases.append((claimants, f"{place} = {at}"))
    listed = ", ".join(f"{found}, {_first(claimants, numbers)}" for claimants, found in cases)
    return f"multiIf({listed}, 0)"


def _by_start(rows: Sequence[Format], numbers: Mapping[str, int]) -> str:
    """Return SQL for the first format without a telling text that the line may be of, or 0."""
    plain = [row for row in rows if not row.telling]
    groups: dict[tuple[Format, ...], list[int]] = {}
    for code in range(128):
        fitting = tuple(row for row in plain if not row.starts or chr(code) in row.starts)
        groups.setdefault(fitting, []).append(code)
    rest = tuple(row for row in plain if not row.starts)
    groups.pop(rest, None)
    if not groups:
        return _first(rest, numbers)
    codes = [code for of_group in groups.values() for code in of_group]
    places = [at for at, of_group in enumerate(groups.values(), 1) for _ in of_group]
    place = f"transform(ascii({LINE}), {codes}, {places}, 0)"
    cases = ", ".join(
        f"{place} = {at}, {_first(fitting, numbers)}" for at, fitting in enumerate(groups, 1)
    )
    return f"multiIf({cases}, {_first(rest, numbers)})"


def _first(rows: Sequence[Format], numbers: Mapping[str, int]) -> str:
    """Return SQL for the first of some formats whose check is true, or 0."""
    cases = ", ".join(f"{row.check}, {numbers[row.name]}" for row in rows)
    return f"multiIf({cases}, 0)" if rows else "0"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
