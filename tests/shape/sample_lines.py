"""The lines of `samples/`, and the records that they must give.

`samples/FORMAT.json` has for each line of `samples/FORMAT.log` its columns, apart from the body,
which is the line; columns without a value are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import cast

from meshseal.model.envelope import Payload
from tests.shape.decoder import _ALWAYS, Decoder, Row, envelope
from tests.shape.mutations import mutated
from tests.shape.varied import SAMPLES, samples

MUTATIONS = 1000

_UNPARSED = {*_ALWAYS, "Timestamp", "ServiceName", "Format", "Body"}


def expected(format_name: str) -> list[Row]:
    """Return the records that the samples of a format must give."""
    rows = json.loads((SAMPLES / f"{format_name}.json").read_text())
    texts = samples()[format_name]
    return [{**row, "Body": text} for row, text in zip(rows, texts, strict=True)]


def records(decoder: Decoder, texts: Sequence[str], hint: str = "") -> list[Row]:
    """Return the records of texts: lines, or bodies of OpenTelemetry records if they are longer."""
    if not any("\n" in text for text in texts):
        content = "\n".join(texts).encode()
        return decoder.rows(Payload.LINES, content, len(texts), format=hint)
    bodies = [{"body": {"stringValue": text}} for text in texts]
    request = {"resourceLogs": [{"scopeLogs": [{"logRecords": bodies}]}]}
    return decoder.rows(
        Payload.OTLP_LOGS_JSON, json.dumps(request).encode(), len(texts), format=hint
    )


def check_samples(decoder: Decoder, format_name: str) -> None:
    """Check that each sample of a format gives its record by its content, and by whatever hint."""
    wanted = expected(format_name)
    texts = samples()[format_name]
    assert {row["Format"] for row in wanted} == {format_name}
    wrong = "istio_text" if format_name != "istio_text" else "nginx_combined"
    for hint in ("", format_name, wrong):
        assert records(decoder, texts, hint) == wanted, hint


def check_mutations(decoder: Decoder, format_names: Iterable[str]) -> None:
    """Check that no broken line loses its body, and that none that does not parse says anything."""
    broken: list[bytes] = []
    for seed, name in enumerate(format_names):
        texts = samples()[name]
        for number, text in enumerate(texts):
            count = MUTATIONS // len(texts) + (number < MUTATIONS % len(texts))
            broken += mutated(text.encode(), 100 * seed + number, count)
    found = decoder.decode(envelope(Payload.LINES, b"\n".join(broken), len(broken)))
    assert [cast("bytes", decoded.record["Body"]) for decoded in found] == broken
    unparsed = [decoded.row() for decoded in found if decoded.record["Format"] == b"unparsed"]
    assert [row for row in unparsed if set(row) - _UNPARSED] == []
