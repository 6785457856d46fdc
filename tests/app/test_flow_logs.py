"""A flow log with an order of fields of its own, through the real server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from bench.ingest import drain
from tests.server import ServerProcess
from tests.store_access import ask

pytestmark = [pytest.mark.e2e]

ORDER = (
    "${flow-direction} ${start} ${end} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} "
    "${bytes} ${action} ${log-status} ${vpc-id} ${region} ${traffic-path} ${reject-reason}"
)
HEADING = ORDER.replace("${", "").replace("}", "")
COUNT = 10_000
ALL = 'sum(count_over_time({service_name=~".+"}[1h]))'
FIELDS = """SELECT
    count(),
    uniqExact(Body),
    uniqExact(OtherAttributes['aws.vpc.flow.bytes']),
    countIf(endsWith(Body, concat(' ', OtherAttributes['aws.vpc.flow.reject_reason']))),
    countIf(position(Body, concat('gress ', toString(toUnixTimestamp(Timestamp)), ' ')) > 0),
    countIf(Reporter = 'inbound' AND NetworkPeerAddress = OtherAttributes['source.address']),
    countIf(Reporter = 'outbound' AND NetworkPeerAddress = OtherAttributes['destination.address']),
    countIf(ErrorType = 'REJECT' AND SeverityText = 'WARN'),
    countIf(ResourceAttributes['cloud.region'] = 'eu-central-1')
FROM logs
WHERE Format = 'flows' AND Body != 'HEADING'""".replace("HEADING", HEADING)


def line(number: int, seconds: int) -> str:
    way = ("ingress", "egress")[number % 2]
    action, reason = (("ACCEPT", "-"), ("REJECT", "BPA"))[number % 5 == 0]
    return (
        f"{way} {seconds + number % 60} {seconds + 60} 10.0.{number % 250}.7 10.1.0.{number % 99} "
        f"{1024 + number} 443 6 {number} {action} OK vpc-0a1b eu-central-1 - {reason}"
    )


def attributes(server: ServerProcess, text: str) -> dict[str, Any]:
    (record,) = server.records(f'{{service_name=~".+"}} |= "{text}"')
    return record


def test_ten_thousand_flows_of_an_order_of_ones_own(tmp_path: Path) -> None:
    seconds = int(time.time()) - 300
    lines = [line(number, seconds) for number in range(COUNT)]
    with ServerProcess(tmp_path / "data") as server:
        at = ["--server", server.url]
        wrong = server.run("format", "add", "flows", "--aws-vpc-flow", "${start} ${port}", *at)
        assert wrong.returncode != 0
        assert "AWS has no field '${port}'; did you mean" in wrong.stderr
        file = tmp_path / "flows.log"
        file.write_text(f"{HEADING}\n{lines[0]}\nother\n")
        tried = server.run("format", "test", "flows", str(file), "--aws-vpc-flow", ORDER, *at)
        assert "2 of 3 lines are flows" in tried.stderr
        added = server.run("format", "add", "flows", "--aws-vpc-flow", ORDER, *at)
        assert added.returncode == 0, added.stderr
        assert '"aws_vpc_flow"' in server.run("format", "show", "flows", *at).stdout
        shipped = server.ship("\n".join([HEADING, *lines[: COUNT // 2]]).encode())
        assert shipped == COUNT // 2 + 1
        server.kill()
        server.start()
        # A door that knows which service it is for: flows are no calls all the same.
        body = "\n".join(lines[COUNT // 2 :]).encode()
        assert server.ship(body, labels="service.name=web") == COUNT // 2
        server.wait_for_count(COUNT + 1, ALL)

        record = attributes(server, "vpc-id region traffic-path")
        assert (record["line"], record["meshseal_format"]) == (HEADING, "flows")
        record = attributes(server, " 1039 443 ")
        wanted = {
            "line": lines[15],
            "meshseal_format": "flows",
            "detected_level": "warn",
            "source_address": "10.0.15.7",
            "destination_address": "10.1.0.15",
            "source_port": "1039",
            "network_transport": "tcp",
            "network_peer_address": "10.1.0.15",
            "mesh_reporter": "outbound",
            "mesh_kind": "aws_vpc",
            "error_type": "REJECT",
            "aws_vpc_flow_reject_reason": "BPA",
            "aws_vpc_id": "vpc-0a1b",
        }
        assert {name: record.get(name) for name in wanted} == wanted
        drain(server)
        assert ask(server, FIELDS) == [
            (COUNT, COUNT, COUNT, COUNT // 5, COUNT, COUNT // 2, COUNT // 2, COUNT // 5, COUNT)
        ]
        assert ask(server, "SELECT count() FROM edges") == [(0,)]
        assert server.verify().returncode == 0
