"""The formats a record's body may be written in, and how each is recognised.

A new format is one row here, one SELECT in `sql/format/` and one sample file in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

UNPARSED = "unparsed"
"""The format of a body that none fits: the record is kept whole, as text."""

OTLP = "otlp"
"""The format of an OpenTelemetry record whose body is not one of the mesh formats."""

ENVOY_ALS = "envoy_als"
"""The format of an entry of Envoy's access log service, which has no text to be recognised."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format of a record's body.

    Attributes:
        name: What `Format` says, and what a sender may give as a hint.
        check: SQL over `line`: true where a line looks like this format. It must be cheap; what
            passes it and then does not parse becomes `unparsed`.
        files: Its SELECTs in `sql/format/`, the innermost first.
        closed: Whether its attributes are the SELECT's backquoted columns (true), or an array of
            (key, value) named `pairs`, as open as the line is (false).
        mesh: Whether it is recognised inside OpenTelemetry bodies too.
        title: What it is, for the reference page.
        positional: So many of a row's attributes are the format's own fields, in their order; the
            others are kept as they are.
    """

    name: str
    check: str
    files: tuple[str, ...]
    closed: bool
    mesh: bool
    title: str
    positional: int = 0


_STAMP = r"^\\[[0-9]{4}-[0-9]{2}-[0-9]{2}T[^\\]]*\\]"
_QUOTED = r'"(?:[^"\\\\]|\\\\.)*"'

FORMATS: tuple[Format, ...] = (
    Format(
        name="istio_json",
        check="startsWith(line, '{') AND position(line, '\"response_code\"') > 0 "
        "AND position(line, '\"start_time\"') > 0",
        files=("istio_json", "envoy_access"),
        closed=True,
        mesh=True,
        title="Istio and Consul JSON access log",
    ),
    Format(
        name="istio_text",
        check=f"startsWith(line, '[') AND match(line, '{_STAMP} {_QUOTED} "
        rf"\\S+ \\S+ \\S+ \\S+ {_QUOTED} \\S+ ')",
        files=("istio_text", "envoy_access"),
        closed=True,
        mesh=True,
        title="Istio default text access log",
    ),
    Format(
        name="envoy_text",
        check=f"startsWith(line, '[') AND match(line, '{_STAMP} {_QUOTED} "
        r"[0-9]+ \\S+ [0-9]+ [0-9]+ [0-9]+ [0-9-]+ \"')",
        files=("envoy_text", "envoy_access"),
        closed=True,
        mesh=True,
        title="Envoy default text access log (also AWS App Mesh)",
    ),
    Format(
        name="json",
        check="startsWith(line, '{')",
        files=("json", "pairs"),
        closed=False,
        mesh=False,
        title="Any JSON object",
    ),
    Format(
        name="logfmt",
        check=r"match(line, '^[A-Za-z_@][A-Za-z0-9_.@/-]*=(\"(?:[^\"\\\\]|\\\\.)*\"|[^\\s\"]*)"
        r"(\\s+[A-Za-z_@][A-Za-z0-9_.@/-]*=|\\s*$)')",
        files=("logfmt", "pairs"),
        closed=False,
        mesh=False,
        title="logfmt",
    ),
)

_ENVOY_ENTRY = Format(
    name=ENVOY_ALS,
    check="false",
    files=("envoy_als", "envoy_access", "envoy_als_peer"),
    closed=True,
    mesh=False,
    title="Envoy access log service",
    positional=28,
)

FORMAT = {entry.name: entry for entry in (*FORMATS, _ENVOY_ENTRY)}

HINTS: frozenset[str] = frozenset(entry.name for entry in FORMATS) | {UNPARSED}
"""What a sender may give as a format. A hint that does not fit the line gives way to its content;
`unparsed` keeps every line as it is."""


def functions() -> list[str]:
    """Return the statements that create `meshseal_recognise` and `meshseal_recognise_mesh`.

    Both take a line and the sender's hint and return a format's name.
    """
    by_hint = [(f"hint = '{entry.name}' AND {entry.check}", entry.name) for entry in FORMATS]
    by_content = [(entry.check, entry.name) for entry in FORMATS]
    in_body = [(entry.check, entry.name) for entry in FORMATS if entry.mesh]
    kept = [(f"hint = '{UNPARSED}'", UNPARSED)]
    return [
        _choice("meshseal_recognise", kept + by_hint + by_content, UNPARSED),
        _choice("meshseal_recognise_mesh", in_body, OTLP),
    ]


def _choice(name: str, cases: list[tuple[str, str]], otherwise: str) -> str:
    branches = ", ".join(f"{condition}, '{result}'" for condition, result in cases)
    return (
        f"CREATE OR REPLACE FUNCTION {name} AS (line, hint) -> multiIf({branches}, '{otherwise}')"
    )
