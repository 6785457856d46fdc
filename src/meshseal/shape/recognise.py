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

_PLACE, _START = "meshseal_place", "meshseal_start"
_MINE, _TOLD = "meshseal_mine", "meshseal_told"

LINE, KNOWN = "line", "known"
"""The arguments: a line, and the format that it is already known to be of, or ''."""


def condition(row: Format) -> str:
    """Return the SQL condition that a line is of a format."""
    if row.hinted or not row.telling:
        return row.hinted or row.check
    found = " OR ".join(f"position({LINE}, {_quoted(text)}) > 0" for text in row.telling)
    return f"({found}) AND {row.check}"


def by_content(own: Sequence[Format], rows: Sequence[Format], otherwise: str) -> str:
    """Return SQL for the name of the format that a line is of, unless `KNOWN` says it.

    Args:
        own: The installation's own formats.
        rows: The others.
        otherwise: The name where none fits.
    """
    everything = (*own, *rows)
    numbers = {row.name: number for number, row in enumerate(everything, 1)}
    done = f"{KNOWN} != ''"
    mine = _first(own, numbers, unless=done)
    told = _by_telling(rows, numbers, unless=f"{done} OR {_MINE} != 0")
    other = _by_start(rows, numbers, unless=f"{done} OR {_MINE} != 0 OR {_TOLD} != 0")
    # What is named outside of all branches is found once; else anew wherever a branch names it.
    number = (
        f"({mine} AS {_MINE}) + ({told} AS {_TOLD}) + {other} "
        f"+ 0 * (({_place(rows)} AS {_PLACE}) + ({_start(rows)} AS {_START}))"
    )
    names = ", ".join(_quoted(row.name) for row in everything)
    default = f"if({KNOWN} != '', {KNOWN}, {_quoted(otherwise)})"
    return f"transform({number}, {list(numbers.values())}, [{names}], {default})"


def _claims(rows: Sequence[Format]) -> dict[str, list[Format]]:
    """Return the telling texts in their order, and the formats that each tells."""
    claims: dict[str, list[Format]] = {}
    for row in rows:
        for text in row.telling:
            claims.setdefault(text, []).append(row)
    return claims


def _place(rows: Sequence[Format]) -> str:
    """Return SQL for the place of the first telling text that is in the line at all, or 0."""
    texts = ", ".join(map(_quoted, _claims(rows)))
    return f"multiSearchFirstIndex({LINE}, [{texts}])" if texts else "0"


def _groups(rows: Sequence[Format]) -> dict[tuple[Format, ...], list[int]]:
    """Return the formats without a telling text that may begin alike, and the characters."""
    groups: dict[tuple[Format, ...], list[int]] = {}
    for code in range(128):
        fitting = tuple(
            row for row in rows if not row.telling and (not row.starts or chr(code) in row.starts)
        )
        groups.setdefault(fitting, []).append(code)
    groups.pop(_anywhere(rows), None)
    return groups


def _anywhere(rows: Sequence[Format]) -> tuple[Format, ...]:
    return tuple(row for row in rows if not row.telling and not row.starts)


def _start(rows: Sequence[Format]) -> str:
    """Return SQL for the number of the group that a line's first character is of, or 0."""
    groups = list(_groups(rows).values())
    codes = [code for group in groups for code in group]
    places = [at for at, group in enumerate(groups, 1) for _ in group]
    return f"transform(ascii({LINE}), {codes}, {places}, 0)" if codes else "0"


def _by_telling(rows: Sequence[Format], numbers: Mapping[str, int], *, unless: str) -> str:
    """Return SQL for the format whose telling text is found first in the order of rows, or 0."""
    cases: list[tuple[list[Format], str]] = []
    for at, claimants in enumerate(_claims(rows).values(), 1):
        if cases and cases[-1][0] == claimants:
            cases[-1] = (claimants, f"{cases[-1][1]} OR {_PLACE} = {at}")
        else:
            cases.append((claimants, f"{_PLACE} = {at}"))
    listed = "".join(f"{found}, {_first(claimants, numbers)}, " for claimants, found in cases)
    return f"multiIf({unless}, 0, {listed}0)" if listed else "0"


def _by_start(rows: Sequence[Format], numbers: Mapping[str, int], *, unless: str) -> str:
    """Return SQL for the first format without a telling text that the line may be of, or 0."""
    cases = "".join(
        f"{_START} = {at}, {_first(fitting, numbers)}, "
        for at, fitting in enumerate(_groups(rows), 1)
    )
    return f"multiIf({unless}, 0, {cases}{_first(_anywhere(rows), numbers)})"


def _first(rows: Sequence[Format], numbers: Mapping[str, int], *, unless: str = "") -> str:
    """Return SQL for the first of some formats whose check is true, or 0."""
    skipped = f"{unless}, 0, " if unless else ""
    cases = ", ".join(f"{row.check}, {numbers[row.name]}" for row in rows)
    return f"multiIf({skipped}{cases}, 0)" if rows else "0"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
