"""A hundred requests through each of five meshes, by the door that its logs usually come by."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable

from tests.server import ServerProcess

REQUESTS = 100
SLOWEST = {"istio": 110, "linkerd": 210, "consul": 310, "kuma": 410, "nginx": 510}
"""Requests take from a hundred milliseconds less up to one less than so many."""

FAILED = {"istio": 10, "linkerd": 20, "consul": 30, "kuma": 40, "nginx": 50}
"""So many of each mesh's requests are answered with 503."""

P95 = {mesh: slowest - 100 + 94.05 for mesh, slowest in SLOWEST.items()}


def duration(mesh: str, number: int) -> int:
    """Return how many milliseconds a request took: in no order."""
    return SLOWEST[mesh] - 100 + number * 37 % REQUESTS


def status(mesh: str, number: int) -> int:
    """Return a request's status."""
    return 503 if number < FAILED[mesh] else 200


def send(server: ServerProcess) -> None:
    """Send everything, the requests of the last two minutes."""
    first = time.time() - 120
    for mesh, post in _DOORS.items():
        post(server, [_LINES[mesh](number, first + number) for number in range(REQUESTS)])
    server.wait_for_count(
        REQUESTS * len(SLOWEST), 'sum(count_over_time({http_response_status_code=~".+"}[1h]))'
    )


# ---- Lines ---------------------------------------------------------------------------------------


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03}Z"


def _istio(number: int, at: float) -> str:
    cluster = "outbound|8080||cart.shop.svc.cluster.local"
    return json.dumps(
        {
            "start_time": _stamp(at),
            "method": "GET",
            "path": f"/cart/{number}",
            "protocol": "HTTP/2",
            "response_code": status("istio", number),
            "response_flags": "-",
            "bytes_received": 0,
            "bytes_sent": 12,
            "duration": duration("istio", number),
            "authority": "cart:8080",
            "upstream_host": "10.0.0.9:8080",
            "upstream_cluster": cluster,
        }
    )


def _consul(number: int, at: float) -> str:
    return json.dumps(
        {
            "start_time": _stamp(at),
            "method": "POST",
            "path": f"/pay/{number}",
            "protocol": "HTTP/1.1",
            "response_code": str(status("consul", number)),
            "response_flags": "-",
            "bytes_received": "5",
            "bytes_sent": "12",
            "duration": str(duration("consul", number)),
            "upstream_cluster": "pay.default.dc1.internal.11111111-2222-3333-4444-555555555555"
            ".consul",
            "upstream_host": "10.2.0.9:20000",
        }
    )


def _linkerd(number: int, at: float) -> str:
    return json.dumps(
        {
            "client.addr": "10.42.0.70:32996",
            "client.id": "web.shop.serviceaccount.identity.linkerd.cluster.local",
            "timestamp": _stamp(at),
            "method": "GET",
            "uri": f"http://books:7000/books/{number}",
            "version": "HTTP/2.0",
            "trace_id": "",
            "request_bytes": "",
            "status": status("linkerd", number),
            "response_bytes": "2497",
            "total_ns": str(duration("linkerd", number) * 10**6),
            "processing_ns": "59090",
            "user_agent": "curl/8.5.0",
            "host": "books:7000",
        },
        separators=(",", ":"),
    )


def _kuma(number: int, at: float) -> str:
    return (
        f'[{_stamp(at)}] default "GET /api/{number} HTTP/1.1" {status("kuma", number)} - 0 511 '
        f'{duration("kuma", number)} 11 "203.0.113.9" "curl/8.5.0" "-" '
        '"84961386-6d84-929d-98bd-c5aee93b5c88" "backend:3001" "frontend" "backend" "10.42.0.11" '
        '"10.42.0.12:3001"'
    )


def _nginx(number: int, at: float) -> str:
    """Return a line of ingress-nginx: NGINX's combined log does not say how long a request took."""
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(at))
    seconds, code = duration("nginx", number) / 1000, status("nginx", number)
    return (
        f'203.0.113.7 - - [{stamp}] "GET /shop/{number} HTTP/2.0" {code} 512 "-" "Mozilla/5.0" 462 '
        f"{seconds:.3f} [shop-web-8080] [] 10.0.50.80:8080 512 {seconds:.3f} {code} "
        f"{number:032x}"
    )


# ---- Doors ---------------------------------------------------------------------------------------


def _loki(server: ServerProcess, lines: list[str]) -> None:
    stream = {"cluster": "eu", "namespace": "shop", "pod": "cart-1", "app": "cart"}
    values = [[str(time.time_ns() - 60 * 10**9 + n), line] for n, line in enumerate(lines)]
    body = json.dumps({"streams": [{"stream": stream, "values": values}]}).encode()
    headers = {"Content-Type": "application/json"}
    assert server.post("/loki/api/v1/push", body, headers=headers).status_code == 204


def _otlp(server: ServerProcess, lines: list[str]) -> None:
    resource = {
        "service.name": "books",
        "k8s.namespace.name": "library",
        "k8s.cluster.name": "us",
        "k8s.pod.name": "books-1",
    }
    attributes = [{"key": key, "value": {"stringValue": text}} for key, text in resource.items()]
    records = [{"body": {"stringValue": line}} for line in lines]
    request = {
        "resourceLogs": [
            {"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": records}]}
        ]
    }
    headers = {"Content-Type": "application/json"}
    response = server.post("/v1/logs", json.dumps(request).encode(), headers=headers)
    assert response.status_code == 200


def _text(server: ServerProcess, lines: list[str]) -> None:
    labels = "service.name=web,host.name=vm1,mesh.kind=consul"
    assert server.ship("\n".join(lines).encode(), labels=labels) == len(lines)


def _bulk(server: ServerProcess, lines: list[str]) -> None:
    documents = [json.dumps({"message": line, "service": {"name": "frontend"}}) for line in lines]
    body = "".join(f'{{"create":{{}}}}\n{document}\n' for document in documents).encode()
    headers = {"Content-Type": "application/x-ndjson"}
    response = server.post("/elasticsearch/logs/_bulk", body, headers=headers)
    assert response.json()["errors"] is False


def _syslog(server: ServerProcess, lines: list[str]) -> None:
    host, port = server.urls["syslog"].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        for line in lines:
            at = time.strptime(line.partition("[")[2][:20], "%d/%b/%Y:%H:%M:%S")
            stamp = time.strftime("%b %e %H:%M:%S", at)
            connection.sendall(f"<190>{stamp} edge1 nginx: {line}\n".encode())


_LINES: dict[str, Callable[[int, float], str]] = {
    "istio": _istio,
    "linkerd": _linkerd,
    "consul": _consul,
    "kuma": _kuma,
    "nginx": _nginx,
}
_DOORS: dict[str, Callable[[ServerProcess, list[str]], None]] = {
    "istio": _loki,
    "linkerd": _otlp,
    "consul": _text,
    "kuma": _bulk,
    "nginx": _syslog,
}
