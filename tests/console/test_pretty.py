"""JSON laid out for reading."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.console.pretty import laid_out

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def text_of(line: str) -> str:
    return "".join(token.text for token in laid_out(line))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param('{"a":1}', '{\n  "a": 1\n}', id="an object"),
        pytest.param('[1,{"b":[]}]', '[\n  1,\n  {\n    "b": []\n  }\n]', id="nested"),
        pytest.param("{}", "{}", id="empty"),
        pytest.param('{"a":1.50e3}', '{\n  "a": 1.50e3\n}', id="numbers stay as they are"),
        pytest.param('{"a":1,"a":2}', '{\n  "a": 1,\n  "a": 2\n}', id="a key twice"),
        pytest.param("plain text", "", id="no JSON"),
        pytest.param('"text"', "", id="only text"),
        pytest.param('{"a":', "", id="broken"),
        pytest.param("[" * 20_000, "", id="deep"),
    ],
)
def test_laid_out(line: str, expected: str) -> None:
    assert text_of(line) == expected


@given(st.dictionaries(st.text(), JSON) | st.lists(JSON), st.booleans())
def test_what_is_laid_out_is_the_same_json(value: object, ascii_only: bool) -> None:
    assert json.loads(text_of(json.dumps(value, ensure_ascii=ascii_only))) == value


@given(st.text(alphabet='{}[]:," \\a1\n'))
def test_any_line_can_be_looked_at(line: str) -> None:
    assert isinstance(laid_out(line), list)


def test_kinds() -> None:
    kinds = {token.text: token.kind for token in laid_out('{"k":"s","n":-1,"w":null}')}
    assert kinds['"k"'] == "key"
    assert kinds['"s"'] == "string"
    assert kinds["-1"] == "number"
    assert kinds["null"] == "word"
