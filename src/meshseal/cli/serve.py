"""`meshseal serve`."""

from __future__ import annotations

from pathlib import Path

import click

from meshseal.cli.options import config_options, data_option
from meshseal.cli.tools import ServerTools, pass_tools


@click.command(name="serve")
@data_option
@config_options
@click.option(
    "--trial",
    is_flag=True,
    help="Try it out: listen on this machine only, and let everybody in without keys.",
)
@pass_tools
def command(
    tools: ServerTools,
    data: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    *,
    trial: bool,
) -> None:
    """Run the server on a data directory.

    The first start creates the directory's keys, and prints once a link with which the
    administrator sets their password. Senders and readers then need a key (`meshseal key create`)
    or a session.

    \b
    Try it:      meshseal serve --data ./data --trial
    Another port: meshseal serve --data ./data --trial --set main.port=9090
    Fewer doors:  meshseal serve --data ./data --trial --set doors.all.enabled=false
    """  # noqa: D301  (click wants the character itself)
    tools.serve(data, config_file, assignments, trial=trial)
