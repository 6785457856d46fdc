"""`meshseal trace`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from meshseal.cli.options import client_of, server_options
from meshseal.cli.show import show_time


@click.command(name="trace")
@server_options
@click.option("--limit", default=1000, show_default=True, help="Most spans.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.argument("trace_id")
def command(
    server: str,
    key: str | None,
    tenant: str | None,
    ca_file: Path | None,
    limit: int,
    output: str,
    trace_id: str,
) -> None:
    """Show the spans of a trace, the earliest first.

    \b
    meshseal trace 5b8efff798038103d269b633813fc60c
    """  # noqa: D301  (click wants the character itself)
    client = client_of(server, key, tenant, ca_file)
    path = f"/meshseal/v1/traces/{quote(trace_id, safe='')}"
    spans: list[dict[str, Any]] = client.get_json(path, {"limit": limit})["spans"]
    if output == "json":
        click.echo(json.dumps(spans, indent=1, ensure_ascii=False))
        return
    for span in spans:
        milliseconds = int(span["Duration"]) / 1e6
        color = "red" if span["StatusCode"] == "Error" else None
        click.echo(
            f"{click.style(show_time(int(span['Timestamp'])), dim=True)} {milliseconds:>10.3f} ms "
            f"{click.style(span['ServiceName'], bold=True)} "
            f"{click.style(span['SpanName'], fg=color)} {span['SpanKind']} {span['SpanId']}"
        )
    click.echo(f"{len(spans)} spans", err=True)
