"""Which format a line is of, found by its content: accuracy over a mixed corpus."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from meshseal.model.envelope import Payload
from meshseal.shape.formats import BUILT_IN, FORMATS, UNPARSED
from tests.shape.decoder import Decoder
from tests.shape.foreign import foreign
from tests.shape.varied import samples, varied

pytestmark = pytest.mark.engine

VARIANTS = 40
FOREIGN = 3000
OF_APPLICATIONS = {"json", "logfmt", "app_text", "app_trace", UNPARSED}
"""What an application's own line may be taken for."""


def formats_of(decoder: Decoder, lines: Sequence[str], hint: str = "") -> list[str]:
    """Return the format that each line is read as. Lines may hold ends of lines here."""
    values = [["1", line] for line in lines]
    content = json.dumps({"streams": [{"stream": {"a": "b"}, "values": values}]}).encode()
    rows = decoder.rows(Payload.LOKI_PUSH_JSON, content, len(lines), format=hint)
    return [row["Format"] for row in rows]


def table(found: Counter[tuple[str, str]]) -> str:
    """Return the confusion table: what lines of each format were taken for, and how many."""
    lines = []
    for name in sorted({wanted for wanted, _ in found}):
        row = {got: n for (wanted, got), n in found.items() if wanted == name}
        shown = ", ".join(f"{got} {n}" for got, n in sorted(row.items(), key=lambda one: -one[1]))
        lines.append(f"{name:24} {shown}")
    return "\n".join(lines)


def test_every_format_has_samples() -> None:
    assert {row.name for row in FORMATS} - set(samples()) == set()


def test_every_sample_is_told(decoder: Decoder) -> None:
    pairs = [(name, line) for name, lines in samples().items() for line in lines]
    got = formats_of(decoder, [line for _, line in pairs])
    wrong = [(*pair, one) for pair, one in zip(pairs, got, strict=True) if pair[0] != one]
    assert wrong == []


def test_varied_lines_are_told_in_any_company(decoder: Decoder) -> None:
    pairs = [
        (name, other)
        for name, lines in samples().items()
        for seed, line in enumerate(lines)
        for other in varied(line, seed, max(1, VARIANTS // len(lines)))
    ]
    random.Random(1).shuffle(pairs)
    got = formats_of(decoder, [line for _, line in pairs])
    found = Counter(zip((name for name, _ in pairs), got, strict=True))
    print(table(found))
    right = sum(n for (wanted, one), n in found.items() if wanted == one)
    assert right >= 0.995 * len(pairs), table(found)


def test_no_line_of_an_application_is_taken_for_a_mesh(decoder: Decoder) -> None:
    lines = list(foreign(1, FOREIGN))
    got = formats_of(decoder, lines)
    wrong = [
        (line, one) for line, one in zip(lines, got, strict=True) if one not in OF_APPLICATIONS
    ]
    assert wrong == []


def test_a_hint_that_fits_goes_first(decoder: Decoder) -> None:
    (line,) = samples()["linkerd_access_json"][:1]
    assert formats_of(decoder, [line]) == ["linkerd_access_json"]
    assert formats_of(decoder, [line], "json") == ["json"]
    assert formats_of(decoder, [line], UNPARSED) == [UNPARSED]


def test_a_hint_that_does_not_fit_gives_way_to_the_content(decoder: Decoder) -> None:
    lines = [of_format[0] for of_format in samples().values()]
    plain = formats_of(decoder, lines)
    for hint in ("istio_json", "nginx_combined", "logfmt", "no_such_format"):
        found = formats_of(decoder, lines, hint)
        fitting = {one for one, was in zip(found, plain, strict=True) if one != was}
        assert fitting <= {hint}


def test_every_format_is_recognised_by_something_cheap() -> None:
    """Without a telling text or first characters, a check runs on lines of every kind."""
    assert [row.name for row in BUILT_IN.rows if not row.telling and not row.starts] == []
