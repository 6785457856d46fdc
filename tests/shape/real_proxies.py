"""Real NGINX and HAProxy under real traffic, for tests: what they write of it.

Both are Debian's, and so is curl.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.certificates import Files, write_certificate
from tests.doors.syslog_senders import connected, program, running, wait_until
from tests.server import free_port

AGENT = 'agent "quoted" grün \\'


@dataclass(frozen=True, slots=True)
class Written:
    """The lines that each log has, in their order, and the ports that were asked."""

    nginx: list[str] = field(default_factory=list)
    nginx_errors: list[str] = field(default_factory=list)
    haproxy: list[str] = field(default_factory=list)


def traffic(folder: Path) -> Written:
    """Run both, send them requests of every kind, and return what they wrote."""
    files = write_certificate(folder)
    # Connections to the first are never answered; nothing listens at the second.
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
        slow, dead = int(silent.getsockname()[1]), free_port()
        written = Written()
        with _nginx(folder, files, slow, dead) as (plain, tls):
            _ask_nginx(files, plain, tls)
            with _haproxy(folder, files, slow, dead, plain) as (web, secure, tcp):
                _ask_haproxy(files, web, secure, tcp)
                log = folder / "haproxy.log"
                wait_until(lambda: len(_haproxy_lines(log)) >= 13, lambda: log.read_text())
        written.nginx.extend((folder / "access.log").read_text().splitlines())
        written.nginx_errors.extend((folder / "error.log").read_text().splitlines())
        written.haproxy.extend(_haproxy_lines(log))
    return written


def _haproxy_lines(log: Path) -> list[str]:
    """Return the lines that are no messages of its start."""
    return [line for line in log.read_text().splitlines() if " [" in line and line[0] != "["]


def curl(*arguments: str) -> str:
    """Return the status of a request, `000` where there is none."""
    command = [program("curl", "curl"), "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "20"]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False
    ).stdout


def abort(port: int, request: bytes, wait_seconds: float = 0.3) -> None:
    """Send a request, and leave before there is an answer."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as sock:
        sock.sendall(request)
        time.sleep(wait_seconds)


def answered(port: int, request: bytes) -> bytes:
    """Send bytes, and return the answer."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as sock:
        sock.sendall(request)
        return sock.recv(65536)


def _ask_nginx(files: Files, plain: int, tls: int) -> None:
    base = f"http://127.0.0.1:{plain}"
    assert curl(f"{base}/items/1?page=2", "-A", AGENT, "-e", "http://from/?a=b") == "200"
    assert curl(f"{base}/missing/1", "-u", "alice:x") == "404"
    assert curl(f"{base}/dead/1", "-X", "POST", "-d", "abc") == "502"
    abort(plain, b"GET /slow/1 HTTP/1.1\r\nHost: shop\r\n\r\n")
    assert curl(f"http://[::1]:{plain}/six") == "200"
    secure = ("--cacert", str(files.certificate), "--cert", str(files.both))
    assert curl(f"https://localhost:{tls}/secure", "--http2", *secure) == "200"
    assert b" 400 " in answered(plain, b'\x16\x03\x01\x02"\\\xc3\xa4\r\n\r\n')


def _ask_haproxy(files: Files, web: int, secure: int, tcp: int) -> None:
    base = f"http://127.0.0.1:{web}"
    assert curl(f"{base}/items/1?page=2", "-A", AGENT) == "200"
    assert curl(f"{base}/missing/1") == "404"
    assert curl(f"{base}/dead/1") == "503"
    assert curl(f"{base}/late/1") == "504"
    abort(web, b"GET /slow/1 HTTP/1.1\r\nHost: shop\r\n\r\n")
    assert curl(f"{base}/denied/1") == "403"
    assert b" 400 " in answered(web, b"nonsense\r\n\r\n")
    assert b" 200 " in answered(
        web, b'GET /a"b HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n'
    )
    assert curl(f"http://[::1]:{web}/six") == "200"
    with_certificate = ("--cacert", str(files.certificate), "--cert", str(files.both))
    assert curl(f"https://localhost:{secure}/secure", "--http2", *with_certificate) == "200"
    answered(secure, b"GET / HTTP/1.0\r\n\r\n")
    assert curl(f"http://127.0.0.1:{tcp}/items/2") == "200"


@contextmanager
def _nginx(folder: Path, files: Files, slow: int, dead: int) -> Iterator[tuple[int, int]]:
    plain, tls, log = free_port(), free_port(), folder / "nginx.log"
    (folder / "nginx.conf").write_text(f"""
        daemon off; master_process off; worker_processes 1; pid {folder}/pid;
        error_log {folder}/error.log;
        events {{ worker_connections 64; }}
        http {{
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            server {{
                listen 127.0.0.1:{plain}; listen [::1]:{plain};
                listen 127.0.0.1:{tls} ssl http2;
                ssl_certificate {files.certificate}; ssl_certificate_key {files.key};
                ssl_client_certificate {files.certificate}; ssl_verify_client optional;
                access_log {folder}/access.log combined;
                location / {{ return 200 "hello\\n"; }}
                location /missing/ {{ return 404; }}
                location /dead/ {{ proxy_pass http://127.0.0.1:{dead}; }}
                location /slow/ {{ proxy_pass http://127.0.0.1:{slow}; }}
            }}
        }}
    """)
    command = (program("nginx", "nginx-light"), "-c", f"{folder}/nginx.conf", "-p", str(folder))
    with running((*command, "-e", f"{folder}/start.log"), log, cwd=folder):
        connected(plain, log).close()
        yield plain, tls


@contextmanager
def _haproxy(
    folder: Path, files: Files, slow: int, dead: int, plain: int
) -> Iterator[tuple[int, int, int]]:
    web, secure, tcp, log = free_port(), free_port(), free_port(), folder / "haproxy.log"
    (folder / "haproxy.cfg").write_text(f"""
global
    log stdout format raw local0
defaults
    mode http
    log global
    option abortonclose
    retries 1
    timeout connect 2s
    timeout client 10s
    timeout server 10s
frontend web
    option httplog
    bind 127.0.0.1:{web}
    bind ::1:{web}
    capture request header User-Agent len 64
    capture response header Content-Type len 32
    http-request deny if {{ path_beg /denied/ }}
    use_backend dead if {{ path_beg /dead/ }}
    use_backend late if {{ path_beg /late/ }}
    use_backend slow if {{ path_beg /slow/ }}
    default_backend shop
frontend secure
    option httpslog
    bind 127.0.0.1:{secure} ssl crt {files.both} ca-file {files.certificate} verify optional \
alpn h2,http/1.1
    default_backend shop
listen tcp
    mode tcp
    option tcplog
    bind 127.0.0.1:{tcp}
    server one 127.0.0.1:{plain}
backend shop
    server one 127.0.0.1:{plain}
backend dead
    server one 127.0.0.1:{dead}
backend late
    timeout server 300ms
    server one 127.0.0.1:{slow}
backend slow
    server one 127.0.0.1:{slow}
""")
    command = (program("haproxy", "haproxy"), "-db", "-f", f"{folder}/haproxy.cfg")
    with running(command, log, cwd=folder):
        connected(web, log).close()
        yield web, secure, tcp
