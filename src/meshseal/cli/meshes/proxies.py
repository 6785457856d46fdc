"""The configurations of plain proxies: NGINX, HAProxy, Traefik."""

from __future__ import annotations

from meshseal.cli.meshes import fields, render, shipper
from meshseal.cli.meshes.destination import Request
from meshseal.cli.meshes.fields import Field
from meshseal.model.errors import ConfigError

SYSLOG_PORT = 5514
SYSLOG_TLS_PORT = 6514
_FILE = "/var/log/nginx/meshseal.log"


def _given(request: Request) -> list[tuple[Field, str]]:
    same = {
        "meshseal": request.mesh,
        "reporter": request.reporter or "gateway",
        "service_name": request.service,
    }
    return render.constants(same) + fields.of(request.mesh)


def nginx(request: Request) -> str:
    """Return NGINX's configuration. Raises: ConfigError where it has no way to do that."""
    if request.transport == "syslog" and request.to.tls:
        raise ConfigError(
            "NGINX has no syslog over TLS: use --to syslog://… in a network of your own, "
            "or --transport file"
        )
    given = _given(request)
    lines: list[str] = []
    for number, (field, value) in enumerate(given):
        if request.explain:
            lines.append("# " + render.reason(field))
        comma = "," if number + 1 < len(given) else ""
        lines.append(f"""'"{field.name}":"{value}"{comma}'""")
    target, ship = _FILE, ""
    if request.transport == "syslog":
        tag = request.service.replace("-", "_") or "nginx"
        target = (
            f"syslog:server={request.to.at(SYSLOG_PORT)},facility=local7,severity=info,tag={tag}"
        )
    else:
        ship = "# The shipper, here Fluent Bit:\n" + shipper.fluent_bit(request, path=_FILE)
    values = {
        "address": request.to.at(SYSLOG_PORT),
        "fields": "\n".join(lines),
        "target": target,
        "shipper": "\n".join("# " + line for line in ship.splitlines()),
    }
    return render.fill("nginx.conf", values)


def haproxy(request: Request) -> str:
    """Return HAProxy's configuration. Raises: ConfigError where it has no way to do that."""
    datagrams = request.transport == "syslog-udp"
    if datagrams and request.to.tls:
        raise ConfigError("HAProxy has TLS for syslog over TCP only: use --transport syslog")
    given = _given(request)
    port = SYSLOG_TLS_PORT if request.to.tls else SYSLOG_PORT
    address = request.to.at(port)
    tls = f" ssl verify required ca-file {request.ca_file}" if request.to.tls else ""
    if tls and not request.to.is_address:
        tls += f" sni str({request.to.host}) verifyhost {request.to.host}"
    ring = render.fill("haproxy-ring.cfg", {"address": address, "tls": tls})
    document = ",".join(f'"{field.name}":"{value}"' for field, value in given)
    values = {
        "address": address,
        "way": "UDP" if datagrams else "TLS" if request.to.tls else "TCP",
        "reasons": render.reasons(given, explain=request.explain),
        "target": address if datagrams else "ring@meshseal",
        "ring": "" if datagrams else ring,
        "tag": f"log-tag {request.service}" if request.service else "",
        "fields": document,
        "example_port": "0",
    }
    return render.fill("haproxy.cfg", values)


def traefik(request: Request) -> str:
    """Return Traefik's static configuration."""
    headers = {"Authorization": f"Bearer {request.key}"} if request.key else {}
    headers |= {"X-Scope-OrgID": request.tenant} if request.tenant else {}
    rows = [f"  {name}: {render.quoted(value)}" for name, value in headers.items()]
    tls = (
        ["tls:", f"  ca: {render.quoted(request.ca_file)}"]
        if request.to.tls
        else ["insecure: true"]
    )
    labels = [f"  {key}: {render.quoted(value)}" for key, value in request.labels.items()]
    given = [(Field(name, why, tests), "keep") for name, why, tests in _TRAEFIK]
    path = "/var/log/traefik/access.log"
    values = {
        "address": request.to.at(4317),
        "endpoint": render.quoted(request.to.at(4317)),
        "headers": "\n".join(["headers:", *rows]) if rows else "",
        "tls": "\n".join(tls),
        "labels": "\n".join(["resourceAttributes:", *labels]) if labels else "",
        "service": render.quoted(request.service or "traefik"),
        "names": render.each(given, "{name}: keep", explain=request.explain),
        "path": path,
        "shipper": "",
    }
    if request.transport == "file":
        values["shipper"] = shipper.fluent_bit(request, path=path)
    return render.fill(f"traefik-{request.transport}.yaml", values)


_TRAEFIK: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("StartUTC", "when the request began", (6, 7)),
    ("Duration", "how long it took", (41,)),
    ("OriginDuration", "how long the upstream took", (41,)),
    ("Overhead", "how long Traefik itself took", (41,)),
    ("RequestMethod", "what was asked", (13,)),
    ("RequestPath", "what was asked for", (13, 33)),
    ("RequestProtocol", "HTTP version", (13,)),
    ("RequestScheme", "whether it came by TLS", (27,)),
    ("RequestHost", "who was asked for", (34, 35, 36)),
    ("RequestPort", "its port", (34,)),
    ("ClientAddr", "the other end of the connection", (34, 36)),
    ("ClientHost", "the client's address", (33, 36)),
    ("DownstreamStatus", "the answer", (33, 41)),
    ("OriginStatus", "the upstream's answer", (41,)),
    ("RequestContentSize", "size of the request", (24,)),
    ("DownstreamContentSize", "size of the answer", (24,)),
    ("RetryAttempts", "how often the upstream was asked again", (41,)),
    ("RouterName", "the rule that chose the upstream", (34,)),
    ("ServiceName", "who was to answer", (34, 35)),
    ("ServiceAddr", "who answered", (34, 35)),
    ("ServiceURL", "who answered, and whether by TLS", (27, 34)),
    ("TLSVersion", "version of TLS", (13, 27, 28)),
    ("TLSCipher", "its cipher suite", (28,)),
    ("TLSClientSubject", "subject of the client's certificate", (13, 27, 29)),
    ("TraceId", "the trace", (13,)),
    ("SpanId", "the span", (13,)),
)
"""Traefik's names. Source: traefik/traefik, pkg/middlewares/accesslog/logdata.go."""
