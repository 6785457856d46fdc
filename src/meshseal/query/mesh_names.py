"""Names of services and of edges, and the query that lists an edge's records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meshseal.shape.assemble import UNKNOWN_SERVICE

OUTSIDE = "outside"
"""What the end of an edge is called that nothing names."""

_BETWEEN = ">"


@dataclass(frozen=True, slots=True, order=True)
class End:
    """One end of an edge: a service in a namespace. Without a name it is what is outside."""

    namespace: str
    name: str

    @property
    def id(self) -> str:
        """Its name in the API: `namespace/name`, or the name alone."""
        if not self.name:
            return OUTSIDE
        plain = not self.namespace and self.name != OUTSIDE
        return self.name if plain else f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two ends: who calls, and who is called."""

    source: End
    destination: End

    @property
    def id(self) -> str:
        """Its name in the API."""
        return f"{self.source.id}{_BETWEEN}{self.destination.id}"


def ends_of(text: str) -> list[End]:
    """Return the ends that an id may stand for; names may hold a slash."""
    if text == OUTSIDE:
        return [End("", "")]
    found = [] if not text else [End("", text)]
    for position in _positions(text, "/"):
        namespace, name = text[:position], text[position + 1 :]
        if name and (namespace or name == OUTSIDE):
            found.append(End(namespace, name))
    return found


def pairs_of(text: str) -> list[Pair]:
    """Return the pairs that an edge's id may stand for."""
    return [
        Pair(source, destination)
        for position in _positions(text, _BETWEEN)
        for source in ends_of(text[:position])
        for destination in ends_of(text[position + 1 :])
    ]


def edge_query(reporter: str, sources: Sequence[End], destinations: Sequence[End]) -> str:
    """Return the LogQL that lists an edge's records.

    Args:
        reporter: Who reports of it.
        sources: What records call the caller.
        destinations: What they call who is called.
    """
    nobody = all(not end.name for end in sources)
    told_by_source = reporter == "outbound" or (reporter != "inbound" and not nobody)
    own, peer = (sources, destinations) if told_by_source else (destinations, sources)
    parts = ["{" + _matcher("service_name", [end.name or UNKNOWN_SERVICE for end in own]) + "}"]
    if all(end.namespace for end in own):
        parts.append(_matcher("namespace", [end.namespace for end in own]))
    parts.append(_matcher("peer_service", [end.name for end in peer]))
    if all(end.namespace for end in peer):
        parts.append(_matcher("peer_namespace", [end.namespace for end in peer]))
    if any(end.name for end in own):
        parts.append(_matcher("reporter", [reporter]))
    return " | ".join(parts)


def _matcher(label: str, names: Sequence[str]) -> str:
    different = sorted(set(names))
    if len(different) == 1:
        return f"{label}={_quoted(different[0])}"
    # A bar of a name's own is written by its number: bars stand between names.
    listed = "|".join(re.escape(name).replace("\\|", "\\x7c") for name in different)
    return f"{label}=~{_quoted(listed)}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _positions(text: str, character: str) -> Iterator[int]:
    position = text.find(character)
    while position >= 0:
        yield position
        position = text.find(character, position + 1)
