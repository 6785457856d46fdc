"""The formats a record's body may be written in, and how each is recognised.

A new format is one row in a file of `families/`, one SELECT in `sql/format/` and one sample file in
the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from meshseal.model.errors import FormatError
from meshseal.shape import recognise
from meshseal.shape.families import applications, cloud, envoy, generic, mesh, own, proxies
from meshseal.shape.families.format import Format
from meshseal.shape.families.wrappers import SYSLOG, WRAPPERS

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
        applications.FORMATS,
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
        self.names: frozenset[str] = frozenset(entry.name for entry in self.rows)
        self.hints: frozenset[str] = self.names | {UNPARSED}

    def __getitem__(self, name: str) -> Format:
        """Return a format. Raises: KeyError, for `unparsed` and `otlp` too."""
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def functions(self) -> list[str]:
        """Return the statements that create the functions that recognise formats.

        `meshseal_recognise` and `meshseal_recognise_mesh` take a line and the format that it is
        known to be of, or '', and return the name of a format or a wrapper; those that end in
        `_inside` and `_plain` are for what is inside of a wrapper. `meshseal_fits_<name>` says of
        a line whether it is of that format, so that a hint may be asked about.
        """
        own = [row for row in self.custom if row.mesh]
        in_body = [row for row in FORMATS if row.mesh]
        return [
            *(_function(fits(row.name), "line", recognise.condition(row)) for row in self.rows),
            *_recognisers("meshseal_recognise", self.custom, FORMATS, UNPARSED),
            *_recognisers("meshseal_recognise_mesh", own, in_body, OTLP),
        ]


def _recognisers(
    name: str, own: Sequence[Format], rows: Sequence[Format], otherwise: str
) -> Iterator[str]:
    """Yield the functions for whole lines, for what is inside of a wrapper, and of two."""
    for suffix, outer in (("", WRAPPERS), ("_inside", (SYSLOG,)), ("_plain", ())):
        found = recognise.by_content(own, (*outer, *rows), otherwise)
        yield _function(f"{name}{suffix}", "line, known", found)


def fits(name: str) -> str:
    """Return the name of the function that says whether a line is of a format."""
    return f"meshseal_fits_{name}"


def _function(name: str, arguments: str, body: str) -> str:
    return f"CREATE OR REPLACE FUNCTION {name} AS ({arguments}) -> {body}"


BUILT_IN = Formats()
"""Those of an installation without formats of its own."""
