"""Formats of one's own: any Envoy access-log format string or `json_format`.

A definition is read once, and the SQL that reads its lines is made from it. Nothing of its text
becomes SQL other than as a literal that `envoy_formats.literals` wrote.
"""

from __future__ import annotations

from collections.abc import Mapping

from meshseal.shape.families.format import Format


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
    raise NotImplementedError
