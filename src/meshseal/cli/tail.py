"""`meshseal tail`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from meshseal.cli.options import client_of, server_options
from meshseal.cli.show import show_record
from meshseal.model.errors import MeshsealError

_PAUSE_SECONDS = 2.0


@click.command(name="tail")
@server_options
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.argument("query")
def command(
    server: str,
    key: str | None,
    tenant: str | None,
    ca_file: Path | None,
    output: str,
    query: str,
) -> None:
    """Follow a LogQL query: print records as they become searchable, until Ctrl-C.

    \b
    meshseal tail '{service_name="cart"} |= "error"'
    """  # noqa: D301  (click wants the character itself)
    client = client_of(server, key, tenant, ca_file)
    while True:
        try:
            for event in client.events("/meshseal/v1/tail", {"query": query}):
                _show(event, output)
        except KeyboardInterrupt:
            return
        except MeshsealError as error:
            if not error.retryable:
                raise
            click.echo(f"{error}; trying again", err=True)
        try:
            time.sleep(_PAUSE_SECONDS)
        except KeyboardInterrupt:
            return


def _show(event: str, output: str) -> None:
    if output == "json":
        click.echo(event)
        return
    record = json.loads(event)
    show_record(int(record["time_unix_nano"]), record["line"], record["labels"], record["metadata"])
