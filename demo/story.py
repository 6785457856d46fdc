"""What the demo says: where to look, what to ask, what was sent."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from demo.happenings import BROKEN_SERVICE
from demo.shop import Door

SINCE = "24h"
_PROGRAM = ".venv/bin/meshseal"
_DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Question:
    """A question worth asking.

    Attributes:
        asks: The question.
        query: It in LogQL.
        look: What to look at in the answer.
    """

    asks: str
    query: str
    look: str


QUESTIONS: tuple[Question, ...] = (
    Question(
        "What did the last deploy break?",
        f'{{service_name="{BROKEN_SERVICE}"}} | http_response_status_code >= 500',
        "service_version: every failure is of one version, between its deploy and its rollback",
    ),
    Question(
        "Who is trying our doors?",
        '{service_name="frontend"} | http_response_status_code >= 403 '
        "| http_response_status_code <= 404",
        "client_address: one address asks for hundreds of odd paths, all in a few minutes",
    ),
    Question(
        "Which service still talks plaintext?",
        '{service_name=~".+"} | mesh_mtls="plaintext"',
        "service_name: one of ten; every other proxy proved both ends with certificates",
    ),
)


def console_link(url: str, question: Question) -> str:
    """Return the console's address that asks a question."""
    return f"{url}/?{urlencode({'query': question.query, 'since': SINCE})}"


def query_command(url: str, question: Question) -> str:
    """Return the command that asks a question in a terminal."""
    server = "" if url == _DEFAULT_URL else f" --server {url}"
    return f"{_PROGRAM} query{server} --since {SINCE} {shlex.quote(question.query)}"


def where_to_look(url: str) -> str:
    """Return the console's address and what to ask there."""
    lines = ["", f"The console is at {url}/", "", "Three questions worth asking:"]
    for number, question in enumerate(QUESTIONS, 1):
        lines += [
            "",
            f"{number}. {question.asks}",
            f"   {console_link(url, question)}",
            f"   {query_command(url, question)}",
            f"   Look at {question.look}.",
        ]
    return "\n".join([*lines, ""])


def account(sent: Mapping[Door, int], acknowledged: Mapping[Door, int]) -> str:
    """Return what was sent and what the server acknowledged, door by door."""
    lines = [f"  {'door':<20} {'sent':>10} {'acknowledged':>13}"]
    lines += [f"  {door.value:<20} {sent[door]:>10,} {acknowledged[door]:>13,}" for door in sent]
    total, arrived = sum(sent.values()), sum(acknowledged.values())
    lines.append(f"  {'all':<20} {total:>10,} {arrived:>13,}")
    return "\n".join(lines)


def how_to_verify(data: Path) -> str:
    """Return how to check that all of it is still what was sealed."""
    return f"Check that nothing was changed since:\n  {_PROGRAM} verify {shlex.quote(str(data))}"
