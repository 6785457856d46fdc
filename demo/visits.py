"""Visitors: each walks through the shop, and leaves a hop at every service that was asked."""

from __future__ import annotations

import random
from dataclasses import dataclass

from demo.happenings import Scan, Schedule
from demo.shop import JOURNEYS, SERVICES, Call, Service

_MILLISECOND = 10**6
_WEIGHTS = [weight for weight, _ in JOURNEYS]
_CALLS = [call for _, call in JOURNEYS]

_FAILS_USUALLY, _FAILS_WHEN_BROKEN = 0.001, 0.62
_MISSES = 0.006
_SLOWER_WHEN_BROKEN = 9.0

_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/129.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0",
    "ShopApp/7.4 (Android 15)",
)
_SCANNER_AGENT = "Mozilla/5.0 zgrab/0.x"
_SCANNED_PATHS = (
    "/.env",
    "/.git/config",
    "/.aws/credentials",
    "/wp-login.php",
    "/wp-content/plugins/file-manager/readme.txt",
    "/phpmyadmin/index.php",
    "/actuator/env",
    "/server-status",
    "/cgi-bin/luci/;stok=/locale",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/..%2f..%2f..%2fetc%2fpasswd",
    "/admin/config.php",
    "/solr/admin/info/system?wt=json",
    "/boaform/admin/formLogin",
)
_WORDS = ("teapot", "lamp", "notebook", "bicycle", "headphones", "raincoat", "desk", "kettle")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is outside: an address and a user agent."""

    address: str
    user_agent: str


@dataclass(slots=True)
class Hop:
    """One request as the service's own proxy saw it.

    Attributes:
        at: When it arrived; nanoseconds since the epoch.
        service: Who was asked.
        caller: Who asked; '' is the outside.
        status: HTTP status.
        flags: Envoy's response flags; '-' for none.
        duration_ms: How long it took, its own calls included.
        trace_id: 128 bits, the same for all hops of a visit.
        span_id: 64 bits.
        parent_span_id: The caller's span; 0 at the outside.
        request_id: The mesh's id, the same for all hops of a visit.
        encrypted: Whether both ends proved who they are.
    """

    at: int
    service: Service
    caller: str
    version: str
    worker: str
    method: str
    path: str
    status: int
    flags: str
    duration_ms: int
    received_bytes: int
    sent_bytes: int
    visitor: Visitor
    trace_id: int
    span_id: int
    parent_span_id: int
    request_id: str
    encrypted: bool


def visit(rng: random.Random, schedule: Schedule, at: int) -> list[Hop]:
    """Return the hops of one visitor whose request ends at a time, the first request first."""
    visitor = Visitor(_address(rng), rng.choice(_AGENTS))
    call = rng.choices(_CALLS, _WEIGHTS)[0]
    return _Walk(rng, schedule, at, visitor).walk(call)


def scan_request(rng: random.Random, schedule: Schedule, scan: Scan, at: int) -> Hop:
    """Return one request of a scan: an odd path that is not there, or not for everybody."""
    visitor = Visitor(scan.address, _SCANNER_AGENT)
    call = Call("frontend", "GET", rng.choice(_SCANNED_PATHS), usual_ms=1.5, size_bytes=150)
    status = 403 if rng.random() < 0.3 else 404
    return _Walk(rng, schedule, at, visitor).walk(call, status=status)[0]


class _Walk:
    """One visit on its way; times are nanoseconds from its beginning until it ends."""

    def __init__(self, rng: random.Random, schedule: Schedule, at: int, visitor: Visitor) -> None:
        self._rng = rng
        self._schedule = schedule
        self._at = at
        self._visitor = visitor
        self._trace_id = rng.getrandbits(128) | 1
        self._request_id = _uuid(rng)
        self._hops: list[Hop] = []
        self._filled = {
            "product": f"{rng.randrange(1_000, 1_400)}",
            "user": f"u{rng.randrange(10_000, 99_999)}",
            "order": f"o{rng.randrange(10**7, 10**8)}",
            "word": rng.choice(_WORDS),
            "page": f"{rng.randrange(1, 9)}",
        }

    def walk(self, call: Call, *, status: int = 200) -> list[Hop]:
        took, _ = self._ask(call, caller="", parent=0, start=0, status=status)
        for hop in self._hops:
            hop.at += self._at - took
        return self._hops

    def _ask(
        self, call: Call, *, caller: str, parent: int, start: int, status: int = 200
    ) -> tuple[int, int]:
        """Play one request; return how long it took, in nanoseconds, and its status."""
        rng, service = self._rng, SERVICES[call.service]
        broken = self._schedule.is_broken(call.service, self._at)
        hop = self._hop(call, service, caller, parent, start)
        self._hops.append(hop)
        slower = _SLOWER_WHEN_BROKEN if broken else 1.0
        own = int(call.usual_ms * slower * rng.lognormvariate(0, 0.45) * _MILLISECOND)
        took = own // 2
        fails = rng.random() < (_FAILS_WHEN_BROKEN if broken else _FAILS_USUALLY)
        if fails:
            status, hop.flags = (503, "UC") if rng.random() < 0.3 else (500, "-")
        elif "{product}" in call.path and rng.random() < _MISSES:
            status = 404
        else:
            took, below = self._ask_others(call, hop, start, took)
            status = max(status, below)
        took += own - own // 2
        hop.status = status
        hop.duration_ms = max(1, took // _MILLISECOND)
        if status >= 400:
            hop.sent_bytes = 90 + len(call.path)
        return took, status

    def _ask_others(self, call: Call, hop: Hop, start: int, took: int) -> tuple[int, int]:
        """Ask what a service asks; what fails to the last attempt fails the service too."""
        for below in call.calls:
            status = 500
            for _ in range(below.attempts):
                span, status = self._ask(
                    below, caller=call.service, parent=hop.span_id, start=start + took
                )
                took += span
                if status < 500:
                    break
            if status >= 500:
                return took, 502
        return took, 200

    def _hop(self, call: Call, service: Service, caller: str, parent: int, start: int) -> Hop:
        rng = self._rng
        return Hop(
            at=start,
            service=service,
            caller=caller,
            version=self._schedule.version(service.name, self._at),
            worker=rng.choice(service.workers),
            method=call.method,
            path=call.path.format_map(self._filled),
            status=200,
            flags="-",
            duration_ms=0,
            received_bytes=0 if call.method == "GET" else rng.randrange(80, 900),
            sent_bytes=int(call.size_bytes * rng.uniform(0.6, 1.4)),
            visitor=self._visitor,
            trace_id=self._trace_id,
            span_id=rng.getrandbits(64) | 1,
            parent_span_id=parent,
            request_id=self._request_id,
            encrypted=service.encrypted and (not caller or SERVICES[caller].encrypted),
        )


def _address(rng: random.Random) -> str:
    if rng.random() < 0.15:
        return f"2001:db8:{rng.getrandbits(16):x}::{rng.getrandbits(16):x}"
    return f"{rng.choice(('198.51.100', '192.0.2'))}.{rng.randrange(1, 255)}"


def _uuid(rng: random.Random) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
