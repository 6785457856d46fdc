"""Settings of the emitters whose own counters are fetched."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from meshseal.model.counters import Meaning
from meshseal.model.errors import MeshsealError
from meshseal.model.identifiers import DEFAULT_TENANT, check_tenant
from meshseal.wire.counters import plain_name
from meshseal.wire.emitter_stats import Wanted


class EmitterSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An emitter whose counters Meshseal fetches, and whose records they count."""

    url: Annotated[str, Meta(description="Where the emitter shows its counters.")]
    kind: Annotated[
        Literal["envoy", "fluentd", "fluent_bit", "prometheus"],
        Meta(
            description="What it shows: Envoy's `/stats?format=json` or Prometheus's text, "
            "Fluentd's `/api/plugins.json`, Fluent Bit's `/api/v1/metrics`, any Prometheus text."
        ),
    ]
    tenant: Annotated[str, Meta(description="Whose records; empty: the tenant `default`.")] = ""
    source: Annotated[
        str,
        Meta(description="Who sends them, as in the column `Source`, such as `key:…`. Empty: any."),
    ] = ""
    door: Annotated[str, Meta(description="By which door they come. Empty: any.")] = ""
    service: Annotated[str, Meta(description="Of which service they are. Empty: any.")] = ""
    instance: Annotated[
        str, Meta(description="Of which instance, pod or host they are. Empty: any.")
    ] = ""
    interval_seconds: Annotated[
        float, Meta(ge=1, le=3600, description="How often they are fetched.")
    ] = 60.0
    timeout_seconds: Annotated[
        float, Meta(gt=0, le=60, description="An answer that is not whole by then is given up.")
    ] = 5.0
    max_bytes: Annotated[
        int, Meta(ge=1024, le=64 << 20, description="Largest answer that is read.")
    ] = 4 << 20
    labels: Annotated[
        str,
        Meta(
            description="Labels that a counter must have, such as `exporter=otlp/meshseal`, with "
            "commas: where the emitter sends elsewhere too."
        ),
    ] = ""
    passed: Annotated[
        str,
        Meta(
            description="Names, with commas, of counters of records handed over: for others than "
            "the known ones."
        ),
    ] = ""
    dropped: Annotated[
        str, Meta(description="Names, with commas, of counters of records dropped.")
    ] = ""
    ca_file: Annotated[
        str, Meta(description="PEM file: who signs its certificate. Empty: the machine's own.")
    ] = ""
    certificate_file: Annotated[
        str, Meta(description="PEM file: our certificate, where it asks for one.")
    ] = ""
    key_file: Annotated[str, Meta(description="PEM file: our certificate's private key.")] = ""
    token_file: Annotated[
        str, Meta(description="File with the token that is sent as `Authorization: Bearer`.")
    ] = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("url must be http://… or https://…, without a password in it")
        if not (self.source or self.door or self.service):
            raise ValueError("say whose records it counts: source, door or service")
        if self.token_file and parts.scheme != "https" and not _is_local(parts.hostname):
            raise ValueError("a token is sent over https only")
        try:
            check_tenant(self.tenant or DEFAULT_TENANT)
        except MeshsealError as error:
            raise ValueError(str(error)) from error
        self.wanted()

    def wanted(self) -> Wanted:
        """Return what is read of its answer. Raises: ValueError when the labels are none."""
        names = {
            key: meaning
            for text, meaning in ((self.passed, Meaning.PASSED), (self.dropped, Meaning.DROPPED))
            for name in _listed(text)
            for key in (name, plain_name(name))
        }
        pairs = [label.partition("=") for label in _listed(self.labels)]
        if not all(name and equals for name, equals, _ in pairs):
            raise ValueError("labels are written name=value, name=value")
        return Wanted(names, {name.strip(): value.strip().strip('"') for name, _, value in pairs})


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_local(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
