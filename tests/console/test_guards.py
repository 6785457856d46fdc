"""What keeps forms from being sent by other pages, and people from being sent elsewhere."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.console.guards import is_same_origin, local_path

HOST = {"host": "logs.example.com"}


@pytest.mark.parametrize(
    ("headers", "public_url", "expected"),
    [
        pytest.param({"origin": "https://logs.example.com"}, "", True, id="own origin"),
        pytest.param({"origin": "https://evil.example"}, "", False, id="another origin"),
        pytest.param({"origin": "null"}, "", False, id="an opaque origin"),
        pytest.param({}, "", False, id="no word of it"),
        pytest.param({"sec-fetch-site": "same-origin"}, "", True, id="the browser says so"),
        pytest.param({"sec-fetch-site": "cross-site"}, "", False, id="the browser says not"),
        pytest.param(
            {"sec-fetch-site": "same-site", "origin": "https://logs.example.com"},
            "",
            False,
            id="a neighbor's page",
        ),
        pytest.param(
            {"origin": "https://public.example"}, "https://public.example/", True, id="by a proxy"
        ),
        pytest.param(
            {"origin": "http://public.example"},
            "https://public.example",
            False,
            id="not its scheme",
        ),
        pytest.param({"origin": "https://logs.example.com:8443"}, "", False, id="another port"),
    ],
)
def test_is_same_origin(headers: dict[str, str], public_url: str, expected: bool) -> None:
    assert is_same_origin({**HOST, **headers}, public_url=public_url) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("/?query=a&since=1h", "/?query=a&since=1h", id="a path here"),
        pytest.param("https://evil.example/", "/", id="an address elsewhere"),
        pytest.param("//evil.example/", "/", id="a host without a scheme"),
        pytest.param("/\\evil.example", "/", id="a backslash"),
        pytest.param("/\n//evil", "/", id="a line end"),
        pytest.param("", "/", id="nothing"),
    ],
)
def test_local_path(text: str, expected: str) -> None:
    assert local_path(text) == expected


@given(st.text())
def test_no_text_leads_elsewhere(text: str) -> None:
    path = local_path(text)
    assert path.startswith("/")
    assert not urlsplit(path).netloc
