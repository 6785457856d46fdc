from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from demo.places import PlaceError, Places
from demo.shop import Door
from demo.story import QUESTIONS, Question, account, console_link, query_command, where_to_look
from meshseal.query.logql import parse
from meshseal.query.tree import LogQuery


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.asks)
def test_a_link_holds_the_question(question: Question) -> None:
    link = urlsplit(console_link("http://127.0.0.1:8080", question))
    assert (link.netloc, link.path) == ("127.0.0.1:8080", "/")
    assert parse_qs(link.query) == {"query": [question.query], "since": ["24h"]}
    assert isinstance(parse(question.query), LogQuery)


def test_the_usual_server_needs_no_naming() -> None:
    assert "--server" not in query_command("http://127.0.0.1:8080", QUESTIONS[0])
    assert "--server http://127.0.0.1:9" in query_command("http://127.0.0.1:9", QUESTIONS[0])


def test_all_questions_are_told() -> None:
    said = where_to_look("http://127.0.0.1:8080")
    assert all(question.asks in said and question.look in said for question in QUESTIONS)


def test_the_account_adds_up() -> None:
    said = account({Door.LOKI: 1_200, Door.LINES: 3}, {Door.LOKI: 1_200, Door.LINES: 2})
    assert said.splitlines()[-1].split() == ["all", "1,203", "1,202"]


def test_what_was_played_is_kept_beside_the_data(tmp_path: Path) -> None:
    places = Places(tmp_path / "shop")
    assert places.played_until() == 0
    places.note_played(12)
    assert places.played_until() == 12
    places.progress.write_text("no JSON")
    assert places.played_until() == 0


def test_fresh_removes_what_the_demo_made_and_nothing_else(tmp_path: Path) -> None:
    places = Places(tmp_path / "shop")
    places.data.mkdir()
    kept = places.data / "kept"
    kept.touch()
    with pytest.raises(PlaceError, match="only what the demo has made"):
        places.clear()
    assert kept.exists()
    places.note_played(1)
    places.clear()
    assert list(tmp_path.iterdir()) == []
