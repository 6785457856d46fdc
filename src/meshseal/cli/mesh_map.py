"""`meshseal mesh map`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from meshseal.cli.options import client_of, server_options

EXIT_PLAINTEXT = 3
"""The exit status of `--plaintext` where something is not encrypted; 1 and 2 are errors."""

_COLUMNS = (
    "SOURCE", "DESTINATION", "CALLS", "PER S", "ERRORS", "P50 MS", "P95 MS", "P99 MS", "MUTUAL",
    "PLAINTEXT", "",
)  # fmt: skip
_TEXTS = ("SOURCE", "DESTINATION", "")
_COLORS = {"new": "green", "vanished": "yellow"}


@click.command(name="map")
@server_options
@click.option("--since", default="1h", show_default=True, help="How far back, such as 30m or 7d.")
@click.option("--start", help="From when: RFC 3339, or seconds or nanoseconds since the epoch.")
@click.option("--end", help="Until when; now, if not given.")
@click.option("--namespace", help="Only edges with an end in this namespace.")
@click.option("--service", help="Only edges of this service: its name, or `namespace/name`.")
@click.option("--cluster", help="Only what was reported from this cluster.")
@click.option(
    "--plaintext",
    is_flag=True,
    help=f"Only edges with calls that were not encrypted; exit status {EXIT_PLAINTEXT} if any.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as the server answers it.")
@click.option("--purpose", help="Why you ask; goes into the audit trail.")
def command(
    server: str,
    key: str | None,
    tenant: str | None,
    ca_file: Path | None,
    purpose: str | None,
    *,
    plaintext: bool,
    as_json: bool,
    **asked: str | None,
) -> None:
    """Show which services call which: how often, how well, how safely.

    \b
    meshseal mesh map --since 1d --namespace shop
    meshseal mesh map --plaintext --json | jq '.edges[].id'
    """  # noqa: D301  (click wants the character itself)
    parameters = {name: value for name, value in asked.items() if value}
    client = client_of(server, key, tenant, ca_file)
    headers = {"Meshseal-Purpose": purpose} if purpose else {}
    answer: dict[str, Any] = client.get_json("/meshseal/v1/mesh/map", parameters, headers)
    if plaintext:
        answer["edges"] = [edge for edge in answer["edges"] if edge["plaintext"]]
    edges = answer["edges"]
    if as_json:
        click.echo(json.dumps(answer, indent=1, ensure_ascii=False))
    else:
        _show(edges)
        more = ", and more that are not shown" if answer.get("truncated") else ""
        click.echo(f"{len(edges)} edges{more}", err=True)
    if plaintext and edges:
        raise SystemExit(EXIT_PLAINTEXT)


def _show(edges: Sequence[dict[str, Any]]) -> None:
    """Print edges as a table."""
    rows = [_COLUMNS, *(_row(edge) for edge in edges)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_COLUMNS))]
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(width) if column in _TEXTS else cell.rjust(width)
            for cell, width, column in zip(row, widths, _COLUMNS, strict=True)
        ]
        line = "  ".join(cells).rstrip()
        if number == 0:
            click.secho(line, bold=True)
        else:
            edge = edges[number - 1]
            color = "red" if edge["plaintext"] else _COLORS.get(edge["state"])
            click.secho(line, fg=color)


def _row(edge: dict[str, Any]) -> tuple[str, ...]:
    calls = edge["requests"]
    return (
        _plain(edge["source"]),
        _plain(edge["destination"]),
        str(calls),
        f"{edge['rate_per_second']:.2f}",
        _percent(edge["error_share"]) if calls else "",
        *(_milliseconds(edge[name]) for name in ("p50_ms", "p95_ms", "p99_ms")),
        _percent(edge["mutual"] / calls) if calls else "",
        _percent(edge["plaintext"] / calls) if calls else "",
        "" if edge["state"] == "steady" else edge["state"],
    )


def _plain(name: str) -> str:
    """Return a name without what could steer a terminal."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name
    )


def _percent(share: float) -> str:
    """Return a share; one that is not nothing is never shown as nothing."""
    if 0 < share < 0.0005:
        return "<0.1%"
    return f"{share:.1%}"


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
