"""Fills templates: a line that holds nothing but a name in `@{}` becomes a block of lines."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from importlib import resources

from meshseal.cli.meshes.fields import Field

Given = Iterable[tuple[Field, str]]
_BLOCK = re.compile(r"^( *)@\{(\w+)\}$")
_NAME = re.compile(r"@\{(\w+)\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return a template of `templates/` with its values; what is empty leaves no line behind."""
    text = resources.files("meshseal.cli.meshes").joinpath("templates", template).read_text()
    lines: list[str] = []
    for line in text.splitlines():
        if found := _BLOCK.match(line):
            block = values[found[2]]
            if block:
                lines += textwrap.indent(block, found[1]).splitlines()
        else:
            lines.append(_NAME.sub(lambda match: values[match[1]], line))
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Return a text as JSON, YAML and HCL quote it."""
    return json.dumps(text, ensure_ascii=False)


def reason(field: Field) -> str:
    """Return what a field is for, and the control tests that need it."""
    tests = ", ".join(map(str, field.tests))
    return f"{field.name}: {field.why} (control test{'s' if len(field.tests) > 1 else ''} {tests})"


def each(given: Given, form: str, *, explain: bool, comment: str = "# ") -> str:
    """Return a line for each field, written by `form`, with its name and its value quoted."""
    lines: list[str] = []
    for field, value in given:
        if explain:
            lines.append(comment + reason(field))
        lines.append(form.format(name=field.name, value=quoted(value)))
    return "\n".join(lines)


def reasons(given: Given, *, explain: bool, comment: str = "# ") -> str:
    """Return the reasons alone, for a format that has no room for them between its fields."""
    return "\n".join(comment + reason(field) for field, _ in given) if explain else ""


def constants(values: Mapping[str, str]) -> list[tuple[Field, str]]:
    """Return fields that are the same in every record."""
    why = {
        "meshseal": Field("meshseal", "by which the format is recognised", (13,)),
        "reporter": Field("reporter", "which side of the call logs", (27, 36)),
        "service_name": Field("service_name", "the service that logs", (1, 34)),
    }
    return [(why[name], value) for name, value in values.items() if value]
