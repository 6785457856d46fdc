"""How numbers and access logs are shown, and the limits of the login."""

from __future__ import annotations

import math

import pytest

from meshseal.console.examples import EXAMPLES, Example
from meshseal.console.results import Summary, shown_moment, shown_number, summary
from meshseal.console.sessions import Site
from meshseal.console.tries import MOST_FAILURES, Tries
from meshseal.model.errors import OverloadedError
from meshseal.query.logql import parse
from meshseal.query.tree import label_names


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(12345.0, "12,345", id="whole"),
        pytest.param(0.123456, "0.1235", id="small"),
        pytest.param(12345.678, "12,345.7", id="large"),
        pytest.param(math.inf, "inf", id="infinite"),
        pytest.param(math.nan, "nan", id="no number"),
    ],
)
def test_shown_number(value: float, text: str) -> None:
    assert shown_number(value) == text


def test_shown_moment() -> None:
    assert shown_moment(1_795_262_400_000_000_001) == ("2026-11-21", "12:00:00.000000001")


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        pytest.param({}, None, id="no access log"),
        pytest.param({"http_request_method": "GET"}, None, id="a method alone"),
        pytest.param(
            {"http_request_method": "GET", "url_path": "/a", "http_response_status_code": "503"},
            Summary("GET", "/a", "503", "", ""),
            id="an access log",
        ),
    ],
)
def test_summary(metadata: dict[str, str], expected: Summary | None) -> None:
    assert summary(metadata) == expected


@pytest.mark.parametrize(
    ("status", "kind"),
    [("200", "good"), ("302", "good"), ("404", "bad"), ("503", "worse"), ("", "none")],
)
def test_the_kind_of_a_status(status: str, kind: str) -> None:
    assert Summary("GET", "/", status, "", "").kind == kind


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_every_example_is_a_query(example: Example) -> None:
    assert label_names(parse(example.query))


def test_tries_end_and_begin_again_for_who_succeeds() -> None:
    tries = Tries()
    for _ in range(MOST_FAILURES):
        tries.check("192.0.2.1", "admin")
        tries.failed("192.0.2.1", "admin")
    with pytest.raises(OverloadedError, match="wait") as refused:
        tries.check("192.0.2.1", "admin")
    assert 0 < refused.value.retry_after_seconds <= 301
    tries.check("192.0.2.2", "admin")  # another address is not locked out by this one
    tries.succeeded("192.0.2.1", "admin")
    tries.check("192.0.2.1", "admin")


def test_one_address_cannot_try_many_names() -> None:
    tries = Tries()
    for number in range(MOST_FAILURES * 10):
        tries.failed("192.0.2.1", f"user{number}")
    with pytest.raises(OverloadedError):
        tries.check("192.0.2.1", "somebody else")


@pytest.mark.parametrize(
    ("site", "secure", "url"),
    [
        pytest.param(Site(), False, "http://a:8080", id="plain"),
        pytest.param(Site(tls=True), True, "https://a:8080", id="TLS"),
        pytest.param(Site("https://logs.example/"), True, "https://logs.example", id="by a proxy"),
    ],
)
def test_site(site: Site, secure: bool, url: str) -> None:
    assert (site.secure, site.url("a:8080")) == (secure, url)
