"""A format of an installation's own: what Envoy, or an AWS flow log, is configured to write."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from meshseal.model.errors import FormatError

TEXT, JSON, FLOW = "envoy", "envoy_json", "aws_vpc_flow"
"""What a definition is given under: the text of a `text_format`, the object of a `json_format`, the
fields of an AWS flow log in their order."""

DEFAULT_MESH = "envoy"
FLOW_MESH = "aws_vpc"
"""What the records of a flow log are of, whoever wrote its order: flows are no calls."""
_KEYS = f"{TEXT}, {JSON} or {FLOW}"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
MAX_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class OwnFormat:
    """One definition.

    Attributes:
        name: What `Format` says of its records, and what a sender may give as a format.
        definition: A format string, or the object of a `json_format`.
        mesh: Which mesh its records come from.
        flow: Whether the definition is of an AWS flow log.

    Raises: FormatError when the name or the mesh is not made of small letters, digits and `_`.
    """

    name: str
    definition: str | Mapping[str, object]
    mesh: str = DEFAULT_MESH
    flow: bool = False

    def __post_init__(self) -> None:
        for what, text in (("format", self.name), ("mesh", self.mesh)):
            if not NAME.fullmatch(text):
                raise FormatError(
                    f"{text[:80]!r} is no name of a {what}: use a small letter, then small "
                    "letters, digits and '_', 40 at most"
                )

    def document(self) -> dict[str, object]:
        """Return it as the interfaces and the configuration have it, without its name."""
        key = FLOW if self.flow else TEXT if isinstance(self.definition, str) else JSON
        return {key: self.definition, "mesh": self.mesh}


def own_format(name: str, document: object) -> OwnFormat:
    """Read what `OwnFormat.document` gives, or what a user wrote in its place.

    An `envoy_json` may also be the text of an object. Raises: FormatError.
    """
    given = document if isinstance(document, Mapping) else {}
    keys = [key for key in (TEXT, JSON, FLOW) if given.get(key) is not None]
    if not given or set(given) - {TEXT, JSON, FLOW, "mesh"}:
        raise FormatError(f"a format has {_KEYS}, and may have a mesh; nothing else")
    if len(keys) != 1:
        raise FormatError(f"a format has exactly one of {_KEYS}")
    (key,) = keys
    mesh = given.get("mesh", "") or (FLOW_MESH if key == FLOW else DEFAULT_MESH)
    if not isinstance(mesh, str):
        raise FormatError("the mesh is a name")
    if key == FLOW and mesh != FLOW_MESH:
        raise FormatError(f"the mesh of a flow log is always {FLOW_MESH}: leave it out")
    found = OwnFormat(name, _definition(key, given[key]), mesh, flow=key == FLOW)
    if len(json.dumps(found.document())) > MAX_BYTES:
        raise FormatError(f"a format has at most {MAX_BYTES} bytes")
    return found


def _definition(key: str, given: object) -> str | Mapping[str, object]:
    """Return what is given under a key. Raises: FormatError."""
    if key != JSON:
        if not isinstance(given, str):
            raise FormatError(f"{key} is the text of a format string")
        return given
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{JSON} is not JSON: {error}") from error
    if not isinstance(given, Mapping):
        raise FormatError(f"{JSON} is an object")
    return dict(given)
