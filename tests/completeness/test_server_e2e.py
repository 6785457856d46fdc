"""Counters, gaps and signs of life through a real server; two tenants; hostile endpoints."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, ClassVar

import pytest

from tests.completeness.asking import SOON, Json, entry, report, wait_for
from tests.conservation import settled
from tests.server import ServerProcess
from tests.store_access import ask, command

pytestmark = pytest.mark.e2e

SECOND = 10**9
SENT, FAILED = "otelcol_exporter_sent_log_records", "otelcol_exporter_send_failed_log_records"
OTHER = "globex"


# ---- Endpoints that emitters show their counters at ---------------------------------------------


class Endpoint(http.server.BaseHTTPRequestHandler):
    """What each path answers; the statistics of `/agent` can be set."""

    agent: ClassVar[Json] = {"output": {"http.0": {"proc_records": 0, "dropped_records": 0}}}
    tokens: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.tokens.append(self.headers.get("Authorization", ""))
        if self.path == "/slow":
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self._drip()
        elif self.path == "/huge":
            self._answer(b'{"output": {"x": {"proc_records": 1}}}' + b" " * (9 << 20))
        elif self.path == "/html":
            self._answer(b"<html>Log in first</html>")
        elif self.path == "/gone":
            self.send_error(500)
        elif self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/agent")
            self.end_headers()
        else:
            self._answer(json.dumps(self.agent).encode())

    def _drip(self) -> None:
        with suppress(OSError):
            for _ in range(600):
                self.wfile.write(b" ")
                time.sleep(0.1)

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def endpoint() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


HOSTILE = ("slow", "huge", "html", "gone", "elsewhere")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that fetches the counters of one agent, and of five endpoints that are hostile."""
    folder = tmp_path_factory.mktemp("completeness")
    (folder / "token").write_text("s3cret\n")
    with endpoint() as url:
        sections = [
            f"""[emitters.{name}]
url = "{url}/{name}"
kind = "fluent_bit"
source = "nobody"
interval_seconds = 1
timeout_seconds = 1
"""
            for name in HOSTILE
        ]
        sections.append(
            f"""[emitters.agent]
url = "{url}/agent"
kind = "fluent_bit"
service = "fetched"
interval_seconds = 1
token_file = "{folder / "token"}"
"""
        )
        file = folder / "meshseal.toml"
        file.write_text("\n".join(sections))
        with ServerProcess(folder / "data", "--config", str(file), *SOON) as process:
            yield process


def push(server: ServerProcess, service: str, tenant: str, start: int, **counters: int) -> None:
    """Push counters as OTLP metrics."""
    metrics = [
        {
            "name": name,
            "sum": {
                "isMonotonic": True,
                "aggregationTemporality": 2,
                "dataPoints": [
                    {
                        "asInt": str(value),
                        "timeUnixNano": str(time.time_ns()),
                        "startTimeUnixNano": str(start),
                    }
                ],
            },
        }
        for name, value in counters.items()
    ]
    who = [{"key": "service.name", "value": {"stringValue": service}}]
    body = {
        "resourceMetrics": [
            {"resource": {"attributes": who}, "scopeMetrics": [{"metrics": metrics}]}
        ]
    }
    response = server.post(
        "/v1/metrics",
        json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "X-Scope-OrgID": tenant},
    )
    assert (response.status_code, response.text) == (200, "{}")


def ship(server: ServerProcess, service: str, count: int, tenant: str = "default") -> None:
    body = "\n".join(f"{service} {n}" for n in range(count)).encode()
    assert server.ship(body, tenant=tenant, labels=f"service.name={service}") == count


def total_is(service: str, **figures: object) -> Any:
    def fits(found: Json) -> bool:
        one = entry(found, service=service)
        return bool(one) and all(one["total"][name] == figures[name] for name in figures)  # type: ignore[index]

    return fits


def test_a_thousand_pushed_drops_are_a_thousand_known_drops(server: ServerProcess) -> None:
    """Of 5,000 records an emitter sends 4,000 and drops 1,000 on purpose."""
    start = time.time_ns()
    ship(server, "pushed", 4000)
    push(server, "pushed", "default", start, **{SENT: 4000, FAILED: 1000})
    found = wait_for(server, total_is("pushed", known_drops=1000, stored=4000))
    one = entry(found, service="pushed")
    assert one is not None
    assert one["emitters"] == ["otlp/pushed"]
    total = one["total"]
    assert total["state"] == "drops known"
    assert total["emitted"] == total["stored"] + total["known_drops"] == 5000
    assert total["unexplained"] == 0


def test_what_restarts_and_what_only_adds_is_added_up(server: ServerProcess) -> None:
    ship(server, "restarted", 70)
    push(server, "restarted", "default", time.time_ns() - SECOND, **{SENT: 50})
    time.sleep(1.2)
    push(server, "restarted", "default", time.time_ns(), **{SENT: 20})
    found = wait_for(server, total_is("restarted", emitted=70, stored=70))
    assert entry(found, service="restarted")["total"]["state"] == "balanced"  # type: ignore[index]


def test_a_loss_that_nobody_knows_of_is_unexplained(server: ServerProcess) -> None:
    start = time.time_ns()
    ship(server, "lossy", 90)
    push(server, "lossy", "default", start, **{SENT: 100})
    found = wait_for(server, total_is("lossy", emitted=100, stored=90))
    one = entry(found, service="lossy")
    assert one is not None
    assert (one["total"]["state"], one["total"]["unexplained"]) == ("unexplained", 10)
    told = server.run("completeness", "--server", server.url)
    assert told.returncode == 1
    assert "unexplained" in told.stdout


def test_fetched_counters(server: ServerProcess) -> None:
    """The first sample of an emitter that does not tell its start is where counting begins."""
    wait_until(lambda: b"agent" in samples(server))
    ship(server, "fetched", 40)
    Endpoint.agent = {"output": {"http.0": {"proc_records": 40, "dropped_records": 25}}}
    found = wait_for(server, total_is("fetched", emitted=65, stored=40, known_drops=25))
    one = entry(found, service="fetched")
    assert one is not None
    assert (one["total"]["state"], one["emitters"]) == ("drops known", ["agent"])
    assert "Bearer s3cret" in Endpoint.tokens
    assert "s3cret" not in server.log()


def test_hostile_endpoints_are_given_up(server: ServerProcess) -> None:
    reasons = {
        "slow": "no whole answer within 1 s",
        "huge": "the answer is larger than 4194304 bytes",
        "html": "this is not what Fluent Bit shows",
        "gone": "answered with status 500",
        "elsewhere": "answered with status 302",
    }
    for name, reason in reasons.items():
        wait_until(partial(told, server, name, reason))
    assert not any(name.encode() in samples(server) for name in HOSTILE)
    metrics = server.get("/metrics").text
    assert 'meshseal_emitter_fetches_total{emitter="agent",outcome="read"}' in metrics


def told(server: ServerProcess, name: str, reason: str) -> bool:
    entries = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    return any(e.get("emitter") == name and reason in e.get("reason", "") for e in entries)


def samples(server: ServerProcess) -> bytes:
    return repr(ask(server, "SELECT DISTINCT Emitter FROM counters")).encode()


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_two_tenants_know_nothing_of_one_another(server: ServerProcess) -> None:
    start = time.time_ns()
    ship(server, "theirs", 30, tenant=OTHER)
    push(server, "theirs", OTHER, start, **{SENT: 30, FAILED: 9})
    wait_for(server, total_is("theirs", known_drops=9, stored=30), tenant=OTHER)
    found = report(server, tenant=OTHER)
    assert [one["service"] for one in found["ledger"]] == ["theirs"]
    assert [one["service"] for one in found["sources"]] == ["theirs"]
    for own in (report(server), report(server, by="instance"), report(server, by="source")):
        assert "theirs" not in json.dumps(own)
        assert sum(one["records"] for one in own["sources"]) == stored(server, "default")
    by_source = report(server, tenant=OTHER, by="source")["sources"]
    assert [one["records"] for one in by_source] == [30]


def stored(server: ServerProcess, tenant: str) -> int:
    ((records,),) = ask(server, f"SELECT sum(Records) FROM arrivals WHERE Tenant = '{tenant}'")
    return int(records)


# ---- Silence -------------------------------------------------------------------------------------

SPEAKER = """
import sys, time, urllib.request
while True:
    request = urllib.request.Request(sys.argv[1], data=b"I live")
    urllib.request.urlopen(request, timeout=30).read()
    time.sleep(0.2)
"""


def past(server: ServerProcess, service: str, minutes: int, every: int = 1) -> None:
    """Let a source have spoken in the past: in each minute, or in one of every few."""
    now = int(time.time()) // 60 * 60
    begins = range(now - minutes * 60, now, every * 60)
    heard(server, *((service, begin, begin + 59, 60) for begin in begins))


def heard(server: ServerProcess, *times: tuple[str, int, int, int]) -> None:
    """Let services have spoken: (service, first second, last second, records)."""
    names = "Tenant, Minute, Source, Door, ServiceName, Records, Arrivals"
    rows = ", ".join(
        f"('default', toDateTime({first // 60 * 60}), 'trial', 'lines', '{service}', {records}, "
        f"{max(1, records)}, toDateTime64({first}, 9), toDateTime64({last}, 9))"
        for service, first, last, records in times
    )
    command(server, f"INSERT INTO arrivals ({names}, FirstReceived, LastReceived) VALUES {rows}")


def of(found: Json, service: str) -> tuple[list[Json], list[Json]]:
    """Return a service as a source, and its gaps."""
    return (
        [one for one in found["sources"] if one["service"] == service],
        [one for one in found["gaps"] if one["service"] == service],
    )


def test_a_source_that_is_cut_off_shows_as_a_gap_within_90_seconds(server: ServerProcess) -> None:
    past(server, "speaker", 15)
    url = f"{server.url}/ingest/v1/lines?labels=service.name=speaker"
    process = subprocess.Popen([sys.executable, "-c", SPEAKER, url])
    try:
        wait_until(lambda: server.metric('sum(count_over_time({service_name="speaker"}[5m]))') >= 5)
    finally:
        process.kill()
        process.wait()
    settled(server)
    ((source,), gaps) = of(report(server), "speaker")
    assert (source["state"], gaps) == ("speaking", [])
    last = int(source["last_received"])

    later = report(server, end=str(last + 90 * SECOND))
    ((source,), (gap,)) = of(later, "speaker")
    assert source["state"] == "silent"
    assert (gap["open"], gap["begin"], gap["end"]) == (True, str(last), None)
    assert gap["seconds"] == 90.0
    assert not later["complete"]
    told = server.run(
        "completeness", "--server", server.url, "--end", str(last + 90 * SECOND), "--json"
    )
    assert told.returncode == 1

    # It speaks again: the gap stays, and is over.
    again = last // SECOND + 600
    heard(server, ("speaker", again, again, 1))
    ((source,), (gap,)) = of(report(server, end=str((again + 5) * SECOND)), "speaker")
    assert (source["state"], gap["open"]) == ("speaking", False)
    assert (gap["begin"], gap["end"]) == (str(last), str(again * SECOND))


def test_a_source_that_speaks_rarely_does_not_alarm(server: ServerProcess) -> None:
    past(server, "rare", 600, every=60)
    now = time.time_ns()
    ((source,), gaps) = of(report(server, end=str(now + 1800 * SECOND)), "rare")
    assert (source["state"], gaps) == ("speaking", [])
    assert source["silent_after_seconds"] == pytest.approx(2 * 3541, abs=2)
    ((source,), (gap,)) = of(report(server, end=str(now + 4 * 3600 * SECOND)), "rare")
    assert (source["state"], gap["open"]) == ("silent", True)


def test_metrics_of_a_service_are_a_sign_of_its_life(server: ServerProcess) -> None:
    now = int(time.time())
    heard(server, *(("quiet", now - 40 - 20 * n, now - 40 - 20 * n, 1) for n in range(45)))
    end = str((now + 50) * SECOND)
    before = report(server, end=end)
    assert of(before, "quiet")[0][0]["state"] == "silent"
    push(server, "quiet", "default", time.time_ns())
    sql = "SELECT count() FROM arrivals WHERE ServiceName = 'quiet' AND Records = 0"
    wait_until(lambda: ask(server, sql) == [(1,)])
    ((source,), gaps) = of(report(server, end=end), "quiet")
    assert (source["state"], gaps) == ("speaking", [])


def test_an_unnamed_sign_of_life_says_nothing_of_one_service_among_many(
    server: ServerProcess,
) -> None:
    """A key with many services that asks for a door's health proves that one of them lives."""
    past(server, "many-a", 15)
    ((source,), _) = of(report(server), "many-a")
    end = str(int(source["last_received"]) + 90 * SECOND)
    at = int(source["last_received"]) // SECOND + 45
    heard(server, ("", at, at, 0))
    assert of(report(server, end=end), "many-a")[0][0]["state"] == "silent"
    whole = report(server, end=end, by="source")
    assert [one["state"] for one in whole["sources"]] == ["speaking"]


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"by": "tenant"}, 400),
        ({"start": "yesterday"}, 400),
        ({"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, 400),
        ({"since": "60d"}, 400),
        ({"since": "30d"}, 200),
        ({"end": "5"}, 200),
    ],
)
def test_what_can_be_asked(server: ServerProcess, parameters: dict[str, str], status: int) -> None:
    assert server.get("/meshseal/v1/completeness", parameters).status_code == status


def test_a_read_is_in_the_audit_trail(server: ServerProcess) -> None:
    report(server, since="3h")
    wait_until(
        lambda: any(
            "completeness.read" in one["line"]
            for one in server.records('{service_name="meshseal"}', tenant="_platform", since="1h")
        )
    )
