"""`meshseal ship`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from meshseal.agent.ship import Shipper, default_state_directory
from meshseal.cli.options import client_of, is_terminal, server_options


@click.command(name="ship")
@server_options
@click.option(
    "--format", "format_", help="What the lines are, such as istio_json; else it is seen."
)
@click.option(
    "--labels",
    multiple=True,
    metavar="KEY=VALUE",
    help="A resource attribute of every record; may be repeated.",
)
@click.option("--documents", is_flag=True, help="The files hold one JSON document per line.")
@click.option("--restart", is_flag=True, help="Ship the files whole again, as something new.")
@click.option(
    "--state",
    "state_directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where progress is kept. Default: meshseal/ship in your state directory.",
)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
def command(
    server: str,
    key: str | None,
    tenant: str | None,
    ca_file: Path | None,
    format_: str | None,
    labels: tuple[str, ...],
    state_directory: Path | None,
    files: tuple[Path, ...],
    *,
    documents: bool,
    restart: bool,
) -> None:
    """Send files of log lines to a server.

    Each line becomes one record, stored once: a run that is cut off goes on where it was when you
    start it again, and nothing is sent twice into the store.

    \b
    meshseal ship access.log --labels service.name=cart --labels k8s.cluster.name=eu1
    meshseal ship --server https://logs.example.com --format istio_json *.log
    """  # noqa: D301  (click wants the character itself)
    parameters: dict[str, str] = {}
    if format_:
        parameters["format"] = format_
    if labels:
        parameters["labels"] = ",".join(label.replace(",", "\\,") for label in labels)
    shipper = Shipper(
        client_of(server, key, tenant, ca_file),
        parameters,
        state_directory or default_state_directory(),
        door="documents" if documents else "lines",
    )
    for path in files:
        _ship_one(shipper, path, restart=restart)


def _ship_one(shipper: Shipper, path: Path, *, restart: bool) -> None:
    started = time.monotonic()
    with click.progressbar(
        length=path.stat().st_size,
        label=path.name,
        show_percent=True,
        show_eta=True,
        file=sys.stderr,
        hidden=not is_terminal(),
    ) as bar:
        shown = 0

        def progress(acknowledged: int) -> None:
            nonlocal shown
            bar.update(acknowledged - shown)
            shown = acknowledged

        result = shipper.ship(path, restart=restart, on_progress=progress)
    seconds = max(time.monotonic() - started, 1e-9)
    resumed = f", from byte {result.resumed_at} on" if result.resumed_at else ""
    click.echo(
        f"{path}: {result.records} records stored durably in {seconds:.1f} s "
        f"({result.records / seconds:.0f}/s){resumed}"
    )
