"""Reference pages, made from the declarations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_type_hints

import msgspec
from msgspec import Struct

from meshseal.app.config import Config, DoorSettings
from meshseal.app.definition_settings import FormatSettings
from meshseal.app.emitter_settings import EmitterSettings
from meshseal.shape import render
from meshseal.shape.families.format import Format
from meshseal.shape.formats import FORMATS
from meshseal.wire import NATIVE_PORTS, PROTOCOLS, STREAMS


def config_reference() -> str:
    """Return the reference of the configuration, as Markdown."""
    parts = [
        "# Configuration\n",
        "Made from the declarations by `meshseal config reference`; do not edit.\n",
        "One TOML file (`--config`), then variables `MESHSEAL__SECTION__KEY`, then "
        "`--set section.key=value`: later ones win. `meshseal config check` shows what results.\n",
    ]
    for field in msgspec.structs.fields(Config):
        if field.name == "doors":
            ports = ", ".join(f"`{name}` ({port})" for name, port in NATIVE_PORTS.items())
            parts.append(
                "## doors.NAME\n\nA protocol's own listener, at the port its senders expect. The "
                f"doors are {ports}; `all` sets what a door does not set itself.\n"
            )
            parts.append(_table(DoorSettings))
        elif field.name == "emitters":
            parts.append(f"## emitters.NAME\n\n{EmitterSettings.__doc__}\n")
            parts.append(_table(EmitterSettings))
        elif field.name == "formats":
            parts.append(f"## formats.NAME\n\n{FormatSettings.__doc__}\n")
            parts.append(_table(FormatSettings))
        else:
            settings = type(field.default)
            parts.append(f"## {field.name}\n\n{settings.__doc__}\n")
            parts.append(_table(settings))
    return "\n".join(parts)


def doors_reference() -> str:
    """Return the reference of the doors, as Markdown."""
    rows = [
        "# Doors\n",
        "Made from the table of protocols by `tools/reference`; do not edit.\n",
        "| Door | Protocol | Port | Paths | Acknowledged | Senders |",
        "|---|---|---|---|---|---|",
    ]
    for protocol in PROTOCOLS:
        whole = [f"{protocol.prefix}/…"] if protocol.prefix else []
        paths = "<br>".join(f"`{path}`" for path in (*protocol.paths, *whole))
        port = str(protocol.native_port or "main")
        rows.append(
            f"| `{protocol.name}` | {protocol.title} | {port} | {paths} | "
            f"{protocol.acknowledges} | {', '.join(protocol.clients)} |"
        )
    for stream in STREAMS:
        kind = "UDP" if stream.datagrams else "TLS" if stream.tls_only else "TCP, TLS"
        rows.append(
            f"| `{stream.name}` | {stream.title} | {stream.native_port} | {kind} | "
            f"{stream.acknowledges} | {', '.join(stream.clients)} |"
        )
    return "\n".join(rows) + "\n"


def formats_reference(samples: Mapping[str, str]) -> str:
    """Return the reference of the formats of lines, as Markdown.

    Args:
        samples: A line of each format, by its name; it may hold ends of lines.
    """
    parts = [
        "# Formats of lines\n",
        "Made from the declarations by `make reference`; do not edit.\n",
        "What a record's text may be written in. It is recognized by its content, in this order; "
        "`?format=NAME` at the doors `lines` and `documents` tries that one first. A line that "
        "none fits is kept whole, with the format `unparsed`, and so is every line under "
        "`?format=unparsed`. What log files and container runtimes put around a line is "
        "[taken off](wrappers.md) before.\n",
        "| Format | What it is | Also inside OpenTelemetry bodies |\n|---|---|---|",
        *(f"| `{f.name}` | {f.title} | {'yes' if f.mesh else 'no'} |" for f in FORMATS),
        "\nAn OpenTelemetry record whose body is none of these has the format `otlp`. The body is "
        "always kept as it came. What a format says becomes attributes: those that have a "
        "[column](columns.md) are there, and the others in `OtherAttributes`. Sizes are what the "
        "source counts: HAProxy, ingress-nginx and the load balancers of AWS count headers too. "
        "At a gateway, the other end is the upstream, and what is said of TLS is of the client's "
        "connection.\n",
        *(_format(row, samples.get(row.name, "")) for row in FORMATS),
    ]
    return "\n".join(parts)


def _format(row: Format, sample: str) -> str:
    files = [f"format/{name}.sql" for name in row.files]
    first = "" if row.select or not files else render.remarks(files[0])
    text, _, sources = re.sub("Sources:", "Source:", first).partition("Source: ")
    keys = [*row.attributes, *(key for name in files for key in render.attributes(name))]
    parts = [f"## {row.name}\n", f"{row.title}.\n"]
    if text.strip():
        parts.append(f"{text.strip()}\n")
    if sample:
        parts.append(f"```text\n{sample}\n```\n")
    if keys:
        listed = ", ".join(f"`{key}`" for key in sorted(dict.fromkeys(keys)))
        more = ", and what else it names" if row.extra else ""
        parts.append(f"Attributes: {listed}{more}.\n")
    elif not row.closed:
        parts.append("Attributes: every key of the line.\n")
    if sources:
        parts.append(f"Sources: {sources}\n")
    return "\n".join(parts)


def _table(settings: type[Struct]) -> str:
    hints = get_type_hints(settings, include_extras=True)
    rows = ["| Key | Type | Default | Meaning |", "|---|---|---|---|"]
    for field in msgspec.structs.fields(settings):
        kind, meta = _described(hints[field.name])
        bounds = _bounds(meta)
        required = field.default is msgspec.NODEFAULT
        default = "required" if required else msgspec.json.encode(field.default).decode()
        meaning = next((m.description for m in meta if m.description), "")
        rows.append(f"| `{field.name}` | {kind}{bounds} | `{default}` | {meaning} |")
    return "\n".join(rows) + "\n"


def _described(hint: Any) -> tuple[str, list[msgspec.Meta]]:
    meta = [item for item in getattr(hint, "__metadata__", ()) if isinstance(item, msgspec.Meta)]
    inner = getattr(hint, "__origin__", hint) if meta else hint
    choices = getattr(inner, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return " or ".join(f"`{choice}`" for choice in choices), meta
    names = [getattr(part, "__name__", str(part)) for part in choices] or [
        getattr(inner, "__name__", str(inner))
    ]
    words = {
        "int": "whole number",
        "float": "number",
        "str": "text",
        "bool": "true or false",
        "tuple": "list of texts",
        "dict": "table",
    }
    return " or ".join(words.get(name, "unset") for name in names), meta


def _bounds(meta: list[msgspec.Meta]) -> str:
    found = []
    for item in meta:
        for name, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤")):
            value = getattr(item, name)
            if value is not None:
                found.append(f"{sign} {value}")
    return f", {', '.join(found)}" if found else ""
