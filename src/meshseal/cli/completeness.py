"""`meshseal completeness`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any

import click

from meshseal.cli.options import client_of, server_options
from meshseal.cli.show import show_time

_COLORS = {"silent": "red", "unexplained": "red", "drops known": "yellow"}
_MINUTE, _HOUR = 60, 3600


@click.command(name="completeness")
@server_options
@click.option("--since", default="1d", show_default=True, help="How far back, such as 6h or 7d.")
@click.option("--start", help="From when: RFC 3339, or seconds or nanoseconds since the epoch.")
@click.option("--end", help="Until when; now, if not given. A source is silent as of then.")
@click.option(
    "--by",
    type=click.Choice(["source", "service", "instance"]),
    default="service",
    show_default=True,
    help="What counts as one source.",
)
@click.option("--hours", is_flag=True, help="Show the ledger hour by hour.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def command(
    server: str,
    key: str | None,
    tenant: str | None,
    ca_file: Path | None,
    since: str,
    start: str | None,
    end: str | None,
    by: str,
    *,
    hours: bool,
    as_json: bool,
) -> None:
    """Show whether everything arrived: silent sources, and the loss ledger.

    Exits with 1 when a source is silent now, when records are missing that nothing explains, or
    when chunks of an agent never came; with 0 otherwise. Drops that an emitter knows of and gaps
    that are over are shown, and are no failure.

    \b
    meshseal completeness
    meshseal completeness --since 7d --by instance
    meshseal completeness --json | jq '.gaps[] | select(.open)'
    """  # noqa: D301  (click wants the character itself)
    parameters = {"since": since, "by": by}
    parameters |= {name: value for name, value in (("start", start), ("end", end)) if value}
    client = client_of(server, key, tenant, ca_file)
    report = client.get_json("/meshseal/v1/completeness", parameters)
    if as_json:
        click.echo(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        _show_sources(report["sources"])
        _show_gaps(report["gaps"])
        _show_ledger(report["ledger"], hours=hours)
        _show_chunks(report["missing_chunks"])
        click.echo("Complete." if report["complete"] else "Not complete.", err=True)
    sys.exit(0 if report["complete"] else 1)


def _show_sources(sources: list[dict[str, Any]]) -> None:
    rows = [
        (
            _name(one),
            one["state"],
            f"{one['records']:,}",
            show_time(int(one["last_received"])),
            f"{_duration(one['median_pause_seconds'])} / {_duration(one['p99_pause_seconds'])}",
            _duration(one["silent_after_seconds"]),
        )
        for one in sources
    ]
    head = ("SOURCE", "STATE", "RECORDS", "LAST RECEIVED", "PAUSE P50 / P99", "SILENT AFTER")
    _table(head, rows, state=1, numbers={2})


def _show_gaps(gaps: list[dict[str, Any]]) -> None:
    rows = [
        (
            _name(gap),
            "silent" if gap["open"] else "over",
            show_time(int(gap["begin"])),
            show_time(int(gap["end"])) if gap["end"] else "",
            _duration(gap["seconds"]),
        )
        for gap in gaps
    ]
    _table(("GAP OF", "STATE", "FROM", "UNTIL", "LENGTH"), rows, state=1)


def _show_ledger(ledger: list[dict[str, Any]], *, hours: bool) -> None:
    rows: list[tuple[str, ...]] = []
    for entry in ledger:
        rows.append((_name(entry), *_figures(entry["total"])))
        if hours:
            rows += [
                (f"  {show_time(int(one['hour']))[:16]}Z", *_figures(one)) for one in entry["hours"]
            ]
    counts = ("EMITTED", "STORED", "UNCOUNTED", "KNOWN DROPS", "REFUSED", "COPIES", "UNEXPLAINED")
    head = ("LEDGER OF", "STATE", *counts)
    _table(head, rows, state=1, numbers=set(range(2, len(head))))


def _figures(one: dict[str, Any]) -> tuple[str, ...]:
    emitted = "" if one["emitted"] is None else f"{one['emitted']:,}"
    share = "~" if one["share"] == "linear" and emitted else ""
    names = ("stored", "uncounted", "known_drops", "refused", "deduplicated", "unexplained")
    return (one["state"], share + emitted, *(f"{one[name]:,}" for name in names))


def _show_chunks(missing: list[dict[str, Any]]) -> None:
    for one in missing:
        runs = ", ".join(f"{run['first']} to {run['last']}" for run in one["missing"])
        click.secho(f"Agent {one['agent']}, epoch {one['epoch']}: missing chunks {runs}", fg="red")


def _name(one: dict[str, str]) -> str:
    parts = (one["source"], one["door"], one["service"], one["instance"])
    return " · ".join(part for part in parts if part) or "(all)"


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.3g}s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // _MINUTE}h{minutes % _MINUTE:02d}m"


def _table(
    head: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    *,
    state: int,
    numbers: Set[int] = frozenset(),
) -> None:
    """Print rows under their head, the state in its color; nothing where there are no rows."""
    if not rows:
        return
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if at in numbers else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        if row is head:
            click.secho("  ".join(cells).rstrip(), bold=True)
            continue
        cells[state] = click.style(cells[state], fg=_COLORS.get(row[state]))
        click.echo("  ".join(cells).rstrip())
    click.echo()
