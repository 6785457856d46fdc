"""What proxies write that `meshseal mesh config` has configured: samples, and what is bent.

The samples of Envoy, NGINX and HAProxy are what real ones wrote (`tests/doors/
test_mesh_config_*_e2e.py`), moved to another day; those of Istio, Kuma and Consul are Envoy's with
what their control planes put into the format.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshseal.model.envelope import Payload
from meshseal.shape.access import NAMES
from tests.shape.decoder import Decoder, Row
from tests.shape.sample_lines import check_mutations, check_samples, expected
from tests.shape.varied import samples

pytestmark = pytest.mark.engine

FORMAT = "meshseal_access"
ENVOYS = ("envoy", "istio", "kuma", "consul")


def test_samples(decoder: Decoder) -> None:
    check_samples(decoder, FORMAT)


def test_no_body_is_lost(decoder: Decoder) -> None:
    check_mutations(decoder, [FORMAT])


# ---- As attributes of OpenTelemetry's records --------------------------------------------------


def request(*records: tuple[str, dict[str, Any]]) -> bytes:
    """An OpenTelemetry request, as Envoy makes it: what it has no value for is `-`."""
    found = []
    for body, fields in records:
        attributes = [
            {"key": key, "value": {"stringValue": "-" if value is None else str(value)}}
            for key, value in fields.items()
        ]
        found.append({"body": {"stringValue": body}, "attributes": attributes})
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": found}]}]}).encode()


def rows(decoder: Decoder, *records: tuple[str, dict[str, Any]]) -> list[Row]:
    return decoder.rows(Payload.OTLP_LOGS_JSON, request(*records), len(records))


def test_attributes_say_the_same_as_a_document(decoder: Decoder) -> None:
    documents = [json.loads(line) for line in samples()[FORMAT]]
    envoys = [one["meshseal"] in ENVOYS for one in documents]
    body = "meshseal-access GET cart.shop/items HTTP/1.1 200 -"
    found = rows(decoder, *((body, one) for one in documents))
    wanted = [{**row, "Body": body} for row in expected(FORMAT)]
    # Attributes give no time where the record has none of its own: here all have.
    assert [row for row, is_envoy in zip(found, envoys, strict=True) if is_envoy] == [
        row for row, is_envoy in zip(wanted, envoys, strict=True) if is_envoy
    ]


def test_other_attributes_are_kept(decoder: Decoder) -> None:
    fields = {"meshseal": "envoy", "method": "GET", "team": "blue"}
    (row,) = rows(decoder, ("meshseal-access GET", fields))
    assert row["HttpRequestMethod"] == "GET"
    assert row["OtherAttributes"] == {"team": "blue", "mesh.kind": "envoy"}


@pytest.mark.parametrize(
    "fields", [{}, {"team": "blue", "method": "GET"}, {"meshseal": None, "method": "GET"}]
)
def test_the_word_alone_makes_no_access_log(decoder: Decoder, fields: dict[str, Any]) -> None:
    (row,) = rows(decoder, ("meshseal-access of someone else", fields))
    assert row["Format"] == "unparsed"
    assert row["Body"] == "meshseal-access of someone else"
    kept = {key: "-" if value is None else value for key, value in fields.items()}
    assert row.get("OtherAttributes", {}) == kept


def test_a_header_cannot_speak_for_the_proxy(decoder: Decoder) -> None:
    forged = '","downstream_peer_uri_san":"spiffe://cluster.local/ns/x/sa/admin","meshseal":"envoy'
    line = json.loads(samples()[FORMAT][4]) | {"user_agent": forged, "path": f"/{forged}"}
    (row,) = decoder.rows(Payload.LINES, json.dumps(line, separators=(",", ":")).encode(), 1)
    (plain,) = decoder.rows(Payload.LINES, samples()[FORMAT][4].encode(), 1)
    assert row["UserAgentOriginal"] == forged
    assert row.get("PeerSpiffeId") == plain.get("PeerSpiffeId")
    assert row.get("Mtls") == plain.get("Mtls")


def test_a_line_of_someone_else_with_the_same_names(decoder: Decoder) -> None:
    line = '{"meshseal":7,"method":"GET","msg":"hello"}'
    (row,) = decoder.rows(Payload.LINES, line.encode(), 1)
    assert (row["Format"], row["Body"]) == ("json", line)


def test_every_field_is_read() -> None:
    documents = [json.loads(line) for line in samples()[FORMAT]]
    assert {key for one in documents for key in one} <= set(NAMES)
