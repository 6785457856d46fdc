"""A definition of one of Envoy's formats becomes a row of the formats: its check and its SELECT."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from meshseal.model.errors import FormatError
from meshseal.shape.envoy_formats import documents, literals, names, operators, text, times
from meshseal.shape.envoy_formats.expressions import Expression, call, column, joined, select, sql
from meshseal.shape.envoy_formats.grammar import Command, Part
from meshseal.shape.envoy_formats.meaning import meaning
from meshseal.shape.families.format import Format

_LINE = column("raw_row.Body")
_TIMES = ("start_time", "emit_time", "start_time_local", "emit_time_local")


def of_text(
    name: str, templates: Sequence[Sequence[Part]], *, check: str = "", title: str = ""
) -> Format:
    """Return the format of lines that are of one of several templates.

    Args:
        name: What it is called.
        templates: The parts of each, the most telling first.
        check: SQL over `line` where the templates' own is too dear.
        title: What it is, for the reference page.

    Raises: FormatError.
    """
    found = _Fields()
    placed = [_placed(template) for template in templates]
    for commands in placed:
        for field_name, (_, command) in commands.items():
            found.own_names.setdefault(field_name, names.own_name(command))
            found.commands.setdefault(field_name, command)
    listed = list(found.commands)
    orders = [[commands.get(one, (0,))[0] for one in listed] for commands in placed]
    cut = text.values(templates, orders, _LINE)
    for number, field_name in enumerate(listed, 1):
        found.values[field_name] = _cleaned(sql(cut, f"[{number}]"), field_name)
    checks = [text.check(template) for template in templates]
    hinted = [text.check(template, lenient=True) for template in templates]
    return _format(
        name,
        found,
        parsed=sql("notEmpty(", cut, ")"),
        source="raw",
        check=check or _either(checks),
        hinted=_either(hinted),
        title=title or "Envoy access log, text",
    )


def of_document(name: str, definition: Mapping[str, object], *, title: str = "") -> Format:
    """Return the format of lines that a `json_format` gives. Raises: FormatError."""
    document = documents.read(definition)
    found = _Fields()
    values = [(value, _element(value.steps)) for value in document.values]
    for value, expression in values:
        _document_value(found, value, expression)
    given = _given(values)
    parsed = sql("(", given, " > 0)")
    source = (
        "(\nSELECT\n    raw_row,\n"
        f"    JSONExtract(raw_row.Body, {literals.text(document.type)}) AS found\nFROM raw)"
    )
    quoted = [literals.text(f"{documents.quoted(key)}:") for key in document.keys]
    check = " AND ".join(
        ["startsWith(line, '{')", *(f"position(line, {key}) > 0" for key in quoted)]
    )
    return _format(
        name,
        found,
        parsed=parsed,
        source=source,
        check=check,
        hinted="startsWith(line, '{')",
        title=title or "Envoy access log, JSON",
        pairs=_extra(document, given, parsed),
    )


@dataclass(slots=True)
class _Fields:
    """The fields of a format.

    Attributes:
        values: The value of each in a line, '' where there is none.
        commands: The command that each is of.
        own_names: The attribute it is if it is no other.
    """

    values: dict[str, Expression] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    own_names: dict[str, str] = field(default_factory=dict)


def _placed(template: Sequence[Part]) -> dict[str, tuple[int, Command]]:
    """Return the fields of a template, each with the number of its command. Raises: FormatError."""
    _check_separated(template)
    found: dict[str, tuple[int, Command]] = {}
    for number, command in enumerate(text.commands(template), 1):
        if name := _free(command, {key: value[1] for key, value in found.items()}):
            found[name] = (number, command)
    if not found:
        raise FormatError("the format has no operators: every line would be the same")
    return found


def _check_separated(template: Sequence[Part], where: str = "") -> None:
    for one, other in itertools.pairwise(template):
        if isinstance(one, Command) and isinstance(other, Command):
            raise FormatError(
                f"at character {other.position}{where}: {one} and {other} have nothing between "
                "them, so that no line says where one ends; put a space in between"
            )


def _free(command: Command, taken: Mapping[str, Command], where: str = "") -> str:
    """Return the field of a command, or its own name where that is taken; '' for one said twice."""
    operator = operators.operator(command, where)
    name = names.field(command, operator, where)
    if name not in taken:
        return name
    for other in taken.values():
        if (other.name, other.argument) == (command.name, command.argument):
            return ""
    name = names.own_name(command)
    number = 2
    while name in taken:
        name = f"{names.own_name(command)}.{number}"
        number += 1
    return name


def _cleaned(value: Expression, field_name: str) -> Expression:
    return value if field_name in _TIMES else sql("meshseal_envoy(", value, ")")


# ---- JSON -----------------------------------------------------------------------------------


def _element(steps: tuple[int, ...]) -> Expression:
    name = "found"
    for step in steps:
        name = f"tupleElement({name}, {step})"
    return column(name)


def _document_value(found: _Fields, value: documents.Value, expression: Expression) -> None:
    where = f" of key {value.path!r}"
    if value.constant:
        _add_plain(found, value.path, expression)
        return
    if len(value.template) == 1:
        command = value.template[0]
        assert isinstance(command, Command)
        if name := _free(command, found.commands, where):
            found.commands[name] = command
            found.own_names[name] = names.own_name(command)
            found.values[name] = _cleaned(expression, name)
        return
    _check_separated(value.template, where)
    placed: dict[str, tuple[int, Command]] = {}
    for number, command in enumerate(text.commands(value.template), 1):
        if name := _free(command, found.commands, where):
            found.commands[name] = command
            found.own_names[name] = names.own_name(command)
            placed[name] = (number, command)
    order = [number for number, _ in placed.values()]
    cut = text.values([value.template], [order], expression)
    for place, name in enumerate(placed, 1):
        found.values[name] = _cleaned(sql(cut, f"[{place}]"), name)
    unread = sql("if(empty(", cut, "), meshseal_envoy(", expression, "), '')")
    _add_plain(found, value.path, unread)


def _add_plain(found: _Fields, path: str, expression: Expression) -> None:
    """Add a value that only its key names."""
    found.values[f"attribute:{path}"] = expression


def _given(values: Sequence[tuple[documents.Value, Expression]]) -> Expression:
    """Return how many members of a line have a value."""
    members: dict[int, list[Expression]] = {}
    for value, expression in values:
        members.setdefault(value.steps[0], []).append(expression)
    texts = [
        expressions[0] if len(expressions) == 1 else sql("concat(", joined(", ", expressions), ")")
        for expressions in members.values()
    ]
    return joined(" + ", [sql("notEmpty(", text, ")") for text in texts])


def _extra(document: documents.Document, given: Expression, parsed: Expression) -> Expression:
    """Return the pairs of a line that no key of the format is of.

    A line is read for them only if it has others than those that are known: so they cost little
    where there are none.
    """
    keys = f"tuple({', '.join(literals.text(key) for key in document.keys)})"
    if any(len(value.steps) > 1 for value in document.values):
        return call("meshseal_envoy_extra_nested", "raw_row.Body", keys, parsed)
    return call("meshseal_envoy_extra", "raw_row.Body", keys, given)


# ---- The row --------------------------------------------------------------------------------


def _either(checks: Sequence[str]) -> str:
    return checks[0] if len(checks) == 1 else f"({' OR '.join(f'({one})' for one in checks)})"


def _format(
    name: str,
    found: _Fields,
    *,
    parsed: Expression,
    source: str,
    check: str,
    hinted: str,
    title: str,
    pairs: Expression | None = None,
) -> Format:
    time = _time(found)
    told = meaning(found.values, found.own_names)
    if "mesh.mtls" in told.attributes:
        # All others are empty where no value is.
        mtls = told.attributes["mesh.mtls"]
        told.attributes["mesh.mtls"] = sql("if(", parsed, ", ", mtls, ", '')")
    outputs = {
        "raw_row": column("raw_row"),
        "parsed": parsed,
        "time_unix_nano": time,
        "severity_text": told.severity_text,
        "severity_number": told.severity_number,
        "service_name": told.service_name,
        "trace_id": told.trace_id,
        "span_id": told.span_id,
    }
    if pairs:
        outputs["pairs"] = pairs
    if told.resource:
        listed = [
            sql(f"({literals.text(key)}, ", value, ")") for key, value in told.resource.items()
        ]
        outputs["resource_pairs"] = sql(
            "arrayFilter(pair -> pair.2 != '', [", joined(", ", listed), "])"
        )
    for number, expression in enumerate(told.attributes.values(), 1):
        outputs[f"a{number}"] = expression
    return Format(
        name=name,
        check=check,
        hinted=hinted,
        files=(),
        closed=True,
        mesh=True,
        title=title,
        select=select(outputs, source),
        attributes=tuple(told.attributes),
        extra=pairs is not None,
        resource=bool(told.resource),
        silent=True,
    )


def _time(found: _Fields) -> Expression:
    """Return the time of a line's event, and leave what else says a time to be an attribute."""
    time: Expression | None = None
    for name in _TIMES:
        if name in found.values:
            argument = found.commands[name].argument
            value = found.values.pop(name)
            nanoseconds = None
            if not time:
                nanoseconds = times.nanoseconds(value, argument, local=name.endswith("_local"))
            if nanoseconds:
                time = nanoseconds
            else:
                found.values[found.own_names[name]] = _cleaned(value, "")
    return time or sql("toInt64(0)")
