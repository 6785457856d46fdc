"""The command line: help, exit codes, errors that say what to do, and the base install."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.server import meshseal

COMMANDS = [
    ["serve"], ["ship"], ["query"], ["tail"], ["verify"], ["proof"], ["ledger"], ["ledger", "key"],
    ["ledger", "checkpoint"], ["key"], ["key", "create"], ["key", "list"], ["key", "revoke"],
    ["service"], ["service", "add"], ["service", "list"], ["service", "show"], ["service", "alias"],
    ["service", "remove"], ["format"], ["format", "add"], ["format", "list"], ["format", "show"],
    ["format", "test"], ["format", "remove"],
    ["config"], ["config", "check"], ["config", "reference"], ["spool"], ["spool", "list"],
    ["spool", "replay"], ["mesh"], ["mesh", "map"],
]  # fmt: skip
BASE = ("click", "cryptography", "cffi", "pycparser", "urllib3")
MOST_BASE_BYTES = 60_000_000


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(words: list[str]) -> None:
    shown = meshseal(*words, "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith("Usage: ")
    assert len(shown.stdout.splitlines()) > 4


def test_the_root_lists_every_command() -> None:
    shown = meshseal("--help").stdout
    for words in COMMANDS:
        assert f"  {words[0]} " in shown
    assert meshseal("--version").stdout.startswith("meshseal ")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        pytest.param(["frobnicate"], 2, "No such command", id="command"),
        pytest.param(["serve"], 2, "--data", id="no_data"),
        pytest.param(["verify", "/nowhere"], 2, "does not exist", id="no_path"),
        pytest.param(["verify", "."], 1, "is not a data directory", id="not_data"),
        pytest.param(["verify", "pyproject.toml"], 1, "meshseal ledger key", id="no_key"),
        pytest.param(["ledger", "key", "--data", "."], 1, "does not hold a log's key", id="ledger"),
        pytest.param(["ledger", "checkpoint", "--data", "."], 1, "cannot read", id="checkpoint"),
        pytest.param(
            ["query", "{}", "--server", "http://127.0.0.1:1"], 1, "is the server running", id="down"
        ),
        pytest.param(
            ["proof", "1", "1", "--server", "http://127.0.0.1:1"], 1, "does not answer", id="proof"
        ),
        pytest.param(["format", "add", "x"], 1, "--envoy", id="no_definition"),
        pytest.param(["service", "add", "x", "--label", "a"], 1, "NAME=VALUE", id="no_label"),
        pytest.param(
            ["config", "check", "--set", "mesh.trusted_proxies=10.0.0.1/8"],
            1,
            "mesh.trusted_proxies",
            id="no_network",
        ),
        pytest.param(
            ["config", "check", "--set", "formats.Edge.envoy=%PROTOCOL% x"],
            1,
            "formats.Edge",
            id="no_format_name",
        ),
        pytest.param(["config", "check", "--set", "main.port=x"], 1, "main.port", id="wrong_type"),
        pytest.param(["config", "check", "--set", "main.port=70000"], 1, "main.port", id="bounds"),
        pytest.param(["config", "check", "--set", "main.prt=1"], 1, "prt", id="unknown_key"),
        pytest.param(["config", "check", "--set", "mian.port=1"], 1, "mian", id="unknown_section"),
        pytest.param(["config", "check", "--set", "port=1"], 1, "section.key", id="no_section"),
        pytest.param(
            ["config", "check", "--set", "main.port"], 1, "section.key=value", id="no_value"
        ),
        pytest.param(
            ["config", "check", "--set", "doors.ftp.enabled=false"], 1, "no door 'ftp'", id="door"
        ),
        pytest.param(["config", "check", "--config", "/nowhere"], 1, "cannot read", id="no_file"),
        pytest.param(["config", "check", "--config", "README.md"], 1, "is not TOML", id="not_toml"),
    ],
)
def test_errors_say_what_to_do(arguments: list[str], status: int, says: str) -> None:
    shown = meshseal(*arguments)
    assert shown.returncode == status, shown.stderr
    assert says in shown.stderr
    assert "Traceback" not in shown.stderr


def test_later_settings_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "meshseal.toml"
    file.write_text("[main]\nport = 1001\nhost = '127.0.0.2'\n[query]\nmax_entries = 7\n")
    monkeypatch.setenv("MESHSEAL__MAIN__PORT", "1002")
    monkeypatch.setenv("MESHSEAL__QUERY__MAX_ENTRIES", "8")
    shown = meshseal("config", "check", "--config", str(file), "--set", "main.port=1003")
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert "main.port = 1003" in lines
    assert "query.max_entries = 8" in lines
    assert 'main.host = "127.0.0.2"' in lines
    assert "query.max_series = 500" in lines


_ONLY_BASE = f"""
import sys
from importlib.abc import MetaPathFinder
known = set(sys.stdlib_module_names) | {{"meshseal", *{BASE!r}}}
class Only(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        root = name.partition(".")[0]
        if root not in known and not root.startswith("_"):
            raise ModuleNotFoundError(f"No module named {{root!r}}", name=root)
sys.meta_path.insert(0, Only())
from meshseal.app.main import main
sys.argv = ["meshseal", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        pytest.param(["--help"], 0, "Commands", id="help"),
        *(pytest.param([*words, "--help"], 0, "Usage", id=" ".join(words)) for words in COMMANDS),
        pytest.param(["verify", "pyproject.toml", "--key", "x"], 1, "verifier key", id="a_proof"),
        pytest.param(["verify", "src"], 1, "pip install 'meshseal[server]'", id="a_directory"),
        pytest.param(["config", "check"], 1, "pip install 'meshseal[server]'", id="config_check"),
    ],
)
def test_the_base_install_is_enough_for_what_it_is_for(
    arguments: list[str], status: int, says: str
) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", _ONLY_BASE, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert shown.returncode == status, shown.stderr
    assert says in shown.stdout + shown.stderr
    assert "Traceback" not in shown.stderr


def test_the_base_install_is_small() -> None:
    files = [file for name in BASE for file in metadata.files(name) or ()]
    size = sum(file.size or 0 for file in files)
    own = sum(path.stat().st_size for path in Path("src/meshseal").rglob("*") if path.is_file())
    assert 1_000_000 < size + own < MOST_BASE_BYTES
