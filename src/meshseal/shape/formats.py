"""The formats a record's body may be written in, and how each is recognised.

A new format is one row in a file of `families/`, one SELECT in `sql/format/` and one sample file in
the tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from meshseal.model.errors import FormatError
from meshseal.shape.families import cloud, envoy, generic, mesh, own, proxies
from meshseal.shape.families.format import Format

UNPARSED = "unparsed"
"""The format of a body that none fits: the record is kept whole, as text."""

OTLP = "otlp"
"""The format of an OpenTelemetry record whose body is not one of the mesh formats."""

FORMATS: tuple[Format, ...] = tuple(
    chain(
        own.FORMATS,
        envoy.FORMATS,
        mesh.FORMATS,
        proxies.FORMATS,
        cloud.FORMATS,
        generic.FORMATS,
    )
)
"""All that a line may be, the most telling first."""


class Formats:
    """The formats of this installation: those built in, and its own.

    A format of one's own goes before those built in: its `check` is for exactly its lines.

    `hints` is what a sender may give as a format. A hint that does not fit the line gives way to
    its content; `unparsed` keeps every line as it is.

    Args:
        custom: What `custom.compile_format` gave. Raises: FormatError when two have one name.
    """

    def __init__(self, custom: Iterable[Format] = ()) -> None:
        self.custom = tuple(custom)
        self.rows: tuple[Format, ...] = (*self.custom, *FORMATS)
        self._by_name = {entry.name: entry for entry in (*self.rows, envoy.ENTRY)}
        if len(self._by_name) <= len(self.rows):
            raise FormatError("two formats have the same name")
        self.hints: frozenset[str] = frozenset(entry.name for entry in self.rows) | {UNPARSED}

    def __getitem__(self, name: str) -> Format:
        """Return a format. Raises: KeyError, for `unparsed` and `otlp` too."""
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def functions(self) -> list[str]:
        """Return the statements that create `meshseal_recognise` and `meshseal_recognise_mesh`.

        Both take a line and the sender's hint and return a format's name.
        """
        by_hint = [(f"hint = '{entry.name}' AND {entry.check}", entry.name) for entry in self.rows]
        by_content = [(entry.check, entry.name) for entry in self.rows]
        in_body = [(entry.check, entry.name) for entry in self.rows if entry.mesh]
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


BUILT_IN = Formats()
"""Those of an installation without formats of its own."""
