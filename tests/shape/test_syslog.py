"""Syslog messages: RFC 5424, RFC 3164, what appliances make of them, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.wire.protos.spool_pb2 import SyslogMessages
from tests.shape.decoder import Decoder, Row, nanos
from tests.shape.syslog_messages import MESSAGES, Message

pytestmark = pytest.mark.engine


def payload(*texts: str | bytes) -> bytes:
    messages = [text if isinstance(text, bytes) else text.encode() for text in texts]
    return SyslogMessages(messages=messages).SerializeToString()


@pytest.fixture(scope="module")
def rows(decoder: Decoder) -> dict[str, Row]:
    """Return the row of each message, all decoded in one pass."""
    content = payload(*(message.text for message in MESSAGES))
    found = decoder.rows(Payload.SYSLOG_MESSAGES, content, len(MESSAGES))
    return dict(zip((message.id for message in MESSAGES), found, strict=True))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.id)
def test_a_message_gives_its_record(rows: dict[str, Row], message: Message) -> None:
    found, wanted = rows[message.id], message.expected()
    if message.format == "istio_text":
        assert (found["HttpResponseStatusCode"], found["UrlPath"]) == ("418", "/status/418")
        assert found["ServiceName"] == "envoy"
        found = {name: value for name, value in found.items() if name in wanted}
        other = found["OtherAttributes"]
        assert isinstance(other, dict)
        found["OtherAttributes"] = {"syslog.facility": other["syslog.facility"]}
    assert found == wanted


NEW_YEAR = {
    "just after it, from just before": ("2027-01-01T00:00:05", "Dec 31 23:59:58", "2026-12-31"),
    "just before it, from just after": ("2026-12-31T23:59:58", "Jan  1 00:00:03", "2027-01-01"),
    "just after it": ("2027-01-01T00:00:05", "Jan  1 00:00:04", "2027-01-01"),
    "eleven months ago": ("2026-12-10T00:00:00", "Jan 20 00:00:00", "2026-01-20"),
    "a day ahead, in the next month": ("2027-02-28T12:00:00", "Mar  1 11:00:00", "2027-03-01"),
    "two weeks ahead is a year ago": ("2027-02-28T12:00:00", "Mar 14 11:00:00", "2026-03-14"),
    "a leap day": ("2028-03-01T00:00:00", "Feb 29 10:00:00", "2028-02-29"),
}


@pytest.mark.parametrize(("received", "stamp", "day"), NEW_YEAR.values(), ids=NEW_YEAR)
def test_a_year_is_the_likeliest(decoder: Decoder, received: str, stamp: str, day: str) -> None:
    content = payload(f"<14>{stamp} h a: b")
    at = int(nanos(received))
    (row,) = decoder.rows(Payload.SYSLOG_MESSAGES, content, 1, received_unix_nano=at)
    assert row["Timestamp"] == nanos(f"{day}T{stamp[-8:]}")


def test_every_priority_has_its_severity_and_facility(decoder: Decoder) -> None:
    content = payload(*(f"<{priority}>x" for priority in range(192)))
    rows = decoder.rows(Payload.SYSLOG_MESSAGES, content, 192)
    words = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
    numbers = ["21", "19", "18", "17", "13", "10", "9", "5"]
    assert [row["SeverityText"] for row in rows] == words * 24
    assert [row["SeverityNumber"] for row in rows] == numbers * 24
    facilities = [row["OtherAttributes"]["syslog.facility"] for row in rows]
    assert len(set(facilities)) == 24
    assert facilities[::8][:5] == ["kern", "user", "mail", "daemon", "auth"]
    assert facilities[::8][16:] == [f"local{number}" for number in range(8)]


def test_messages_are_numbered_in_their_order(decoder: Decoder) -> None:
    texts = [f"<14>Sep  6 12:14:14 h a: message {number}\nand more" for number in range(1000)]
    rows = decoder.rows(Payload.SYSLOG_MESSAGES, payload(*texts), 1000)
    assert [row["Body"] for row in rows] == [f"message {n}\nand more" for n in range(1000)]


_PIECES = [
    "<14>", "<191>", "1 ", "- ", "-", "2026-09-11T22:14:15.003Z ", "Sep  6 12:14:14 ", "host ",
    "tag: ", "tag[1]: ", "[a@1 ", 'b="', '"', "]", "\\", "\n", "\0", ": ", "%ASA: ", " ", "é", "{",
]  # fmt: skip
_TEXTS = st.lists(st.one_of(st.sampled_from(_PIECES).map(str.encode), st.binary(max_size=8))).map(
    b"".join
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(_TEXTS, min_size=1, max_size=40))
def test_any_bytes_are_records_and_their_text_is_kept(decoder: Decoder, texts: list[bytes]) -> None:
    rows = decoder.rows(Payload.SYSLOG_MESSAGES, payload(*texts), len(texts))
    assert len(rows) == len(texts)
    for text, row in zip(texts, rows, strict=True):
        body = str(row.get("Body", "")).encode(errors="surrogateescape")
        assert text.endswith(body)
