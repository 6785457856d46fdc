"""Real NGINX and HAProxy with what `meshseal mesh config` prints: what their records prove."""

from __future__ import annotations

import datetime
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.doors.envoy import Certificates, make_certificates
from tests.doors.syslog_senders import connected, program, running
from tests.server import ServerProcess, free_port, meshseal

pytestmark = pytest.mark.e2e

CALLS = 5
AGENT = 'a "1"\\ \t"meshseal":"envoy"'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server") / "data") as started:
        yield started


@contextmanager
def application() -> Iterator[int]:
    """What a proxy stands before: it answers 200, and 404 to `/missing/`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404 if self.path.startswith("/missing/") else 200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"hello\n")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found.server_address[1]
        found.shutdown()


def printed(proxy: str, server: ServerProcess, *options: str, door: str) -> str:
    """What the command prints, for a door of the server."""
    address = server.urls[door].replace("http://", "syslog://")
    done = meshseal("mesh", "config", proxy, "--to", address, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Ports:
    """A proxy's ports: without TLS, with it, and where it asks for a client's certificate."""

    def __init__(self) -> None:
        self.plain, self.tls, self.mutual = free_port(), free_port(), free_port()


@contextmanager
def nginx(folder: Path, config: str, certificates: Certificates, app: int) -> Iterator[Ports]:
    """NGINX with the printed configuration."""
    ports, log = Ports(), folder / "nginx.log"
    paths = " ".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    pem, key = certificates.folder / "cart.pem", certificates.folder / "cart.key"
    (folder / "nginx.conf").write_text(
        f"""
        daemon off; master_process off; worker_processes 1; pid {folder}/pid;
        error_log {folder}/error.log;
        events {{ worker_connections 64; }}
        http {{
            {paths}
            {config}
            upstream cart {{ server 127.0.0.1:1; server 127.0.0.1:{app} backup; }}
            ssl_certificate {pem}; ssl_certificate_key {key};
            ssl_client_certificate {certificates.folder}/ca.pem;
            server {{ listen 127.0.0.1:{ports.plain}; location / {{ proxy_pass http://cart; }} }}
            server {{ listen 127.0.0.1:{ports.tls} ssl; location / {{ proxy_pass http://cart; }} }}
            server {{
                listen 127.0.0.1:{ports.mutual} ssl; ssl_verify_client optional_no_ca;
                location / {{ proxy_pass http://cart; }}
            }}
        }}
        """
    )
    name = program("nginx", "nginx-light")
    command = (name, "-c", f"{folder}/nginx.conf", "-p", str(folder), "-e", f"{folder}/start.log")
    with running(command, log, cwd=folder):
        connected(ports.plain, log).close()
        yield ports


@contextmanager
def haproxy(folder: Path, config: str, certificates: Certificates, app: int) -> Iterator[Ports]:
    """HAProxy with the printed configuration, its example frontend made three."""
    ports, log = Ports(), folder / "haproxy.log"
    pem = folder / "both.pem"
    pem.write_bytes(
        b"".join((certificates.folder / f"cart.{end}").read_bytes() for end in ("pem", "key"))
    )
    head, _, example = config.partition("frontend meshseal_example from meshseal\n")
    rules = [line for line in example.splitlines() if "set-var" in line]
    secure = f"ssl crt {pem}"
    binds = {
        f"127.0.0.1:{ports.plain}": "",
        f"127.0.0.1:{ports.tls}": secure,
        f"127.0.0.1:{ports.mutual}": f"{secure} ca-file {certificates.folder}/ca.pem "
        "verify optional crt-ignore-err all ca-ignore-err all",
    }
    frontends = []
    for number, (address, options) in enumerate(binds.items()):
        lines = [f"frontend shop{number} from meshseal", f"    bind {address} {options}", *rules]
        frontends.append("\n".join([*lines, "    default_backend cart", ""]))
    backend = f"backend cart from meshseal\n    server one 127.0.0.1:{app}\n"
    (folder / "haproxy.cfg").write_text("\n".join([head, *frontends, backend]))
    command = (program("haproxy", "haproxy"), "-db", "-f", f"{folder}/haproxy.cfg")
    with running(command, log, cwd=folder):
        connected(ports.plain, log).close()
        yield ports


def ask(ports: Ports, certificates: Certificates) -> None:
    """Ask each port, without TLS, with it, and with a client's certificate."""
    stranger = certificates.folder / "strangers"
    stranger.mkdir()
    make_certificates(stranger)
    ways: dict[str, tuple[int, Path | None, bool]] = {
        "plain": (ports.plain, None, False),
        "tls": (ports.tls, None, True),
        "none": (ports.mutual, None, True),
        "mutual": (ports.mutual, certificates.folder, True),
        "stranger": (ports.mutual, stranger, True),
    }
    for way, (port, folder, secure) in ways.items():
        for number in range(CALLS):
            with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
                sock: socket.socket = _secured(plain, certificates, folder) if secure else plain
                path = f"/missing/{way}/{number}" if number == 4 else f"/items/{way}/{number}?a=b"
                head = (
                    f"GET {path} HTTP/1.1\r\nHost: cart.shop\r\nUser-Agent: {AGENT}\r\n"
                    f"X-Request-ID: {way}-{number}\r\nX-Forwarded-For: 203.0.113.9\r\n"
                    f"traceparent: 00-{number + 1:032x}-{number + 1:016x}-01\r\n"
                    "Connection: close\r\n\r\n"
                )
                sock.sendall(head.encode())
                while sock.recv(1 << 16):
                    pass
                if sock is not plain:
                    sock.close()


def _secured(
    plain: socket.socket, certificates: Certificates, folder: Path | None
) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(certificates.folder / "ca.pem"))
    context.check_hostname = False
    if folder is not None:
        context.load_cert_chain(str(folder / "web.pem"), str(folder / "web.key"))
    return context.wrap_socket(plain, server_hostname="cart.shop")


def client_facts(path: Path) -> dict[str, str]:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())

    def shown(time_: datetime.datetime) -> str:
        return f"{time_:%Y-%m-%dT%H:%M:%S.000Z}"

    return {
        "tls_client_not_before": shown(certificate.not_valid_before_utc),
        "tls_client_not_after": shown(certificate.not_valid_after_utc),
        "tls_client_hash_sha1": certificate.fingerprint(hashes.SHA1()).hex(),
        "tls_client_hash_sha256": certificate.fingerprint(hashes.SHA256()).hex(),
    }


Started = Callable[[Path, str, Certificates, int], Any]


@pytest.mark.parametrize(
    ("proxy", "start", "options", "door"),
    [
        ("nginx", nginx, (), "syslog_udp"),
        ("haproxy", haproxy, (), "syslog"),
        ("haproxy", haproxy, ("--transport", "syslog-udp"), "syslog_udp"),
    ],
    ids=["nginx", "haproxy", "haproxy-udp"],
)
def test_what_a_proxy_proves(
    server: ServerProcess,
    tmp_path: Path,
    proxy: str,
    start: Started,
    options: tuple[str, ...],
    door: str,
) -> None:
    certificates, service = make_certificates(tmp_path), f"edge{len(options)}{proxy}"
    config = printed(proxy, server, "--labels", f"service.name={service}", *options, door=door)
    begun = time.time_ns()
    with application() as app, start(tmp_path, config, certificates, app) as ports:
        ask(ports, certificates)
        query = f'{{meshseal_door="{door}", service_name="{service}"}} |= "cart.shop"'
        server.wait_for_count(5 * CALLS, f"sum(count_over_time({query} [2h]))")
    seen: dict[str, list[int]] = {}
    wanted = expected(proxy, certificates)
    for record in server.records(query):
        _, folder, way, number = record["url_path"].split("/")
        seen.setdefault(way, []).append(int(number))
        facts = wanted[way]
        assert {name: record.get(name) for name in facts} == facts, (way, record)
        common = {
            "meshseal_format": "meshseal_access",
            "mesh_kind": proxy,
            "mesh_reporter": "gateway",
            "service_peer_name": "cart",
            "http_request_method": "GET",
            "http_response_status_code": "404" if folder == "missing" else "200",
            "url_query": "a=b" if folder == "items" else None,
            "user_agent_original": AGENT,
            "server_address": "cart.shop",
            "client_address": "203.0.113.9",
            "http_request_header_x_request_id": f"{way}-{number}",
            "trace_id": f"{int(number) + 1:032x}",
            "network_protocol_version": "1.1",
            "network_peer_address": "127.0.0.1",
            "network_peer_port": str(app),
        }
        assert {name: record.get(name) for name in common} == common, record
        assert record["mesh_duration_ms"].replace(".", "").isdigit()
        assert begun - 2 * 10**9 <= record["time_unix_nano"] <= time.time_ns()
    assert {way: sorted(numbers) for way, numbers in seen.items()} == {
        way: list(range(CALLS)) for way in wanted
    }


def expected(proxy: str, certificates: Certificates) -> dict[str, dict[str, str | None]]:
    """What the records of each way must say; None: nothing at all."""
    tls: dict[str, str | None] = {
        "tls_protocol_name": "tls",
        # NGINX 1.22 speaks 1.3 only where it is told to.
        "tls_protocol_version": "1.2" if proxy == "nginx" else "1.3",
        "tls_cipher": {
            "nginx": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "haproxy": "TLS_AES_256_GCM_SHA384",
        }[proxy],
        "tls_client_server_name": "cart.shop",
    }
    facts = client_facts(certificates.folder / "web.pem")
    del facts["tls_client_hash_sha1" if proxy == "haproxy" else "tls_client_hash_sha256"]
    verified = "1:0" if proxy == "haproxy" else "SUCCESS"
    subject = {"nginx": "CN=web", "haproxy": "/CN=web"}[proxy]
    unproved = {"mesh_mtls": None, "mesh_peer_spiffe_id": None}
    return {
        "plain": {"mesh_mtls": "plaintext", **dict.fromkeys(tls), "tls_client_subject": None},
        "tls": {**unproved, **tls, "tls_client_subject": None},
        "none": {**unproved, **tls, "tls_client_subject": None},
        "mutual": {
            "mesh_mtls": "mutual",
            **tls,
            **facts,
            "tls_client_subject": subject,
            "tls_client_verify": verified,
        },
        # A certificate was shown, and not by anyone that is known.
        "stranger": {**unproved, **tls, "tls_client_subject": subject},
    }
