"""A group whose commands are imported when they are called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose help needs none of its commands.

    Args:
        rows: The name of each command, and what it does, in the order of the help.
        module: Where a command is: a module's name with `{name}` in it, which has `command`.
    """

    def __init__(self, *args: Any, rows: Mapping[str, str], module: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rows = rows
        self._module = module

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return the names."""
        return list(self._rows)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Import a command."""
        if name not in self._rows:
            return None
        module = importlib.import_module(self._module.format(name=name))
        command: click.Command = module.command
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._rows.items()))
