"""The server as a child process: started, waited for, stopped."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests

_READY_SECONDS = 120.0
_STOP_SECONDS = 60.0
_LISTENS = re.compile(r"^Meshseal listens at (https?://[^/]+)/$", re.MULTILINE)
_LISTENER = re.compile(r"^  (\w+) +([0-9.]+:\d+)$", re.MULTILINE)
NATIVE_PORTS = {"otlp_http": 4318, "otlp_grpc": 4317, "loki": 3100}


class ServerError(Exception):
    """The server does not start, or has ended by itself; the message says why."""


class ShopServer:
    """One `meshseal serve --trial`, in a session of its own so that Ctrl-C reaches only the demo.

    Args:
        data: The data directory.
        log: Where its output goes.
        port: The main port; 0 takes any, for every listener.
    """

    def __init__(self, data: Path, log: Path, port: int) -> None:
        self.data = data
        self.log = log
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self.urls: dict[str, str] = {}
        self.moved: list[str] = []

    def start(self, on_wait: Callable[[float], bool]) -> None:
        """Start it and wait until records can be taken in and found.

        Args:
            on_wait: Told the seconds so far, ten times a second; returns false to give up.

        Raises: ServerError.
        """
        command = [sys.executable, "-m", "meshseal.app.main", "serve", "--trial"]
        command += ["--data", str(self.data)]
        for assignment in self.assignments():
            command += ["--set", assignment]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(  # noqa: S603  (our own program)
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = time.monotonic()
        while not self._is_ready():
            waited = time.monotonic() - started
            self.check()
            if waited > _READY_SECONDS:
                raise ServerError(f"the server is not ready after {waited:.0f} s: see {self.log}")
            if not on_wait(waited):
                return
            time.sleep(0.1)

    def check(self) -> None:
        """Raises: ServerError when the server has ended, with the last of what it said."""
        if self._process is not None and self._process.poll() is not None:
            said = "\n".join(self._said().strip().splitlines()[-6:])[-2_000:]
            raise ServerError(
                f"the server has ended (exit status {self._process.returncode}). "
                f"It said, in {self.log}:\n{said}"
            )

    def stop(self) -> bool:
        """Stop it as an operator does; return whether it ended well."""
        if self._process is None:
            return True
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(_STOP_SECONDS) == 0
        except subprocess.TimeoutExpired:
            self.kill()
            return False

    def kill(self) -> None:
        """End it and its engine at once; what was acknowledged is on disk."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def assignments(self) -> list[str]:
        """Return the ports as `--set` takes them: the usual ones, or any where one is taken.

        What had to give way is noted in `moved`.
        """
        main = self._port if self._port == 0 or is_free(self._port) else 0
        if main != self._port:
            self.moved.append(f"port {self._port}")
        # Only the doors that the shop sends by: this machine may have use for the other ports.
        assignments = [f"main.port={main}", "doors.all.enabled=false"]
        for door, port in NATIVE_PORTS.items():
            assignments.append(f"doors.{door}.enabled=true")
            if self._port == 0 or not is_free(port):
                assignments.append(f"doors.{door}.port=0")
                if self._port:
                    self.moved.append(f"port {port} ({door})")
        return assignments

    def _is_ready(self) -> bool:
        said = self._said()
        found = _LISTENS.search(said)
        if not found:
            return False
        self.urls = {name: f"http://{address}" for name, address in _LISTENER.findall(said)}
        self.urls["main"] = found[1]
        try:
            return requests.get(f"{found[1]}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def _said(self) -> str:
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")


def is_free(port: int) -> bool:
    """Say whether a port of this machine can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
