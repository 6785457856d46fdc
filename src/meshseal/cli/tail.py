"""`meshseal tail`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from meshseal.agent.client import ServerSentEvent
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

    After a lost connection it goes on where it ended, and says so if records are left out.

    \b
    meshseal tail '{service_name="cart"} |= "error"'
    """  # noqa: D301  (click wants the character itself)
    client = client_of(server, key, tenant, ca_file)
    tail = _Tail(output)
    while True:
        try:
            for event in client.events("/meshseal/v1/tail", {"query": query, "after": tail.point}):
                tail.take(event)
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


class _Tail:
    """What was shown, and how far it goes."""

    def __init__(self, output: str) -> None:
        self.point = ""
        self._output = output
        self._behind_point: set[tuple[str, str]] = set()

    def take(self, event: ServerSentEvent) -> None:
        """Show a record once, or say that some were left out."""
        if event.kind == "skipped":
            click.echo(
                "The server cannot say what came before this: see `meshseal query`", err=True
            )
        elif event.data:
            self._show(event.data)
        if event.id:
            self.point = event.id
            self._behind_point.clear()

    def _show(self, data: str) -> None:
        record = json.loads(data)
        labels, metadata = record["labels"], record["metadata"]
        place = metadata["meshseal_batch"], metadata["meshseal_seq"]
        if place in self._behind_point:
            return
        self._behind_point.add(place)
        if self._output == "json":
            click.echo(data)
        else:
            show_record(int(record["time_unix_nano"]), record["line"], labels, metadata)
