"""`meshseal config`."""

from __future__ import annotations

from pathlib import Path

import click

from meshseal.cli.options import config_options
from meshseal.cli.tools import ServerTools, pass_tools


@click.group(name="config")
def command() -> None:
    """Check and explain the configuration."""


@command.command()
@config_options
@pass_tools
def check(tools: ServerTools, config_file: Path | None, assignments: tuple[str, ...]) -> None:
    """Check a configuration, and print it with every default filled in.

    Exits with 1 and names the key if something is wrong. Variables of the environment
    (MESHSEAL__SECTION__KEY) count too.
    """
    for line in tools.explain_config(config_file, assignments):
        click.echo(line)
    click.echo("The configuration is valid.", err=True)


@command.command()
@pass_tools
def reference(tools: ServerTools) -> None:
    """Print what every key means, as Markdown."""
    click.echo(tools.config_reference(), nl=False)
