"""Spans are sealed like logs: proven, verified, read by their tenant; a change is found out."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from meshseal.seal.note import Verifier
from meshseal.seal.proof import Proof
from tests.faults.load import wait_until
from tests.seal.vault import check
from tests.server import ServerProcess, meshseal
from tests.store_access import ask, command
from tests.workshop.pages import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
TRACE = bytes(range(16))
SPANS = 20


def spans_request() -> bytes:
    whole = ExportTraceServiceRequest()
    scope = whole.resource_spans.add().scope_spans.add()
    at = time.time_ns()
    for number in range(SPANS):
        span = scope.spans.add(
            trace_id=TRACE, span_id=(number + 1).to_bytes(8, "big"), name=f"step {number}",
            kind=2, start_time_unix_nano=at + number, end_time_unix_nano=at + number + 50,
        )  # fmt: skip
        span.attributes.add(key="n").value.int_value = number
        span.events.add(time_unix_nano=at, name="began").attributes.add(key="é,1:")
        span.links.add(trace_id=b"\1" * 16, span_id=b"\2" * 8)
    return whole.SerializeToString()


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("spans") / "data") as server:
        for tenant in ("acme", "globex"):
            headers = {"Content-Type": "application/x-protobuf", "X-Scope-OrgID": tenant}
            assert server.post("/v1/traces", spans_request(), headers=headers).status_code == 200
            server.ship(b"a line", tenant=tenant)
        counted = "SELECT count() FROM spans"
        wait_until(lambda: ask(server, counted)[0][0] == 2 * SPANS, "storing the spans", 60)
        for tenant in ("acme", "globex"):
            wait_until(lambda t=tenant: proof(server, t, 0).ok, "sealing them", 60)  # type: ignore[misc]
        yield server


def batch_of(server: ServerProcess, tenant: str) -> int:
    return int(ask(server, f"SELECT any(Batch) FROM spans WHERE Tenant = '{tenant}'")[0][0])


def proof(server: ServerProcess, tenant: str, seq: int):  # type: ignore[no-untyped-def]
    where = {"batch": batch_of(server, tenant), "seq": seq}
    return server.get("/meshseal/v1/proof", where, headers={"X-Scope-OrgID": tenant})


def test_a_span_is_proven_by_us_and_by_the_auditors_script(
    sealed: ServerProcess, tmp_path: Path
) -> None:
    content = proof(sealed, "acme", 7).content
    key = sealed.get("/ledger/key").text.strip()
    record = Proof.decode(content).verify(Verifier.parse(key)).record
    assert (record["SpanName"], record["Events.Name"]) == (b"step 7", [b"began"])
    file = tmp_path / "proof.json"
    script = [sys.executable, str(ROOT / "docs" / "examples" / "check_proof.py"), str(file), key]
    for text, status in ((content, 0), (content.replace(b'"began"', b'"ended"'), 1)):
        file.write_bytes(text)
        assert meshseal("verify", str(file), "--key", key).returncode == status
        done = subprocess.run(script, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status, done.stderr


def test_a_trace_is_read_by_its_tenant_only(sealed: ServerProcess) -> None:
    def read(trace: str, tenant: str, **parameters: str):  # type: ignore[no-untyped-def]
        headers = {"X-Scope-OrgID": tenant}
        return sealed.get(f"/meshseal/v1/traces/{trace}", parameters, headers=headers)

    spans = read(TRACE.hex(), "acme").json()["spans"]
    assert [span["SpanName"] for span in spans] == [f"step {n}" for n in range(SPANS)]
    assert {span["Tenant"] for span in spans} == {"acme"}
    assert spans[3]["SpanAttributes"] == {"n": "3"}
    assert spans[3]["Events.Attributes"] == [{"é,1:": ""}]
    assert len(read(TRACE.hex().upper(), "acme", limit="2").json()["spans"]) == 2
    assert read(TRACE.hex(), "nobody").status_code == 404
    assert read("ff" * 16, "acme").status_code == 404
    assert read("not-hex", "acme").status_code == 400
    assert read(TRACE.hex(), "acme", limit="-1").status_code == 400
    shown = sealed.run("trace", "--server", sealed.url, "--tenant", "acme", TRACE.hex())
    assert shown.returncode == 0, shown.stderr
    assert "step 19" in shown.stdout
    reads = "SELECT count() FROM logs WHERE Tenant = '_platform' AND Body LIKE '%traces.read%'"
    wait_until(lambda: ask(sealed, reads)[0][0] >= 3, "writing down the reads", 60)


_SYNC = "SETTINGS mutations_sync = 2"
CHANGES = {
    "a column": ("UPDATE StatusMessage = 'x' WHERE Batch = {b} AND Seq = 3", "UPDATE"
                 " StatusMessage = '' WHERE Batch = {b} AND Seq = 3",
                 "record 3 is not what was sealed"),
    "an event": ("UPDATE `Events.Name` = ['x'] WHERE Batch = {b} AND Seq = 5", "UPDATE"
                 " `Events.Name` = ['began'] WHERE Batch = {b} AND Seq = 5",
                 "record 5 is not what was sealed"),
    "a duration": ("UPDATE Duration = 51 WHERE Batch = {b} AND Seq = 2", "UPDATE Duration = 50"
                   " WHERE Batch = {b} AND Seq = 2", "record 2 is not what was sealed"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "back", "says"), CHANGES.values(), ids=CHANGES)
def test_a_changed_span_is_found_out(
    sealed: ServerProcess, change: str, back: str, says: str
) -> None:
    batch = batch_of(sealed, "globex")
    assert check(sealed.data).findings == []
    command(sealed, f"ALTER TABLE spans {change.format(b=batch)} {_SYNC}")
    report = check(sealed.data)
    command(sealed, f"ALTER TABLE spans {back.format(b=batch)} {_SYNC}")
    assert [str(finding) for finding in report.findings] == [f"batch {batch}: {says}"]


def test_a_deleted_span_is_found_out(sealed: ServerProcess) -> None:
    """The last: what is deleted is not put back."""
    batch = batch_of(sealed, "globex")
    command(sealed, f"DELETE FROM spans WHERE Batch = {batch} AND Seq = 9")
    shown = [str(finding) for finding in check(sealed.data).findings]
    assert shown == [f"batch {batch}: record 9 is missing: 19 of 20 records are there"]
