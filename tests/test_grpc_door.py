"""The gRPC door of the real server: a numbered call is stored once."""

from __future__ import annotations

import time

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from tests.server import ServerProcess

pytestmark = pytest.mark.e2e


def test_a_numbered_call_that_is_sent_again_is_stored_once(server: ServerProcess) -> None:
    now = time.time_ns()
    records = [
        LogRecord(time_unix_nano=now + n, body=AnyValue(string_value=f"line {n}")) for n in range(7)
    ]
    request = ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])]
    )
    address = server.urls["otlp_grpc"].removeprefix("http://")
    with grpc.insecure_channel(address) as channel:
        export = LogsServiceStub(channel).Export  # type: ignore[no-untyped-call]
        for number in ("agent/1/0", "agent/1/0", "agent/1/1"):
            answer = export(request, metadata=(("meshseal-chunk", number),), timeout=30)
            assert answer == ExportLogsServiceResponse()
        with pytest.raises(grpc.RpcError) as caught:
            export(request, metadata=(("meshseal-chunk", "agent/one/0"),), timeout=30)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    server.wait_for_count(14, 'sum(count_over_time({service_name=~".+"}[1h]))')
    key = ("meshseal_records_deduplicated_total", "otlp_grpc", "default")
    assert server.metrics()[key] == 7
