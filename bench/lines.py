"""Istio access log lines: as long, as varied and as hard to compress as those of a real mesh."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

SERVICES = tuple(
    f"{name}-{place}"
    for place in ("eu1", "us1")
    for name in (
        "frontend", "cart", "checkout", "payment", "catalog", "search", "accounts", "shipping",
        "inventory", "reviews", "ads", "email", "currency", "pricing", "orders", "sessions",
        "images", "coupons", "returns", "fraud",
    )
)  # fmt: skip
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "Go-http-client/2.0",
    "python-requests/2.32.5",
    "okhttp/5.3.0",
)
_METHODS = ("GET", "GET", "GET", "GET", "POST", "PUT", "DELETE")
_STATUSES = (200,) * 88 + (201,) * 4 + (304,) * 3 + (404,) * 3 + (503, 500)
_PATHS = ("/api/v1/{0}/{1}?page={2}&sort=price", "/{0}/items/{1}", "/{0}/{1}/checkout?step={2}")


def lines(count: int, *, first_unix_nano: int, span_nanos: int, seed: int) -> Iterator[str]:
    """Yield lines whose times lie evenly over a span."""
    dice = random.Random(seed)
    bits, below = dice.getrandbits, dice.random
    step = span_nanos // count
    second, prefix = -1, ""
    for number in range(count):
        at = first_unix_nano + number * step
        if at // 10**9 != second:
            second = at // 10**9
            prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        service = SERVICES[int(len(SERVICES) * below() ** 2)]
        status = _STATUSES[int(100 * below())]
        duration = int(5 + 40 / (1.001 - below()))
        path = _PATHS[bits(8) % 3].format(service, bits(20), bits(4))
        request_id = uuid.UUID(int=bits(128), version=4)
        client = f"{100 + bits(6)}.{bits(8)}.{bits(8)}.{bits(8)}"
        pod = f"10.{bits(2)}.{bits(6)}.{bits(8)}"
        flags = "UF,URX" if status == 503 else "-"
        yield (
            f'{{"start_time":"{prefix}.{at // 10**6 % 1000:03d}Z","route_name":"default",'
            f'"method":"{_METHODS[bits(8) % 7]}","path":"{path}","protocol":"HTTP/1.1",'
            f'"response_code":{status},"response_flags":"{flags}",'
            f'"response_code_details":"via_upstream","connection_termination_details":null,'
            f'"upstream_transport_failure_reason":null,"bytes_received":{bits(9)},'
            f'"bytes_sent":{bits(14)},"duration":{duration},'
            f'"upstream_service_time":"{duration - 1}","x_forwarded_for":"{client}",'
            f'"user_agent":"{_AGENTS[bits(8) % 5]}","request_id":"{request_id}",'
            f'"authority":"{service}.shop.svc.cluster.local:8080",'
            f'"upstream_host":"{pod}:8080",'
            f'"upstream_cluster":"inbound|8080||{service}.shop.svc.cluster.local",'
            f'"upstream_local_address":"127.0.0.6:{30000 + bits(14)}",'
            f'"downstream_local_address":"{pod}:8080",'
            f'"downstream_remote_address":"{client}:{30000 + bits(14)}",'
            f'"requested_server_name":"outbound_.8080_._.{service}.shop.svc.cluster.local"}}\n'
        )


def write(
    path: Path, count: int, *, first_unix_nano: int, span_nanos: int, seed: int
) -> tuple[int, str]:
    """Write a file of lines; return its size, and the request id of its middle line."""
    middle = ""
    with path.open("w") as file:
        made = lines(count, first_unix_nano=first_unix_nano, span_nanos=span_nanos, seed=seed)
        for number, line in enumerate(made):
            if number == count // 2:
                middle = line.partition('"request_id":"')[2][:36]
            file.write(line)
    return path.stat().st_size, middle
