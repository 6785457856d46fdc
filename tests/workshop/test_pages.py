"""What pages say is there: files, commands, options, keys, targets."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from meshseal.app.config import Config, load_config
from meshseal.cli.root import root
from tests.workshop.pages import PAGES, ROOT, Page

_REFERENCE = re.compile(r"docs/(?:adr|explanation|how-to|reference|tutorials)/[\w./-]+\.md")
_COMMAND = re.compile(r"(?:^|[ /(\"])meshseal +([a-z]+)\b(?: +([a-z]+)\b)?(.*)$")
_OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*|-[a-z])(?=[ =]|$)")
_TARGET = re.compile(r"^make ([a-z-]+)(?:$| )")
_ASSIGNMENT = re.compile(r"--set ([a-z_.]+=[^\s\"'`)]+)")
# Stands for a door's name where any would do.
_ANY_DOOR = "NAME"


@pytest.mark.parametrize("name", PAGES)
def test_every_link_points_to_something(name: str) -> None:
    page = Page(name)
    missing: list[str] = []
    for link in page.links():
        if "://" in link or link.startswith("mailto:"):
            continue
        target, _, anchor = link.partition("#")
        path = ((ROOT / name).parent / target).resolve() if target else ROOT / name
        there = path.exists()
        if there and anchor:
            there = anchor in Page(path.relative_to(ROOT).as_posix()).anchors()
        if not there:
            missing.append(link)
    assert missing == []


def test_every_page_is_reached_from_the_index() -> None:
    index = Page("docs/README.md")
    reached = {(ROOT / "docs" / link).resolve() for link in index.links()}
    unreached = [
        name
        for name in PAGES
        if name.startswith("docs/")
        and name != index.name
        and (ROOT / name).resolve() not in reached
        and (ROOT / name).parent not in reached
    ]
    assert unreached == []


def test_every_page_that_code_refers_to_exists() -> None:
    files = [path for folder in ("src", "tools") for path in (ROOT / folder).rglob("*.py")]
    named = {found for path in files for found in _REFERENCE.findall(path.read_text())}
    assert named
    assert [found for found in sorted(named) if not (ROOT / found).exists()] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_command_and_option_of_a_page_exists(name: str) -> None:
    unknown: list[str] = []
    for line in Page(name).code_lines():
        found = _COMMAND.search(re.split(r"\s#|\s\||;|&&", _without_quotes(line))[0])
        if found and "=" not in line.partition("meshseal")[0]:
            unknown += _unknown(found[1], found[2], found[3])
    assert unknown == []


@pytest.mark.parametrize("name", PAGES)
def test_every_make_target_of_a_page_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {found[1] for line in Page(name).code_lines() if (found := _TARGET.match(line))}
    assert named - targets == set()


@pytest.mark.parametrize("name", PAGES)
def test_every_key_of_a_page_can_be_set(name: str, tmp_path: Path) -> None:
    page = Page(name)
    for line in page.code_lines():
        for assignment in _ASSIGNMENT.findall(line):
            key, _, value = assignment.partition("=")
            if key == "section.key" or _ANY_DOOR in key:
                continue
            load_config(environment={}, assignments=[f"{key}={'1' if value == 'N' else value}"])
    for block in page.blocks("toml"):
        if not tomllib.loads(block).keys() & set(Config.__struct_fields__):
            continue  # another program's
        file = tmp_path / "meshseal.toml"
        file.write_text(block)
        load_config(file, environment={})


def _unknown(name: str, second: str | None, rest: str) -> list[str]:
    context = click.Context(root)
    command = root.get_command(context, name)
    if command is None:
        return [f"meshseal {name}"]
    if isinstance(command, click.Group) and second:
        inner = command.get_command(context, second)
        if inner is None:
            return [f"meshseal {name} {second}"]
        command = inner
    known = {option for parameter in command.params for option in parameter.opts}
    used = set(_OPTION.findall(rest))
    return [f"meshseal {name} {option}" for option in sorted(used - known - {"--help", "-h"})]


def _without_quotes(line: str) -> str:
    return re.sub(r"'[^']*'|\"\$\([^)]*\)\"|\"[^\"]*\"", "QUOTED", line)
