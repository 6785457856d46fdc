"""Formats of one's own: any Envoy access-log format string or `json_format`, any AWS flow log.

A definition is read once, and the SQL that reads its lines is made from it. Nothing of its text
becomes SQL other than as a literal that `envoy_formats.literals` wrote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from meshseal.model.errors import FormatError
from meshseal.shape import flow_logs
from meshseal.shape.envoy_formats import compile as compiler
from meshseal.shape.envoy_formats.grammar import MAX_BYTES, parse
from meshseal.shape.families.format import Format

_NAME = re.compile("[a-z][a-z0-9_]{0,39}")
_RESERVED = frozenset({"unparsed", "otlp"})
_TEXT_KEYS = ("text_format", "text")
_DOCUMENT_KEYS = ("json_format", "labels")


def compile_format(name: str, definition: str | Mapping[str, object]) -> Format:
    """Return the format that Envoy writes where its access log has this definition.

    The result goes into `formats.Formats(custom=[...])`, which the mill's stage and the
    statements that create the recogniser take.

    Args:
        name: What the format is to be called: `[a-z][a-z0-9_]{0,39}`, and none of those built in.
        definition: The text of `text_format`, or the object of `json_format`. A text that is a JSON
            object is taken as one: Consul's `jsonFormat` is given so. What Envoy and Istio put
            around them (`text_format`, `text_format_source.inline_string`, `json_format`, `text`,
            `labels`) may be there.

    Raises: FormatError, whose message says where what is wrong.
    """
    _check_name(name)
    definition = _unwrapped(definition)
    if isinstance(definition, str):
        return compiler.of_text(name, [parse(definition)])
    return compiler.of_document(name, definition)


def compile_flow_log(name: str, order: str) -> Format:
    """Return the format of the lines of an AWS flow log with these fields in this order.

    Args:
        name: As for `compile_format`.
        order: The flow log's format as AWS writes it, `${version} ${account-id} …`, or the first
            line of one of its files: the names of its fields.

    Raises: FormatError, whose message says which field is wrong and what may be meant.
    """
    _check_name(name)
    return flow_logs.of_order(name, flow_logs.read_order(order))


def _check_name(name: str) -> None:
    """Raises: FormatError when a format cannot be called so."""
    if not _NAME.fullmatch(name):
        raise FormatError(
            f"a format's name is of lower-case letters, digits and _, at most 40, not {name[:60]!r}"
        )
    if name in _RESERVED:
        raise FormatError(f"{name!r} is not free as the name of a format")


def _unwrapped(definition: str | Mapping[str, object]) -> str | Mapping[str, object]:
    """Return the text or the object itself. Raises: FormatError."""
    if isinstance(definition, str):
        return _document(definition) or definition
    given = {key: value for key, value in definition.items() if isinstance(value, str | Mapping)}
    source = given.get("text_format_source")
    if isinstance(source, Mapping) and isinstance(source.get("inline_string"), str):
        return str(source["inline_string"])
    for key in _TEXT_KEYS:
        text = given.get(key)
        if isinstance(text, str) and (key == "text_format" or len(definition) == 1):
            return text
    for key in _DOCUMENT_KEYS:
        document = given.get(key)
        if isinstance(document, Mapping) and (key == "json_format" or len(definition) == 1):
            return document
    return definition


def _document(text: str) -> Mapping[str, object] | None:
    """Return the object that a text is the JSON of; None where it is another text."""
    if not text.lstrip().startswith("{") or len(text) > MAX_BYTES:
        return None
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
