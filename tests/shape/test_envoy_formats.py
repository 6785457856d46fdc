"""Envoy's format strings: what is refused and why, what is read, and that nothing is ever lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.model.errors import FormatError
from meshseal.shape.custom import compile_format
from meshseal.shape.envoy_formats import literals, text
from meshseal.shape.envoy_formats.compile import of_text
from meshseal.shape.envoy_formats.grammar import Command, Literal, parse
from meshseal.shape.envoy_formats.operators import OPERATORS, Takes
from meshseal.shape.families.envoy import (
    ENVOY_TEXT,
    ISTIO_TEXT,
    KUMA_HTTP_TEXTS,
    OLD_ISTIO_TEXTS,
)
from meshseal.shape.formats import Formats
from tests.shape.decoder import _ALWAYS, Decoder, Row
from tests.shape.mutations import mutated
from tests.shape.sample_lines import check_mutations, check_samples
from tests.shape.test_envoy_meaning import read
from tests.shape.test_operators import DOCUMENT, TEXT
from tests.shape.varied import samples

GOLDEN = Path(__file__).parent / "golden"

# ---- What is refused, and why ------------------------------------------------------------------

REFUSED: dict[str, tuple[Any, str]] = {
    "nothing": ("", "the format has no operators"),
    "no operator": ("hello 100%%", "the format has no operators"),
    "a percent sign alone": (
        "%START_TIME% 100%",
        "at character 17: the percent sign is not closed",
    ),
    "an operator that is not closed": ("%START_TIME", "at character 1: the percent sign is not"),
    "a name that is missing": (
        "a % b %DURATION%",
        "at character 3: an operator's name must follow",
    ),
    "small letters": ("%duration% %DURATION%", "at character 1: operators are written in capitals"),
    "an unknown operator": ("a %WHATEVER%", "at character 3: Envoy has no operator %WHATEVER%"),
    "a bracket that is not closed": ("%REQ(X% b %DURATION", "the bracket of %REQ(… is not closed"),
    "an argument that is missing": ("%REQ% x", "at character 1: %REQ% takes an argument"),
    "an argument too many": ("%PROTOCOL(x)%", "%PROTOCOL% takes no argument"),
    "a length where there is none": ("%PROTOCOL:5%", "%PROTOCOL% takes no length"),
    "a length that is no number": ("%REQ(X):a%", "at character 1: the bracket of %REQ(…"),
    "three headers": ("%REQ(A?B?C)%", "takes one alternative, not more"),
    "what is no header": ("%REQ(a b)%", "'a b' is not the name of a header"),
    "a path of another kind": ("%PATH(XX)%", "%PATH(X:Y)% takes WQ or NQ"),
    "nothing between two operators": (
        "%START_TIME% %DURATION%%PROTOCOL%",
        "at character 24: %DURATION% and %PROTOCOL% have nothing between them",
    ),
    "a line feed in the middle": ("%DURATION%\n%PROTOCOL%", "at character 11: a control character"),
    "NUL": ("%DURATION%\0", "a control character (U+0000)"),
    "an escape": ("\x1b[1m%DURATION%", "at character 1: a control character (U+001B)"),
    "half a surrogate": ("%DURATION%\ud800", "a control character (U+D800)"),
    "too long": ("x" * 8183 + "%DURATION%", "the format is longer than 8192 bytes"),
    "too many operators": ("%DURATION% " * 101, "the format has more than 100 operators"),
    "no keys": ({}, "the format has no keys"),
    "no operators in JSON": ({"a": "b", "c": [1]}, "the format has no operators"),
    "a wrong operator in JSON": (
        {"a": {"b": ["x", "%NO%"]}},
        "at character 1 of key 'a.b.1': Envoy has no operator %NO%",
    ),
    "two operators at once in JSON": (
        {"a": "%DURATION%%PROTOCOL%"},
        "at character 11 of key 'a': %DURATION% and %PROTOCOL% have nothing between",
    ),
    "a key with a control character": ({"a\0b": "%DURATION%"}, "of key 'a\\x00b': a control"),
    "an empty key": ({"": "%DURATION%"}, "key '': a key is a text that is not empty"),
    "a key that is no text": ({1: "%DURATION%"}, "key '1': a key is a text"),
    "a value of another kind": ({"a": b"%DURATION%"}, "key 'a': a value is text, a number"),
    "too deep": (json.loads('{"a":' * 9 + '"%DURATION%"' + "}" * 9), "nested deeper than 8"),
    "too many operators in JSON": (
        {f"k{number}": "%DURATION%" for number in range(101)},
        "the format has more than 100 operators",
    ),
    "too many values": (
        {"a": "%DURATION%", "b": list(range(200))},
        "the format has more than 200 values",
    ),
    "keys that are too long": (
        {f"{'k' * 100}{number}": "%DURATION%" for number in range(90)},
        "the format's keys are longer than 8192 bytes",
    ),
}


@pytest.mark.parametrize(("definition", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_format_is_refused_with_a_reason(definition: Any, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        compile_format("mine", definition)
    assert reason in str(caught.value)


@pytest.mark.parametrize("name", ["", "A", "a b", "a'b", "unparsed", "otlp", "a" * 41, "ä", "a-b"])
def test_a_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(FormatError):
        compile_format(name, "%DURATION%")


def test_two_formats_cannot_have_one_name() -> None:
    mine = compile_format("mine", "%DURATION%")
    for custom in ([mine, mine], [compile_format("istio_text", "%DURATION%")]):
        with pytest.raises(FormatError, match="same name"):
            Formats(custom)


def test_the_parts_of_a_format() -> None:
    found = parse("[%START_TIME(%Y:%H)%] 100%% %REQ(X?Y):5% %CEL(a['b'].c(1) ? ')' : 'd')% é\n")
    assert found == (
        Literal("["),
        Command("START_TIME", "%Y:%H", 0, 2),
        Literal("] 100% "),
        Command("REQ", "X?Y", 5, 29),
        Literal(" "),
        Command("CEL", "a['b'].c(1) ? ')' : 'd'", 0, 42),
        Literal(" é"),
    )


@pytest.mark.parametrize(
    "wrapped",
    [
        {"text_format": "%DURATION%ms"},
        {"text_format_source": {"inline_string": "%DURATION%ms"}},
        {"text": "%DURATION%ms"},
        "%DURATION%ms\n",
    ],
)
def test_a_text_in_whatever_is_around_it(wrapped: Any) -> None:
    assert compile_format("mine", wrapped) == compile_format("mine", "%DURATION%ms")


@pytest.mark.parametrize(
    "wrapped",
    [{"json_format": {"a": "%DURATION%"}}, {"labels": {"a": "%DURATION%"}}, '{"a":"%DURATION%"}'],
)
def test_a_document_in_whatever_is_around_it(wrapped: Any) -> None:
    assert compile_format("mine", wrapped) == compile_format("mine", {"a": "%DURATION%"})


# ---- What becomes of a definition's text -------------------------------------------------------

HOSTILE = (
    "'", "\\", "\\'", '"', "`", "$$", "$x$", "{x:String}", "{{", "-- x", "/* x */", "FROM raw",
    "FROM fields", "FROM (", "'); DROP TABLE logs; --", "\\x27", "<<<EOF", "$nested", "é",
    "\U0001f512", "(?i)", "[", "(a+)+$", "^", ".*", "\t", "))))", ", ", "%%", "\\C", "\\E\\Q",
)  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_literal_is_nothing_but_text(decoder: Decoder, hostile: str) -> None:
    written = literals.text(hostile)
    assert set(written[1:-1]) <= literals.PLAIN | {"\\"}
    anchored = literals.text(f"^{literals.regex(hostile)}$")
    typed = literals.text(literals.tuple_type([(hostile, "String")]))
    document = literals.text(json.dumps({hostile: "value"}, ensure_ascii=False))
    sql = f"SELECT hex({written}), match({written}, {anchored}), JSONExtract({document}, {typed}).1"
    assert decoder.ask(sql) == [[hostile.encode().hex().upper(), "1", "value"]]


def _hostile_text(hostile: str) -> str:
    kept = hostile.replace("%%", "%").replace("%", "%%")
    return f"{kept}[%START_TIME%]{kept} %REQ(:METHOD)% {kept}|%RESPONSE_CODE%|{kept}"


def test_hostile_texts_are_read_as_what_they_are(decoder: Decoder) -> None:
    texts = [text for text in HOSTILE if text != "%%"]
    lines = [f"{text}[2026-09-20T10:11:12.345Z]{text} GET {text}|204|{text}" for text in texts]
    pairs = [(_hostile_text(text), line) for text, line in zip(texts, lines, strict=True)]
    for number, (row, line) in enumerate(zip(read(decoder, pairs), lines, strict=True)):
        assert (row["Format"], row["Body"]) == (f"mine_{number}", line)
        assert row["HttpRequestMethod"] == "GET"
        assert row["HttpResponseStatusCode"] == "204"
        assert row["Timestamp"] == "1789899072345000000"


def test_hostile_keys_are_read_as_what_they_are(decoder: Decoder) -> None:
    keys = [text for text in HOSTILE if "%" not in text]
    decoder.use(
        compile_format("mine", {"code": "%RESPONSE_CODE%", **{key: {key: "x"} for key in keys}})
    )
    whole = {"code": 204, **{key: {key: f"<{key}>"} for key in keys}}
    line = json.dumps(whole, ensure_ascii=False)
    row = decoder.line(line)
    decoder.use()
    assert (row["Format"], row["HttpResponseStatusCode"]) == ("mine", "204")
    assert row["OtherAttributes"] == {f"{key}.{key}": f"<{key}>" for key in keys}


# ---- Any format, any line ----------------------------------------------------------------------

_ARGUMENTS = st.one_of(
    st.sampled_from(["x-a", ":path", "%Y-%m", "%s.%3f", "a:b", "SNI_FIRST", "16", "NQ:ORIG"]),
    st.text(st.characters(exclude_characters="%)", exclude_categories=("Cc", "Cs")), max_size=8),
)
_TEXTS = st.one_of(
    st.sampled_from([*HOSTILE, " ", '" "', "[", "] ", "->", "|"]),
    st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=6),
).map(lambda text: text.replace("%", "%%"))


@st.composite
def _commands(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(sorted(OPERATORS)))
    operator = OPERATORS[name]
    if operator.takes is Takes.NOTHING or (operator.takes is Takes.MAY and draw(st.booleans())):
        return f"%{name}%"
    length = draw(st.sampled_from(["", ":5"])) if operator.length else ""
    return f"%{name}({draw(_ARGUMENTS)}){length}%"


@st.composite
def definitions(draw: st.DrawFn) -> str | dict[str, Any]:
    parts = draw(st.lists(st.tuples(_TEXTS, _commands()), min_size=1, max_size=12))
    if draw(st.booleans()):
        return "".join(text + command for text, command in parts)
    return {
        text: command if index % 3 else [command, text]
        for index, (text, command) in enumerate(parts)
    }


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(definition=definitions(), seed=st.integers(0, 1 << 30), some=st.binary(max_size=200))
def test_any_format_that_is_taken_reads_any_line(
    decoder: Decoder, definition: Any, seed: int, some: bytes
) -> None:
    try:
        mine = compile_format("mine", definition)
    except FormatError:
        return
    shown = definition if isinstance(definition, str) else json.dumps(definition)
    bent = [*mutated(shown.encode(), seed, 20), shown.encode(), some]
    lines = [line for line in (one.translate(None, b"\r\n") for one in bent) if line]
    decoder.use(mine)
    for hint in ("", "mine"):
        found = decoder.rows(Payload.LINES, b"\n".join(lines), len(lines), format=hint)
        assert [row["Body"].encode(errors="surrogateescape") for row in found] == lines


@pytest.fixture(scope="module", autouse=True)
def built_in_again(decoder: Decoder) -> Iterator[None]:
    yield
    decoder.use()


def test_no_bent_line_of_a_format_of_ones_own_is_lost(decoder: Decoder) -> None:
    decoder.use(compile_format("mine_text", TEXT), compile_format("mine_json", DOCUMENT))
    text = "-".join(str(part) for part in TEXT.split("%")[::2]).encode()
    for name, line in (("mine_text", text), ("mine_json", json.dumps(DOCUMENT).encode())):
        bent = mutated(line, 1, 1000)
        found = decoder.rows(Payload.LINES, b"\n".join(bent), len(bent), format=name)
        assert [row["Body"].encode(errors="surrogateescape") for row in found] == bent


# ---- How lines are cut --------------------------------------------------------------------------

AGENTS = (
    'say "hi"', '"', '""', 'a"b', 'a" "b', '" "', 'x" ', ' "x', '\\"x\\" [y]', '" - "', '"" ""', "",
    " ", "a b", '" "a" "b" "c', "5", 'é"\U0001f512', '- "-" "-',
)  # fmt: skip
CUT: dict[str, tuple[str, ...]] = {
    "envoy_text": (ENVOY_TEXT,),
    "istio_text": (ISTIO_TEXT,),
    "istio_text_old": OLD_ISTIO_TEXTS,
    "kuma_http": KUMA_HTTP_TEXTS,
    "several": (
        '"%REQ(A)%" %PROTOCOL%/%DURATION%->%REQ(C)% "%REQ(USER-AGENT)%" "%UPSTREAM_HOST%"',
    ),
    "texts": ('"%REQ(A)%" "%REQ(USER-AGENT)%" "%REQ(B)%" %DURATION%',),
    "words": ('"%REQ(A)%" "%PROTOCOL%" "%REQ(USER-AGENT)%"',),
    "another": ('"%REQ(USER-AGENT)%" - "%PROTOCOL%"', '"%REQ(USER-AGENT)%" - "%REQ(B)%"'),
}
LINES: dict[str, tuple[str, ...]] = {
    "several": (
        '"a" HTTP/1.1/5->c "curl" "h:1"',
        '"a" b/5->c->d/6->e "curl" "h:1"',
        '"" /-> "" ""',
    ),
    "texts": ('"a" "curl" "c" 5',),
    "words": ('"a" "b" "c"', '"a" "b c" "d" "e"'),
    "another": ('"a" - "b"', '"a"b"c" - "d e"', '"a" - "b"c"'),
}


def _with_agents(line: str) -> Iterator[str]:
    """Yield a line with each of its quoted values being each of the agents."""
    pieces = line.split('"')
    for place in range(1, len(pieces), 2):
        for agent in AGENTS:
            yield '"'.join([*pieces[:place], agent, *pieces[place + 1 :]])


@pytest.mark.parametrize("name", CUT)
def test_a_line_with_quotes_is_cut_as_a_regular_expression_would(
    decoder: Decoder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates = [parse(template) for template in CUT[name]]
    given = LINES.get(name) or samples()[name]
    lines = [other for line in given for other in (line, *_with_agents(line))]
    content = "\n".join(lines).encode()

    def read_all() -> list[Row]:
        decoder.use(of_text("mine", templates))
        return decoder.rows(Payload.LINES, content, len(lines), format="mine")

    cut = read_all()
    monkeypatch.setattr(text.Cutter, "cut", lambda *_: None)
    for one, other in zip(cut, read_all(), strict=True):
        assert one == other
    assert sum(row["Format"] == "mine" for row in cut) > len(cut) / 2


@pytest.mark.parametrize("half", [0, 1])
def test_a_line_that_gives_no_value_says_nothing(decoder: Decoder, half: int) -> None:
    """Whatever the format: text where no check sees to it, and JSON that a sender takes for it."""
    operators = [
        f"%{name}(x){'' if not operator.length else ':9'}%"
        if operator.takes is Takes.MUST
        else f"%{name}%"
        for name, operator in sorted(OPERATORS.items())
        if name not in ("PATH",)
    ][half::2]
    mine_text = compile_format("mine_text", " ".join(operators))
    decoder.use(
        replace(mine_text, check="true", hinted="true"),
        compile_format("mine_json", {f"k{place}": one for place, one in enumerate(operators)}),
    )
    for hint, lines in (
        ("mine_text", ["x", '"" ""', "a b c", "[]", "{}"]),
        ("mine_json", ["{}", '{"x":"y"}', '{"x":{"k1":"y"}}', '{"k1":null,"k2":""}', "{"]),
    ):
        for row in decoder.rows(Payload.LINES, "\n".join(lines).encode(), 5, format=hint):
            assert row["Format"] == "unparsed"
            assert set(row) <= {*_ALWAYS, "Timestamp", "ServiceName", "Format", "Body"}


# ---- Envoy's own formats -----------------------------------------------------------------------

BUILT_IN = ("envoy_text", "istio_text", "istio_text_old", "istio_json", "kuma_http", "kuma_tcp")


@pytest.fixture
def built_in(decoder: Decoder) -> Decoder:
    decoder.use()
    return decoder


@pytest.mark.parametrize("name", BUILT_IN)
def test_samples_give_their_records(built_in: Decoder, name: str) -> None:
    check_samples(built_in, name)


def test_no_bent_line_is_lost(built_in: Decoder) -> None:
    check_mutations(built_in, BUILT_IN)


@pytest.mark.parametrize("name", ["kuma_tcp", "mine_json"])
def test_the_statement_is_the_one_that_was_looked_at(name: str) -> None:
    small = {'a"b': "%RESPONSE_CODE%", "n": {"t": ["%START_TIME(%s)%", "x"]}}
    row = compile_format("mine_json", small) if name == "mine_json" else Formats()[name]
    text = f"-- {row.check}\n{row.select}\n-- {', '.join(row.attributes)}\n"
    assert text == (GOLDEN / f"{name}.sql").read_text()
