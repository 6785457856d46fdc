"""A format of an installation's own: what Envoy's configuration says of its access log."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from meshseal.model.errors import FormatError

TEXT, JSON = "envoy", "envoy_json"
"""What a definition is given under: the text of a `text_format`, the object of a `json_format`."""

DEFAULT_MESH = "envoy"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MAX_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class OwnFormat:
    """One definition.

    Attributes:
        name: What `Format` says of its records, and what a sender may give as a format.
        definition: A format string, or the object of a `json_format`.
        mesh: Which mesh its records come from.

    Raises: FormatError when the name or the mesh is not made of small letters, digits and `_`.
    """

    name: str
    definition: str | Mapping[str, object]
    mesh: str = DEFAULT_MESH

    def __post_init__(self) -> None:
        for what, text in (("format", self.name), ("mesh", self.mesh)):
            if not NAME.fullmatch(text):
                raise FormatError(
                    f"{text[:80]!r} is no name of a {what}: use a small letter, then small "
                    "letters, digits and '_', 40 at most"
                )

    def document(self) -> dict[str, object]:
        """Return it as the interfaces and the configuration have it, without its name."""
        key = TEXT if isinstance(self.definition, str) else JSON
        return {key: self.definition, "mesh": self.mesh}


def own_format(name: str, document: object) -> OwnFormat:
    """Read what `OwnFormat.document` gives, or what a user wrote in its place.

    An `envoy_json` may also be the text of an object. Raises: FormatError.
    """
    if not isinstance(document, Mapping) or set(document) - {TEXT, JSON, "mesh"}:
        raise FormatError(f"a format has {TEXT} or {JSON}, and may have a mesh; nothing else")
    text, tree = document.get(TEXT), document.get(JSON)
    mesh = document.get("mesh", "") or DEFAULT_MESH
    if (text is None) == (tree is None):
        raise FormatError(f"a format has either {TEXT} or {JSON}")
    if isinstance(tree, str):
        try:
            tree = json.loads(tree)
        except ValueError as error:
            raise FormatError(f"{JSON} is not JSON: {error}") from error
    if text is not None and not isinstance(text, str):
        raise FormatError(f"{TEXT} is the text of a format string")
    if tree is not None and not isinstance(tree, Mapping):
        raise FormatError(f"{JSON} is an object")
    if not isinstance(mesh, str):
        raise FormatError("the mesh is a name")
    found = OwnFormat(name, text if text is not None else dict(tree or {}), mesh)
    if len(json.dumps(found.document())) > MAX_BYTES:
        raise FormatError(f"a format has at most {MAX_BYTES} bytes")
    return found
