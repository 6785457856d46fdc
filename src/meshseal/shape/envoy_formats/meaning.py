"""What the values of an Envoy access log mean, whichever way they were written.

From the fields that a format has (`operators`), expressions of the record's columns: only those for
which it has a field. `sql/format/envoy_access.sql` says the same of the entries of Envoy's access
log service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meshseal.model.columns import ATTRIBUTE_COLUMN
from meshseal.shape.envoy_formats import identity, services
from meshseal.shape.envoy_formats.expressions import Expression, call, column, joined, sql

Fields = Mapping[str, Expression]
"""The values of a line by field, '' where there is none. What a format lacks is missing."""

NOTHING = column("''")


@dataclass(slots=True)
class Meaning:
    """The columns of a record, apart from its time.

    Attributes:
        severity_number: OpenTelemetry's.
        severity_text: Its word.
        service_name: The service that reports.
        trace_id: Its trace.
        span_id: Its span.
        attributes: The record's attributes.
        resource: Attributes of what produced it.
    """

    severity_number: Expression
    severity_text: Expression
    service_name: Expression
    trace_id: Expression
    span_id: Expression
    attributes: dict[str, Expression] = field(default_factory=dict)
    resource: dict[str, Expression] = field(default_factory=dict)


def meaning(fields: Fields, own_names: Mapping[str, str]) -> Meaning:
    """Return what the fields of a format mean.

    Args:
        fields: The values.
        own_names: Of each field, the attribute it would be if it were one of its own.
    """
    status = _Status(fields)
    sides = services.sides(fields)
    trace, span = _first(_ids("trace", fields)), _first(_ids("span", fields))
    found = Meaning(
        severity_number=status.severity("17", "13", "9"),
        severity_text=status.severity("'ERROR'", "'WARN'", "'INFO'"),
        service_name=sides.service,
        trace_id=trace,
        span_id=span,
    )
    add = found.attributes
    add |= _request(fields)
    add |= status.attributes()
    add |= sides.attributes
    add |= _addresses(fields, sides)
    add |= _attempts(fields)
    add |= _contexts(fields, own_names, {"trace": trace, "span": span})
    add |= identity.attributes(fields, sides)
    for name, value in fields.items():
        kind, colon, key = name.partition(":")
        if colon and kind == "resource":
            found.resource[key] = value
        elif colon and kind == "attribute":
            add[f"envoy.{key}" if key in add or key in ATTRIBUTE_COLUMN else key] = value
        elif "." in name:
            add.setdefault(name, value)
    if "hostname" in fields:
        found.resource.setdefault("host.name", fields["hostname"])
    return found


# ---- The request ----------------------------------------------------------------------------


def _request(fields: Fields) -> dict[str, Expression]:
    found: dict[str, Expression] = {}
    if "path" in fields:
        path = fields["path"]
        found["url.path"] = sql("substringIndex(", path, ", '?', 1)")
        found["url.query"] = sql("substring(", path, ", length(", found["url.path"], ") + 2)")
    elif "path_only" in fields:
        found["url.path"] = fields["path_only"]
    if "query" in fields and "path" not in fields:
        found["url.query"] = sql("trim(LEADING '?' FROM ", fields["query"], ")")
    if "protocol" in fields:
        http = sql("startsWith(", fields["protocol"], ", 'HTTP/')")
        found["network.protocol.name"] = sql("if(", http, ", 'http', '')")
        version = sql("substring(", fields["protocol"], ", 6)")
        found["network.protocol.version"] = sql("if(", http, ", ", version, ", '')")
    if "authority" in fields:
        address = call("meshseal_address", fields["authority"])
        found["server.address"] = sql(address, ".1")
        found["server.port"] = sql(address, ".2")
    return found


class _Status:
    """How the request ended."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        code = fields.get("response_code")
        self._code = sql("toUInt16OrZero(", code, ")") if code else None
        self._flags = fields.get("response_flags") or fields.get("response_flags_long")

    def severity(self, error: str, warning: str, info: str) -> Expression:
        """Return the severity: of an error of the server's, of one of the client's, of neither."""
        cases: list[str | Expression] = []
        if self._code:
            cases += [self._code, f" >= 500, {error}, ", self._code, f" >= 400, {warning}, "]
        if self._flags:
            cases += [self._failed(self._flags), f", {warning}, "]
        return sql("multiIf(", *cases, f"{info})") if cases else sql(info)

    def _failed(self, flags: Expression) -> Expression:
        if not self._code:
            return sql(flags, " != ''")
        return sql("(", self._code, " = 0 AND ", flags, " != '')")

    def attributes(self) -> dict[str, Expression]:
        """Return the attributes of it."""
        fields = self._fields
        found: dict[str, Expression] = {}
        if "response_code" in fields:
            found["http.response.status_code"] = fields["response_code"]
        if "response_flags" in fields:
            found["mesh.response_flags"] = fields["response_flags"]
        if "response_flags_long" in fields:
            found["envoy.response_flags_long"] = fields["response_flags_long"]
        cases: list[str | Expression] = []
        if "response_flags_long" in fields:
            long = fields["response_flags_long"]
            cases += [long, " != '', substringIndex(", long, ", ',', 1), "]
        elif "response_flags" in fields:
            flags = fields["response_flags"]
            cases += [flags, " != '', ", call("meshseal_response_flag", flags), ", "]
        if self._code:
            cases += [self._code, " >= 500, toString(", self._code, "), "]
        if cases:
            found["error.type"] = sql("multiIf(", *cases, "'')")
        return found


def _attempts(fields: Fields) -> dict[str, Expression]:
    attempts = fields.get("attempts")
    if not attempts:
        return {}
    number = sql("toUInt32OrZero(", attempts, ")")
    name = "envoy.upstream_request_attempt_count"
    return {
        "mesh.retries": sql("if(", number, " > 0, toString(", number, " - 1), '')"),
        name: sql("if(", number, " > 0, '', ", attempts, ")"),
    }


# ---- Addresses ------------------------------------------------------------------------------


def _addresses(fields: Fields, sides: services.Sides) -> dict[str, Expression]:
    found: dict[str, Expression] = {}
    remote = _address(fields, "downstream_remote")
    direct = _address(fields, "downstream_direct_remote")
    local = _address(fields, "downstream_local") or _address(fields, "downstream_direct_local")
    host = _upstream_host(fields) or _address(fields, "upstream_remote")
    upstream_local = _address(fields, "upstream_local")
    downstream = direct or remote
    peer = _end(sides, downstream, host)
    if peer:
        found |= _host_and_port("network.peer", peer)
    own = _end(sides, local, upstream_local)
    if own:
        found |= _host_and_port("network.local", own)
    for name, value, shown in (
        ("mesh.upstream_host", host, peer),
        ("mesh.upstream_local_address", upstream_local, own),
        ("mesh.downstream_local_address", local, own),
        ("mesh.downstream_remote_address", remote, peer),
        ("envoy.downstream_direct_remote_address", direct if remote else None, peer),
    ):
        if value and value is not shown:
            found[name] = sql("if(", value, " = ", shown or NOTHING, ", '', ", value, ")")
    found |= _unused(fields, {"upstream_host": "upstream_remote"})
    return found | _client(fields, remote or direct)


def _upstream_host(fields: Fields) -> Expression | None:
    """Return the upstream's address, without the scheme that old Envoys put before it."""
    host = fields.get("upstream_host")
    if not host:
        return None
    return sql("if(startsWith(", host, ", 'tcp://'), substring(", host, ", 7), ", host, ")")


def _end(
    sides: services.Sides, downstream: Expression | None, upstream: Expression | None
) -> Expression | None:
    """Return the address towards the peer: downstream's where the proxy is the inbound one."""
    if not downstream or not upstream:
        return downstream or upstream
    either: list[str | Expression] = [sides.inbound, " OR "] if sides.inbound else []
    return sql("if(", *either, upstream, " = '', ", downstream, ", ", upstream, ")")


def _address(fields: Fields, name: str) -> Expression | None:
    """Return an address with its port, however the format has them."""
    if name in fields:
        return fields[name]
    host, port = fields.get(f"{name}_host"), fields.get(f"{name}_port")
    if not host or not port:
        return host
    whole = sql("if(position(", host, ", ':') = 0, ", host, ", concat('[', ", host, ", ']'))")
    return sql("if(", port, " = '', ", host, ", concat(", whole, ", ':', ", port, "))")


def _unused(fields: Fields, alternatives: Mapping[str, str]) -> dict[str, Expression]:
    """Return the parts of addresses that the format has beside the whole."""
    found: dict[str, Expression] = {}
    for name in _ADDRESSES:
        whole, host, port = name, f"{name}_host", f"{name}_port"
        if whole in fields:
            continue
        if port in fields and host not in fields:
            found[f"envoy.{port}"] = fields[port]
    for used, other in alternatives.items():
        if used in fields and (address := _address(fields, other)):
            found[f"envoy.{other}_address"] = address
    if "downstream_local" in fields and (address := _address(fields, "downstream_direct_local")):
        found["envoy.downstream_direct_local_address"] = address
    return found


_ADDRESSES = (
    "upstream_local",
    "upstream_remote",
    "downstream_remote",
    "downstream_direct_remote",
    "downstream_local",
    "downstream_direct_local",
)


def _host_and_port(name: str, address: Expression) -> dict[str, Expression]:
    cut = call("meshseal_address", address)
    return {f"{name}.address": sql(cut, ".1"), f"{name}.port": sql(cut, ".2")}


def _client(fields: Fields, remote: Expression | None) -> dict[str, Expression]:
    """Return the client's address, and the whole list where proxies stand in it too."""
    forwarded = fields.get("forwarded_for")
    host = sql(call("meshseal_address", remote), ".1") if remote else NOTHING
    if not forwarded:
        return {"client.address": host} if remote else {}
    # The remote address outside of the function, which would write it out twice.
    told = call("meshseal_client", forwarded, "''")
    client = sql("if(", told, " = '', ", host, ", ", told, ")") if remote else told
    listed = sql("if(position(", forwarded, ", ',') = 0, '', ", forwarded, ")")
    return {"client.address": client, "http.request.header.x-forwarded-for": listed}


# ---- Traces ---------------------------------------------------------------------------------


def _ids(kind: str, fields: Fields) -> list[Expression]:
    """Return the trace or span ids that the fields hold, the most telling first."""
    found = [
        call(f"meshseal_{kind}_id", fields[name]) for name in ("context", kind) if name in fields
    ]
    if f"datadog_{kind}" in fields:
        decimal = fields[f"datadog_{kind}"]
        # A decimal number of sixteen digits must not be taken for a hexadecimal one.
        padded = sql("if(", decimal, " = '', '', leftPad(", decimal, ", 20, '0'))")
        found.append(call(f"meshseal_{kind}_id", padded))
    return found


def _first(found: list[Expression]) -> Expression:
    if len(found) < 2:
        return found[0] if found else NOTHING
    return call("meshseal_first", sql("[", joined(", ", found), "]"))


def _contexts(
    fields: Fields, own_names: Mapping[str, str], ids: Mapping[str, Expression]
) -> dict[str, Expression]:
    """Return what of the trace's fields the record's trace and span do not say."""
    found: dict[str, Expression] = {}
    if "context" in fields:
        found[own_names["context"]] = fields["context"]
    for kind in ("trace", "span"):
        for name in (kind, f"datadog_{kind}"):
            if name in fields:
                value = fields[name]
                unread = sql("if(", ids[kind], " = '', ", value, ", '')")
                found[own_names[name]] = unread
    return found
