"""Paths into a JSON line, as LogQL's `json` parser takes them: `a.b[0]["c d"]`."""

from __future__ import annotations

import re

from meshseal.model.errors import QueryError

_STEP = re.compile(r'\.?([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]{1,9})\]|\["((?:[^"\\]|\\.)*)"\]')
MAX_STEPS = 16


def json_path(text: str, position: int) -> tuple[str | int, ...]:
    """Return the steps of a path: keys, and places in arrays counted from 0.

    Raises: QueryError.
    """
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if not found or (found[0].startswith(".") and at == 0):
            raise QueryError(f"{text[:80]!r} is not a path into JSON", position=position)
        name, index, quoted = found.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(name if name is not None else re.sub(r"\\(.)", r"\1", quoted))
        at = found.end()
    if not steps or len(steps) > MAX_STEPS:
        raise QueryError(f"a path has 1 to {MAX_STEPS} steps", position=position)
    return tuple(steps)
