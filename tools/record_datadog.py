"""Records what Datadog's clients and tracers send, for `tests/wire/captures/datadog`.

    python tools/record_datadog.py [CASE...]

The case of `dd-trace` of npm needs node and that package in a folder of NODE_PATH.

The tracers take their ids and times themselves, so that `expected.json` of their cases, which a
person writes, is only good for one recording.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path

from datadog_api_client import ApiClient, Configuration
from datadog_api_client.model_utils import unset
from datadog_api_client.v2.api.logs_api import LogsApi
from datadog_api_client.v2.model.content_encoding import ContentEncoding
from datadog_api_client.v2.model.http_log import HTTPLog
from datadog_api_client.v2.model.http_log_item import HTTPLogItem

ROOT = Path(__file__).resolve().parent.parent
CAPTURES = ROOT / "tests/wire/captures/datadog"
TRACED = ROOT / "tests/doors/clients/ddtrace_spans.py"
AT_MILLIS = 1_789_899_072_123
NODE_TRACER = "5.132.0"
_LEFT_OUT = ("host", "content-length", "connection")
_INFO = {"version": "7.0.0", "endpoints": ["/v0.4/traces", "/v0.5/traces"], "span_events": True}


class Recorder(HTTPServer):
    """Answers everything with success, and writes what goes to one path into a case's folder."""

    def __init__(self, case: str, path: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = CAPTURES / case
        self.wanted = path
        self.found = threading.Event()

    def write(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Write the capture."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in sorted(headers.items()) if name not in _LEFT_OUT}
        request = {"path": path, "headers": kept}
        (self.folder / "request.json").write_text(json.dumps(request, indent=2) + "\n")
        (self.folder / "body.bin").write_bytes(body)
        self.found.set()


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path.partition("?")[0] == self.server.wanted:
            self.server.write(self.path, headers, body)
        self._answer(b'{"rate_by_service":{}}' if "traces" in self.path else b"{}")

    do_PUT = do_POST  # noqa: N815

    def do_GET(self) -> None:
        self._answer(json.dumps(_INFO).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _record(case: str, path: str, send: Callable[[int], None]) -> None:
    recorder = Recorder(case, path)
    thread = threading.Thread(target=recorder.serve_forever)
    thread.start()
    try:
        send(recorder.server_port)
        if not recorder.found.wait(30):
            raise RuntimeError(f"nothing came to {path}")
    finally:
        recorder.shutdown()
        thread.join()
        recorder.server_close()


def _logs(encoding: str) -> Callable[[int], None]:
    first = HTTPLogItem(
        ddsource="nginx",
        ddtags="env:staging,version:5.1,team:web,canary",
        hostname="i-012345678",
        message='1.2.3.4 - "GET /caf\u00e9" 502',
        service="payment",
        status="error",
        timestamp=AT_MILLIS,
        dd={"trace_id": "5b8efff798038103d269b633813fc60c", "span_id": "17213210219539181940"},
        http={"method": "GET", "status_code": 502},
    )
    second = HTTPLogItem(message='{"level":"warn","n":1}', service="payment", timestamp=AT_MILLIS)

    def send(port: int) -> None:
        configuration = Configuration(
            server_index=1,
            server_variables={"name": f"127.0.0.1:{port}", "protocol": "http"},
            api_key={"apiKeyAuth": "msk_k"},
        )
        with ApiClient(configuration) as client:
            wanted = ContentEncoding(encoding) if encoding else unset
            LogsApi(client).submit_log(HTTPLog([first, second]), content_encoding=wanted)

    return send


def _spans(**environment: str) -> Callable[[int], None]:
    def send(port: int) -> None:
        settings = {
            "DD_TRACE_AGENT_URL": f"http://127.0.0.1:{port}",
            "DD_SERVICE": "shop",
            "DD_ENV": "prod",
            "DD_VERSION": "1.2",
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        }
        subprocess.run(
            [sys.executable, str(TRACED)],
            cwd=TRACED.parent,
            env={**os.environ, **settings, **environment},
            check=True,
            timeout=60,
        )

    return send


def _node_spans(port: int) -> None:
    script = ROOT / "tests/doors/clients/node/dd_trace.js"
    settings = {
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    }
    subprocess.run(
        [shutil.which("node") or "node", str(script), f"http://127.0.0.1:{port}"],
        cwd=script.parent,
        env={**os.environ, **settings},
        check=True,
        timeout=60,
    )


def _cases() -> dict[str, tuple[str, Callable[[int], None]]]:
    client = f"datadog-api-client-{version('datadog-api-client')}"
    tracer = f"ddtrace-{version('ddtrace')}"
    return {
        f"{client}-{encoding or 'none'}": ("/api/v2/logs", _logs(encoding))
        for encoding in ("", "gzip", "deflate")
    } | {
        f"{tracer}-v0.4": ("/v0.4/traces", _spans(DD_TRACE_API_VERSION="v0.4")),
        f"{tracer}-v0.5": ("/v0.5/traces", _spans()),
        f"dd-trace-{NODE_TRACER}": ("/v0.4/traces", _node_spans),
        f"{tracer}-events": ("/v0.4/traces", _spans(DD_TRACE_NATIVE_SPAN_EVENTS="true")),
    }


def main() -> int:
    """Record the cases that are named, or all."""
    cases = _cases()
    for name in sys.argv[1:] or cases:
        _record(name, *cases[name])
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
