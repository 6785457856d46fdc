"""The package: what is in the wheel, the lock, the table of protocols."""

from __future__ import annotations

import re
import tomllib
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from meshseal import __version__
from meshseal.wire import PROTOCOLS
from tests.workshop.pages import ROOT

SOURCE = ROOT / "src"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in the wheel that the sources give."""
    folder = tmp_path_factory.mktemp("wheel")
    built = list(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"]))
    with zipfile.ZipFile(Path(built[0])) as archive:
        return set(archive.namelist())


def test_every_source_file_is_in_the_wheel(wheel: set[str]) -> None:
    sources = {
        path.relative_to(SOURCE).as_posix()
        for path in (SOURCE / "meshseal").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sources - wheel == set()


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"meshseal/py\.typed", id="the mark of types"),
        pytest.param(r"meshseal/model/spool\.proto", id="the envelope's schema"),
        pytest.param(r"meshseal/wire/protos/\w+_pb2\.py", id="generated messages"),
        pytest.param(r"meshseal/shape/sql/payload/\w+\.sql", id="payload SQL"),
        pytest.param(r"meshseal/shape/sql/format/\w+\.sql", id="format SQL"),
        pytest.param(r"meshseal/access/migrations/versions/0001_\w+\.py", id="migrations"),
        pytest.param(r"meshseal/access/migrations/script\.py\.mako", id="migration template"),
        pytest.param(r"meshseal/console/templates/.+\.html", id="the console's templates"),
        pytest.param(r"meshseal/console/static/.+\.css", id="the console's style"),
        pytest.param(r"meshseal/console/static/vendor/htmx\.min\.js", id="vendored library"),
        pytest.param(r"meshseal/console/static/vendor/.+\.LICENSE", id="vendored license"),
        pytest.param(r"meshseal-.+\.dist-info/licenses/LICENSE", id="our license"),
        pytest.param(r"meshseal-.+\.dist-info/entry_points\.txt", id="the command"),
    ],
)
def test_the_wheel_holds(wheel: set[str], pattern: str) -> None:
    assert [name for name in wheel if re.fullmatch(pattern, name)] != []


def test_the_wheel_holds_nothing_else(wheel: set[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel}
    assert tops == {"meshseal", f"meshseal-{__version__}.dist-info"}


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__


def test_the_lock_has_exact_versions_hashes_and_no_host() -> None:
    text = (ROOT / "requirements.lock").read_text()
    entries = [line for line in text.splitlines() if line and not line[0].isspace()]
    inexact = [line for line in entries if not re.match(r"[a-z0-9.-]+(\[[a-z,]+\])?==\S+", line)]
    assert inexact == []
    assert text.count("==") >= len(entries)
    unhashed = re.findall(r"^([a-z0-9.-]+==\S+)(?!.*\\$).*$", text, re.MULTILINE)
    assert unhashed == []
    assert "://" not in text


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([protocol.name for protocol in PROTOCOLS], id="names"),
        pytest.param([path for protocol in PROTOCOLS for path in protocol.paths], id="paths"),
        pytest.param([p.native_port for p in PROTOCOLS if p.native_port], id="ports"),
    ],
)
def test_protocols_do_not_share(values: list[str | int]) -> None:
    assert [value for value, count in Counter(values).items() if count > 1] == []
