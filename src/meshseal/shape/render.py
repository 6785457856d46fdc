"""Reads the SQL files of this floor and puts SELECTs into one another.

A file's `FROM envelopes`, `FROM raw` or `FROM fields` names what stands below it; the renderer
writes that in its place. Nothing from outside ever becomes SQL here: all text is from these files.
"""

from __future__ import annotations

import functools
import itertools
import re
from importlib import resources

from meshseal.model.columns import ATTRIBUTE_COLUMN
from meshseal.shape import access, datadog

_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)
_COLUMN = re.compile(r"^    (?:.* AS )?(\w+),?$", re.MULTILINE)
_ATTRIBUTE = re.compile(r"AS `([^`]+)`")
_TUPLES = {
    "$envoy_fields": access.ENVOY_NAMES,
    "$access_fields": access.ACCESS_NAMES,
    "$proof_fields": access.PROOF_NAMES,
}


@functools.cache
def load(name: str) -> str:
    """Return the text of a file of `sql/`, such as `format/json.sql`, without its comments."""
    text = resources.files("meshseal.shape").joinpath("sql", name).read_text()
    for placeholder, type_ in datadog.TYPES.items():
        text = text.replace(placeholder, type_)
    text = text.replace("$envoy_names", str(list(access.ENVOY_NAMES)))
    text = text.replace("$access_names", str(list(access.NAMES)))
    for placeholder, names in _TUPLES.items():
        text = text.replace(placeholder, access.tuple_of(names))
    text = text.replace("$promoted", str(sorted(ATTRIBUTE_COLUMN)))
    return _COMMENT.sub("", text).strip()


def statements(name: str) -> list[str]:
    """Return the statements of a file that holds several."""
    return [part.strip() for part in re.split(r";\s*(?:\n|$)", load(name)) if part.strip()]


def over(name: str, below: str, select: str) -> str:
    """Return the SELECT of a file with `select` in the place of its source `below`."""
    text = load(name)
    if text.count(f"FROM {below}") != 1:
        raise ValueError(f"{name} must have exactly one FROM {below}")
    return text.replace(f"FROM {below}", f"FROM (\n{select}\n)")


def attributes(name: str) -> list[str]:
    """Return the attribute keys that a file's SELECT gives, in its order."""
    return _ATTRIBUTE.findall(load(name))


def remarks(name: str) -> str:
    """Return what a file says of itself in the comment that it begins with."""
    text = resources.files("meshseal.shape").joinpath("sql", name).read_text()
    head = itertools.takewhile(lambda line: line.startswith("--"), text.splitlines())
    return " ".join(line.removeprefix("--").strip() for line in head)


def columns(name: str) -> list[str]:
    """Return the plain names of the columns that a file's outermost SELECT gives."""
    return _COLUMN.findall(load(name).split("\nFROM", 1)[0])
