"""Datadog's logs: what each field becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.model.envelope import Envelope, Payload
from meshseal.wire.datadog import decode
from meshseal.wire.protocol import Request
from tests.shape.cases import RECEIVED
from tests.shape.datadog_logs import LOGS, Log
from tests.shape.decoder import Decoder, Row, envelope

pytestmark = pytest.mark.engine


def row_of(decoder: Decoder, case: Log) -> Row:
    content = json.dumps([case.log]).encode()
    (row,) = decoder.rows(Payload.DATADOG_LOGS, content, 1, labels=case.labels)
    return row


@pytest.mark.parametrize("case", LOGS, ids=lambda case: case.id)
def test_a_log(decoder: Decoder, case: Log) -> None:
    row = row_of(decoder, case)
    expected = {"Timestamp": RECEIVED, "Format": "unparsed", **case.expected}
    if case.id == "an access log":
        assert {name: row[name] for name in expected} == expected
    else:
        assert row == expected


def test_lines_are_logs(decoder: Decoder) -> None:
    labels = {"service": "web", "ddtags": "env:prod,canary"}
    rows = decoder.rows(
        Payload.DATADOG_LOGS, b"one\r\n\n\r\n[two\xff\n", 2, format="text", labels=labels
    )
    assert [row["Body"] for row in rows] == ["one", "[two\udcff"]
    assert {row["ServiceName"] for row in rows} == {"web"}
    assert rows[0]["ResourceAttributes"] == {
        "service.name": "web",
        "deployment.environment.name": "prod",
    }
    assert rows[0]["OtherAttributes"] == {"datadog.tags": "canary"}


def test_logs_are_numbered_in_their_order_over_envelopes(decoder: Decoder) -> None:
    def sent(first: int, count: int) -> Envelope:
        logs = [{"message": f"m{n}"} for n in range(first, first + count)]
        return envelope(Payload.DATADOG_LOGS, json.dumps(logs).encode(), count)

    found = [one.row() for one in decoder.decode(sent(0, 1500), sent(1500, 1), sent(1501, 999))]
    assert [row["Body"] for row in found] == [f"m{n}" for n in range(2500)]
    assert [row.get("Seq", "0") for row in found] == [str(n) for n in range(2500)]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=8,
)
_KEYS = st.text() | st.sampled_from(
    ["message", "status", "timestamp", "hostname", "service", "ddsource", "ddtags", "dd", "lambda"]
)
_LOGS = st.lists(st.dictionaries(_KEYS, _VALUES), min_size=1)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_LOGS)
def test_any_logs_are_as_many_records_as_the_door_counts(
    decoder: Decoder, logs: list[dict[str, Any]]
) -> None:
    request = Request(
        path="/api/v2/logs",
        query={},
        headers={"content-type": "application/json"},
        body=json.dumps(logs).encode(),
        received_unix_nano=7,
        door="datadog",
        tenant="t",
        source="s",
    )
    (found,) = decode(request).envelopes or (None,)
    if found is None:
        assert logs == [{}] or not logs
        return
    rows = decoder.rows(found.kind, bytes(found.content), found.records)
    assert len(rows) == len(logs)
