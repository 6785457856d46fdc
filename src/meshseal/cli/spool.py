"""`meshseal spool`."""

from __future__ import annotations

from pathlib import Path

import click

from meshseal.cli.options import config_options, data_option
from meshseal.cli.tools import ServerTools, pass_tools


@click.group(name="spool")
def command() -> None:
    """Segments that were set aside: damaged, or not to be decoded after three tries.

    Nothing in them is lost: they stay, encrypted, in `spool/aside` of the data directory.
    """


@command.command(name="list")
@data_option
@config_options
@pass_tools
def list_(
    tools: ServerTools, data: Path, config_file: Path | None, assignments: tuple[str, ...]
) -> None:
    """List what was set aside, and why."""
    lines = tools.list_aside(data, config_file, assignments)
    for line in lines:
        click.echo(line)
    if not lines:
        click.echo("Nothing was set aside.")


@command.command()
@data_option
@config_options
@click.argument("names", nargs=-1, required=True)
@pass_tools
def replay(
    tools: ServerTools,
    data: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    names: tuple[str, ...],
) -> None:
    """Put segments back into the spool, by the names that `list` shows. The server must be stopped.

    Of a damaged segment, what is whole is put back.
    """
    for line in tools.replay_aside(data, names, config_file, assignments):
        click.echo(line)
