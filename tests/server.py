"""The real server as a process, for tests: started, asked, killed, started again."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import requests

from meshseal.wire import NATIVE_PORTS

READY_SECONDS = 90.0
_ADDRESS = re.compile(r"^\s+(\w+)\s+([0-9.]+):(\d+)$")
RUNNING: set[ServerProcess] = set()
"""Servers that were started and not stopped."""

_MAIN = re.compile(r"^Meshseal listens at (https?://[^/]+)/$")


def free_port() -> int:
    """Return a port of TCP that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class ServerProcess:
    """One `meshseal serve` on a data directory. Use it as a context manager.

    Every listener takes a free port; `urls` has them once the server is ready.
    """

    def __init__(self, data: Path, *arguments: str, trial: bool = True) -> None:
        self.data = data
        self._arguments = [*(["--trial"] if trial else []), *arguments]
        self._log = data.parent / f"{data.name}.log"
        self._process: subprocess.Popen[str] | None = None
        self.urls: dict[str, str] = {}
        self.output: list[str] = []

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The main listener's address."""
        return self.urls["main"]

    @property
    def pid(self) -> int:
        """The main process's id."""
        assert self._process is not None
        return self._process.pid

    def start(self, *, wait: bool = True) -> None:
        """Start the process; with `wait`, return when it is ready."""
        self.urls, self.output = {}, []
        command = [sys.executable, "-m", "meshseal.app.main", "serve", "--data", str(self.data)]
        ports = ["main.port=0", *(f"doors.{door}.port=0" for door in NATIVE_PORTS)]
        for assignment in ports:
            command += ["--set", assignment]
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [*command, *self._arguments], stdout=subprocess.PIPE, stderr=log, text=True
            )
        RUNNING.add(self)
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Return when records can be taken in and found."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended:\n{self.log()[-3000:]}")
            if "main" in self.urls:
                try:
                    if requests.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                        return
                except requests.RequestException:
                    pass
            time.sleep(0.05)
        raise AssertionError(f"the server was not ready in time:\n{self.log()[-3000:]}")

    def stop(self) -> int:
        """End the process as an operator does, and return its exit status."""
        process = self._process
        RUNNING.discard(self)
        if process is None or process.poll() is not None:
            return 0
        process.send_signal(signal.SIGINT)
        return process.wait(60)

    def kill(self) -> None:
        """End the main process as a power cut does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_engine(self) -> None:
        """End the engine's process, if there is one just now."""
        for pid in _children(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def engine_pid(self) -> int:
        """The engine's process id."""
        return _children(self.pid)[0]

    def log(self) -> str:
        """What the server has written to its log."""
        return self._log.read_text()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as output:
            for line in output:
                self.output.append(line.rstrip("\n"))
                if found := _MAIN.match(line):
                    self.urls["main"] = found[1]
                elif found := _ADDRESS.match(line.rstrip("\n")):
                    self.urls[found[1]] = f"http://{found[2]}:{found[3]}"

    # ---- Asking ------------------------------------------------------------------------------

    def post(self, path: str, body: bytes, **options: Any) -> requests.Response:
        """POST to the main listener."""
        return requests.post(f"{self.url}{path}", data=body, timeout=60, **options)

    def get(self, path: str, parameters: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """GET from the main listener."""
        return requests.get(f"{self.url}{path}", params=parameters, timeout=60, **options)

    def ship(self, body: bytes, *, tenant: str = "", **parameters: str) -> int:
        """Send lines, and return how many records were acknowledged."""
        headers = {"X-Scope-OrgID": tenant} if tenant else {}
        response = self.post("/ingest/v1/lines", body, params=parameters, headers=headers)
        assert response.status_code == 200, response.text
        return int(response.json()["records"])

    def metric(self, query: str, *, tenant: str = "", at: float | None = None) -> float:
        """Return the one number of an instant query; 0 if there is none."""
        headers = {"X-Scope-OrgID": tenant} if tenant else {}
        parameters = {"query": query, **({"time": str(at)} if at else {})}
        response = self.get("/loki/api/v1/query", parameters, headers=headers)
        assert response.status_code == 200, response.text
        result = response.json()["data"]["result"]
        return float(result[0]["value"][1]) if result else 0.0

    def wait_for_count(self, expected: int, query: str, *, tenant: str = "") -> None:
        """Return when a counting query gives the number; fail if it never does."""
        deadline = time.monotonic() + 60
        found = -1.0
        while time.monotonic() < deadline:
            found = self.metric(query, tenant=tenant)
            if found == expected:
                return
            time.sleep(0.1)
        raise AssertionError(f"{query} gives {found}, not {expected}")

    def records(self, query: str, *, tenant: str = "", **parameters: Any) -> list[dict[str, Any]]:
        """Return the records of a log query, all their labels in one dictionary."""
        headers = {"X-Scope-OrgID": tenant} if tenant else {}
        response = self.get(
            "/loki/api/v1/query_range",
            {"query": query, "limit": 5000, "since": "87600h", **parameters},
            headers=headers,
        )
        assert response.status_code == 200, response.text
        return [
            {**stream["stream"], "time_unix_nano": int(time_), "line": line}
            for stream in response.json()["data"]["result"]
            for time_, line in stream["values"]
        ]

    def run(self, *arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a `meshseal` command and return what it gave."""
        return meshseal(*arguments, check=check)

    def verify(self) -> subprocess.CompletedProcess[str]:
        """Run `meshseal verify` on the data directory."""
        return meshseal("verify", str(self.data))

    def metrics(self) -> dict[tuple[str, str, str], float]:
        """Return the counters of records, by (name, door, tenant)."""
        return dict(_samples(self.get("/metrics").text))


def kill_all(servers: Iterable[ServerProcess]) -> None:
    """End servers that a failed test left behind."""
    for server in list(servers):
        server.kill()
        RUNNING.discard(server)


def meshseal(*arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a `meshseal` command and return what it gave."""
    return subprocess.run(
        [sys.executable, "-m", "meshseal.app.main", *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        check=check,
    )


def _samples(text: str) -> Iterator[tuple[tuple[str, str, str], float]]:
    pattern = re.compile(
        r'^(meshseal_records_\w+)\{door="([^"]*)",(?:reason="[^"]*",)?tenant="([^"]*)"\} (\S+)$'
    )
    sums: Counter[tuple[str, str, str]] = Counter()  # What is refused has a line for each reason.
    for line in text.splitlines():
        if found := pattern.match(line):
            sums[found[1], found[2], found[3]] += float(found[4])  # type: ignore[assignment]
    yield from sums.items()


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(child) for child in text.split()]


def istio_line(number: int, *, at_unix_nano: int, service: str = "cart", status: int = 200) -> str:
    """Return one line of an Istio access log, different for each number."""
    seconds, nanos = divmod(at_unix_nano, 10**9)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return json.dumps(
        {
            "start_time": f"{stamp}.{nanos // 10**6:03d}Z",
            "method": "GET",
            "path": f"/items/{number}?page=1",
            "protocol": "HTTP/1.1",
            "response_code": status,
            "response_flags": "-",
            "bytes_received": 0,
            "bytes_sent": number % 1000,
            "duration": number % 300,
            "request_id": f"request-{number:08d}",
            "authority": f"{service}.shop.svc.cluster.local:8080",
            "upstream_host": "10.0.0.1:8080",
            "upstream_cluster": f"inbound|8080||{service}.shop.svc.cluster.local",
            "downstream_remote_address": "10.0.0.2:40000",
        },
        separators=(",", ":"),
    )
