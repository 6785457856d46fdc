"""Who proved to be who, and how the connection was kept secret.

A proxy has two connections. What an inbound one knows of its peer it has from downstream; what an
outbound one knows, from upstream. Where nothing says which side a proxy is on, its record is of
the downstream connection, unless the format tells of the upstream one alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from meshseal.shape.envoy_formats.expressions import Expression, call, joined, sql
from meshseal.shape.envoy_formats.services import Sides

_ATTRIBUTES = {
    "tls_version": ("tls_version", "tls_version"),
    "tls_cipher": ("tls.cipher", "tls.cipher"),
    "tls_session_id": ("tls.session_id", "tls.session_id"),
    "tls_group": ("tls.curve", "tls.curve"),
    "peer_subject": ("tls.client.subject", "tls.server.subject"),
    "peer_issuer": ("tls.client.issuer", "tls.server.issuer"),
    "peer_fingerprint_256": ("tls.client.hash.sha256", "tls.server.hash.sha256"),
    "peer_fingerprint_1": ("tls.client.hash.sha1", "tls.server.hash.sha1"),
    "peer_cert_v_start": ("tls.client.not_before", "tls.server.not_before"),
    "peer_cert_v_end": ("tls.client.not_after", "tls.server.not_after"),
    "peer_cert": ("tls.client.certificate", "tls.server.certificate"),
    "local_subject": ("tls.server.subject", "tls.client.subject"),
}
"""Of both connections' values, the attribute: the downstream's peer is the client of TLS, the
upstream's its server."""

_PROOFS = (
    "peer_uri_san",
    "peer_subject",
    "peer_dns_san",
    "peer_issuer",
    "peer_fingerprint_256",
    "peer_fingerprint_1",
    "peer_serial",
    "peer_cert",
)
_OWN_PROOFS = ("local_uri_san", "local_dns_san", "local_subject")
_SECRECY = ("tls_version", "tls_cipher")

Fields = Mapping[str, Expression]


def attributes(fields: Fields, sides: Sides) -> dict[str, Expression]:
    """Return the attributes of identity and encryption that the fields of a format give."""
    given = {name for name in fields if name.startswith(("downstream_", "upstream_"))}
    down = {name.removeprefix("downstream_") for name in given if name.startswith("downstream_")}
    up = {name.removeprefix("upstream_") for name in given if name.startswith("upstream_")}
    secret = {*_ATTRIBUTES, *_PROOFS, *_OWN_PROOFS}
    found: dict[str, Expression] = {}
    _details(found, fields, sides)
    if not (down | up) & secret:
        return found
    _spiffe(found, fields, sides)
    _mutual(found, fields, sides)
    return found


def _of_side(sides: Sides, down: Expression | None, up: Expression | None) -> Expression | None:
    """Return the value of the connection that the record tells of."""
    if down and up:
        return sql("if(", sides.outbound, ", ", up, ", ", down, ")") if sides.outbound else down
    if down:
        return sql("if(", sides.outbound, ", '', ", down, ")") if sides.outbound else down
    if up:
        return sql("if(", sides.inbound, ", '', ", up, ")") if sides.inbound else up
    return None


def _rest(
    found: dict[str, Expression], fields: Fields, name: str, shown: Expression | None
) -> None:
    """Keep what is not shown under a name of its own."""
    if name in fields and fields[name] is not shown:
        value = fields[name]
        kept = sql("if(", value, " = ", shown, ", '', ", value, ")") if shown else value
        found[f"envoy.{name}"] = kept


def _details(found: dict[str, Expression], fields: Fields, sides: Sides) -> None:
    by_attribute: dict[str, tuple[str, str]] = {}
    for name, (client, server) in _ATTRIBUTES.items():
        for attribute, full in ((client, f"downstream_{name}"), (server, f"upstream_{name}")):
            if full in fields:
                place = 0 if full.startswith("downstream_") else 1
                both = list(by_attribute.get(attribute, ("", "")))
                both[place] = full
                by_attribute[attribute] = (both[0], both[1])
    for attribute, (down, up) in by_attribute.items():
        if down and up:
            shown = _of_side(sides, fields[down], fields[up])
            _rest(found, fields, down, shown)
            _rest(found, fields, up, shown)
        else:
            shown = fields[down or up]
        if shown:
            found |= _version(shown) if attribute == "tls_version" else {attribute: shown}
    for name in fields:
        side, _, kind = name.partition("_")
        if side in ("downstream", "upstream") and kind.endswith(_OTHERS):
            found.setdefault(f"envoy.{name}", fields[name])


_OTHERS = (
    "dns_san", "ip_san", "email_san", "othername_san", "serial", "chain_fingerprints_256",
    "chain_fingerprints_1", "chain_serials", "issuer_fingerprint_256",
)  # fmt: skip


def _version(text: Expression) -> dict[str, Expression]:
    """Return `TLSv1.3` as OpenTelemetry has it."""
    known = sql("startsWith(", text, ", 'TLSv')")
    return {
        "tls.protocol.name": sql("if(", known, ", 'tls', '')"),
        "tls.protocol.version": call("meshseal_tls_number", text),
    }


def _spiffe(found: dict[str, Expression], fields: Fields, sides: Sides) -> None:
    for end in ("peer", "local"):
        down, up = f"downstream_{end}_uri_san", f"upstream_{end}_uri_san"
        names = _of_side(sides, fields.get(down), fields.get(up))
        if not names:
            continue
        listed = sql("splitByChar(',', ", names, ")")
        proved = sql("arrayFirst(name -> startsWith(name, 'spiffe://'), ", listed, ")")
        found[f"mesh.{end}.spiffe_id"] = proved
        _rest(found, fields, down, proved)
        _rest(found, fields, up, proved)


def _mutual(found: dict[str, Expression], fields: Fields, sides: Sides) -> None:
    down_peer = _any(fields, "downstream", _PROOFS)
    # Towards an upstream nothing proves that TLS was mutual: Envoy tells the certificate that it
    # would show, whether or not it was asked for it (`tests/doors/test_mesh_config_envoy_e2e.py`).
    peer = _of_side(sides, down_peer, None)
    down_secret, up_secret = (
        _any(fields, "downstream", _SECRECY),
        _any(fields, "upstream", _SECRECY),
    )
    if not (peer or down_secret or up_secret):
        return
    secret = _of_side(sides, down_secret, up_secret)
    known = _known(fields, sides, down_secret, up_secret)
    found["mesh.mtls"] = sql(
        "meshseal_mtls(", peer or "''", ", ", secret or "''", " != '', ", known, ")"
    )


def _any(fields: Fields, side: str, kinds: tuple[str, ...]) -> Expression | None:
    """Return the first of several values that is not empty."""
    given = [fields[f"{side}_{kind}"] for kind in kinds if f"{side}_{kind}" in fields]
    if len(given) < 2:
        return given[0] if given else None
    return call("meshseal_first", sql("[", joined(", ", given), "]"))


def _known(
    fields: Fields, sides: Sides, down: Expression | None, up: Expression | None
) -> Expression:
    """Return whether the line says if there was TLS on the connection it tells of."""
    # Without an upstream there was no connection that could have been secret.
    host = fields.get("upstream_host") or fields.get("upstream_remote")
    reached = _reached(fields, host) if up and host else sql("false")
    if not down:
        if not up:
            return sql("false")
        return sql("NOT ", sides.inbound, " AND ", reached) if sides.inbound else reached
    if not sides.outbound:
        return sql("true")
    return sql("if(", sides.outbound, ", ", reached, ", true)")


def _reached(fields: Fields, host: Expression) -> Expression:
    """Return whether there was a connection over a network to the upstream."""
    conditions = [call("meshseal_is_socket", host)]
    if reason := fields.get("mesh.upstream_transport_failure_reason"):
        conditions.append(sql(reason, " = ''"))
    if local := fields.get("upstream_local"):
        conditions.append(sql(local, " != ''"))
    if flags := fields.get("response_flags"):
        conditions.append(sql("NOT has(splitByChar(',', ", flags, "), 'UF')"))
    return sql("(", joined(" AND ", conditions), ")")
