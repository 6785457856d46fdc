"""Reads a `json_format`: the places of its values, and the type that takes them all out of a line.

An object's members are found by their names, an array's by their places, so that one `JSONExtract`
into a tuple of tuples gives every value of a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from meshseal.model.errors import FormatError
from meshseal.shape.envoy_formats import literals
from meshseal.shape.envoy_formats.grammar import MAX_BYTES, MAX_COMMANDS, Command, Part, parse

MAX_VALUES = 200
MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a `json_format`.

    Attributes:
        path: Its keys and places, joined by dots: what it is called if nothing else names it.
        steps: The numbers of the tuple's elements that lead to it, from 1.
        template: What Envoy writes there; a text that holds no command is one literal.
        constant: Whether it is a number, a boolean or null, or holds no command.
    """

    path: str
    steps: tuple[int, ...]
    template: tuple[Part, ...]
    constant: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A `json_format`.

    Attributes:
        keys: The names of its members.
        values: All values in it, however deep.
        type: The ClickHouse type that takes them out of a line; no literal yet.
    """

    keys: tuple[str, ...]
    values: tuple[Value, ...]
    type: str


def read(definition: Mapping[str, object]) -> Document:
    """Return what a `json_format` says. Raises: FormatError, saying where and what."""
    if not definition:
        raise FormatError("the format has no keys")
    found: list[Value] = []
    type_ = _object(definition, "", (), found)
    if len(found) > MAX_VALUES:
        raise FormatError(f"the format has more than {MAX_VALUES} values")
    if sum(len(list(_commands(value))) for value in found) > MAX_COMMANDS:
        raise FormatError(f"the format has more than {MAX_COMMANDS} operators")
    if sum(len(value.path) for value in found) > MAX_BYTES:
        raise FormatError(f"the format's keys are longer than {MAX_BYTES} bytes")
    if all(value.constant for value in found):
        raise FormatError("the format has no operators: every line would be the same")
    return Document(tuple(definition), tuple(found), type_)


def _commands(value: Value) -> Iterator[Command]:
    return (part for part in value.template if isinstance(part, Command))


def _object(
    value: Mapping[Any, object], path: str, steps: tuple[int, ...], found: list[Value]
) -> str:
    names: list[tuple[str, str]] = []
    for number, (key, member) in enumerate(value.items(), 1):
        where = f"{path}.{key}" if path else str(key)
        if not isinstance(key, str) or not key:
            raise FormatError(f"key {where!r}: a key is a text that is not empty")
        parse(key.replace("%", "%%"), f" of key {where!r}")
        names.append((key, _member(member, where, (*steps, number), found)))
    return literals.tuple_type(names)


def _member(value: object, path: str, steps: tuple[int, ...], found: list[Value]) -> str:
    """Add what is in a value; returns its type."""
    if len(steps) > MAX_DEPTH:
        raise FormatError(f"key {path!r}: nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping) and value:
        return _object(value, path, steps, found)
    if isinstance(value, list | tuple) and value:
        kinds = [
            _member(member, f"{path}.{place}", (*steps, place + 1), found)
            for place, member in enumerate(value)
        ]
        return f"Tuple({', '.join(kinds)})"
    if isinstance(value, str):
        template = parse(value, f" of key {path!r}")
        constant = not any(isinstance(part, Command) for part in template)
        found.append(Value(path, steps, template, constant))
    elif value is None or isinstance(value, bool | int | float | Mapping | list | tuple):
        found.append(Value(path, steps, (), constant=True))
    else:
        raise FormatError(
            f"key {path!r}: a value is text, a number, a boolean, a list or an object"
        )
    return "String"


def quoted(key: str) -> str:
    """Return a key as it stands in a line."""
    return msgspec.json.encode(key).decode()
