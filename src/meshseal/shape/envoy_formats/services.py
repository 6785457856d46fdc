"""Which service reports, which is at the other end, and on which side the proxy stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meshseal.shape.envoy_formats.expressions import Expression, call, sql

_UNKNOWN_SOURCE = "('', '-', '*', 'unknown')"
_KUBERNETES_SERVICE = r"'^([^_]+)_([^_]+)_svc(?:_[0-9]+)?$'"
"""Kuma's name of a Kubernetes service: `backend_shop_svc_8080`."""


@dataclass(slots=True)
class Sides:
    """Both ends of a call.

    Attributes:
        service: The service that reports; '' where nothing says it.
        inbound: Whether the proxy is the receiving service's; None where the format cannot tell.
        outbound: Whether it is the calling service's; None where the format cannot tell.
        attributes: `mesh.reporter`, and the names of both ends.
    """

    service: Expression
    inbound: Expression | None = None
    outbound: Expression | None = None
    attributes: dict[str, Expression] = field(default_factory=dict)


def sides(fields: Mapping[str, Expression]) -> Sides:
    """Return the ends that the fields of a format tell of."""
    reporter = _reporter(fields)
    found = Sides(service=fields.get("service", sql("''")))
    if "upstream_cluster" in fields:
        found.attributes["mesh.upstream_cluster"] = fields["upstream_cluster"]
    if not reporter:
        return found
    found.inbound = sql("(", reporter, " = 'inbound')")
    found.outbound = sql("(", reporter, " = 'outbound')")
    found.attributes["mesh.reporter"] = reporter
    names = _kuma(fields, found.inbound) or _istio(fields, found.inbound)
    if not names:
        return found
    own, peer = names
    service = sql(own, "[1]")
    if "service" in fields:
        given = fields["service"]
        service = sql("if(", given, " != '', ", given, ", ", service, ")")
    found.service = service
    found.attributes |= {
        "service.namespace": sql(own, "[2]"),
        "service.peer.name": sql(peer, "[1]"),
        "service.peer.namespace": sql(peer, "[2]"),
    }
    for name in ("kuma_source", "kuma_destination"):
        if name in fields:
            whole = sql("if(position(", fields[name], ", '_svc') = 0, '', ", fields[name], ")")
            found.attributes[f"kuma.{name.removeprefix('kuma_')}_service"] = whole
    return found


def _reporter(fields: Mapping[str, Expression]) -> Expression | None:
    """Return `inbound`, `outbound` or ''."""
    cases: list[str | Expression] = []
    if "kuma_direction" in fields:
        direction = fields["kuma_direction"]
        cases += [direction, " = 'INBOUND', 'inbound', ", direction, " = 'OUTBOUND', 'outbound', "]
    if "kuma_source" in fields:
        # The receiving side does not know who calls.
        source = fields["kuma_source"]
        cases += [source, f" NOT IN {_UNKNOWN_SOURCE}, 'outbound', "]
        if "kuma_destination" in fields:
            cases += [fields["kuma_destination"], " != '', 'inbound', "]
    rest: str | Expression = "''"
    if "upstream_cluster" in fields:
        rest = call("meshseal_reporter", fields["upstream_cluster"])
    elif not cases:
        return None
    return sql("multiIf(", *cases, rest, ")") if cases else sql(rest)


Names = tuple[Expression, Expression]
"""Of the service that reports and of its peer: an array of its name and its namespace."""


def _kuma(fields: Mapping[str, Expression], inbound: Expression) -> Names | None:
    if "kuma_destination" not in fields:
        return None
    destination = _split(fields["kuma_destination"])
    if "kuma_source" not in fields:
        return _by_side(inbound, destination)
    known = sql(
        "if(", fields["kuma_source"], f" IN {_UNKNOWN_SOURCE}, '', ", fields["kuma_source"], ")"
    )
    source = _split(known)
    return (
        sql("if(", inbound, ", ", destination, ", ", source, ")"),
        sql("if(", inbound, ", ", source, ", ", destination, ")"),
    )


def _split(name: Expression) -> Expression:
    """Return the name and the namespace of one of Kuma's services."""
    parts = sql("extractGroups(", name, f", {_KUBERNETES_SERVICE})")
    plain = sql("[", name, ", '']")
    return sql(
        "if(position(",
        name,
        ", '_svc') = 0, ",
        plain,
        ", if(empty(",
        parts,
        "), ",
        plain,
        ", ",
        parts,
        "))",
    )


def _istio(fields: Mapping[str, Expression], inbound: Expression) -> Names | None:
    cluster = fields.get("upstream_cluster")
    if not cluster:
        return None
    host = call("meshseal_istio_host", cluster)
    cases: list[str | Expression] = [host, " != '', ", host, ", "]
    cases += ["endsWith(", cluster, ", '.consul'), ", cluster, ", "]
    if "tls.client.server_name" in fields:
        named = call("meshseal_istio_host", fields["tls.client.server_name"])
        cases += [inbound, ", ", named, ", "]
    return _by_side(inbound, sql("splitByChar('.', multiIf(", *cases, "''))"))


def _by_side(inbound: Expression, names: Expression) -> Names:
    """Return whose names they are: those of the receiving service."""
    nothing = "['', '']"
    return (
        sql("if(", inbound, ", ", names, f", {nothing})"),
        sql("if(", inbound, f", {nothing}, ", names, ")"),
    )
