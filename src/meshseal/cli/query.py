"""`meshseal query`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from meshseal.cli.options import client_of, server_options
from meshseal.cli.show import show_record, show_time


@click.command(name="query")
@server_options
@click.option("--since", default="1h", show_default=True, help="How far back, such as 30m or 7d.")
@click.option("--start", help="From when: RFC 3339, or seconds or nanoseconds since the epoch.")
@click.option("--end", help="Until when; now, if not given.")
@click.option("--step", help="Distance of the points of a metric query, such as 1m.")
@click.option("--limit", default=100, show_default=True, help="Most records.")
@click.option("--forward", is_flag=True, help="Oldest first.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--purpose", help="Why you ask; goes into the audit trail.")
@click.argument("query")
def command(
    server: str,
    key: str | None,
    tenant: str | None,
    ca_file: Path | None,
    since: str,
    start: str | None,
    end: str | None,
    step: str | None,
    limit: int,
    output: str,
    purpose: str | None,
    query: str,
    *,
    forward: bool,
) -> None:
    """Ask with LogQL: a log query prints records, a metric query prints numbers.

    \b
    meshseal query '{service_name="cart"} |= "timeout"'
    meshseal query '{service_name=~".+"} | http_response_status_code >= 500' --since 1d
    meshseal query 'sum by (service_name) (rate({service_name=~".+"}[5m]))' --step 5m
    """  # noqa: D301  (click wants the character itself)
    parameters: dict[str, Any] = {
        "query": query,
        "limit": limit,
        "direction": "forward" if forward else "backward",
        "since": since,
    }
    parameters |= {
        name: value for name, value in (("start", start), ("end", end), ("step", step)) if value
    }
    client = client_of(server, key, tenant, ca_file)
    headers = {"X-Loki-Response-Encoding-Flags": "categorize-labels"}
    if purpose:
        headers["Meshseal-Purpose"] = purpose
    answer = client.get_json("/loki/api/v1/query_range", parameters, headers)
    data = answer["data"]
    if output == "json":
        click.echo(json.dumps(data["result"], indent=1, ensure_ascii=False))
    elif data["resultType"] == "streams":
        _show_streams(data["result"], forward=forward)
    else:
        _show_matrix(data["result"])


def _show_streams(streams: list[dict[str, Any]], *, forward: bool) -> None:
    entries = [
        (int(entry[0]), entry[1], stream["stream"], entry[2]["structuredMetadata"])
        for stream in streams
        for entry in stream["values"]
    ]
    for time_unix_nano, line, labels, metadata in sorted(
        entries, key=lambda entry: entry[0], reverse=not forward
    ):
        show_record(time_unix_nano, line, labels, metadata)
    click.echo(f"{len(entries)} records", err=True)


def _show_matrix(series: list[dict[str, Any]]) -> None:
    for one in series:
        labels = ", ".join(f'{name}="{value}"' for name, value in one["metric"].items())
        click.secho(f"{{{labels}}}", bold=True)
        for seconds, value in one["values"]:
            click.echo(f"  {show_time(int(seconds * 1e9))}  {value}")
    click.echo(f"{len(series)} series", err=True)
