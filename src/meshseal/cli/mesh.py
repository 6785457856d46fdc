"""`meshseal mesh`: a command is a row here and `command` in `mesh_<name>.py`."""

from __future__ import annotations

import click

from meshseal.cli.lazy import LazyGroup

_COMMANDS = {
    "map": "Show which services call which.",
    "config": "Print what makes a mesh log all that is needed, and send it here.",
}


@click.group(name="mesh", cls=LazyGroup, rows=_COMMANDS, module="meshseal.cli.mesh_{name}")
def command() -> None:
    """The mesh as its logs tell it: who calls whom, how well, and how safely."""
