"""Applications: lines with a level, and stack traces of five languages in one body."""

from __future__ import annotations

import pytest

from tests.shape.cases import Case, decode_all
from tests.shape.decoder import Decoder, Row
from tests.shape.mutations import mutated
from tests.shape.sample_lines import check_mutations, check_samples, records
from tests.shape.varied import samples

pytestmark = pytest.mark.engine

AT = "2026-09-21T14:00:00"

CASES = [
    Case(
        "a level in lower case and nothing else",
        "2026-09-21 14:00:00 warning disk is nearly full",
        "app_text",
        {"SeverityText": "warning", "SeverityNumber": "13"},
        at=AT,
    ),
    Case(
        "an exception after the level is no logger",
        "2026-09-21 14:00:00 ERROR java.io.IOException: closed",
        "app_text",
        {"SeverityText": "ERROR", "SeverityNumber": "17"},
        at=AT,
    ),
    Case(
        "a zone",
        "2026-09-21T16:00:00.5 +0200 [a b] FATAL x.Y - z",
        "app_text",
        {"SeverityText": "FATAL", "SeverityNumber": "21"},
        at="2026-09-21T14:00:00.5",
        other={"thread.name": "a b", "log.logger": "x.Y"},
    ),
    Case("a time and no level", "2026-09-21 14:00:00 it works", "unparsed"),
    Case("a time and a word that begins like a level", "2026-09-21 14:00:00 INFORMED", "unparsed"),
    Case("a level and no time", "ERROR it broke", "unparsed"),
    Case("a heading", "Note: read this", "unparsed"),
    Case(
        "JSON with a traceback in it is JSON",
        '{"msg":"Traceback (most recent call last):\\n  File"}',
        "json",
        other={"msg": "Traceback (most recent call last):\n  File"},
    ),
]

NO_TRACE = {
    "words that are no frames": "we meet\n    at noon",
    "a traceback without an end": "Traceback (most recent call last):\n  File 'a', line 1",
    "goroutines without a panic": "dump\ngoroutine 1 [running]:\nmain.main()",
}


@pytest.fixture(scope="module")
def rows(decoder: Decoder) -> dict[str, Row]:
    return decode_all(decoder, CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_line_gives_its_record(rows: dict[str, Row], case: Case) -> None:
    assert rows[case.id] == case.expected()


@pytest.mark.parametrize("format_name", ["app_text", "app_trace"])
def test_samples_give_their_records(decoder: Decoder, format_name: str) -> None:
    check_samples(decoder, format_name)


@pytest.mark.parametrize("text", NO_TRACE.values(), ids=NO_TRACE)
def test_what_is_no_stack_trace(decoder: Decoder, text: str) -> None:
    (row,) = records(decoder, [text])
    assert (row["Format"], row["Body"]) == ("otlp", text)
    assert "OtherAttributes" not in row


def test_no_broken_line_is_lost(decoder: Decoder) -> None:
    check_mutations(decoder, ["app_text"])


def test_broken_stack_traces_never_lose_a_body(decoder: Decoder) -> None:
    texts = [
        broken.decode(errors="replace").replace("\\n", "\n")
        for seed, text in enumerate(samples()["app_trace"])
        for broken in mutated(text.replace("\n", "\\n").encode(), seed, 90)
    ]
    found = records(decoder, texts)
    assert [row["Body"] for row in found] == texts
