"""What a query looked for, shown in a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.console.highlight import Needle, needles, pieces, plain_texts, visible
from meshseal.query.logql import parse
from meshseal.query.tree import LogQuery


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        pytest.param("", [], id="none"),
        pytest.param('|= "a"', [Needle("a")], id="contains"),
        pytest.param('|= "a" or "b"', [Needle("a"), Needle("b")], id="one of two"),
        pytest.param('!= "a"', [], id="contains not"),
        pytest.param('|~ "a|b"', [Needle("a"), Needle("b")], id="a pattern of texts"),
        pytest.param('|~ "(?i)ab"', [Needle("ab", any_case=True)], id="in any case"),
        pytest.param('|~ "a.*b"', [], id="another pattern"),
        pytest.param('|= ""', [], id="nothing"),
    ],
)
def test_needles(stages: str, expected: list[Needle]) -> None:
    query = parse(f'{{a="b"}} {stages}')
    assert isinstance(query, LogQuery)
    assert needles(query) == expected


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        pytest.param(r"a\.b", ["a.b"], id="an escaped dot"),
        pytest.param(r"\d+", [], id="a class"),
        pytest.param("(a|b)", ["a", "b"], id="in parentheses"),
        pytest.param("a|b+", [], id="one part is more than text"),
        pytest.param("\\", [], id="a lone backslash"),
    ],
)
def test_plain_texts(pattern: str, texts: list[str]) -> None:
    assert [needle.text for needle in plain_texts(pattern)] == texts


def test_hits_are_marked_and_the_longest_wins() -> None:
    found = pieces("x timeout y", [Needle("time"), Needle("timeout")])
    assert [(piece.text, piece.found) for piece in found] == [
        ("x ", False),
        ("timeout", True),
        (" y", False),
    ]


LETTERS = st.text(alphabet="abAB .*é\t", max_size=40)


@given(LETTERS, st.lists(st.builds(Needle, LETTERS.filter(bool), st.booleans()), max_size=4))
def test_the_pieces_are_the_line(line: str, wanted: list[Needle]) -> None:
    assert "".join(piece.text for piece in pieces(line, wanted)) == line


@given(st.text(), st.integers(1, 50))
def test_a_long_line_is_cut(line: str, limit: int) -> None:
    shown = "".join(piece.text for piece in pieces(line, [], limit=limit))
    cut = line if len(line) <= limit else line[:limit] + "…"
    assert shown == visible(cut)


@given(st.text())
def test_nothing_that_is_shown_is_invisible_or_turns_the_line(text: str) -> None:
    shown = visible(text)
    turning = {"\u202a", "\u202b", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u200f"}
    assert not turning & set(shown)
    assert all(character in "\t\n" or ord(character) >= 0x20 for character in shown)


@given(st.text())
def test_any_pattern_is_looked_at(pattern: str) -> None:
    assert all(needle.text for needle in plain_texts(pattern))
