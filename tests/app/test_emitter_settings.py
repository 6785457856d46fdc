"""The settings of emitters: what is taken, and what is refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshseal.app.config import load_config
from meshseal.app.emitters import Emitters
from meshseal.app.reference import config_reference
from meshseal.model.counters import Meaning
from meshseal.model.errors import ConfigError
from meshseal.store.client import Store
from meshseal.store.counter_book import CounterBook
from meshseal.store.settings import QuerySettings

GOOD = {"url": "http://127.0.0.1:9901/stats", "kind": "envoy", "service": "cart"}


def loaded(tmp_path: Path, **changes: str) -> object:
    file = tmp_path / "meshseal.toml"
    values = {**GOOD, **changes}
    lines = [f"{name} = '{value}'" for name, value in values.items() if value]
    file.write_text("[emitters.edge]\n" + "\n".join(lines))
    return load_config(file, environment={}).emitters["edge"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"url": "ftp://x/"}, "http://… or https://…"),
        ({"url": "http://user:pass@x/"}, "without a password"),
        ({"url": "http:///stats"}, "http://… or https://…"),
        ({"url": ""}, "url"),
        ({"kind": "statsd"}, "kind"),
        ({"service": ""}, "source, door or service"),
        ({"tenant": "a/b"}, "not a tenant name"),
        ({"labels": "exporter"}, "name=value"),
        ({"url": "http://10.1.2.3/", "token_file": "/x"}, "https only"),
        ({"nonsense": "x"}, "nonsense"),
    ],
)
def test_what_is_refused(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        loaded(tmp_path, **changes)


def test_what_is_read_of_an_answer(tmp_path: Path) -> None:
    one = loaded(tmp_path, passed="lines_out, other_total", labels='exporter="a/b", x=y')
    wanted = one.wanted()  # type: ignore[attr-defined]
    assert wanted.labels == {"exporter": "a/b", "x": "y"}
    known = wanted.known("other_total")
    assert known is not None
    assert known.meaning is Meaning.PASSED
    assert wanted.known("fluentbit_output_proc_records") is None


def test_it_can_be_set_by_a_variable() -> None:
    variables = {f"MESHSEAL__EMITTERS__EDGE__{name.upper()}": value for name, value in GOOD.items()}
    assert load_config(environment=variables).emitters["edge"].service == "cart"


@pytest.mark.parametrize("name", ["token_file", "ca_file"])
def test_a_file_that_is_not_there_is_told_at_the_start(tmp_path: Path, name: str) -> None:
    one = loaded(tmp_path, **{name: str(tmp_path / "missing")})
    store = Store(QuerySettings())
    with pytest.raises(ConfigError, match=r"emitters\.edge"):
        Emitters({"edge": one}, CounterBook(), store)  # type: ignore[dict-item]


def test_the_reference_has_them() -> None:
    page = config_reference()
    assert "## emitters.NAME" in page
    assert "| `url` | text | `required` |" in page
    assert "## completeness" in page
