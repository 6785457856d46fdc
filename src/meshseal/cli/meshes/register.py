"""The meshes and proxies that can be configured, and their ways to send."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meshseal.cli.meshes import envoy, kubernetes, proxies
from meshseal.cli.meshes.destination import Request
from meshseal.model.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Mesh:
    """A mesh or a proxy.

    Attributes:
        title: Its name.
        configure: Returns the text. Raises: ConfigError where it cannot do what is asked.
        transports: Its ways to send, the usual one first.
        keyed: Those that can say who sends by an API key.
        labeled: Those that have room for resource attributes; others know `service.name` at most.
    """

    title: str
    configure: Callable[[Request], str]
    transports: tuple[str, ...]
    keyed: tuple[str, ...] = ()
    labeled: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


MESHES: dict[str, Mesh] = {
    "istio": Mesh(
        "Istio", kubernetes.istio, ("otlp", "als", "file"), keyed=("file",), named=("file",)
    ),
    "linkerd": Mesh("Linkerd", kubernetes.linkerd, ("file",), keyed=("file",)),
    "consul": Mesh("Consul", kubernetes.consul, ("file",), keyed=("file",)),
    "kuma": Mesh("Kuma", kubernetes.kuma, ("otlp", "tcp", "file"), keyed=("file",)),
    "envoy": Mesh(
        "Envoy",
        envoy.configure,
        ("otlp", "als", "fluentd", "file"),
        keyed=("otlp", "als", "file"),
        labeled=("otlp", "als"),
        named=("fluentd", "file"),
    ),
    "nginx": Mesh(
        "NGINX", proxies.nginx, ("syslog", "file"), keyed=("file",), named=("syslog", "file")
    ),
    "haproxy": Mesh(
        "HAProxy", proxies.haproxy, ("syslog", "syslog-udp"), named=("syslog", "syslog-udp")
    ),
    "traefik": Mesh(
        "Traefik", proxies.traefik, ("otlp", "file"), keyed=("otlp", "file"), labeled=("otlp",)
    ),
    "hubble": Mesh("Cilium's Hubble", kubernetes.hubble, ("file",), keyed=("file",)),
}
"""By the name that the command takes."""


def configure(request: Request) -> str:
    """Return the configuration. Raises: ConfigError that says what this way has no place for."""
    mesh = MESHES[request.mesh]
    if request.transport not in mesh.transports:
        known = ", ".join(mesh.transports)
        raise ConfigError(f"{mesh.title} cannot send by {request.transport}; it can by {known}")
    way = f"{mesh.title} by {request.transport}"
    if (request.key or request.tenant) and request.transport not in mesh.keyed:
        raise ConfigError(
            f"{way} has no place for a key or a tenant: let its address in at the server "
            "(`doors.NAME.allow` and `doors.NAME.tenant`), or have it show a certificate"
        )
    allowed = {"service.name"} if request.transport in mesh.named else set()
    if request.mesh == "linkerd":
        allowed = {"k8s.namespace.name"}
    odd = set(request.labels) - allowed
    if odd and request.transport not in mesh.labeled:
        raise ConfigError(f"{way} has no place for the label {min(odd)}")
    return mesh.configure(request)
