"""Real senders of syslog as processes, for tests: rsyslog, syslog-ng, NGINX, HAProxy.

All are Debian's. rsyslog and syslog-ng cannot both be installed, so their packages are unpacked
into a folder of the tests' and run from there.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.server import free_port

WAIT_SECONDS = 60.0
_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


class MissingProgramError(AssertionError):
    """A program that the tests need is not on this machine."""


def program(name: str, package: str) -> str:
    """Return the path of a program. Raises: MissingProgramError that says how to get it."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_FOLDERS}")
    if path is None:
        raise MissingProgramError(
            f"there is no {name} here: apt-get install --no-install-recommends {package}"
        )
    return path


@functools.cache
def rsyslog(*modules: str) -> tuple[str, ...]:
    """Return the command that starts rsyslog, with packages of modules, without configuration."""
    root = _unpacked("rsyslog", "rsyslog-openssl", "libestr0", "libfastjson4", *modules)
    (folder,) = root.glob("usr/lib/*/rsyslog")
    return (*_with_libraries(root), str(root / "usr/sbin/rsyslogd"), "-M", str(folder))


@functools.cache
def syslog_ng() -> tuple[str, ...]:
    """Return the command that starts syslog-ng, without its configuration."""
    root = _unpacked("syslog-ng-core", "libivykis0", "libnet1", "libwrap0")
    (modules,) = (path for path in root.glob("usr/lib/syslog-ng/*") if path.is_dir())
    name = str(root / "usr/sbin/syslog-ng")
    return (*_with_libraries(root), name, "--module-path", str(modules))


def _with_libraries(root: Path) -> tuple[str, ...]:
    folders = {str(path.parent) for path in root.glob("usr/lib/**/*.so.*")}
    return ("/usr/bin/env", f"LD_LIBRARY_PATH={':'.join(sorted(folders))}")


def _unpacked(*packages: str) -> Path:
    """Return a folder with packages of Debian in it, as if it were `/`."""
    folder = Path(tempfile.mkdtemp(prefix="meshseal-debian-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # apt gives up its rights for downloads, and must be able to write there all the same.
    folder.chmod(0o777)
    found = subprocess.run(
        [program("apt-get", "apt"), "download", "-qq", *packages],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        raise MissingProgramError(
            f"{' and '.join(packages)} cannot be had from Debian (is there an `apt-get update` to "
            f"be run?): {found.stderr[-500:]}"
        )
    for file in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(file), str(folder / "root")], check=True)
    return folder / "root"


@contextmanager
def running(command: Sequence[str], log: Path, *, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program, and end it."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=cwd)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(what: Callable[[], bool], reason: Callable[[], str]) -> None:
    """Return when something holds; fail with the reason if it never does."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if what():
            return
        time.sleep(0.05)
    raise AssertionError(reason())


def connected(port: int, log: Path) -> socket.socket:
    """Return a connection to a program, once it listens."""
    found: list[socket.socket] = []

    def connects() -> bool:
        try:
            found.append(socket.create_connection(("127.0.0.1", port), timeout=60))
        except OSError:
            return False
        return True

    wait_until(connects, lambda: f"nothing listens on {port}:\n{log.read_text()[-2000:]}")
    return found[0]


class Relay:
    """rsyslog or syslog-ng, fed by a connection and sending on to a door.

    Args:
        port: Where it listens for RFC 5424 messages with counts.
        log: What it says.
    """

    def __init__(self, port: int, log: Path) -> None:
        self._port = port
        self.log = log

    def feed(self, messages: Iterable[bytes], *, pause_every: int = 0) -> None:
        """Hand messages over; with `pause_every`, slowly enough for UDP."""
        with connected(self._port, self.log) as sock:
            for number, message in enumerate(messages, 1):
                sock.sendall(b"%d %s" % (len(message), message))
                if pause_every and number % pause_every == 0:
                    time.sleep(0.01)


@contextmanager
def rsyslog_to(folder: Path, action: str, *, settings: str = "") -> Iterator[Relay]:
    """Run rsyslog with one `omfwd` action, given by its parameters."""
    folder.mkdir()
    port, log = free_port(), folder / "rsyslog.log"
    configuration = f"""
        global(workDirectory="{folder}" maxMessageSize="64k" net.enableDNS="off" {settings})
        module(load="imptcp")
        input(type="imptcp" address="127.0.0.1" port="{port}" ruleset="send")
        ruleset(name="send") {{
            action(type="omfwd" target="127.0.0.1" {action})
        }}
    """
    (folder / "rsyslog.conf").write_text(configuration)
    command = (*rsyslog(), "-n", "-f", f"{folder}/rsyslog.conf", "-i", f"{folder}/pid")
    with running(command, log, cwd=folder):
        yield Relay(port, log)


@contextmanager
def syslog_ng_to(folder: Path, destination: str) -> Iterator[Relay]:
    """Run syslog-ng with one destination, such as `network("127.0.0.1" port(5514));`."""
    folder.mkdir()
    port, log = free_port(), folder / "syslog-ng.log"
    (folder / "syslog-ng.conf").write_text(
        f"""@version: 3.35
        options {{ keep-hostname(yes); use-dns(no); stats-freq(0); time-reopen(1); }};
        source s {{ syslog(ip("127.0.0.1") port({port}) transport("tcp")); }};
        destination d {{ {destination} }};
        log {{ source(s); destination(d); flags(flow-control); }};
        """
    )
    command = (
        *(*syslog_ng(), "--foreground", "--no-caps", "--stderr"),
        *("--cfgfile", f"{folder}/syslog-ng.conf", "--persist-file", f"{folder}/persist"),
        *("--pidfile", f"{folder}/pid", "--control", f"{folder}/control"),
    )
    with running(command, log, cwd=folder):
        yield Relay(port, log)


@contextmanager
def nginx_to(folder: Path, access_log: str, formats: str) -> Iterator[int]:
    """Run NGINX with an access log; gives the port that it answers at."""
    name = program("nginx", "nginx-light")
    folder.mkdir()
    port, log = free_port(), folder / "nginx.log"
    (folder / "nginx.conf").write_text(
        f"""
        daemon off; master_process off; worker_processes 1; pid {folder}/pid;
        error_log {folder}/error.log;
        events {{ worker_connections 64; }}
        http {{
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            {formats}
            server {{
                listen 127.0.0.1:{port};
                access_log {access_log};
                location / {{ return 200 "hello\\n"; }}
                location /missing/ {{ return 404; }}
                location /dead/ {{ proxy_pass http://127.0.0.1:1; }}
            }}
        }}
        """
    )
    command = (name, "-c", f"{folder}/nginx.conf", "-p", str(folder), "-e", f"{folder}/start.log")
    with running(command, log, cwd=folder):
        connected(port, log).close()
        yield port


@contextmanager
def haproxy_to(folder: Path, log_line: str, ring: str = "") -> Iterator[int]:
    """Run HAProxy with a `log` line, and a ring; gives the port that it answers at."""
    name = program("haproxy", "haproxy")
    folder.mkdir()
    port, log = free_port(), folder / "haproxy.log"
    (folder / "haproxy.cfg").write_text(
        f"""
global
    log {log_line}
{ring}
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend shop
    bind 127.0.0.1:{port}
    http-request return status 404 if {{ path_beg /missing/ }}
    http-request return status 200
"""
    )
    with running((name, "-db", "-f", f"{folder}/haproxy.cfg"), log, cwd=folder):
        connected(port, log).close()
        yield port
