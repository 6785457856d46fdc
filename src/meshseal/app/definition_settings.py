"""What the configuration says of definitions: trusted proxies, and formats of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from meshseal.model.errors import FormatError
from meshseal.model.own_format import FLOW, JSON, TEXT, OwnFormat, own_format
from meshseal.shape.networks import PRIVATE, parse_networks


class MeshSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of the mesh that the records come from."""

    trusted_proxies: Annotated[
        tuple[str, ...] | str,
        Meta(
            description="Networks of proxies whose `X-Forwarded-For` is believed, as a list or as "
            'text, `"10.0.0.0/8, 2001:db8::/32"`: the client of a request is the last address '
            "before them. What is not routed on the internet, if not set."
        ),
    ] = PRIVATE

    def __post_init__(self) -> None:
        try:
            parse_networks(self.proxies)
        except ValueError as error:
            raise ValueError(f"mesh.trusted_proxies: {error}") from error

    @property
    def proxies(self) -> tuple[str, ...]:
        """The networks, as texts."""
        given = self.trusted_proxies
        if isinstance(given, str):
            return tuple(part.strip() for part in given.split(",") if part.strip())
        return given


class FormatSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A format of one's own: what Envoy, or an AWS flow log, is configured to write."""

    envoy: Annotated[str, Meta(description="The text of a `text_format`.")] = ""
    envoy_json: Annotated[
        dict[str, Any] | str,
        Meta(description="A `json_format`: a table, or the text of an object."),
    ] = ""
    aws_vpc_flow: Annotated[
        str, Meta(description="The fields of an AWS flow log in their order, as AWS writes them.")
    ] = ""
    mesh: Annotated[
        str,
        Meta(
            description="Which mesh its records come from; empty: `envoy`. A flow log's are always "
            "of `aws_vpc`."
        ),
    ] = ""


def own_formats(settings: Mapping[str, FormatSettings]) -> list[OwnFormat]:
    """Return the formats of a configuration. Raises: ValueError that names the key."""
    found = []
    for name, one in settings.items():
        given = {
            TEXT: one.envoy,
            JSON: one.envoy_json,
            FLOW: one.aws_vpc_flow,
            "mesh": one.mesh,
        }
        try:
            found.append(own_format(name, {key: value for key, value in given.items() if value}))
        except FormatError as error:
            raise ValueError(f"formats.{name}: {error}") from error
    return found
