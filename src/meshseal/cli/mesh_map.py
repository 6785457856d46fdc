"""`meshseal mesh map`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from meshseal.cli.options import client_of, server_options


@click.command(name="map")
@server_options
@click.option("--json", "as_json", is_flag=True, help="Print what the server answers.")
def command(
    server: str, key: str | None, tenant: str | None, ca_file: Path | None, *, as_json: bool
) -> None:
    """Show which services call which."""
    answer = client_of(server, key, tenant, ca_file).get_json("/meshseal/v1/mesh/map", {})
    click.echo(json.dumps(answer if as_json else answer["edges"], indent=1, ensure_ascii=False))
